// The parts of the laboratory's view.
import { html } from "../../kit/explorers/vendor/preact.js";
import { useLive } from "../../kit/explorers/explorer.js";
import { Button } from "../../kit/explorers/controls.js";
import { OWN_KEYS } from "../../kit/explorers/keys.js";
import { number } from "../../kit/explorers/text.js";

export const KINDS = ["encoder", "decoder", "memory"];
export const NAMES = {
  encoder: "Encoder: the source looks at itself",
  decoder: "Decoder: the target looks back at itself",
  memory: "Memory: the target looks at the source",
};
const LEVELS = 6;

export const percent = (x) => `${number(100 * x)} %`;
export const bare = (piece) => piece.replaceAll("▁", " ").trim() || piece;
export const nameOf = ({ kind, layer, head }) => `${kind}, layer ${layer + 1}, head ${head + 1}`;

// The weights of one head as rows.
export function rowsOf({ n, m, weights }, head) {
  const from = (i) => (head * n + i) * m;
  return Array.from({ length: n }, (_, i) => Array.from(weights.slice(from(i), from(i) + m)));
}

// A map small enough to be a button's face: a path for each strength of its colour.
function Mini({ map, head }) {
  const paths = Array(LEVELS + 1).fill("");
  for (let i = 0; i < map.n; i += 1) {
    for (let j = 0; j < map.m; j += 1) {
      paths[Math.round(map.weights[(head * map.n + i) * map.m + j] * LEVELS)] += `M${j} ${i}h1v1h-1z`;
    }
  }
  return html`
    <svg class="attend-tiny" viewBox=${`0 0 ${map.m} ${map.n}`} preserveAspectRatio="none" aria-hidden="true">
      ${paths.map((d, level) => level > 0 && html`<path d=${d} fill-opacity=${(level / LEVELS).toFixed(2)} />`)}
    </svg>`;
}

// All maps: a block for each kind of attention, layers on rows, heads on columns.
export const Gallery = ({ look, chosen, choose, changes }) => html`
  <div class="attend-gallery">${KINDS.map((kind) => html`
    <section aria-label=${NAMES[kind]}>
      <p class="attend-map-title">${NAMES[kind]}</p>
      <div class="attend-heads" style=${{ "--heads": look[kind][0].h }}>
        ${look[kind].map((map, layer) => Array.from({ length: map.h }, (_, head) => html`
          <${HeadButton} map=${map} place=${{ kind, layer, head }} chosen=${chosen} choose=${choose}
            isChanged=${changes.some((change) => fits(change, { kind, layer, head }))} />`))}
      </div>
    </section>`)}
  </div>`;

export const fits = (change, place) => ["off", "alone", "uniform", "row"].includes(change.make)
  && ["kind", "layer", "head"].every((name) => change[name] === undefined || change[name] === place[name]);

function HeadButton({ map, place, chosen, choose, isChanged }) {
  const pressed = isSame(place, chosen);
  const live = useLive();
  return html`
    <button type="button" class=${`attend-head${isChanged ? " is-changed" : ""}`} disabled=${!live} ...${OWN_KEYS}
      aria-pressed=${pressed ? "true" : "false"} aria-label=${nameOf(place) + (isChanged ? ", changed" : "")}
      title=${nameOf(place)} onClick=${() => choose(place)}>
      <${Mini} map=${map} head=${place.head} />
    </button>`;
}

const isSame = (a, b) => a.kind === b.kind && a.layer === b.layer && a.head === b.head;

// A map as lines between words: who looks at whom. The lines of one word stand out.
export function Lines({ rows, columns, values, seen, touch }) {
  const [gap, top] = [30, 16];
  const height = top + gap * Math.max(rows.length, columns.length);
  const y = (i) => top + gap * i;
  const line = (x, i, j) => x > 0.02 && html`
    <line x1="150" y1=${y(i)} x2="330" y2=${y(j)} stroke-width=${(5 * x).toFixed(2)}
      class=${i === seen[0] ? "is-seen" : null} />`;
  const word = (text, x, i, anchor, isSeen) => html`
    <text x=${x} y=${y(i) + 5} text-anchor=${anchor} class=${isSeen ? "is-seen" : null}
      onPointerOver=${() => anchor === "end" && touch([i, seen[1]])}>${bare(text)}</text>`;
  return html`
    <svg class="attend-lines" viewBox=${`0 0 480 ${height}`} role="img"
      aria-label=${`Lines from each query, left, to the keys that it attends to, right. The table says the same in numbers.`}>
      ${values.map((row, i) => row.map((x, j) => line(x, i, j)))}
      ${rows.map((text, i) => word(text, 142, i, "end", i === seen[0]))}
      ${columns.map((text, j) => word(text, 338, j, "start", values[seen[0]][j] > 0.2))}
    </svg>`;
}

// The pieces of a translation, each with its probability, and what else was likely.
export function Pieces({ look, row, choose, label }) {
  const [piece, next] = [look.target[row], look.next[row] ?? []];
  return html`
    <div class="attend-written">
      <ol class="attend-pieces" aria-label=${label}>${look.target.map((text, i) => html`
        <li><${Button} kind="attend-piece" aria-pressed=${i === row ? "true" : "false"} onClick=${() => choose(i)}>
          <span>${bare(text)}</span>
          <span class="attend-bar" style=${{ "--p": look.p[i].toFixed(3) }} aria-hidden="true"></span>
          <small>${percent(look.p[i])}</small><//></li>`)}
      </ol>
      <p class="attend-next">In the place of <b>${bare(piece ?? "")}</b>: ${next.map(({ piece: text, p }, i) => html`
        ${i > 0 && ", "}<span class="attend-nowrap">${bare(text)} ${percent(p)}</span>`)}.</p>
    </div>`;
}

// Every head removed in turn: the damage as a heat map, a row for each layer.
export const Damage = ({ damage, choose }) => html`
  <div class="attend-damages">${KINDS.map((kind, k) => html`
    <table class="attend-damage" aria-label=${`${kind}: how much of the probability moves when a head is removed`}>
      <thead><tr><th scope="col">${kind}</th>${damage[k][0].map((_, head) => html`<th scope="col">head ${head + 1}</th>`)}</tr></thead>
      <tbody>${damage[k].map((row, layer) => html`<tr><th scope="row">layer ${layer + 1}</th>
        ${row.map((x, head) => html`<${Share} x=${x} place=${{ kind, layer, head }} choose=${choose} />`)}</tr>`)}
      </tbody>
    </table>`)}
  </div>`;

function Share({ x, place, choose }) {
  const text = x === null ? "…" : percent(x);
  return html`<td style=${{ "--t": Math.min(1, Math.sqrt(x ?? 0)).toFixed(3) }}>
    <${Button} kind="attend-portion" aria-label=${`${nameOf(place)}: ${text}`} onClick=${() => choose(place)}>${text}<//></td>`;
}

// The beginnings that a beam search followed.
export function Tree({ nodes, at = 0 }) {
  const children = nodes.map((node, i) => ({ ...node, i })).filter(({ parent }) => parent === at);
  return children.length > 0 && html`<ul class="attend-tree">${children.map((node) => html`
    <li><b>${bare(node.piece)}</b> <small>log p ${number(node.log_p)}${node.finished ? ", finished" : ""}</small>
      <${Tree} nodes=${nodes} at=${node.i} /></li>`)}</ul>`;
}

// What a change does, in words.
export function said(change, source) {
  const place = [change.kind, change.layer !== undefined && `layer ${change.layer + 1}`,
    change.head !== undefined && `head ${change.head + 1}`, change.query !== undefined && `row ${change.query + 1}`]
    .filter(Boolean).join(", ") || "everywhere";
  return {
    off: () => `${place}: off`,
    alone: () => `${place}: alone, the others of its layer off`,
    uniform: () => `${place}: uniform`,
    row: () => `${place}: by hand`,
    hidden: () => `“${bare(source[change.token] ?? "?")}” (piece ${change.token + 1}) hidden`,
    without: () => `without ${change.part}`,
    temperature: () => `temperature ${number(change.value)}`,
  }[change.make]();
}
