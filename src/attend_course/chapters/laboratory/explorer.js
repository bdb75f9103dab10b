// The laboratory: the trained translator, open. Type, look at any head, change anything.
import { html, useEffect, useMemo, useRef, useState } from "../../kit/explorers/vendor/preact.js";
import { Announce, explorer, useLive } from "../../kit/explorers/explorer.js";
import { Button, Choice, More, Slider, Toggle, Written } from "../../kit/explorers/controls.js";
import { Formula, Result } from "../../kit/explorers/formula.js";
import { Lines } from "../../kit/explorers/lines.js";
import { HeatMap, useLook } from "../../kit/explorers/maps.js";
import { shades } from "../../kit/explorers/palette.js";
import { number } from "../../kit/explorers/text.js";
import { Fetching, load, useProgress } from "../../kit/explorers/translator.js";
import { Tree } from "../../kit/explorers/tree.js";
import { compute, damage, stopDamage } from "./asking.js";
import { Changes, said, saidOf } from "./changing.js";
import { read, written } from "./link.js";
import { Gallery, HeadDamage, Later, MapsTable, NAMES, Pieces, WordDamage, percent } from "./parts.js";
import { bare, difference, ended, lost, mapOf, movedMaps, nameOf, peak, placesOf, readingOf } from "./reading.js";
import { csv, json, png, save, svg } from "./saving.js";
import { wordsOf } from "./sentence.js";

const EDITED = ["sentence", "beam", "alpha", "changes", "instead"];
const PALE = 0.095;
const VIEWS = [["changed", "the changed run"], ["untouched", "the untouched run"], ["difference", "the difference"]];
const pick = (state) => Object.fromEntries(EDITED.map((name) => [name, state[name]]));

// ------------------------------------------------------------------------------------- in sentences

function words(state, results) {
  const { untouched, changed } = results;
  const [least, place] = [untouched.p.indexOf(Math.min(...untouched.p)), mapOf(changed ?? untouched, state)];
  const row = Math.min(state.cell[0], place.rows.length - 1);
  const most = peak(place.values[row]);
  return [
    `“${state.sentence}” becomes ${ended(untouched.text)}`,
    `The translator is least sure of “${bare(untouched.target[least])}”: ${percent(untouched.p[least])}.`,
    changed && changedWords(state, results),
    `In ${nameOf(state)}, “${bare(place.rows[row])}” looks most at “${bare(place.columns[most])}”: ${number(place.values[row][most])}.`,
  ].filter(Boolean).join(" ");
}

function changedWords({ sentence, changes, instead }, { untouched, changed, distance, ...rest }) {
  const made = [...changes.map((one) => said(one, changed.source)), ...instead.map((one) => saidOf(one, sentence))];
  const comparable = movedMaps({ untouched, changed, ...rest }).filter(({ share }) => share !== null);
  const most = comparable[peak(comparable.map(({ share }) => share))];
  return `Changed (${made.join("; ")}), it writes “${changed.text}”; ${percent(distance)} of the probability has moved. `
    + `The map that has moved most is ${nameOf(most.place)}: ${percent(most.share)} of its weight.`;
}

// ------------------------------------------------------------------------------- state and its past

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
// Returns what there is to say of the address.
function usePage(state, results, set) {
  const [note, tell] = useState("");
  const [onPage, address] = [!state.answered, written(state)];
  const first = useRef(address);
  useEffect(() => {
    if (!onPage) return undefined;
    const follow = () => {
      const { settings, isWhole } = read(location.hash, results);
      tell(isWhole ? "" : "Not all of this link could be read. What could not be read was left as it is.");
      if (Object.keys(settings).length) set(settings);
    };
    follow();
    load().then((isThere) => isThere && set({}));
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, [onPage]);
  useEffect(() => {
    if (!onPage || address === first.current) return undefined;
    const timer = setTimeout(() => history.replaceState(null, "", address), 300);
    return () => clearTimeout(timer);
  }, [onPage, address]);
  return note;
}

// What moves without each head and each word: from Python, or from the engine bit by bit.
function useDamage({ heads, answered }, results) {
  const [found, tell] = useState(null);
  const isThere = useProgress().state === "ready";
  const asked = Boolean(heads && !answered && isThere);
  useEffect(() => {
    tell(null);
    if (!asked) return undefined;
    damage(results, tell).catch(() => tell(null));
    return stopDamage;
  }, [asked, results.key]);
  return heads ? found ?? results.damage : null;
}

// ------------------------------------------------------------------------------------------- views

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
function formulaLines({ map, head, values, rows, columns }, changes, [i, j]) {
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

// One weight before and after, while both models read the untouched translation.
const differenceLines = (before, after, [i, j]) => [
  ["untouched", number(before.values[i][j])],
  ["changed", number(after.values[i][j])],
  ["difference", html`<${Result}>${number(after.values[i][j] - before.values[i][j])}<//>`],
];

// What is shown large: the map of a run, or how it differs from the untouched one.
function largeMap({ untouched, changed, ...rest }, view, place) {
  if (view !== "difference") {
    const one = mapOf(view === "changed" ? changed : untouched, place);
    return { ...one, explain: (changes, cell) => formulaLines(one, changes, cell) };
  }
  const [before, after] = [mapOf(untouched, place), mapOf(readingOf({ untouched, changed, ...rest }), place)];
  const values = difference(after.values, before.values);
  return values && { ...before, values, share: lost(values), explain: (_, cell) => differenceLines(before, after, cell) };
}

function Large({ state, results, set, view, id }) {
  const one = useMemo(() => largeMap(results, view, state), [results, view, state.kind, state.layer, state.head]);
  const title = `${NAMES[state.kind]}, layer ${state.layer + 1}, head ${state.head + 1}`;
  return html`
    <section class="attend-large attend-many" aria-label="One map, large">
      <p class="attend-map-title">${title}</p>
      ${one ? html`<${Map} ...${{ one, state, set, view, id }} />` : html`
        <p>The changed source has other pieces, so this map cannot be laid on the untouched one.</p>`}
    </section>`;
}

function Map({ one, state, set, view, id }) {
  const { rows, columns, values } = one;
  const [lines, show] = useState(false);
  const look = useLook(state, set, values);
  const ramp = useMemo(() => shades(values, 1), [one]);
  const isMap = view !== "difference";
  return html`
    <div class="attend-controls">${isMap ? html`<${Toggle} value=${lines} onChange=${show}>as lines<//>` : html`
      <span class="attend-muted">Changed minus untouched: ${percent(one.share)} of the weight has moved.</span>`}</div>
    ${isMap && lines ? html`<${Lines} rows=${rows.map(bare)} columns=${columns.map(bare)} values=${values} seen=${look.seen} touch=${(cell) => set({ cell })} />` : html`
      <${HeatMap} label=${nameOf(state)} rows=${rows.map(bare)} columns=${columns.map(bare)} values=${values} pale=${PALE}
        sums=${values.map((row) => row.reduce((a, b) => a + b, 0))} ramp=${ramp} look=${look} describedby=${`${id}-formula`} stage="weights" />`}
    <${Formula} id=${`${id}-formula`} pair=${[bare(rows[look.seen[0]]), bare(columns[look.seen[1]])]}
      locked=${state.locked} lines=${one.explain(state.changes, look.seen)} />`;
}

// The faces of all maps: their weights, or how they have moved, with one number each.
function facesOf(results, view) {
  if (view === "difference") {
    return movedMaps(results).map(({ place, apart, share }) => ({ place, values: apart, text: apart ? percent(share) : "other pieces" }));
  }
  const look = results[view];
  return placesOf(look).map((place) => ({ place, values: mapOf(look, place).values }));
}

function Maps({ state, results, set, view, id }) {
  const faces = useMemo(() => facesOf(results, view), [results, view]);
  const look = view === "difference" ? results.untouched : results[view];
  return html`
    <${Gallery} faces=${faces} h=${results.h} chosen=${state} choose=${set} changes=${state.changes} />
    <${Later} title="All maps as a table">${() => html`<${MapsTable} look=${look} faces=${faces} />`}<//>
    <${Large} ...${{ state, results, set, view, id }} />`;
}

// Every head removed in turn, every word hidden in turn.
function Damages({ found, results, choose, edit, changes }) {
  const { source } = results.changed ?? results.untouched;
  const all = wordsOf(source).map((tokens) => ({ tokens, text: bare(tokens.map((i) => source[i]).join("")) }));
  const hide = ({ tokens }) => edit({ changes: [...changes, ...tokens.map((token) => ({ make: "hidden", token }))] });
  return html`
    <section aria-label="Which head matters, which word">
      <p class="attend-map-title">Every head removed in turn: how much of the probability moves to other pieces</p>
      <${HeadDamage} shares=${found.heads} choose=${choose} />
      <p class="attend-map-title">Every word hidden in turn</p>
      <${WordDamage} shares=${found.words} words=${all} choose=${hide} />
      <p class="attend-muted">Press a head to look at it, or a word to hide it.</p>
    </section>`;
}

function Saving({ state, results, view }) {
  const one = () => {
    const { rows, columns, values } = largeMap(results, view, state) ?? mapOf(results.untouched, state);
    return { title: nameOf(state), rows: rows.map(bare), columns: columns.map(bare), values };
  };
  return html`
    <${More} title="Take it with you">
      <div class="attend-row">
        <${Button} onClick=${() => save("map.svg", svg(one()), "image/svg+xml")}>Map as SVG<//>
        <${Button} onClick=${async () => save("map.png", await png(svg(one())))}>Map as PNG<//>
        <${Button} onClick=${() => save("map.csv", csv(one()), "text/csv")}>Map as CSV<//>
        <${Button} onClick=${() => save("laboratory.json", json({ ...pick(state), ...results }), "application/json")}>All as JSON<//>
        <${Button} onClick=${() => navigator.clipboard?.writeText(new URL(written(state), location).href)}>Copy a link to this<//>
      </div>
    <//>`;
}

const Search = ({ state, edit }) => html`
  <div class="attend-controls">
    <${Slider} value=${state.beam} steps=${[1, 2, 3, 4, 5, 6, 7, 8]} show=${(x) => (x === 1 ? "1 (greedy)" : String(x))}
      onChange=${(beam) => edit({ beam })}>beam<//>
    <${Slider} value=${state.alpha} steps=${[0, 0.3, 0.6, 1, 2]} distance=${(a, b) => Math.abs(a - b)}
      onChange=${(alpha) => edit({ alpha })}>length penalty α<//>
  </div>`;

// What was done is taken back here, and what it has led to stands here too: the head of the page is
// far away.
const Undo = ({ past: { edit, undo, redo }, reset, results }) => html`
  <div class="attend-row">
    <${Button} disabled=${!undo} onClick=${() => undo()}>Undo<//>
    <${Button} disabled=${!redo} onClick=${() => redo()}>Redo<//>
    <${Button} onClick=${() => edit(reset)}>Reset<//>
  </div>
  ${results.changed && html`<${German} results=${results} />`}`;

function View({ state, results, set, id }) {
  const note = usePage(state, results, set);
  const past = useHistory(state, set);
  const found = useDamage(state, results);
  const first = useRef(pick(state));
  const [chosen, choose] = useState("changed");
  const view = results.changed ? chosen : "untouched";
  const shown = view === "changed" ? results.changed : results.untouched;
  const text = words(state, results);
  const { edit } = past;
  const toPiece = (i) => set({ kind: state.kind === "encoder" ? "memory" : state.kind, cell: [i, state.cell[1]], locked: true });
  return html`
    <${Sentence} state=${state} edit=${edit} fault=${[note, results.fault].filter(Boolean).join(" ")} />
    <${German} results=${results} />
    <${Fetching} state=${state} again=${() => set({})}>The translator (2.5 MB) is fetched when you come here.<//>
    <p class="attend-map-title">Piece by piece: how sure it was, and what else was likely</p>
    <${Pieces} look=${shown} row=${Math.min(state.cell[0], shown.target.length - 1)} label="The translation, piece by piece" choose=${toPiece} />
    <p class="attend-map-title">Where it looked: ${placesOf(shown).length} maps of attention. Press one to see it large.</p>
    ${results.changed && html`<div class="attend-controls"><${Choice} value=${view} options=${VIEWS} onChange=${choose}>The maps show<//></div>`}
    <${Maps} ...${{ state, results, set, view, id }} />
    <p class="attend-summary">${text}</p>
    <${Changes} state=${state} results=${results} edit=${edit} />
    <${Search} state=${state} edit=${edit} />
    <${Undo} past=${past} reset=${{ ...first.current, changes: [], instead: [] }} results=${results} />
    <div class="attend-row"><${Button} aria-pressed=${state.heads ? "true" : "false"}
      onClick=${() => set({ heads: !state.heads })}>Which head matters for this sentence? Which word?<//></div>
    ${found && html`<${Damages} ...${{ found, results, edit, choose: set, changes: state.changes }} />`}
    ${shown.tree?.length > 1 && html`<${Later} title="The beam as a tree">${() => html`<${Tree} nodes=${shown.tree.map((node) => ({ ...node, piece: bare(node.piece) }))} />`}<//>`}
    <${Saving} state=${state} results=${results} view=${view} />
    <${Announce}>${text}<//>`;
}

export default explorer({
  title: "Laboratory: a translator with every head in view",
  traits: [...EDITED, "heads", "kind", "layer", "head", "cell", "locked"],
  compute, words, View,
});
