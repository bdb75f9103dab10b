// The parts of the laboratory's view.
import { html, useState } from "../../kit/explorers/vendor/preact.js";
import { useLive } from "../../kit/explorers/explorer.js";
import { Button } from "../../kit/explorers/controls.js";
import { OWN_KEYS } from "../../kit/explorers/keys.js";
import { number } from "../../kit/explorers/text.js";
import { KINDS, bare, mapOf, nameOf, peakOf } from "./reading.js";

export const NAMES = {
  encoder: "Encoder: English looks at itself",
  decoder: "Decoder: German looks back at itself",
  memory: "Memory: German looks at English",
};
const LEVELS = 6;

export const percent = (x) => `${number(100 * x)} %`;

// What is one step away and takes work to draw: drawn when it is opened.
export function Later({ title, children }) {
  const [isOpen, open] = useState(false);
  return html`
    <details class="attend-more" onToggle=${({ currentTarget }) => open(currentTarget.open)}>
      <summary ...${OWN_KEYS}>${title}</summary>
      <div class="attend-more-inside">${isOpen && children()}</div>
    </details>`;
}

// A map small enough to be a button's face: a path for each strength of its colour.
function Mini({ values }) {
  const paths = Array(LEVELS + 1).fill("");
  values.forEach((row, i) => row.forEach((x, j) => {
    paths[Math.round(Math.min(1, Math.abs(x)) * LEVELS)] += `M${j} ${i}h1v1h-1z`;
  }));
  return html`
    <svg class="attend-tiny" viewBox=${`0 0 ${values[0].length} ${values.length}`} preserveAspectRatio="none" aria-hidden="true">
      ${paths.map((d, level) => level > 0 && html`<path d=${d} fill-opacity=${(level / LEVELS).toFixed(2)} />`)}
    </svg>`;
}

// All maps: a block for each kind of attention, layers on rows, heads on columns. `faces` holds for
// each place the numbers that are its face, and what is said of it besides.
export const Gallery = ({ faces, h, chosen, choose, changes }) => html`
  <div class="attend-gallery">${KINDS.map((kind) => html`
    <section aria-label=${NAMES[kind]}>
      <p class="attend-map-title">${NAMES[kind]}</p>
      <div class="attend-heads" style=${{ "--heads": h }}>
        ${faces.filter(({ place }) => place.kind === kind).map((face) => html`
          <${HeadButton} ...${face} chosen=${chosen} choose=${choose}
            isChanged=${changes.some((change) => fits(change, face.place))} />`)}
      </div>
    </section>`)}
  </div>`;

export const fits = (change, place) => ["off", "alone", "uniform", "row"].includes(change.make)
  && ["kind", "layer", "head"].every((name) => change[name] === undefined || change[name] === place[name]);

function HeadButton({ place, values, text, chosen, choose, isChanged }) {
  const name = nameOf(place);
  return html`
    <button type="button" class=${`attend-head${isChanged ? " is-changed" : ""}`} disabled=${!useLive()} ...${OWN_KEYS}
      aria-pressed=${name === nameOf(chosen) ? "true" : "false"} title=${name}
      aria-label=${[name, isChanged && "changed", text].filter(Boolean).join(", ")} onClick=${() => choose(place)}>
      ${values ? html`<${Mini} values=${values} />` : html`<span class="attend-tiny">–</span>`}
      ${text && html`<small>${text}</small>`}
    </button>`;
}

// What the faces of all maps show, in words and numbers.
export const MapsTable = ({ look, faces }) => html`
  <div class="attend-scroll"><table class="attend-lookup attend-of-maps">
    <caption>Of each map its largest weight</caption>
    <thead><tr><th scope="col">map</th><th scope="col">query</th><th scope="col">key</th><th scope="col">weight</th>
      ${faces[0].text && html`<th scope="col">moved</th>`}</tr></thead>
    <tbody>${faces.map(({ place, text }) => {
      const { values, rows, columns } = mapOf(look, place);
      const [i, j] = peakOf(values);
      return html`<tr><th scope="row">${nameOf(place)}</th><td>${bare(rows[i])}</td><td>${bare(columns[j])}</td>
        <td>${number(values[i][j])}</td>${text && html`<td>${text}</td>`}</tr>`;
    })}</tbody>
  </table></div>`;

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
export const HeadDamage = ({ shares, choose }) => html`
  <div class="attend-damages">${KINDS.map((kind, k) => html`
    <table class="attend-damage" aria-label=${`${kind}: how much of the probability moves when a head is removed`}>
      <thead><tr><th scope="col">${kind}</th>${shares[k][0].map((_, head) => html`<th scope="col">head ${head + 1}</th>`)}</tr></thead>
      <tbody>${shares[k].map((row, layer) => html`<tr><th scope="row">layer ${layer + 1}</th>
        ${row.map((x, head) => html`<${Share} x=${x} name=${nameOf({ kind, layer, head })} choose=${() => choose({ kind, layer, head })} />`)}</tr>`)}
      </tbody>
    </table>`)}
  </div>`;

// Every word of the source hidden in turn.
export const WordDamage = ({ shares, words, choose }) => html`
  <div class="attend-scroll"><table class="attend-damage" aria-label="How much of the probability moves when a word is hidden">
    <thead><tr>${words.map(({ text }) => html`<th scope="col">${text}</th>`)}</tr></thead>
    <tbody><tr>${words.map((word, i) => html`
      <${Share} x=${shares[i]} name=${`“${word.text}” hidden`} choose=${() => choose(word)} />`)}</tr></tbody>
  </table></div>`;

function Share({ x, name, choose }) {
  const text = x === null ? "…" : percent(x);
  return html`<td style=${{ "--t": Math.min(1, Math.sqrt(x ?? 0)).toFixed(3) }}>
    <${Button} kind="attend-portion" aria-label=${`${name}: ${text}`} onClick=${choose}>${text}<//></td>`;
}
