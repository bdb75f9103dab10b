// Chapter 9: four values in the plane, and two rows of weights that give the same output.
import { html, useRef } from "../../kit/explorers/vendor/preact.js";
import { Button, Field, More, ScoreSlider, Slider } from "../../kit/explorers/controls.js";
import { Announce, explorer } from "../../kit/explorers/explorer.js";
import { Lines, Result, joined } from "../../kit/explorers/formula.js";
import { matmul, softmax, sum } from "../../kit/explorers/linalg.js";
import { Axes, Dot, Line, Name, REACH } from "../../kit/explorers/points.js";
import { brief, listed, number } from "../../kit/explorers/text.js";
import { numbersOf } from "../../kit/explorers/words.js";

const TINY = 1e-9;
const SHARES = Array.from({ length: 21 }, (_, n) => (n - 10) / 10);
const SOURCE = "Values and scores were chosen by hand, so that values are points in the plane. Nothing was trained.";

// The same as SameMixtureExplorer._results in Python; a test compares the two.
function compute({ words, values, scores, share }) {
  const own = softmax(scores);
  const direction = freeDirection(values);
  const weights = [own, slid(own, direction, share)];
  return {
    error: null, computed_by: null, tokens: words, direction, weights, row_sums: weights.map(sum),
    apart: sum(own.map((w, j) => Math.abs(w - weights[1][j]))) / 2, outputs: matmul(weights, values),
  };
}

const area = (a, b, c) => (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);

// How four weights can move while their sum and their mixture stay: each with the area of the
// triangle of the other three, and signs in turn (Cramer's rule). A step of 1 moves a share of 1.
function freeDirection(values) {
  const bare = values.map((_, j) => (j % 2 ? -1 : 1) * area(...values.filter((__, c) => c !== j)));
  const size = sum(bare.map(Math.abs)) / 2;
  const step = bare.map((x) => (Math.abs(x) < TINY * size ? 0 : x / size));
  const sign = Math.sign(step.find((x) => x !== 0) ?? 1);
  return step.map((x) => sign * x + 0);
}

function slid(weights, direction, share) {
  const ways = (sign) => weights.flatMap((w, j) => (sign * direction[j] < 0 ? [w / Math.abs(direction[j])] : []));
  const reach = share >= 0 ? Math.min(...ways(1)) : Math.min(...ways(-1));
  return weights.map((w, j) => Math.max(0, w + share * reach * direction[j]));
}

// Text

const pair = (point) => listed(point, number);
const share = (x) => `${Math.round(100 * x)} %`;

function inWords({ tokens, weights: [, other], apart, outputs }) {
  const without = tokens.filter((_, j) => other[j] < TINY).map((token) => `“${token}”`).join(" and ");
  return `${share(apart)} of the weight lies elsewhere${without && `, none on ${without}`}. ` +
    `The outputs are ${outputs.map(pair).join(" and ")}.`;
}

function Sum({ row, values, output, computed_by }) {
  if (computed_by) return html`${computed_by} gives <${Result}>${pair(output)}<//>`;
  const terms = values.map((value, j) => html`<span class="attend-nowrap">${number(row[j])} × ${listed(value)}</span>`);
  return html`${joined(terms)} = <${Result}>${pair(output)}<//>`;
}

// The plane

function Mixture({ results: { tokens, weights, outputs }, values, row, title }) {
  const here = outputs[row];
  return html`
    <div class="attend-mixture">
      <p class="attend-map-title">${title}</p>
      <svg viewBox="0 0 300 300" role="img" class="attend-plot" aria-label=${`${title}: the output is ${pair(here)}.`}>
        <${Axes} />
        ${values.map((value, j) => html`<${Line} from=${here} to=${value} class="attend-thread" stroke-width=${(10 * weights[row][j]).toFixed(2)} />`)}
        ${values.map((value) => html`<${Dot} at=${value} size="5" kind="is-bare" />`)}
        <${Dot} at=${here} size="8" kind="is-output" />
        ${values.map((value, j) => html`<${Name} at=${value}>${tokens[j]}<//>`)}
      </svg>
    </div>`;
}

// Each word with both weights, as numbers and as bars.
function Rows({ results: { tokens, weights: [own, other], row_sums } }) {
  const cell = (w) => html`<td class="attend-share" style=${{ "--share": w.toFixed(3) }}>${number(w)}</td>`;
  return html`
    <div class="attend-two-rows"><table class="attend-lookup">
      <caption>The weights of one query</caption>
      <thead><tr><th scope="col">key</th><th scope="col">its own</th><th scope="col">others</th></tr></thead>
      <tbody>${tokens.map((token, j) => html`
        <tr><th scope="row">${token}</th>${cell(own[j])}${cell(other[j])}</tr>`)}
      </tbody>
      <tfoot><tr><th scope="row">sum</th>${row_sums.map((x) => html`<td>${number(x)}</td>`)}</tr></tfoot>
    </table></div>`;
}

function MoreControls({ state: { words, values, scores, share: slidTo }, set }) {
  const first = useRef({ values, scores, share: slidTo }).current;
  const put = (j) => (score) => set({ scores: scores.map((x, c) => (c === j ? score : x)) });
  const read = (j) => (text) => {
    const point = numbersOf(text);
    const moved = values.map((value, c) => (c === j ? point : value));
    // On one line the four would leave more than one direction.
    const fit = point.length === 2 && point.every((x) => Math.abs(x) <= REACH) && freeDirection(moved).every(Number.isFinite);
    if (!fit) throw new Error("Type two numbers from −4 to 4, such as 1.5, −2, not all points on one line. The value stays.");
    set({ values: moved });
  };
  const unchanged = JSON.stringify({ values, scores, share: slidTo }) === JSON.stringify(first);
  return html`
    <${More}>
      ${words.map((word, j) => html`
        <${ScoreSlider} value=${scores[j]} reach=${REACH} show=${brief} onChange=${put(j)}>Score of <span>“${word}”</span><//>
        <${Field} value=${values[j].map(brief).join(", ")} read=${read(j)}>Value of <span>“${word}”</span><//>`)}
      <${Button} disabled=${unchanged} onClick=${() => set(first)}>Undo all changes<//>
    <//>`;
}

function View({ state, results, set, id }) {
  const { weights, outputs, computed_by } = results;
  const line = (row) => html`<${Sum} row=${weights[row]} values=${state.values} output=${outputs[row]} computed_by=${computed_by} />`;
  return html`
    <div class="attend-controls">
      <${Slider} value=${state.share} steps=${SHARES} show=${share} distance=${(a, b) => Math.abs(a - b)}
        onChange=${(x) => set({ share: x })}>Slide the weights<//>
    </div>
    <div class="attend-plane-body attend-twice">
      <${Mixture} results=${results} values=${state.values} row=${0} title="Its own weights" />
      <${Mixture} results=${results} values=${state.values} row=${1} title="Other weights" />
    </div>
    <${Rows} results=${results} />
    <p class="attend-summary">${inWords(results)}</p>
    <div class="attend-formula" id=${`${id}-formula`}><${Lines} lines=${[["its own weights", line(0)], ["other weights", line(1)]]} /></div>
    <p class="attend-source">${SOURCE}</p>
    <${MoreControls} state=${state} set=${set} />
    <${Announce}>${inWords(results)}<//>`;
}

export default explorer({
  title: "Explorer: two rows of weights, one output",
  traits: ["words", "values", "scores", "share"],
  words: (_, results) => inWords(results),
  compute, View,
});
