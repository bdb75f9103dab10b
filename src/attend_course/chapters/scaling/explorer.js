// Chapter 4: what dividing the scores by √d_k does to the weights.
import { html, useMemo } from "../../kit/explorers/vendor/preact.js";
import { Announce, explorer } from "../../kit/explorers/explorer.js";
import { Button, Choice, DK, Field, More, Slider, Toggle } from "../../kit/explorers/controls.js";
import { tokenVectors } from "../../kit/explorers/draws.js";
import { Formula, Result, weightLine } from "../../kit/explorers/formula.js";
import { causalMask, maskedSoftmax, mean, paddingMask, scores, spread, sum } from "../../kit/explorers/linalg.js";
import { HeatMap, Stage, useLook } from "../../kit/explorers/maps.js";
import { largest, shades } from "../../kit/explorers/palette.js";
import { SpreadPlot } from "../../kit/explorers/plot.js";
import { number, signed } from "../../kit/explorers/text.js";
import { numberOf, readTokens, wordsOf } from "../../kit/explorers/words.js";

const WIDTHS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];
const TEMPERATURES = [0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10];
const MOST_TOKENS = 16;
const PAD = "<pad>";
const SHOWN_PRODUCTS = 3;

// The same as ScalingExplorer._results in Python; a test compares the two.
function compute(state) {
  const words = wordsOf(state.sentence);
  const tokens = state.mask === "padding" ? [...words, PAD, PAD].slice(0, MOST_TOKENS) : words;
  const q = tokenVectors(tokens, "q", 512, state.seed);
  const k = tokenVectors(tokens, "k", 512, state.seed);
  const drawn = spreads(q, k);
  const bare = overwrite(scores(q.map((row) => row.slice(0, state.d_k)), k, 1), state.overrides);
  const scale = (state.scaled ? 1 / Math.sqrt(state.d_k) : 1) / state.temperature;
  const scaled = bare.map((row) => row.map((x) => x * scale));
  const mask = maskOf(state.mask, tokens);
  const weights = maskedSoftmax(scaled, mask);
  const head = Math.min(SHOWN_PRODUCTS, state.d_k);
  return {
    error: null, computed_by: null, tokens, d_k: state.d_k, scale,
    scores: bare, scaled_scores: scaled, weights, mask,
    row_sums: weights.map(sum),
    spread: spread(bare.flat()), scaled_spread: spread(scaled.flat()),
    mean_largest: mean(weights.map((row) => Math.max(...row))),
    spreads: drawn,
    q: q.map((row) => row.slice(0, head)), k: k.map((row) => row.slice(0, head)),
  };
}

function maskOf(name, tokens) {
  if (name === "causal") return causalMask(tokens.length);
  if (name === "none") return null;
  const [row] = paddingMask(tokens, PAD);
  return tokens.map(() => row);
}

function overwrite(rows, overrides) {
  for (const [i, j, value] of overrides) {
    if (i < rows.length && j < rows.length) rows[i][j] = value;
  }
  return rows;
}

let lastDrawn = { q: [], k: [], spreads: [] };

// The spread of all scores at every d_k of the plot. A larger d_k only adds components to the
// vectors, so one pass over them serves all.
function spreads(q, k) {
  const same = (a, b) => a.length === b.length && a.every((row, i) => row === b[i]);
  if (same(lastDrawn.q, q) && same(lastDrawn.k, k)) return lastDrawn.spreads;
  const totals = q.flatMap(() => k.map(() => 0));
  let done = 0;
  const result = WIDTHS.map((width) => {
    q.forEach((query, i) => k.forEach((key, j) => {
      for (let c = done; c < width; c += 1) totals[i * k.length + j] += query[c] * key[c];
    }));
    done = width;
    return spread(totals);
  });
  lastDrawn = { q, k, spreads: result };
  return result;
}

const STAGES = ["scores", "scaled_scores", "weights"];
const NAMES = { scores: "Scores", scaled_scores: "Scaled scores", weights: "Weights" };
const MASKS = [["none", "none: all keys"], ["causal", "causal: no later keys"], ["padding", "padding: no filling"]];

// What a picture of one stage needs: its numbers and where they stand on the ramp. Scores and
// scaled scores share one ramp, so that the smaller ones look smaller.
const pictureOf = (stage, results) => ({
  stage,
  values: results[stage],
  allowed: (i, j) => stage === "scores" || (results.mask?.[i][j] ?? true),
  ramp: shades(results[stage], stage === "weights" ? 1 : largest([...results.scores, ...results.scaled_scores])),
  sums: stage === "weights" ? results.row_sums : null,
});

function scoreLine({ scores: bare, q, k, d_k }, { overrides }, i, j) {
  const result = html`<${Result}>${number(bare[i][j])}<//>`;
  if (overrides.some(([a, b]) => a === i && b === j)) return html`set by you: ${result}`;
  const products = q[i].map((x, c) => `${signed(x, number)} × ${signed(k[j][c], number)}`).join(" + ");
  const rest = d_k - q[i].length;
  return html`q · k = ${products}${rest > 0 && ` + … ${rest} more`} = ${result}`;
}

function scaledLine({ scores: bare, scaled_scores: scaled, d_k }, state, i, j) {
  const steps = (state.scaled ? ` ÷ √${d_k}` : "") + (state.temperature !== 1 ? ` ÷ ${number(state.temperature)}` : "");
  return html`${steps ? `${number(bare[i][j])}${steps} = ` : "not divided: "}<${Result}>${number(scaled[i][j])}<//>`;
}

const weighed = ({ scaled_scores: scaled, weights, computed_by }, i, j) =>
  ({ row: scaled[i], weight: weights[i][j], computed_by });

const inWords = ({ spread: bare, scaled_spread: scaled, mean_largest: most }) =>
  `Scores spread by ${number(bare)}, scaled scores by ${number(scaled)}. ` +
  `The largest weight of a row is ${number(most)} on average.`;

function MoreControls({ state, results: { tokens, scores: bare }, set, seen: [i, j] }) {
  const { overrides } = state;
  // Scores that were set belonged to the words that stood there.
  const readSentence = (text) => {
    const [words, remark] = readTokens(text, MOST_TOKENS);
    set({ sentence: words.join(" "), overrides: [], cell: [0, 0], locked: false });
    return remark;
  };
  const readSeed = (text) => {
    const seed = numberOf(text);
    if (!Number.isInteger(seed) || seed < 0 || seed > 999_999_999) {
      throw new Error("Type a whole number of at most nine digits. The seed stays.");
    }
    set({ seed });
  };
  const readScore = (text) => {
    const value = numberOf(text);
    if (!(Math.abs(value) <= 1e6)) {
      throw new Error("Type a number from −1,000,000 to 1,000,000. The score stays.");
    }
    const kept = overrides.filter(([a, b]) => a !== i || b !== j);
    set({ overrides: [...kept, [i, j, value]], cell: [i, j], locked: true });
  };
  return html`
    <${More}>
      <${Field} dir="auto" class="attend-wide" value=${state.sentence} read=${readSentence}>Sentence, up to ${MOST_TOKENS} words<//>
      <${Choice} value=${state.mask} options=${MASKS} onChange=${(mask) => set({ mask })}>Mask<//>
      <${Slider} value=${state.temperature} steps=${TEMPERATURES} onChange=${(temperature) => set({ temperature })}>Temperature<//>
      <${Field} inputmode="numeric" value=${state.seed} read=${readSeed}>Seed of the random vectors<//>
      <${Field} inputmode="decimal" value=${Number(bare[i][j].toPrecision(4))} read=${readScore}>Score of <span>query ${tokens[i]}, key ${tokens[j]}</span><//>
      <${Button} disabled=${overrides.length === 0} onClick=${() => set({ overrides: [] })}>Undo all set scores<//>
    <//>`;
}

function View({ state, results, set, id }) {
  const { tokens } = results;
  const { d_k, stage, scaled, seed, overrides } = state;
  const pictures = useMemo(() => STAGES.map((name) => pictureOf(name, results)), [results]);
  const look = useLook(state, set, results.scores);
  const [i, j] = look.seen;
  const how = { scores: "q · k", scaled_scores: scaled ? html`÷ √<${DK} />` : "not divided", weights: "softmax of each row" };
  const marked = (a, b) => overrides.some(([c, d]) => a === c && b === d);
  return html`
    <div class="attend-controls">
      <${Slider} value=${d_k} steps=${WIDTHS} show=${String} onChange=${(value) => set({ d_k: value })}>Length of a query or key, <${DK} /><//>
      <${Toggle} value=${scaled} onChange=${(value) => set({ scaled: value })}>Divide scores by <span class="attend-nowrap">√<${DK} /></span><//>
    </div>
    <div class="attend-body">
      <div class="attend-stages" role="group" aria-label="Show large">
        ${pictures.map((picture) => html`
          <${Stage} picture=${picture} title=${NAMES[picture.stage]} shown=${picture.stage === stage} onShow=${() => set({ stage: picture.stage })}>${how[picture.stage]}<//>`)}
      </div>
      <div class="attend-large">
        <p class="attend-map-title">${NAMES[stage]}</p>
        <${HeatMap} label=${NAMES[stage]} rows=${tokens} ...${pictures[STAGES.indexOf(stage)]} marked=${marked} look=${look} describedby=${`${id}-formula`} />
        <p class="attend-summary">${inWords(results)}</p>
      </div>
    </div>
    <div class="attend-below">
      <${Formula} id=${`${id}-formula`} pair=${[tokens[i], tokens[j]]} locked=${state.locked} lines=${[
        ["score", scoreLine(results, state, i, j)],
        ["scaled score", scaledLine(results, state, i, j)],
        ["weight", weightLine(weighed(results, i, j), j, number, (c) => results.mask?.[i][c] ?? true)],
      ]} />
      <${SpreadPlot} widths=${WIDTHS} ...${results} />
    </div>
    <p class="attend-source">Queries and keys are random here: independent components with mean 0 and variance 1, drawn for each word with seed ${seed}. Nothing was trained.</p>
    <${MoreControls} state=${state} results=${results} set=${set} seen=${look.seen} />
    <${Announce}>${`d_k ${results.d_k}. ${inWords(results)}`}<//>`;
}

export default explorer({
  title: "Explorer: scores, scaled scores, weights",
  traits: ["sentence", "d_k", "scaled", "mask", "temperature", "seed", "overrides", "stage", "cell", "locked"],
  words: (state, results) => inWords(results),
  compute, View,
});
