// Chapter 2: a query is compared with all keys; its weights mix the values.
import { attention, matmul, scores, sum } from "../../kit/explorers/linalg.js";
import {
  choice, el, focusable, newId, number, put, say, short, symbol, toggle, vector,
} from "../../kit/explorers/dom.js";
import { explore, heatMap, miniMap, shades } from "../../kit/explorers/draw.js";
import { explorer, more } from "../../kit/explorers/view.js";

const SENTENCES = ["This seal closes letters", "This seal catches herring"];
const COMPONENTS = ["sea", "mail", "unclear"];
const VECTORS = {
  This: [0, 0, 0], seal: [1, 1, 1], closes: [0, 1, 1], letters: [0, 1, 0],
  catches: [1, 0, 1], herring: [1, 0, 0],
};
const MATRICES = {
  W_Q: [[1, 0], [0, 1], [1, 1]],
  W_K: [[1, 0], [0, 1], [-1, -1]],
  W_V: [[1, 0], [0, 1], [0, 0]],
};
const LARGEST = 10;
const TIE = 1e-6;
const SOURCE = "The three components say how much a word has to do with the sea, with mail, and " +
  "how unclear it is alone. Vectors and matrices were set by hand; nothing was trained. Scores " +
  "are not divided here.";

const wordsOf = (sentence) => sentence.split(" ");
const ownVectors = (sentence) => wordsOf(sentence).map((word) => VECTORS[word]);

// The same as QueriesKeysValuesExplorer._results in Python; a test compares the two.
export function computeLookup(state) {
  const x = state.x.length ? state.x : ownVectors(state.sentence);
  const make = (w) => (state.projected ? matmul(x, w) : x);
  const [q, k, v] = [make(state.W_Q), make(state.W_K), make(state.W_V)];
  const { output, weights } = attention(q, k, v, null, 1);
  return {
    error: null, computed_by: null, tokens: wordsOf(state.sentence), projected: state.projected,
    x, q, k, v, scores: scores(q, k, 1), weights, row_sums: weights.map(sum), output,
  };
}

const STAGES = [["scores", "Scores", "q · k"], ["weights", "Weights", "softmax of each row"]];
const NAMES = { scores: "Scores", weights: "Weights" };

function stageButtons(model, life) {
  const buttons = STAGES.map(([stage, title, how]) => {
    const mini = miniMap(life);
    mini.element.dataset.stage = stage;
    const button = focusable(el("button", { type: "button", class: "attend-stage" }, mini.element,
      el("span", { class: "attend-stage-title" }, title),
      el("span", { class: "attend-stage-how" }, how)));
    life.listen(button, "click", () => put(model, { stage }));
    return { stage, mini, button };
  });
  life.watch(["stage"], () => buttons.forEach(({ stage, button }) => {
    button.setAttribute("aria-pressed", stage === model.get("stage"));
  }));
  const element = el("div", { class: "attend-stages", role: "group", "aria-label": "Show large" },
    ...buttons.map(({ button }) => button));
  return { element, buttons };
}

function pictureOf(stage, results) {
  const values = results[stage];
  return {
    rows: results.tokens, columns: results.tokens, values,
    allowed: () => true, marked: () => false,
    label: `${NAMES[stage]}: queries on rows, keys on columns`,
    sums: stage === "weights" ? results.row_sums : null,
    ramp: shades(values, stage === "weights" ? 1 : null),
  };
}

// The table of one query: each key, its score, its weight and its value; below, the mixture.
function lookupTable() {
  const head = ["word", "key k", "q · k", "weight", "value v"];
  const body = el("tbody");
  const foot = el("tfoot");
  const element = el("table", { class: "attend-lookup" },
    el("thead", {}, el("tr", {}, ...head.map((name) => el("th", { scope: "col" }, name)))), body, foot);
  const cell = (text) => el("td", {}, text);
  function answer({ tokens, k, v, scores: bare, weights }, i, c, seen) {
    const share = el("td", { class: "attend-share" }, number(weights[i][c]));
    share.style.setProperty("--share", Math.min(1, Math.max(0, weights[i][c])).toFixed(3));
    return el("tr", { class: seen ? "is-seen" : null }, el("th", { scope: "row" }, tokens[c]),
      cell(vector(k[c])), cell(short(bare[i][c])), share, cell(vector(v[c])));
  }
  function update(results, [i, j]) {
    body.replaceChildren(...results.tokens.map((_, c) => answer(results, i, c, c === j)));
    const name = el("th", { scope: "row", colspan: 3 }, "output: values, mixed by weight");
    foot.replaceChildren(el("tr", {}, name, el("td", { colspan: 2 }, vector(results.output[i]))));
  }
  return { element, update };
}

const result = (text) => el("b", { class: "attend-nowrap" }, text);
const signed = (x) => (x < 0 ? `(${short(x)})` : short(x));
const italic = (letter) => el("i", {}, letter);

function queryLine({ projected, x, q }, i) {
  if (!projected) return ["q = ", italic("x"), " = ", result(vector(q[i]))];
  return ["q = ", italic("x"), " ", symbol("W", "Q"), ` = ${vector(x[i])} `, symbol("W", "Q"), " = ",
    result(vector(q[i]))];
}

function scoreLine({ tokens, q, k, scores: bare }, i, j) {
  const products = q[i].map((a, c) => `${signed(a)} × ${signed(k[j][c])}`).join(" + ");
  return [`q · k of ${tokens[j]} = `, products, " = ", result(short(bare[i][j]))];
}

function weightLine({ scores: bare, weights, computed_by }, i, j) {
  if (computed_by) return [`${computed_by} gives `, result(number(weights[i][j]))];
  const power = (c, tag) => el(tag, { class: "attend-nowrap" }, "e", el("sup", {}, short(bare[i][c])));
  const below = bare[i].flatMap((_, c) => [c ? " + " : "", power(c, c === j ? "b" : "span")]);
  return [power(j, "b"), " ÷ (", ...below, ") = ", result(number(weights[i][j]))];
}

// What one query meets: the table, and the sums behind the cell that is looked at.
function queryPanel(id) {
  const lines = ["query", "score", "weight"].map((name) => [el("dt", {}, name), el("dd", {})]);
  const title = el("p", { class: "attend-formula-title" });
  const table = lookupTable();
  const list = el("dl", { class: "attend-formula-lines" }, ...lines.flat());
  const element = el("div", { class: "attend-formula", id }, title, table.element, list);
  const [query, score, weight] = lines.map(([, dd]) => dd);
  function update(results, locked, [i, j]) {
    title.replaceChildren(el("b", {}, results.tokens[i]), " asks, all words answer",
      el("span", { class: "attend-muted" }, locked ? " · locked" : ""));
    table.update(results, [i, j]);
    query.replaceChildren(...queryLine(results, i));
    score.replaceChildren(...scoreLine(results, i, j));
    weight.replaceChildren(...weightLine(results, i, j));
  }
  return { element, update };
}

function inWords({ tokens, weights, output }, i) {
  const top = Math.max(...weights[i]);
  const ahead = tokens.filter((_, c) => top - weights[i][c] < TIE);
  const names = ahead.map((token) => `“${token}”`).join(", ");
  const taken = ahead.length > 1 ? `the same, ${number(top)}, from ${names}` : `most from ${names}, ${number(top)}`;
  return `“${tokens[i]}” takes ${taken}. Its output is ${vector(output[i])}.`;
}

function readEntry(text) {
  const value = Number(text.trim().replace("−", "-").replace(",", "."));
  if (text.trim() === "" || !(Math.abs(value) <= LARGEST)) {
    throw new Error(`Type a number from −${LARGEST} to ${LARGEST}. The entry stays.`);
  }
  return value;
}

// A matrix whose entries can be typed over: one small field each.
function entries(model, life, { trait, title, read, rows, columns }) {
  const note = el("span", { class: "attend-note", role: "status" });
  const name = (i, c) => `${trait}, row ${rows[i] ?? i + 1}, column ${columns[c] ?? c + 1}`;
  const input = (i, c) => focusable(el("input", {
    type: "text", inputmode: "decimal", autocomplete: "off", "aria-label": name(i, c),
  }));
  const count = [rows.length, read()[0].length];
  const inputs = rows.map((_, i) => Array.from({ length: count[1] }, (__, c) => input(i, c)));
  const names = rows.map((row) => el("th", { scope: "row" }, row));
  const show = () => read().forEach((row, i) => row.forEach((value, c) => {
    inputs[i][c].value = value;
    inputs[i][c].setAttribute("aria-label", name(i, c));
  }));
  const write = (i, c) => {
    try {
      const values = read().map((row) => [...row]);
      values[i][c] = readEntry(inputs[i][c].value);
      put(model, { [trait]: values });
      say(note, "");
    } catch (error) {
      say(note, error.message);
    }
    show();
  };
  inputs.forEach((row, i) => row.forEach((node, c) => life.listen(node, "change", () => write(i, c))));
  const head = el("tr", {}, el("td"), ...columns.map((column) => el("th", { scope: "col" }, column)));
  const body = inputs.map((row, i) => el("tr", {}, names[i], ...row.map((node) => el("td", {}, node))));
  const element = el("div", { class: "attend-entries" },
    el("table", {}, el("caption", {}, ...title), el("thead", {}, head), el("tbody", {}, ...body)), note);
  const rename = (texts) => texts.forEach((text, i) => { rows[i] = text; say(names[i], text); });
  return { element, show, rename };
}

function editors(model, life) {
  const read = (trait) => () => model.get(trait);
  const vectors = entries(model, life, {
    trait: "x", title: [el("i", {}, "x"), ", the words"], columns: COMPONENTS,
    rows: wordsOf(model.get("sentence")),
    read: () => (model.get("x").length ? model.get("x") : ownVectors(model.get("sentence"))),
  });
  life.watch(["x", "sentence"], () => {
    vectors.rename(wordsOf(model.get("sentence")));
    vectors.show();
  });
  const matrices = Object.keys(MATRICES).map((trait) => {
    const grid = entries(model, life, {
      trait, title: [symbol("W", trait[2])], read: read(trait), rows: [...COMPONENTS], columns: ["1", "2"],
    });
    life.watch([trait], grid.show);
    return grid.element;
  });
  const reset = focusable(el("button", { type: "button", class: "attend-button" }, "Undo all changes"));
  life.listen(reset, "click", () => put(model, { x: [], ...MATRICES }));
  return [vectors.element, ...matrices, reset];
}

function view({ model, life, announce }) {
  const ids = { map: newId("map"), panel: newId("panel") };
  const map = heatMap(life, { id: ids.map, describedby: ids.panel });
  const stages = stageButtons(model, life);
  const panel = queryPanel(ids.panel);
  const title = el("p", { class: "attend-map-title" });
  const words = el("p", { class: "attend-summary" });
  let hand = null;

  const explain = () => {
    const results = model.get("results");
    const cell = hand.mark();
    panel.update(results, model.get("locked"), cell);
    say(words, inWords(results, cell[0]));
  };
  hand = explore(map, life, {
    start: () => model.get("cell"),
    isLocked: () => model.get("locked"),
    choose: (cell, locked) => put(model, { cell, locked }),
    show: explain,
  });
  function drawMap() {
    const results = model.get("results");
    if (!results?.tokens) return;
    const stage = model.get("stage");
    map.update(pictureOf(stage, results));
    map.element.dataset.stage = stage;
    say(title, NAMES[stage]);
    explain();
  }
  function draw(results) {
    for (const { stage, mini } of stages.buttons) mini.update(pictureOf(stage, results).ramp, () => true);
    drawMap();
    announce(inWords(results, model.get("cell")[0]));
  }
  life.watch(["stage"], drawMap);
  life.watch(["cell", "locked"], () => {
    hand.settle();
    if (model.get("results")?.tokens) explain();
  });

  const sentence = choice(model, life, {
    trait: "sentence", label: ["Sentence"], options: SENTENCES.map((text) => [text, text]),
  });
  // Vectors that were typed belonged to the words that stood there.
  life.listen(sentence, "change", () => put(model, { x: [] }));
  const controls = el("div", { class: "attend-controls" }, sentence, toggle(model, life, {
    trait: "projected",
    label: ["Project with ", symbol("W", "Q"), ", ", symbol("W", "K"), ", ", symbol("W", "V")],
  }));
  const large = el("div", { class: "attend-large" }, title, el("div", { class: "attend-scroll" }, map.element), words);
  const body = el("div", { class: "attend-body" }, stages.element, large);
  const source = el("p", { class: "attend-source" }, SOURCE);
  const rest = more("Change the numbers", ...editors(model, life));
  return { parts: [controls, body, panel.element, source, rest], draw };
}

export default explorer({ name: "Explorer: one word asks all words", compute: computeLookup, view });
