// Chapter 5: weights from scores, and each output as a mixture of values in the plane.
import { html, useRef } from "../../kit/explorers/vendor/preact.js";
import { Button, Choice, Field, More, ScoreSlider, Toggle } from "../../kit/explorers/controls.js";
import { Announce, explorer } from "../../kit/explorers/explorer.js";
import { Formula, Result, joined, weightLine } from "../../kit/explorers/formula.js";
import { causalMask, maskedSoftmax, matmul, sum } from "../../kit/explorers/linalg.js";
import { HeatMap, useLook, within } from "../../kit/explorers/maps.js";
import { shades } from "../../kit/explorers/palette.js";
import { Axes, Dot, Line, Name, REACH, across, up } from "../../kit/explorers/points.js";
import { brief, listed, number } from "../../kit/explorers/text.js";
import { numbersOf } from "../../kit/explorers/words.js";

const TIE = 1e-9;
const SOURCE = "Queries, keys and values were chosen by hand, so that values are points in the " +
  "plane. Nothing was trained.";

// The same as WeightedSumExplorer._results in Python; a test compares the two.
function compute({ words, scores, values, causal }) {
  const mask = causal ? causalMask(words.length) : null;
  const weights = maskedSoftmax(scores, mask);
  const outputs = matmul(weights, values);
  const ring = corners(values);
  return {
    error: null, computed_by: null, tokens: words, scores, values, corners: ring, mask, weights,
    row_sums: weights.map(sum), outputs,
    inside: outputs.map((output) => inside(output, ring.map((c) => values[c]))),
  };
}

const turn = (a, b, c) => (b[0] - a[0]) * (c[1] - b[1]) - (b[1] - a[1]) * (c[0] - b[0]);

// Which points are corners of their convex hull, as attend_course.chapters.weighted_sum.example has it.
function corners(points) {
  const same = (a, b) => a[0] === b[0] && a[1] === b[1];
  const indices = points.map((_, c) => c);
  const order = indices.filter((c) => points.findIndex((p) => same(p, points[c])) === c)
    .sort((a, b) => points[a][0] - points[b][0] || points[a][1] - points[b][1]);
  return order.length < 3 ? order : [...chain(points, order), ...chain(points, order.toReversed())];
}

function chain(points, order) {
  const kept = [];
  for (const c of order) {
    while (kept.length > 1 && turn(...[...kept.slice(-2), c].map((k) => points[k])) <= 0) kept.pop();
    kept.push(c);
  }
  return kept.slice(0, -1);
}

const inside = (point, ring) =>
  ring.every((a, c) => turn(a, ring[(c + 1) % ring.length], point) >= -1e-9);

// Text

const pair = (point) => listed(point, number);

function inWords({ tokens, weights, inside: within_ }, i) {
  const most = Math.max(...weights[i]);
  const leading = tokens.filter((_, j) => weights[i][j] > most - TIE).map((token) => `“${token}”`);
  const strays = within_.filter((yes) => !yes).length;
  const where = strays ? `${strays} of ${tokens.length} outputs lie outside` : "Every output lies inside";
  return `The largest weight of “${tokens[i]}” is ${number(most)}, for ${leading.join(" and ")}. ` +
    `${where} the shape that the values span.`;
}

function Term({ weight, value, bold }) {
  const tag = bold ? "b" : "span";
  return html`<${tag} class="attend-nowrap">${number(weight)} × ${listed(value)}<//>`;
}

function partLine({ weights, values }, i, j) {
  const part = values[j].map((x) => weights[i][j] * x);
  return html`<${Term} weight=${weights[i][j]} value=${values[j]} /> = <${Result}>${pair(part)}<//>`;
}

function outputLine({ weights, values, outputs, computed_by }, i, j) {
  const output = html`<${Result}>${pair(outputs[i])}<//>`;
  if (computed_by) return html`${computed_by} gives ${output}`;
  const terms = values.map((value, c) => html`<${Term} weight=${weights[i][c]} value=${value} bold=${c === j} />`);
  return html`${joined(terms)} = ${output}`;
}

// The plane

function Mixture({ results: { tokens, values, weights, outputs, corners: ring }, query: i }) {
  const here = outputs[i];
  const hull = ring.map((c) => `${across(values[c][0])},${up(values[c][1])}`).join(" ");
  return html`
    <div class="attend-mixture">
      <svg viewBox="0 0 300 300" role="img" class="attend-plot" aria-label=${`The output of ${tokens[i]} is ${pair(here)}.`}>
        <${Axes} />
        <polygon class="attend-hull" points=${hull} />
        ${values.map((value, c) => html`<${Line} from=${here} to=${value} class="attend-thread" stroke-width=${(10 * weights[i][c]).toFixed(2)} />`)}
        ${values.map((value) => html`<${Dot} at=${value} size="5" kind="is-bare" />`)}
        ${outputs.map((output) => html`<${Dot} at=${output} size="4" kind="is-scaled" />`)}
        <${Dot} at=${here} size="8" kind="is-output" />
        ${values.map((value, c) => html`<${Name} at=${value}>${tokens[c]}<//>`)}
      </svg>
      <p class="attend-legend">Filled: the values. Rings: the outputs; the large one is that of “${tokens[i]}”. Lines: what it takes, the thicker the more.</p>
    </div>`;
}

// Controls

// One slider for each score of the chosen query.
function Scores({ state: { words, scores }, set, query: i }) {
  const put = (j) => (score) => set({
    scores: scores.map((row, r) => (r === i ? row.map((x, c) => (c === j ? score : x)) : row)),
  });
  return html`
    <div class="attend-scores">
      <p class="attend-scores-title">Scaled scores of the query “${words[i]}”</p>
      ${words.map((word, j) => html`
        <${ScoreSlider} value=${scores[i][j]} reach=${REACH} show=${brief} onChange=${put(j)} data-key=${j}>${word}<//>`)}
    </div>`;
}

function MoreControls({ state: { words, scores, values }, set, value: j }) {
  const first = useRef({ scores, values }).current;
  const read = (text) => {
    const numbers = numbersOf(text);
    if (numbers.length !== 2 || !numbers.every((x) => Math.abs(x) <= REACH)) {
      throw new Error("Type two numbers from −4 to 4, such as 1.5, −2. The value stays.");
    }
    set({ values: values.map((value, c) => (c === j ? numbers : value)) });
  };
  const unchanged = JSON.stringify({ scores, values }) === JSON.stringify(first);
  return html`
    <${More}>
      <${Field} value=${values[j].map(brief).join(", ")} read=${read}>Value of <span>key “${words[j]}”</span><//>
      <${Button} disabled=${unchanged} onClick=${() => set(first)}>Undo all changes<//>
    <//>`;
}

function View({ state, results, set, id }) {
  const { tokens, scores, weights, mask, computed_by } = results;
  const look = useLook(state, set, weights);
  const [[i, j], [query, value]] = [look.seen, within(state.cell, state.scores)];
  const allowed = (a, b) => mask?.[a][b] ?? true;
  return html`
    <div class="attend-controls">
      <${Choice} value=${query} options=${state.words.map((word, n) => [n, word])} onChange=${(n) => set({ cell: [Number(n), value] })}>Query<//>
      <${Toggle} value=${state.causal} onChange=${(causal) => set({ causal })}>Mask later words<//>
    </div>
    <div class="attend-plane-body">
      <${Mixture} results=${results} query=${i} />
      <div class="attend-large">
        <p class="attend-map-title">Weights</p>
        <${HeatMap} label="Weights" rows=${tokens} values=${weights} sums=${results.row_sums} ramp=${shades(weights, 1)}
          allowed=${allowed} look=${look} describedby=${`${id}-formula`} stage="weights" />
        <p class="attend-summary">${inWords(results, i)}</p>
      </div>
    </div>
    <${Scores} state=${state} set=${set} query=${query} />
    <${Formula} id=${`${id}-formula`} pair=${[tokens[i], tokens[j]]} locked=${state.locked} lines=${[
      ["weight", weightLine({ row: scores[i], weight: weights[i][j] }, j, brief, (c) => allowed(i, c))],
      ["this value’s part", partLine(results, i, j)],
      ["output, all parts together", outputLine(results, i, j, computed_by)],
    ]} />
    <p class="attend-source">${SOURCE}</p>
    <${MoreControls} state=${state} set=${set} value=${value} />
    <${Announce}>${`${inWords(results, i)} Its output is ${pair(results.outputs[i])}.`}<//>`;
}

export default explorer({
  title: "Explorer: outputs as mixtures of values",
  traits: ["words", "scores", "values", "causal", "cell", "locked"],
  words: ({ cell }, results) => inWords(results, within(cell, results.weights)[0]),
  compute, View,
});
