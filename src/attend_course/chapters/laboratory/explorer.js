// The laboratory: the trained translator, open. Type, look at any head, change anything.
import { html, useEffect, useMemo, useReducer, useRef, useState } from "../../kit/explorers/vendor/preact.js";
import { Announce, explorer, useLive } from "../../kit/explorers/explorer.js";
import { Button, More, Slider, Toggle, Written } from "../../kit/explorers/controls.js";
import { Formula, Result } from "../../kit/explorers/formula.js";
import { HeatMap, useLook } from "../../kit/explorers/maps.js";
import { shades } from "../../kit/explorers/palette.js";
import { number } from "../../kit/explorers/text.js";
import { cancel, compute, damage, load, onProgress, progress, stopDamage } from "./asking.js";
import { read, written } from "./link.js";
import { Damage, Gallery, Lines, NAMES, Pieces, Tree, bare, fits, nameOf, percent, rowsOf, said } from "./parts.js";
import { csv, png, save, svg } from "./saving.js";

const EDITED = ["sentence", "beam", "alpha", "changes"];
const PARTS = ["scaling", "positions", "causal mask", "residual connections"];
const TEMPERATURES = [0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5];
const MAKES = [["off", "Off"], ["alone", "Alone"], ["uniform", "Uniform"]];
const pick = (state) => Object.fromEntries(EDITED.map((name) => [name, state[name]]));

function words(state, { untouched, changed, distance }) {
  const first = `“${state.sentence}” becomes “${untouched.text}”.`;
  if (!changed) return first;
  return `${first} Changed, the translator writes “${changed.text}”; ${percent(distance)} of the probability has moved.`;
}

// What was done, to be undone and done again. Letters typed one after the other are one step.
function useHistory(state, set) {
  const past = useRef([]), future = useRef([]), typing = useRef(false);
  const go = (from, to) => () => {
    to.current.push(pick(state));
    typing.current = false;
    set(from.current.pop());
  };
  return {
    edit(changes) {
      const types = "sentence" in changes;
      if (!(types && typing.current)) past.current.push(pick(state));
      [typing.current, future.current] = [types, []];
      set(changes);
    },
    undo: past.current.length > 0 && go(past, future),
    redo: future.current.length > 0 && go(future, past),
  };
}

// On a page the state stands in the address, and the translator is fetched; in Jupyter neither.
function usePage(state, results, set) {
  const [, redraw] = useReducer((n) => n + 1, 0);
  const onPage = !state.answered && Boolean(results.engine);
  useEffect(() => {
    if (!onPage) return undefined;
    const found = read(location.hash, results);
    if (Object.keys(found).length) set(found);
    load(results.engine).then((isThere) => isThere && set({}));
    return onProgress(redraw);
  }, [onPage]);
  const address = written(state);
  const first = useRef(address);
  useEffect(() => {
    if (!onPage || address === first.current) return undefined;
    const timer = setTimeout(() => history.replaceState(null, "", address), 300);
    return () => clearTimeout(timer);
  }, [onPage, address]);
  return onPage ? { loading: progress(), again: () => load(results.engine).then((isThere) => isThere && set({})) } : null;
}

// How much of the probability moves without each head: from Python, or from the engine bit by bit.
function useDamage({ heads }, results, page) {
  const [found, tell] = useState(null);
  const ready = Boolean(page && heads && results.key && page.loading.state === "ready");
  useEffect(() => {
    tell(null);
    if (!ready) return undefined;
    damage(results, tell).catch(() => tell(null));
    return stopDamage;
  }, [ready, results.key]);
  return heads ? found ?? results.damage : null;
}

function Loading({ loading: { state, received, total, error }, again }) {
  if (state === "ready") return html`<p class="attend-loading" role="status">The translator is here: everything works, and nothing leaves this page.</p>`;
  if (state === "failed") {
    return html`<p class="attend-loading" role="alert">${error} <${Button} onClick=${again}>Try again<//></p>`;
  }
  if (state === "idle") return html`<p class="attend-loading"><${Button} onClick=${again}>Fetch the translator (2.5 MB)<//></p>`;
  return html`<p class="attend-loading"><label>The translator is on its way: ${(received / 1e6).toFixed(1)} MB${" "}
    <progress max="1" value=${total ? received / total : null}></progress></label>${" "}<${Button} onClick=${cancel}>Cancel<//></p>`;
}

function Sentence({ state, edit, fault }) {
  const live = useLive();
  return html`
    <label class="attend-control attend-english"><span class="attend-label">English</span>
      <${Written} type="text" class="attend-wide" maxlength="1000" value=${state.sentence}
        onInput=${({ target }) => edit({ sentence: target.value })} />
      <span class="attend-note" role="status">${live && fault}</span>
    </label>`;
}

function German({ results: { untouched, changed, distance } }) {
  return html`
    <dl class="attend-german">
      <div><dt>${changed ? "As trained" : "German"}</dt><dd lang="de">${untouched.text}</dd></div>
      ${changed && html`<div><dt>Changed</dt><dd lang="de" class="is-changed">${changed.text || "(nothing)"}</dd></div>
        <div><dt>Moved</dt><dd><meter min="0" max="1" value=${distance} aria-label="share of the probability that has moved"></meter> ${percent(distance)}</dd></div>`}
    </dl>`;
}

// The lines that explain one weight. Scores come with the engine's answers only.
function formulaLines({ map, head, values, rows, columns, changes }, [i, j]) {
  const row = (block) => Array.from(block.slice((head * map.n + i) * map.m, (head * map.n + i + 1) * map.m));
  const weight = ["weight", html`${bare(rows[i])} gives ${bare(columns[j])} <${Result}>${number(values[i][j])}<//> of its attention`];
  const sum = ["row", html`its weights sum to ${number(values[i].reduce((a, b) => a + b, 0))}`];
  if (!map.scores) return [weight, sum];
  const scores = row(map.scores);
  if (scores[j] === -Infinity) return [["score", "none: this query may not look there"], weight, sum];
  const top = Math.max(...scores);
  const powers = scores.map((x) => Math.exp(x - top));
  const total = powers.reduce((a, b) => a + b, 0);
  const share = powers[j] / total;
  const line = html`e<sup>${number(scores[j])}</sup> / Σ e<sup>score</sup> = ${number(powers[j])} / ${number(total)} = <${Result}>${number(share)}<//> (both divided by e<sup>${number(top)}</sup>, the largest)`;
  const note = Math.abs(share - values[i][j]) > 5e-4 && ["then", html`changed to <${Result}>${number(values[i][j])}<//>`];
  return [["score", html`q · k / √d<sub>k</sub> = ${number(scores[j])}${changes.some(({ part }) => part === "scaling") && ", not divided"}`],
    ["softmax", line], note, weight, sum].filter(Boolean);
}

function mapOf(look, { kind, layer, head }) {
  const map = look[kind][Math.min(layer, look[kind].length - 1)];
  return {
    map, head: Math.min(head, map.h - 1), values: rowsOf(map, Math.min(head, map.h - 1)),
    rows: kind === "encoder" ? look.source : look.target,
    columns: kind === "decoder" ? look.target.map((_, i) => look.target[i - 1] ?? "<start>") : look.source,
  };
}

function Large({ state, results, set, shown, which, id }) {
  const one = useMemo(() => mapOf(shown, state), [shown, state.kind, state.layer, state.head]);
  const [lines, show] = useState(false);
  const look = useLook(state, set, one.values);
  const ramp = useMemo(() => shades(one.values, 1), [one]);
  const other = which === "changed" && mapOf(results.untouched, state);
  const apart = other && sameShape(other.values, one.values) && meanDifference(other.values, one.values);
  return html`
    <section aria-label="One map, large">
      <p class="attend-map-title">${NAMES[state.kind]}, layer ${state.layer + 1}, head ${state.head + 1}${which === "changed" && " (changed)"}</p>
      <div class="attend-controls"><${Toggle} value=${lines} onChange=${show}>as lines<//>
        ${apart !== false && other && html`<span class="attend-muted">This map differs by ${number(apart)} a weight from the untouched one.</span>`}</div>
      ${lines ? html`<${Lines} ...${one} seen=${look.seen} touch=${(cell) => set({ cell })} />` : html`
        <${HeatMap} label=${nameOf(state)} rows=${one.rows.map(bare)} columns=${one.columns.map(bare)} values=${one.values}
          sums=${one.values.map((row) => row.reduce((a, b) => a + b, 0))} ramp=${ramp} look=${look} describedby=${`${id}-formula`} stage="weights" />`}
      <${Formula} id=${`${id}-formula`} pair=${[bare(one.rows[look.seen[0]]), bare(one.columns[look.seen[1]])]}
        locked=${state.locked} lines=${formulaLines({ ...one, changes: state.changes }, look.seen)} />
    </section>`;
}

const sameShape = (a, b) => a.length === b.length && a[0].length === b[0].length;

function meanDifference(a, b) {
  const all = a.flatMap((row, i) => row.map((x, j) => Math.abs(x - b[i][j])));
  return all.reduce((sum, x) => sum + x, 0) / all.length;
}

// Everything that can be changed. `change` receives the new list.
function Changes({ state, results, change }) {
  const { changes, kind, layer, head, cell: [query] } = state;
  const place = { kind, layer, head };
  const source = results.untouched.source;
  const without = (isGone) => changes.filter((one) => !isGone(one));
  const isOfHead = (make) => (one) => one.make === make && one.head === head && fits(one, place) && one.query === undefined;
  const isHidden = (token) => (one) => one.make === "hidden" && one.token === token;
  const isPart = (part) => (one) => one.part === part;
  const isHot = (one) => one.make === "temperature";
  const flip = (is, one) => change(changes.some(is) ? without(is) : [...changes, one]);
  const temperature = changes.find(isHot)?.value ?? 1;
  return html`
    <section aria-label="Change it" class="attend-changes">
      <p class="attend-map-title">Change it</p>
      <div class="attend-row"><span class="attend-label">This head (${nameOf(place)}):</span>
        ${MAKES.map(([make, name]) => html`<${Button} aria-pressed=${changes.some(isOfHead(make)) ? "true" : "false"}
          onClick=${() => flip(isOfHead(make), { make, ...place })}>${name}<//>`)}
        <${ByHand} ...${{ state, results, place, query, change }} />
      </div>
      <div class="attend-row"><span class="attend-label">Hide a piece:</span>
        ${source.map((piece, token) => html`<${Button} kind="attend-button attend-chip" aria-pressed=${changes.some(isHidden(token)) ? "true" : "false"}
          onClick=${() => flip(isHidden(token), { make: "hidden", token })}>${bare(piece)}<//>`)}
      </div>
      <div class="attend-controls">${PARTS.map((part) => html`<${Toggle} value=${!changes.some(isPart(part))}
          onChange=${() => flip(isPart(part), { make: "without", part })}>${part}<//>`)}</div>
      <${Slider} value=${temperature} steps=${TEMPERATURES}
        onChange=${(value) => change([...without(isHot), ...(value === 1 ? [] : [{ make: "temperature", value }])])}>temperature<//>
      ${changes.length > 0 && html`<ul class="attend-made" aria-label="What is changed">${changes.map((one) => html`
        <li>${said(one, source)} <${Button} aria-label=${`Take back: ${said(one, source)}`}
          onClick=${() => change(without((other) => other === one))}>Take back<//></li>`)}</ul>`}
    </section>`;
}

// The row of the focused query, to be overwritten number by number.
function ByHand({ state, results, place, query, change }) {
  const [note, tell] = useState("");
  const { values, rows } = mapOf(results.changed ?? results.untouched, place);
  const at = Math.min(query, values.length - 1);
  const take = ({ target }) => {
    const row = target.value.trim().split(/[\s;]+/).map((text) => Number(text.replace(",", ".")));
    if (!row.every((x) => Number.isFinite(x) && x >= 0)) return tell("Numbers of 0 or more, with spaces between them.");
    tell("");
    const isRow = (one) => one.make === "row" && fits(one, place) && one.query === at;
    return change([...state.changes.filter((one) => !isRow(one)), { make: "row", ...place, query: at, row }]);
  };
  return html`
    <label class="attend-control"><span class="attend-label">Row of “${bare(rows[at])}” by hand</span>
      <${Written} type="text" class="attend-wide" value=${values[at].map((x) => Number(x.toFixed(2))).join(" ")} onChange=${take} />
      <span class="attend-note" role="status">${note}</span>
    </label>`;
}

function Saving({ state, results, shown }) {
  const name = () => ({ title: nameOf(state), ...mapOf(shown, state) });
  const { sentence, beam, alpha, changes } = state;
  const numbers = () => JSON.stringify({ sentence, beam, alpha, changes, ...results }, (_, x) => (ArrayBuffer.isView(x) ? Array.from(x) : x));
  return html`
    <${More} title="Take it with you">
      <div class="attend-row">
        <${Button} onClick=${() => save("map.svg", svg(name()), "image/svg+xml")}>Map as SVG<//>
        <${Button} onClick=${async () => save("map.png", await png(svg(name())))}>Map as PNG<//>
        <${Button} onClick=${() => save("map.csv", csv(name()), "text/csv")}>Map as CSV<//>
        <${Button} onClick=${() => save("laboratory.json", numbers(), "application/json")}>All as JSON<//>
        <${Button} onClick=${() => navigator.clipboard?.writeText(new URL(written(state), location).href)}>Copy a link to this<//>
      </div>
    <//>`;
}

function Search({ state, edit }) {
  return html`<div class="attend-controls">
    <${Slider} value=${state.beam} steps=${[1, 2, 3, 4, 5, 6, 7, 8]} show=${(x) => (x === 1 ? "1 (greedy)" : String(x))}
      onChange=${(beam) => edit({ beam })}>beam<//>
    <${Slider} value=${state.alpha} steps=${[0, 0.3, 0.6, 1, 2]} distance=${(a, b) => Math.abs(a - b)}
      onChange=${(alpha) => edit({ alpha })}>length penalty α<//></div>`;
}

function View({ state, results, set, id }) {
  const page = usePage(state, results, set);
  const { edit, undo, redo } = useHistory(state, set);
  const damages = useDamage(state, results, page);
  const first = useRef(pick(state));
  const [which, choose] = useState("changed");
  const shown = which === "changed" && results.changed ? results.changed : results.untouched;
  const label = results.changed && which === "changed" ? "changed" : "untouched";
  const change = (changes) => edit({ changes });
  const text = words(state, results);
  return html`
    <${Sentence} state=${state} edit=${edit} fault=${results.fault} />
    <${German} results=${results} />
    ${page && html`<${Loading} ...${page} />`}
    <div class="attend-row">
      <${Button} disabled=${!undo} onClick=${() => undo()}>Undo<//>
      <${Button} disabled=${!redo} onClick=${() => redo()}>Redo<//>
      <${Button} onClick=${() => edit({ ...first.current, changes: [] })}>Reset<//>
      ${results.changed && html`<${Toggle} value=${which === "changed"} onChange=${(on) => choose(on ? "changed" : "untouched")}>show the changed run<//>`}
    </div>
    <${Pieces} look=${shown} row=${Math.min(state.cell[0], shown.target.length - 1)} label="The translation, piece by piece"
      choose=${(i) => set({ kind: state.kind === "encoder" ? "memory" : state.kind, cell: [i, state.cell[1]], locked: true })} />
    <div class="attend-bench">
      <div>
        <${Gallery} look=${shown} chosen=${state} choose=${set} changes=${state.changes} />
        <${Button} aria-pressed=${state.heads ? "true" : "false"} onClick=${() => set({ heads: !state.heads })}>Which head matters for this sentence?<//>
      </div>
      <${Large} ...${{ state, results, set, shown, which: label, id }} />
    </div>
    ${damages && html`<section aria-label="Which head matters"><p class="attend-map-title">Every head removed in turn: how much of the probability moves to other pieces</p>
      <${Damage} damage=${damages} choose=${set} /></section>`}
    <${Changes} state=${state} results=${results} change=${change} />
    <${Search} state=${state} edit=${edit} />
    ${shown.tree?.length > 1 && html`<${More} title="The beam as a tree"><${Tree} nodes=${shown.tree} /><//>`}
    <${Saving} state=${state} results=${results} shown=${shown} />
    <p class="attend-summary">${text}</p>
    <${Announce}>${text}<//>`;
}

export default explorer({
  title: "Laboratory: a translator with every head in view",
  traits: ["sentence", "beam", "alpha", "changes", "heads", "kind", "layer", "head", "cell", "locked"],
  compute, words, View,
});
