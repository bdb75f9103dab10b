// Chapter 1: a translation unrolled, with what every step sees and says.
import { causalMask, maskedSoftmax, sum } from "../../kit/explorers/linalg.js";
import { choice, el, field, focusable, newId, number, put, say, toggle } from "../../kit/explorers/dom.js";
import { explore, heatMap, shades } from "../../kit/explorers/draw.js";
import { explorer, more } from "../../kit/explorers/view.js";

const TITLES = { memory: "Memory attention", own: "Self-attention of the decoder" };
const MAPS = [
  ["memory", "at the source (memory attention)"],
  ["own", "at what is written (self-attention)"],
];
const SOURCE = "Scores and probabilities were computed by the course’s trained translator, in Python. " +
  "This explorer applies mask and softmax to the scores; predictions are those with the mask. " +
  "Type a sentence of your own in the notebook.";
const TYPED = "Scores and probabilities are computed by the course’s trained translator, in Python.";

// The same as EncoderDecoderExplorer._results in Python, from the scores that Python recorded.
export function computeSteps({ sentence, map, masked, place, record }) {
  const kept = record.sentences[sentence];
  if (!kept) return { error: "The scores of this sentence were not recorded." };
  const { source, target, inputs, likely } = kept;
  const own = map === "own";
  const mask = own && masked ? causalMask(target.length) : null;
  const chosen = atPlace(kept[map], place === "best" ? record.best[map] : place);
  const weights = average(chosen.map((scores) => maskedSoftmax(scores, mask)));
  return {
    error: null, computed_by: null, sentences: Object.keys(record.sentences),
    places: placeNames(kept.memory), tokens: own ? inputs : target, columns: own ? inputs : source,
    map, source, target, inputs, weights, mask, row_sums: weights.map(sum), likely,
  };
}

function placeNames(layers) {
  const names = layers.map((_, layer) => String(layer + 1));
  const heads = names.flatMap((name, layer) => layers[layer].map((_, head) => `${name}.${head + 1}`));
  return ["best", "all", ...names, ...heads];
}

// The scores of all heads that a place such as "all", "4" or "4.1" names.
function atPlace(layers, place) {
  const [layer, head] = place.split(".");
  const kept = layer === "all" ? layers : [layers[layer - 1]];
  return kept.flatMap((heads) => (head ? [heads[head - 1]] : heads));
}

const average = (maps) => maps[0].map((row, i) =>
  row.map((_, j) => sum(maps.map((one) => one[i][j])) / maps.length));

function placeText(name) {
  if (name === "best") return "the course’s choice";
  if (name === "all") return "all layers and heads, averaged";
  const [layer, head] = name.split(".");
  return head ? `layer ${layer}, head ${head}` : `layer ${layer}, heads averaged`;
}

function inWords({ map, inputs, target, columns, weights }, i) {
  if (map === "own") {
    const ahead = number(sum(weights[i].slice(i + 1)));
    return `Having read “${inputs[i]}”, the step gives ${ahead} of its weight to later pieces.`;
  }
  const most = Math.max(...weights[i]);
  const where = columns[weights[i].indexOf(most)];
  return `The step that writes “${target[i]}” looks most at “${where}”: ${number(most)}.`;
}

// What one step has read, what it says may follow, and what it takes.
function stepPanel(id) {
  const title = el("p", { class: "attend-formula-title" });
  const read = el("dd", {});
  const rows = el("tbody", {});
  const list = el("dl", { class: "attend-formula-lines" },
    el("dt", {}, "it has read"), read,
    el("dt", {}, "likeliest next pieces"),
    el("dd", {}, el("table", { class: "attend-lookup" }, rows)));
  const element = el("div", { class: "attend-formula is-short", id }, title, list);
  function candidate([piece, probability]) {
    const bar = el("td", { class: "attend-share" }, number(probability));
    bar.style.setProperty("--share", probability);
    return el("tr", {}, el("th", { scope: "row" }, piece), bar);
  }
  function update({ target, inputs, likely }, locked, i) {
    title.replaceChildren(`Step ${i + 1} of ${target.length} writes `, el("b", {}, target[i]),
      el("span", { class: "attend-muted" }, locked ? " · locked" : ""));
    say(read, inputs.slice(0, i + 1).join(" "));
    rows.replaceChildren(...likely[i].map(candidate));
  }
  return { element, update };
}

// Controls

// On a page one of the recorded sentences; where Python answers, any.
function sentenceControl(model, life) {
  const first = { cell: [0, 0], locked: false };
  if (model.get("typing")) {
    return field(model, life, {
      traits: ["sentence"], type: "text", class: "attend-wide", label: ["English sentence"],
      write: () => model.get("sentence"),
      read(text) {
        if (!text.trim() || text.length > 300) throw new Error("Type one sentence. The last one stays.");
        return [{ sentence: text, ...first }];
      },
    }).element;
  }
  const options = model.get("results").sentences.map((sentence) => [sentence, sentence]);
  const control = choice(model, life, { trait: "sentence", label: ["Sentence"], options });
  return control;
}

function stepButtons(model, life) {
  const button = (text) => focusable(el("button", { type: "button", class: "attend-button" }, text));
  const [back, forward] = [button("◀ Step back"), button("Step forward ▶")];
  const last = () => (model.get("results").target?.length ?? 1) - 1;
  const at = () => Math.min(model.get("cell")[0], last());
  const go = (by) => put(model, { cell: [Math.max(0, Math.min(last(), at() + by)), model.get("cell")[1]] });
  life.listen(back, "click", () => go(-1));
  life.listen(forward, "click", () => go(1));
  life.watch(["cell", "results"], () => {
    // A button that has the focus keeps it at the end of the way, and says so.
    back.setAttribute("aria-disabled", at() === 0);
    forward.setAttribute("aria-disabled", at() === last());
  });
  return el("div", { class: "attend-buttons" }, back, forward);
}

const pictureOf = ({ tokens, columns, weights, mask, row_sums, map }) => ({
  rows: tokens, columns, values: weights, sums: row_sums, ramp: shades(weights, 1),
  label: `${TITLES[map]}: queries on rows, keys on columns`,
  allowed: (i, j) => mask?.[i][j] ?? true, marked: () => false,
});

function view({ model, life, announce }) {
  const ids = { map: newId("map"), step: newId("step") };
  const map = heatMap(life, { id: ids.map, describedby: ids.step, pale: 0.095 });
  const step = stepPanel(ids.step);
  const title = el("p", { class: "attend-map-title" });
  const words = el("p", { class: "attend-summary" });
  let seen = model.get("cell");

  const explain = (cell) => {
    seen = cell ?? seen;
    seen = hand.mark();
    const results = model.get("results");
    step.update(results, model.get("locked"), seen[0]);
    say(words, inWords(results, seen[0]));
  };
  const hand = explore(map, life, {
    start: () => model.get("cell"),
    isLocked: () => model.get("locked"),
    choose: (cell, locked) => put(model, { cell, locked }),
    show: explain,
  });
  const spoken = ({ target, likely }) =>
    `Step ${seen[0] + 1} of ${target.length} writes ${target[seen[0]]}, ` +
    `probability ${number(likely[seen[0]][0][1])}. ${words.textContent}`;
  function draw(results) {
    map.update(pictureOf(results));
    map.element.dataset.stage = "weights";
    say(title, TITLES[results.map]);
    explain();
    announce(spoken(results));
  }
  life.watch(["cell", "locked"], () => {
    hand.settle();
    if (map.cells.length === 0) return;
    explain(model.get("cell"));
    announce(spoken(model.get("results")));
  });

  const controls = el("div", { class: "attend-controls" },
    sentenceControl(model, life),
    choice(model, life, { trait: "map", label: ["Looking"], options: MAPS }),
    toggle(model, life, { trait: "masked", label: ["Mask later pieces"] }),
    stepButtons(model, life));
  const scroll = el("div", { class: "attend-scroll" }, map.element);
  const large = el("div", { class: "attend-large attend-many" }, title, scroll, words);
  const options = model.get("results").places.map((name) => [name, placeText(name)]);
  const rest = more("More controls", choice(model, life, { trait: "place", label: ["Which attention"], options }));
  const source = el("p", { class: "attend-source" }, model.get("typing") ? TYPED : SOURCE);
  return { parts: [controls, large, step.element, source, rest], draw };
}

export default explorer({ name: "Explorer: a translation, step by step", compute: computeSteps, view });
