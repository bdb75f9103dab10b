// Chapter 6: the heads of one layer of a trained model, and what each adds to the output.
import { softmax, sum } from "../../kit/explorers/linalg.js";
import { el, focusable, newId, number, put, say, short } from "../../kit/explorers/dom.js";
import { explore, heatMap, miniMap, shades } from "../../kit/explorers/draw.js";
import { explorer, more } from "../../kit/explorers/view.js";

// The same as MultiHeadExplorer._results in Python; a test compares the two.
export function computeMultiHead({ words, scores: all, products, layer: wanted, off, changes }) {
  const layer = Math.min(wanted, all.length - 1);
  const scores = changedScores(all[layer], layer, changes);
  const weights = scores.map((rows) => rows.map(softmax));
  const heads = weights.map((_, h) => h);
  const on = heads.map((h) => !off.includes(h));
  const lengths = (chosen) => words.map((_, i) => length(weights, products[layer], chosen, i));
  return {
    error: null, computed_by: null, tokens: words, layer, scores, weights,
    row_sums: weights.map((rows) => rows.map(sum)), on,
    lengths: heads.map((h) => lengths([h])),
    totals: lengths(heads.filter((h) => on[h])),
    moved: lengths(heads.filter((h) => !on[h])),
  };
}

function changedScores(heads, layer, changes) {
  const scores = heads.map((rows) => rows.map((row) => [...row]));
  for (const [where, h, i, j, score] of changes) {
    if (where === layer && scores[h]?.[i]?.[j] !== undefined) scores[h][i][j] = score;
  }
  return scores;
}

// How long the sum of what the heads add for query i is. It is a mixture of the rows that they
// carry; its squared length needs no more than their dot products, of which the lower half is here.
function length(weights, lower, heads, i) {
  const n = weights[0].length;
  const shares = heads.flatMap((h) => weights[h][i].map((w, j) => [h * n + j, w]));
  let squared = 0;
  for (const [a, w] of shares) {
    for (const [b, v] of shares) squared += w * v * lower[Math.max(a, b)][Math.min(a, b)];
  }
  return Math.sqrt(Math.max(0, squared));
}

const nowrap = (text, tag = "span") => el(tag, { class: "attend-nowrap" }, text);
const leader = (row) => row.indexOf(Math.max(...row));

function inWords({ tokens, weights, on, moved }, i) {
  const leaders = weights.map((rows) => `“${tokens[leader(rows[i])]}”`);
  const said = `“${tokens[i]}” gives most weight to ${leaders.join(", ")}, head by head. `;
  if (on.every(Boolean)) return `${said}All heads are on.`;
  return `${said}Without the heads that are off its output moves by ${number(moved[i])}.`;
}

// One button a head, with its map as its face.
function headButtons(model, life) {
  const element = el("div", { class: "attend-stages" });
  let buttons = [];
  const make = (h) => {
    const mini = miniMap(life);
    mini.element.dataset.stage = `head-${h}`;
    const how = el("span", { class: "attend-stage-how" });
    const title = el("span", { class: "attend-stage-title" }, `Head ${h + 1}`);
    const button = focusable(el("button", { type: "button", class: "attend-stage" }, mini.element, title, how));
    life.listen(button, "click", () => put(model, { head: h }));
    return { button, mini, how };
  };
  function update({ weights, on }, shown) {
    if (buttons.length !== weights.length) {
      buttons = weights.map((_, h) => make(h));
      element.replaceChildren(...buttons.map(({ button }) => button));
    }
    buttons.forEach(({ button, mini, how }, h) => {
      mini.update(shades(weights[h], 1), () => true);
      button.setAttribute("aria-pressed", h === shown);
      button.toggleAttribute("data-off", !on[h]);
      say(how, on[h] ? "on" : "off");
    });
  }
  return { element, update };
}

// Score and weight of one cell with their real operands.
function formulaPanel(id) {
  const [score, weight] = [el("dd", {}), el("dd", {})];
  const title = el("p", { class: "attend-formula-title" });
  const list = el("dl", { class: "attend-formula-lines" },
    el("dt", {}, "scaled score"), score, el("dt", {}, "weight"), weight);
  const element = el("div", { class: "attend-formula", id }, title, list);
  function update({ tokens, scores, weights, computed_by }, locked, head, [i, j]) {
    title.replaceChildren("Query ", el("b", {}, tokens[i]), ", key ", el("b", {}, tokens[j]),
      el("span", { class: "attend-muted" }, locked ? " · locked" : ""));
    const row = scores[head][i];
    const result = nowrap(number(weights[head][i][j]), "b");
    score.replaceChildren(nowrap(number(row[j]), "b"));
    if (computed_by) return weight.replaceChildren(`${computed_by} gives `, result);
    const power = (c, tag) => el(tag, { class: "attend-nowrap" }, "e", el("sup", {}, short(row[c])));
    const terms = row.flatMap((_, c) => [c ? " + " : "", power(c, c === j ? "b" : "span")]);
    return weight.replaceChildren(power(j, "b"), " ÷ (", ...terms, ") = ", result);
  }
  return { element, update };
}

// For one query: where each head looks most, and how long its part of the output is.
function partsTable() {
  const caption = el("caption", {});
  const body = el("tbody", {});
  const total = el("td", {});
  const head = el("tr", {}, ...["head", "most weight", "length"].map((name) => el("th", { scope: "col" }, name)));
  const foot = el("tr", {}, el("th", { scope: "row", colspan: 2 }, "added"), total);
  const table = el("table", { class: "attend-lookup" }, caption, el("thead", {}, head), body, el("tfoot", {}, foot));
  function update({ tokens, weights, on, lengths, totals }, shown, i) {
    say(caption, `What each head adds for “${tokens[i]}”`);
    body.replaceChildren(...weights.map((rows, h) => {
      const most = leader(rows[i]);
      return el("tr", { class: h === shown ? "is-seen" : null },
        el("th", { scope: "row" }, `Head ${h + 1}`),
        el("td", {}, `${tokens[most]} ${number(rows[i][most])}`),
        el("td", {}, on[h] ? number(lengths[h][i]) : "off"));
    }));
    say(total, number(totals[i]));
  }
  return { element: el("div", { class: "attend-head-parts" }, table), update };
}

function layerChoice(model, life) {
  const items = model.get("scores").map((_, l) => el("option", { value: l }, String(l + 1)));
  const input = focusable(el("select", {}, ...items));
  life.watch(["layer"], () => { input.value = Math.min(model.get("layer"), items.length - 1); });
  life.listen(input, "change", () => put(model, { layer: Number(input.value) }));
  return el("label", { class: "attend-control" }, el("span", { class: "attend-label" }, "Layer"), input);
}

const shownHead = (model) => Math.min(model.get("head"), model.get("scores")[0].length - 1);

// Switches the head off that is shown large.
function headSwitch(model, life) {
  const input = focusable(el("input", { type: "checkbox", role: "switch" }));
  const label = el("span", { class: "attend-label" });
  life.watch(["head", "off"], () => {
    const h = shownHead(model);
    input.checked = !model.get("off").includes(h);
    say(label, `Head ${h + 1} is on`);
  });
  life.listen(input, "change", () => {
    const h = shownHead(model);
    const others = model.get("off").filter((x) => x !== h);
    put(model, { off: input.checked ? others : [...others, h].sort() });
  });
  return el("label", { class: "attend-control attend-toggle" }, input, label);
}

const REACH = 8;

// A slider for the score of the cell that is explained.
function scoreSlider(model, life, place) {
  const input = focusable(el("input", { type: "range", min: -REACH, max: REACH, step: 0.5 }));
  const label = el("span", { class: "attend-label" });
  const value = el("output", { class: "attend-value" });
  life.listen(input, "input", () => {
    const { layer, head, i, j } = place();
    const same = ([a, b, c, d]) => a === layer && b === head && c === i && d === j;
    const others = model.get("changes").filter((change) => !same(change));
    put(model, {
      changes: [...others, [layer, head, i, j, Number(input.value)]], cell: [i, j], locked: true,
    });
  });
  function update({ tokens, scores }, head, [i, j]) {
    const score = scores[head][i][j];
    if (Number(input.value) !== score) input.value = score;
    input.setAttribute("aria-valuetext", short(score));
    say(value, short(score));
    say(label, `Score from “${tokens[i]}” to “${tokens[j]}”`);
  }
  return { element: el("label", { class: "attend-control" }, label, input, value), update };
}

function undoButton(model, life) {
  const button = focusable(el("button", { type: "button", class: "attend-button" }, "Undo all changes"));
  life.listen(button, "click", () => put(model, { changes: [], off: [] }));
  life.watch(["changes", "off"], () => {
    button.disabled = !model.get("changes").length && !model.get("off").length;
  });
  return button;
}

const pictureOf = ({ tokens, weights }, head, changed) => ({
  rows: tokens, columns: tokens, values: weights[head], sums: null, ramp: shades(weights[head], 1),
  label: "Weights: queries on rows, keys on columns", allowed: () => true, marked: changed,
});

const SOURCE = "Scores of the course’s own translator, a trained model, for this sentence; rounded " +
  "to four decimals. The weights are computed from them here.";

function view({ model, life, announce }) {
  const ids = { map: newId("map"), formula: newId("formula") };
  const map = heatMap(life, { id: ids.map, describedby: ids.formula });
  const heads = headButtons(model, life);
  const formula = formulaPanel(ids.formula);
  const parts = partsTable();
  const title = el("p", { class: "attend-map-title" });
  const words = el("p", { class: "attend-summary" });
  let seen = model.get("cell");
  const place = () => ({
    layer: model.get("results").layer, head: shownHead(model), i: seen[0], j: seen[1],
  });
  const slider = scoreSlider(model, life, place);

  const explain = (cell) => {
    seen = cell ?? seen;
    seen = hand.mark();
    const [results, head] = [model.get("results"), shownHead(model)];
    formula.update(results, model.get("locked"), head, seen);
    parts.update(results, head, seen[0]);
    slider.update(results, head, seen);
    say(words, inWords(results, seen[0]));
  };
  const hand = explore(map, life, {
    start: () => model.get("cell"),
    isLocked: () => model.get("locked"),
    choose: (cell, locked) => put(model, { cell, locked }),
    show: explain,
  });
  function drawMap() {
    const results = model.get("results");
    if (!results.tokens) return;
    const head = shownHead(model);
    const changed = (i, j) => model.get("changes").some(([l, h, a, b]) =>
      l === results.layer && h === head && a === i && b === j);
    heads.update(results, head);
    map.update(pictureOf(results, head, changed));
    map.element.dataset.stage = "weights";
    say(title, `Weights of layer ${results.layer + 1}, head ${head + 1}`);
    explain();
  }
  function draw(results) {
    drawMap();
    announce(`Layer ${results.layer + 1}. ${inWords(results, seen[0])}`);
  }
  life.watch(["head"], drawMap);
  life.watch(["cell", "locked"], () => {
    hand.settle();
    if (map.cells.length > 0) explain(model.get("cell"));
  });

  const controls = el("div", { class: "attend-controls" }, layerChoice(model, life), headSwitch(model, life));
  const scroll = el("div", { class: "attend-scroll" }, map.element);
  const large = el("div", { class: "attend-large" }, title, scroll, words);
  const body = el("div", { class: "attend-body" }, heads.element, large);
  const below = el("div", { class: "attend-head-below" }, formula.element, parts.element);
  const rest = more("More controls", slider.element, undoButton(model, life));
  const source = el("p", { class: "attend-source" }, SOURCE);
  return { parts: [controls, body, below, source, rest], draw };
}

export default explorer({ name: "Explorer: heads side by side", compute: computeMultiHead, view });
