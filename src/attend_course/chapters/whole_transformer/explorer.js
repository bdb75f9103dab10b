// Chapter 7: weights made of places alone, under a mask that is built by clicking cells.
import { html } from "../../kit/explorers/vendor/preact.js";
import { Button, Choice, Indexed, Slider, Toggle } from "../../kit/explorers/controls.js";
import { Announce, explorer } from "../../kit/explorers/explorer.js";
import { Formula, Result, weightLine } from "../../kit/explorers/formula.js";
import { causalMask, maskedSoftmax, positionalEncoding, scores, sum } from "../../kit/explorers/linalg.js";
import { HeatMap, MiniMap, useLook, within } from "../../kit/explorers/maps.js";
import { shades } from "../../kit/explorers/palette.js";
import { number } from "../../kit/explorers/text.js";

const REACH = 12;
const PLACES = Array.from({ length: 201 }, (_, place) => place);
const WIDTHS = [2, 4, 8, 16, 32, 64];

// The same as WholeTransformerExplorer._results in Python; a test compares the two.
function compute({ words, start, d_model, placed, blocked }) {
  const n = words.length;
  const encode = (count, first) =>
    positionalEncoding(count, d_model, first).map((row) => row.map((x) => (placed ? x : 0)));
  const encodings = encode(n, start);
  const found = scores(encodings, encodings);
  const mask = words.map((_, i) => words.map((__, j) => !blocked.some(([a, b]) => a === i && b === j)));
  const weights = maskedSoftmax(found, mask);
  const around = encode(2 * REACH + 1, 0);
  return {
    error: null, computed_by: null, tokens: words, encodings, scores: found, mask, weights,
    row_sums: weights.map(sum),
    agreements: scores([around[REACH]], around)[0],
  };
}

const open = ({ mask }, i) => mask[i].filter(Boolean).length;

function inWords({ tokens, mask, weights, row_sums }, i) {
  const allowed = open({ mask }, i);
  const said = `“${tokens[i]}” may attend to ${allowed} of ${tokens.length} pieces. `;
  if (allowed === 0) return `${said}It has no weight to give: its row is all 0.`;
  const most = Math.max(...weights[i]);
  return `${said}Its weights sum to ${number(row_sums[i])}; the largest is ${number(most)}, for “${tokens[weights[i].indexOf(most)]}”.`;
}

// A row that a click forbids or allows a cell of, besides holding it.
function useMask(look, { blocked }, set) {
  const toggle = (event) => {
    const td = event.target.closest("td[role=gridcell]");
    if (!td) return;
    const place = [Number(td.dataset.row), Number(td.dataset.column)];
    const others = blocked.filter(([i, j]) => i !== place[0] || j !== place[1]);
    set({ blocked: others.length < blocked.length ? others : [...blocked, place].sort(inOrder) });
  };
  const presses = ({ key, ctrlKey, metaKey, altKey, shiftKey }) =>
    (key === "Enter" || key === " ") && !(ctrlKey || metaKey || altKey || shiftKey);
  const after = (first, when) => (event) => {
    first(event);
    if (when(event)) toggle(event);
  };
  const { events } = look;
  return {
    ...look,
    events: events && {
      ...events,
      onClick: after(events.onClick, () => true),
      onKeyDown: after(events.onKeyDown, presses),
    },
  };
}

const inOrder = ([a, b], [c, d]) => a - c || b - d;
const blockedBy = (mask) => mask.flatMap((row, i) => row.flatMap((may, j) => (may ? [] : [[i, j]])));

const [LEFT, RIGHT, TOP, BOTTOM] = [36, 204, 12, 110];
const across = (distance) => +(LEFT + ((distance + REACH) / (2 * REACH)) * (RIGHT - LEFT)).toFixed(1);
function up(score, top) {
  return +(BOTTOM - ((score + top) / (2 * top)) * (BOTTOM - TOP)).toFixed(1);
}

// The score of a place with those around it. The words of the sentence are dots on the line.
function Agreement({ results: { tokens, agreements, scores: found }, start, query: i }) {
  const top = Math.max(...agreements.map(Math.abs), 0.5);
  const points = agreements.map((score, n) => `${across(n - REACH)},${up(score, top)}`).join(" ");
  const label = `Scores of place ${start + i} by distance: ${tokens.map((word, j) => `${word} ${number(found[i][j])}`).join(", ")}.`;
  return html`
    <figure class="attend-plot-figure">
      <svg viewBox="0 0 214 132" role="img" class="attend-plot" aria-label=${label}>
        <line x1=${LEFT} x2=${RIGHT} y1=${up(0, top)} y2=${up(0, top)} class="attend-gridline is-axis" />
        <line x1=${across(0)} x2=${across(0)} y1=${TOP} y2=${BOTTOM} class="attend-gridline" />
        <text x=${LEFT - 6} y=${up(top, top) + 4} class="attend-tick is-y">${number(top)}</text>
        <text x=${LEFT - 6} y=${up(0, top) + 4} class="attend-tick is-y">0</text>
        <polyline points=${points} class="attend-agreement" />
        ${[-12, -6, 0, 6, 12].map((d) => html`<text x=${across(d)} y=${BOTTOM + 16} class="attend-tick is-x">${start + i + d < 0 ? "" : start + i + d}</text>`)}
        ${tokens.map((_, j) => html`<circle r=${j === i ? 6 : 4} class="attend-dot is-bare" cx=${across(j - i)} cy=${up(found[i][j], top)} />`)}
      </svg>
      <figcaption>Score of “${tokens[i]}” with the places around it</figcaption>
    </figure>`;
}

const Strip = ({ results: { encodings }, start, d_model }) => html`
  <figure class="attend-plot-figure attend-strip">
    <${MiniMap} ramp=${shades(encodings, 1)} stage="encodings" />
    <figcaption>Encodings of places ${start} to ${start + encodings.length - 1}: a place is a row of ${d_model} numbers</figcaption>
  </figure>`;

const DModel = () => html`<${Indexed} letter="d" index="model" />`;

function scoreLine({ scores: found }, { start, d_model, placed }, i, j) {
  const result = html`<${Result}>${number(found[i][j])}<//>`;
  if (!placed) return html`no positions, so nothing to compare: ${result}`;
  return html`encoding ${start + i} · encoding ${start + j} ÷ √${d_model} = ${result}; ${Math.abs(i - j)} apart`;
}

function View({ state, results, set, id }) {
  const { tokens, weights, mask, computed_by } = results;
  const { start, d_model, placed } = state;
  const look = useMask(useLook(state, set, weights), state, set);
  const [i, j] = look.seen;
  const weighed = { row: results.scores[i], weight: weights[i][j], computed_by };
  return html`
    <div class="attend-controls">
      <${Slider} value=${start} steps=${PLACES} show=${String} distance=${(a, b) => Math.abs(a - b)} onChange=${(to) => set({ start: to })}>Place of the first piece<//>
      <${Choice} value=${d_model} options=${WIDTHS.map((width) => [width, width])} onChange=${(width) => set({ d_model: Number(width) })}><${DModel} /><//>
      <${Toggle} value=${placed} onChange=${(value) => set({ placed: value })}>Positions<//>
    </div>
    <div class="attend-pair is-places">
      <div class="attend-places">
        <${Strip} results=${results} start=${start} d_model=${d_model} />
        <${Agreement} results=${results} start=${start} query=${i} />
      </div>
      <div class="attend-large">
        <p class="attend-map-title">Weights: click a cell to forbid it</p>
        <${HeatMap} label="Weights" rows=${tokens} values=${weights} ramp=${shades(weights, 1)} sums=${results.row_sums}
          allowed=${(a, b) => mask[a][b]} look=${look} describedby=${`${id}-formula`} stage="weights" />
        <p class="attend-summary">${inWords(results, i)}</p>
      </div>
    </div>
    <div class="attend-buttons" role="group" aria-label="Masks">
      <${Button} onClick=${() => set({ blocked: [] })}>Allow all<//>
      <${Button} onClick=${() => set({ blocked: blockedBy(causalMask(tokens.length)) })}>Causal mask<//>
      <${Button} onClick=${() => set({ blocked: tokens.map((_, row) => [row, tokens.length - 1]) })}>Forbid the last column<//>
    </div>
    <${Formula} id=${`${id}-formula`} kind=" is-short" pair=${[tokens[i], tokens[j]]} locked=${state.locked} lines=${[
      ["scaled score", scoreLine(results, state, i, j)],
      ["weight", weightLine(weighed, j, number, (c) => mask[i][c])],
    ]} />
    <p class="attend-source">Queries and keys are the encodings of the places and nothing else: no word and no learned matrix takes part. Nothing was trained.</p>
    <${Announce}>${inWords(results, i)}<//>`;
}

export default explorer({
  title: "Explorer: places and masks",
  traits: ["words", "start", "d_model", "placed", "blocked", "cell", "locked"],
  words: ({ cell }, results) => inWords(results, within(cell, results.weights)[0]),
  compute, View,
});
