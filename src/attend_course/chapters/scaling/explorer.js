// Chapter 4: what dividing the scores by √d_k does to the weights.
import { causalMask, maskedSoftmax, mean, paddingMask, scores, spread, sum } from "../../kit/explorers/linalg.js";
import { tokenVectors } from "../../kit/explorers/draws.js";
import { choice, dK, el, field, newId, number, put, root, say, slider, toggle, wear } from "../../kit/explorers/dom.js";
import { explore, heatMap, largest, miniMap, shades } from "../../kit/explorers/draw.js";
import { spreadPlot } from "../../kit/explorers/plot.js";
import { explorer, more, readTokens, wordsOf } from "../../kit/explorers/view.js";

const WIDTHS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];
const TEMPERATURES = [0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10];
const MOST_TOKENS = 16;
const PAD = "<pad>";
const SHOWN_PRODUCTS = 3;

// The same as ScalingExplorer._results in Python; a test compares the two.
export function computeScaling(state) {
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

const STAGES = [
  ["scores", ["Scores"], ["q · k"]],
  ["scaled_scores", ["Scaled scores"], ["÷ √", dK]],
  ["weights", ["Weights"], ["softmax of each row"]],
];
const NAMES = { scores: "Scores", scaled_scores: "Scaled scores", weights: "Weights" };

const make = (parts) => parts.map((part) => (typeof part === "function" ? part() : part));

// The three matrices in small: buttons that bring one of them up large.
function stageButtons(model, life) {
  const buttons = STAGES.map(([stage, title, step]) => {
    const mini = miniMap(life);
    const text = el("span", { class: "attend-stage-title" }, ...title);
    const how = el("span", { class: "attend-stage-how" }, ...make(step));
    const button = focusableButton("attend-stage", mini.element, text, how);
    mini.element.dataset.stage = stage;
    life.listen(button, "click", () => put(model, { stage }));
    return { stage, mini, button, how };
  });
  life.watch(["scaled"], () => {
    const { how } = buttons.find(({ stage }) => stage === "scaled_scores");
    how.replaceChildren(...(model.get("scaled") ? ["÷ √", dK()] : ["not divided"]));
  });
  life.watch(["stage"], () => buttons.forEach(({ stage, button }) => {
    button.setAttribute("aria-pressed", stage === model.get("stage"));
  }));
  const element = el("div", { class: "attend-stages", role: "group", "aria-label": "Show large" });
  element.append(...buttons.map(({ button }) => button));
  return { element, buttons };
}

const focusableButton = (name, ...children) =>
  el("button", { type: "button", class: name, "data-lm-suppress-shortcuts": "true" }, ...children);

// What a picture of one stage needs: its numbers and where they stand on the ramp.
function pictureOf(stage, results, overrides) {
  const values = results[stage];
  const allowed = (i, j) => stage === "scores" || (results.mask?.[i][j] ?? true);
  const set = new Set(overrides.map(([i, j]) => i * MOST_TOKENS + j));
  return {
    rows: results.tokens, columns: results.tokens, values, allowed,
    label: `${NAMES[stage]}: queries on rows, keys on columns`,
    marked: (i, j) => set.has(i * MOST_TOKENS + j),
    sums: stage === "weights" ? results.row_sums : null,
    ramp: shades(values, stage === "weights" ? 1 : highest(results)),
  };
}

// Scores and scaled scores share one ramp, so that the smaller ones look smaller.
const highest = ({ scores: bare, scaled_scores: scaled }) =>
  largest([...bare, ...scaled]);

// The formula of one cell with its real operands, in three lines.
function formulaPanel(id) {
  const lines = STAGES.map(([stage]) => [
    el("dt", {}, { scores: "score", scaled_scores: "scaled score", weights: "weight" }[stage]),
    el("dd", {}),
  ]);
  const title = el("p", { class: "attend-formula-title" });
  const list = el("dl", { class: "attend-formula-lines" }, ...lines.flat());
  const element = el("div", { class: "attend-formula", id }, title, list);
  const [score, scaled, weight] = lines.map(([, dd]) => dd);
  function update(results, state, [i, j]) {
    const { tokens } = results;
    title.replaceChildren("Query ", el("b", {}, tokens[i]), ", key ", el("b", {}, tokens[j]),
      el("span", { class: "attend-muted" }, state.locked ? " · locked" : ""));
    score.replaceChildren(...scoreLine(results, state, i, j));
    scaled.replaceChildren(...scaledLine(results, state, i, j));
    weight.replaceChildren(...weightLine(results, i, j));
  }
  return { element, update };
}

const result = (x) => el("b", { class: "attend-nowrap" }, number(x));
const signed = (x) => (x < 0 ? `(${number(x)})` : number(x));

function scoreLine({ scores: bare, q, k, d_k }, { overrides }, i, j) {
  if (overrides.some(([a, b]) => a === i && b === j)) return ["set by you: ", result(bare[i][j])];
  const products = q[i].map((x, c) => `${signed(x)} × ${signed(k[j][c])}`).join(" + ");
  const rest = d_k - q[i].length;
  const others = rest > 0 ? ` + … ${rest} more` : "";
  return ["q · k = ", products, others, " = ", result(bare[i][j])];
}

function scaledLine({ scores: bare, scaled_scores: scaled, d_k }, state, i, j) {
  const steps = [];
  if (state.scaled) steps.push(` ÷ √${d_k}`);
  if (state.temperature !== 1) steps.push(` ÷ ${number(state.temperature)}`);
  const left = `${number(bare[i][j])}${steps.join("")} = `;
  return [steps.length ? left : "not divided: ", result(scaled[i][j])];
}

function weightLine({ scaled_scores: scaled, weights, mask, computed_by }, i, j) {
  if (computed_by) return [`${computed_by} gives `, result(weights[i][j])];
  const allowed = (c) => mask?.[i][c] ?? true;
  if (!allowed(j)) return ["the mask forbids this key: ", result(weights[i][j])];
  const power = (c, tag) => el(tag, { class: "attend-nowrap" }, "e", el("sup", {}, number(scaled[i][c])));
  const terms = scaled[i].map((_, c) => c).filter(allowed);
  const below = terms.flatMap((c, n) => [n ? " + " : "", power(c, c === j ? "b" : "span")]);
  return [power(j, "b"), " ÷ (", ...below, ") = ", result(weights[i][j])];
}

// What changed, in a sentence: shown under the map and said to screen readers.
const inWords = ({ spread: bare, scaled_spread: scaled, mean_largest: most }) =>
  `Scores spread by ${number(bare)}, scaled scores by ${number(scaled)}. ` +
  `The largest weight of a row is ${number(most)} on average.`;

function overrideField(model, life, current) {
  const kept = (i, j) => model.get("overrides").filter(([a, b]) => a !== i || b !== j);
  const which = el("span", {});
  const { element, show } = field(model, life, {
    traits: ["overrides", "results", "cell"], type: "text", inputmode: "decimal",
    label: ["Score of ", which],
    write() {
      say(which, current()?.name ?? "the cell");
      return current()?.value ?? "";
    },
    read(text) {
      const value = Number(text.replace("−", "-").replace(",", "."));
      if (text.trim() === "" || !(Math.abs(value) <= 1e6)) {
        throw new Error("Type a number from −1,000,000 to 1,000,000. The score stays.");
      }
      const { i, j } = current();
      return [{ overrides: [...kept(i, j), [i, j, value]], cell: [i, j], locked: true }];
    },
  });
  const reset = focusableButton("attend-button", "Undo all set scores");
  life.listen(reset, "click", () => put(model, { overrides: [] }));
  life.watch(["overrides"], () => { reset.disabled = model.get("overrides").length === 0; });
  return { element, reset, show };
}

function sentenceField(model, life) {
  return field(model, life, {
    traits: ["sentence"], type: "text", dir: "auto", class: "attend-wide",
    label: [`Sentence, up to ${MOST_TOKENS} words`],
    write: () => model.get("sentence"),
    read(text) {
      const [words, remark] = readTokens(text, MOST_TOKENS);
      // Scores that were set belonged to the words that stood there.
      return [{ sentence: words.join(" "), overrides: [], cell: [0, 0], locked: false }, remark];
    },
  }).element;
}

function seedField(model, life) {
  return field(model, life, {
    traits: ["seed"], type: "text", inputmode: "numeric", label: ["Seed of the random vectors"],
    write: () => model.get("seed"),
    read(text) {
      if (!/^\s*\d{1,9}\s*$/.test(text)) {
        throw new Error("Type a whole number of at most nine digits. The seed stays.");
      }
      return [{ seed: Number(text) }];
    },
  }).element;
}

const MASKS = [
  ["none", "none: all keys"],
  ["causal", "causal: no later keys"],
  ["padding", "padding: no filling"],
];

function view({ model, life, announce }) {
  const ids = { map: newId("map"), formula: newId("formula") };
  const map = heatMap(life, { id: ids.map, describedby: ids.formula });
  const stages = stageButtons(model, life);
  const formula = formulaPanel(ids.formula);
  const plot = spreadPlot(WIDTHS);
  const title = el("p", { class: "attend-map-title" });
  const words = el("p", { class: "attend-summary" });
  const source = el("p", { class: "attend-source" });
  const state = () => Object.fromEntries(TRAITS.map((name) => [name, model.get(name)]));
  let seen = [0, 0];
  let override = null;

  const shown = () => {
    const [i, j] = seen;
    const { tokens, scores: bare } = model.get("results");
    const value = bare?.[i]?.[j];
    if (value === undefined) return null;
    return { i, j, value: Number(value.toPrecision(4)), name: `query ${tokens[i]}, key ${tokens[j]}` };
  };
  const explain = (cell) => {
    seen = cell ?? seen;
    seen = hand.mark();
    formula.update(model.get("results"), state(), seen);
    override.show();
  };
  const hand = explore(map, life, {
    start: () => model.get("cell"),
    isLocked: () => model.get("locked"),
    choose: (cell, locked) => put(model, { cell, locked }),
    show: explain,
  });
  override = overrideField(model, life, shown);

  function drawMap() {
    const results = model.get("results");
    if (!results.tokens) return;
    const stage = model.get("stage");
    map.update(pictureOf(stage, results, model.get("overrides")));
    wear(map.element, "data-stage", stage);
    say(title, NAMES[stage]);
    explain();
  }
  function draw(results) {
    for (const { stage, mini } of stages.buttons) {
      const { ramp, allowed } = pictureOf(stage, results, []);
      mini.update(ramp, allowed);
    }
    drawMap();
    plot.update(results);
    say(words, inWords(results));
    announce(`d_k ${results.d_k}. ${inWords(results)}`);
    const drawnWith = `drawn for each word with seed ${model.get("seed")}`;
    say(source, `Queries and keys are random here: independent components with mean 0 and variance 1, ${drawnWith}. Nothing was trained.`);
  }
  life.watch(["stage"], drawMap);
  life.watch(["cell", "locked"], () => {
    hand.settle();
    if (model.get("results")?.tokens) explain();
  });

  const controls = el("div", { class: "attend-controls" },
    slider(model, life, { trait: "d_k", label: ["Length of a query or key, ", dK()], steps: WIDTHS, show: String }),
    toggle(model, life, { trait: "scaled", label: ["Divide scores by ", root(dK())] }));
  const rest = more("More controls",
    sentenceField(model, life),
    choice(model, life, { trait: "mask", label: ["Mask"], options: MASKS }),
    slider(model, life, { trait: "temperature", label: ["Temperature"], steps: TEMPERATURES }),
    seedField(model, life),
    override.element, override.reset);
  const large = el("div", { class: "attend-large" }, title, el("div", { class: "attend-scroll" }, map.element), words);
  const below = el("div", { class: "attend-below" }, formula.element, plot.element);
  const body = el("div", { class: "attend-body" }, stages.element, large);
  return { parts: [controls, body, below, source, rest], draw };
}

const TRAITS = ["sentence", "d_k", "scaled", "mask", "temperature", "seed", "overrides", "locked"];

export default explorer({ name: "Explorer: scores, scaled scores, weights", compute: computeScaling, view });
