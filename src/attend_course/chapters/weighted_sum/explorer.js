// Chapter 5: weights from scores, and each output as a mixture of values in the plane.
import { causalMask, maskedSoftmax, matmul, sum } from "../../kit/explorers/linalg.js";
import { el, field, focusable, newId, number, put, say, svg, toggle } from "../../kit/explorers/dom.js";
import { explore, heatMap, shades } from "../../kit/explorers/draw.js";
import { explorer, more } from "../../kit/explorers/view.js";

const UNIT = 32;
const MIDDLE = 150;
const REACH = 4;
const TIE = 1e-9;

// The same as WeightedSumExplorer._results in Python; a test compares the two.
export function computeWeightedSum({ words, scores, values, causal }) {
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

function short(x) {
  const text = number(x);
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

const pair = (point) => `(${point.map(number).join(", ")})`;
const nowrap = (text, tag = "span") => el(tag, { class: "attend-nowrap" }, text);
const term = (weight, value, tag) =>
  nowrap(`${number(weight)} × (${value.map(short).join(", ")})`, tag);
const joined = (nodes) => nodes.flatMap((node, c) => (c ? [" + ", node] : [node]));

function inWords({ tokens, weights, inside: within }, i) {
  const most = Math.max(...weights[i]);
  const leading = tokens.filter((_, j) => weights[i][j] > most - TIE).map((token) => `“${token}”`);
  const strays = within.filter((yes) => !yes).length;
  const where = strays ? `${strays} of ${tokens.length} outputs lie outside` : "Every output lies inside";
  return `The largest weight of “${tokens[i]}” is ${number(most)}, for ${leading.join(" and ")}. ` +
    `${where} the shape that the values span.`;
}

// The plane

const across = (x) => (MIDDLE + UNIT * x).toFixed(1);
const up = (y) => (MIDDLE - UNIT * y).toFixed(1);

function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
}

const dot = (size, name) => svg("circle", { r: size, class: `attend-dot ${name}` });
const place = (circle, [x, y]) => set(circle, { cx: across(x), cy: up(y) });

function axes() {
  const line = (a, b) => svg("line", {
    x1: across(a[0]), y1: up(a[1]), x2: across(b[0]), y2: up(b[1]), class: "attend-gridline",
  });
  return [line([-REACH, 0], [REACH, 0]), line([0, -REACH], [0, REACH])];
}

function plane() {
  const hull = svg("polygon", { class: "attend-hull" });
  const large = dot(8, "is-output");
  const picture = svg("svg", { viewBox: "0 0 300 300", role: "img", class: "attend-plot" });
  const caption = el("p", { class: "attend-legend" });
  let parts = null;
  function build(n) {
    const every = (make) => Array.from({ length: n }, make);
    parts = {
      threads: every(() => svg("line", { class: "attend-thread" })),
      values: every(() => dot(5, "is-bare")),
      outputs: every(() => dot(4, "is-scaled")),
      names: every(() => svg("text", { class: "attend-name is-middle" })),
    };
    const { threads, values, outputs, names } = parts;
    picture.replaceChildren(...axes(), hull, ...threads, ...values, ...outputs, large, ...names);
  }
  function update({ tokens, values, weights, outputs, corners: ring }, i) {
    if (parts?.values.length !== tokens.length) build(tokens.length);
    const here = outputs[i];
    hull.setAttribute("points", ring.map((c) => `${across(values[c][0])},${up(values[c][1])}`).join(" "));
    tokens.forEach((token, c) => {
      const [x, y] = values[c];
      set(parts.threads[c], {
        x1: across(here[0]), y1: up(here[1]), x2: across(x), y2: up(y),
        "stroke-width": (10 * weights[i][c]).toFixed(2),
      });
      place(parts.values[c], values[c]);
      place(parts.outputs[c], outputs[c]);
      set(parts.names[c], { x: across(x), y: Number(up(y)) + (y >= 0 ? -10 : 19) });
      say(parts.names[c], token);
    });
    place(large, here);
    picture.setAttribute("aria-label", `The output of ${tokens[i]} is ${pair(here)}.`);
    say(caption, `Filled: the values. Rings: the outputs; the large one is that of “${tokens[i]}”. ` +
      "Lines: what it takes, the thicker the more.");
  }
  return { element: el("div", { class: "attend-mixture" }, picture, caption), update };
}

// The formula of one cell with its real operands, in three lines.
function formulaPanel(id) {
  const names = ["weight", "this value’s part", "output, all parts together"];
  const lines = names.map((name) => [el("dt", {}, name), el("dd", {})]);
  const title = el("p", { class: "attend-formula-title" });
  const list = el("dl", { class: "attend-formula-lines" }, ...lines.flat());
  const element = el("div", { class: "attend-formula", id }, title, list);
  const [weight, part, output] = lines.map(([, dd]) => dd);
  function update(results, locked, [i, j]) {
    const { tokens } = results;
    title.replaceChildren("Query ", el("b", {}, tokens[i]), ", key ", el("b", {}, tokens[j]),
      el("span", { class: "attend-muted" }, locked ? " · locked" : ""));
    weight.replaceChildren(...weightLine(results, i, j));
    part.replaceChildren(...partLine(results, i, j));
    output.replaceChildren(...outputLine(results, i, j));
  }
  return { element, update };
}

function weightLine({ scores, weights, mask }, i, j) {
  const allowed = (c) => mask?.[i][c] ?? true;
  const weight = nowrap(number(weights[i][j]), "b");
  if (!allowed(j)) return ["the mask forbids this key: ", weight];
  const power = (c, tag) => el(tag, { class: "attend-nowrap" }, "e", el("sup", {}, short(scores[i][c])));
  const terms = scores[i].map((_, c) => c).filter(allowed);
  const below = terms.map((c) => power(c, c === j ? "b" : "span"));
  return [power(j, "b"), " ÷ (", ...joined(below), ") = ", weight];
}

function partLine({ weights, values }, i, j) {
  const part = values[j].map((x) => weights[i][j] * x);
  return [term(weights[i][j], values[j], "span"), " = ", nowrap(pair(part), "b")];
}

function outputLine({ weights, values, outputs, computed_by }, i, j) {
  const output = nowrap(pair(outputs[i]), "b");
  if (computed_by) return [`${computed_by} gives `, output];
  const terms = values.map((value, c) => term(weights[i][c], value, c === j ? "b" : "span"));
  return [...joined(terms), " = ", output];
}

// Controls

// One slider for each score of the chosen query.
function scoreSliders(model, life) {
  const title = el("p", { class: "attend-scores-title" });
  const rows = el("div", { class: "attend-scores" }, title);
  let sliders = [];
  const write = (j, score) => {
    const [i] = chosen(model);
    const change = (row, r) => (r === i ? row.map((x, c) => (c === j ? score : x)) : row);
    put(model, { scores: model.get("scores").map(change) });
  };
  function build(tokens) {
    sliders = tokens.map((token, j) => {
      const range = { type: "range", min: -REACH, max: REACH, step: 0.5, "data-key": j };
      const input = focusable(el("input", range));
      const value = el("output", { class: "attend-value" });
      life.listen(input, "input", () => write(j, Number(input.value)));
      const label = el("span", { class: "attend-label" }, token);
      return { input, value, element: el("label", { class: "attend-control" }, label, input, value) };
    });
    rows.replaceChildren(title, ...sliders.map(({ element }) => element));
  }
  function update() {
    const tokens = model.get("words");
    const [i] = chosen(model);
    if (sliders.length !== tokens.length) build(tokens);
    say(title, `Scaled scores of the query “${tokens[i]}”`);
    model.get("scores")[i].forEach((score, j) => {
      const { input, value } = sliders[j];
      if (Number(input.value) !== score) input.value = score;
      input.setAttribute("aria-valuetext", short(score));
      say(value, short(score));
    });
  }
  return { element: rows, update };
}

// The cell that is set, inside the sentence.
function chosen(model) {
  const last = model.get("words").length - 1;
  return model.get("cell").map((index) => Math.min(index, last));
}

function queryChoice(model, life) {
  const items = model.get("words").map((word, i) => el("option", { value: i }, word));
  const input = focusable(el("select", {}, ...items));
  life.watch(["cell"], () => { input.value = chosen(model)[0]; });
  life.listen(input, "change", () => {
    put(model, { cell: [Number(input.value), chosen(model)[1]] });
  });
  return el("label", { class: "attend-control" }, el("span", { class: "attend-label" }, "Query"), input);
}

function valueField(model, life) {
  const which = el("span", {});
  return field(model, life, {
    traits: ["values", "cell"], type: "text", inputmode: "text", label: ["Value of ", which],
    write() {
      const [, j] = chosen(model);
      say(which, `key “${model.get("words")[j]}”`);
      return model.get("values")[j].map(short).join(", ");
    },
    read(text) {
      const numbers = text.replaceAll("−", "-").replace(/[()]/g, "").split(/[,;\s]+/).filter(Boolean).map(Number);
      if (numbers.length !== 2 || !numbers.every((x) => Math.abs(x) <= REACH)) {
        throw new Error("Type two numbers from −4 to 4, such as 1.5, −2. The value stays.");
      }
      const [, j] = chosen(model);
      return [{ values: model.get("values").map((value, c) => (c === j ? numbers : value)) }];
    },
  }).element;
}

function undoButton(model, life) {
  const button = focusable(el("button", { type: "button", class: "attend-button" }, "Undo all changes"));
  const first = { scores: model.get("scores"), values: model.get("values") };
  life.listen(button, "click", () => put(model, first));
  life.watch(["scores", "values"], () => {
    button.disabled = Object.keys(first).every((name) => model.get(name) === first[name]);
  });
  return button;
}

const pictureOf = ({ tokens, weights, mask, row_sums }) => ({
  rows: tokens, columns: tokens, values: weights, sums: row_sums, ramp: shades(weights, 1),
  label: "Weights: queries on rows, keys on columns",
  allowed: (i, j) => mask?.[i][j] ?? true, marked: () => false,
});

const SOURCE = "Queries, keys and values were chosen by hand, so that values are points in the " +
  "plane. Nothing was trained.";

function view({ model, life, announce }) {
  const ids = { map: newId("map"), formula: newId("formula") };
  const map = heatMap(life, { id: ids.map, describedby: ids.formula });
  const formula = formulaPanel(ids.formula);
  const points = plane();
  const sliders = scoreSliders(model, life);
  const words = el("p", { class: "attend-summary" });
  let seen = model.get("cell");

  const explain = (cell) => {
    seen = cell ?? seen;
    seen = hand.mark();
    const results = model.get("results");
    formula.update(results, model.get("locked"), seen);
    points.update(results, seen[0]);
    say(words, inWords(results, seen[0]));
  };
  const hand = explore(map, life, {
    start: () => model.get("cell"),
    isLocked: () => model.get("locked"),
    choose: (cell, locked) => put(model, { cell, locked }),
    show: explain,
  });
  function draw(results) {
    map.update(pictureOf(results));
    map.element.dataset.stage = "weights";
    sliders.update();
    explain();
    announce(`${inWords(results, seen[0])} Its output is ${pair(results.outputs[seen[0]])}.`);
  }
  life.watch(["cell", "locked"], () => {
    hand.settle();
    if (map.cells.length === 0) return;
    sliders.update();
    explain(model.get("cell"));
  });

  const controls = el("div", { class: "attend-controls" },
    queryChoice(model, life),
    toggle(model, life, { trait: "causal", label: ["Mask later words"] }));
  const title = el("p", { class: "attend-map-title" }, "Weights");
  const scroll = el("div", { class: "attend-scroll" }, map.element);
  const large = el("div", { class: "attend-large" }, title, scroll, words);
  const body = el("div", { class: "attend-plane-body" }, points.element, large);
  const rest = more("More controls", valueField(model, life), undoButton(model, life));
  const source = el("p", { class: "attend-source" }, SOURCE);
  return { parts: [controls, body, sliders.element, formula.element, source, rest], draw };
}

export default explorer({ name: "Explorer: outputs as mixtures of values", compute: computeWeightedSum, view });
