// Chapter 3: queries and keys as arrows in a plane, and the matrix of all their scores.
import { dot, scores, sum } from "../../kit/explorers/linalg.js";
import { el, focusable, newId, number, put, say, svg } from "../../kit/explorers/dom.js";
import { explore, heatMap, shades } from "../../kit/explorers/draw.js";
import { explorer } from "../../kit/explorers/view.js";

const TOKENS = ["Hungry", "gulls", "steal", "chips"];
const REACH = 4;
const STEP = 0.5;
const [SIZE, CENTRE, UNIT] = [260, 130, 29];
const SOURCE = "Queries and keys were chosen by hand, so that you can check each number. " +
  "Nothing was trained.";
const LEGEND = "Shaded side: score above 0. Its dashed edge: score 0.";

const length = (v) => Math.sqrt(dot(v, v));
const degrees = (cosine) => (cosine === null ? null : Math.acos(cosine) * 180 / Math.PI);

function cosine(q, k) {
  const product = length(q) * length(k);
  return product === 0 ? null : Math.max(-1, Math.min(1, dot(q, k) / product));
}

// The same as ScoresExplorer._results in Python; a test compares the two.
export function computeScores({ q, k }) {
  const found = scores(q, k, 1);
  const cosines = q.map((query) => k.map((key) => cosine(query, key)));
  return {
    error: null, computed_by: null, tokens: TOKENS, q, k,
    scores: found, cosines,
    lengths_q: q.map(length), lengths_k: k.map(length),
    angles: cosines.map((row) => row.map(degrees)),
    row_sums: found.map(sum),
  };
}

// A number without zeros after the point that say nothing.
export function brief(x) {
  const text = number(x);
  return text.includes(".") && !text.includes("e") ? text.replace(/\.?0+$/, "") : text;
}

const listed = (row) => `(${row.map(brief).join(", ")})`;
const signed = (x) => (x < 0 ? `(${brief(x)})` : brief(x));
const result = (x) => el("b", { class: "attend-nowrap" }, brief(x));

// Where a vector's end stands on the plane.
const point = ([x, y]) => [CENTRE + UNIT * x, CENTRE - UNIT * y];

function line([x1, y1], [x2, y2], name) {
  return svg("line", { x1: x1.toFixed(1), y1: y1.toFixed(1), x2: x2.toFixed(1), y2: y2.toFixed(1), class: name });
}

function grid() {
  const [low, high] = [CENTRE - 4.3 * UNIT, CENTRE + 4.3 * UNIT];
  return Array.from({ length: 9 }, (_, i) => i - 4).flatMap((place) => {
    const name = place === 0 ? "attend-gridline is-axis" : "attend-gridline";
    const at = CENTRE + UNIT * place;
    return [line([at, low], [at, high], name), line([low, at], [high, at], name)];
  });
}

const corners = (list) => list.map((p) => p.map((x) => x.toFixed(1)).join(",")).join(" ");

// The side of the plane where keys agree with the query; on its edge the score is 0.
function zero(query) {
  const size = length(query);
  if (size === 0) return [];
  const [x, y] = query.map((c) => c / size);
  const ends = [[-9 * y, 9 * x], [9 * y, -9 * x]].map(point);
  const far = [[9 * y + 9 * x, -9 * x + 9 * y], [-9 * y + 9 * x, 9 * x + 9 * y]].map(point);
  const side = svg("polygon", { points: corners([...ends, ...far]), class: "attend-agrees" });
  return [side, line(...ends, "attend-zero")];
}

// How far the key reaches along the query: times the query's length, that is the score.
function shadow(query, key) {
  const square = dot(query, query);
  if (square === 0) return [];
  const along = dot(query, key) / square;
  const foot = point(query.map((c) => c * along));
  return [line(point(key), foot, "attend-drop"), line(point([0, 0]), foot, "attend-foot")];
}

function head(vector) {
  const size = length(vector);
  if (size === 0) return "";
  const [x, y] = [vector[0] / size, -vector[1] / size];
  const tip = point(vector);
  const [a, b] = [tip[0] - 10 * x, tip[1] - 10 * y];
  return corners([tip, [a - 5 * y, b + 5 * x], [a + 5 * y, b - 5 * x]]);
}

function beside(vector) {
  const size = length(vector) || 1;
  const tip = point(vector);
  const x = tip[0] + 11 * vector[0] / size;
  const y = tip[1] - 13 * vector[1] / size + 4;
  const side = x < 50 ? "start" : x > SIZE - 50 ? "end" : "middle";
  return { x: x.toFixed(1), y: Math.min(Math.max(y, 12), SIZE - 6).toFixed(1), "text-anchor": side };
}

const setAll = (node, attributes) =>
  Object.entries(attributes).forEach(([name, value]) => node.setAttribute(name, value));

// One arrow: what is drawn once, and `place`, which moves it.
function arrow(role) {
  const shaft = svg("line", { class: "attend-shaft" });
  const point_ = svg("polygon", { class: "attend-head" });
  const word = svg("text", { class: "attend-word" });
  const grip = svg("circle", { r: 15, class: "attend-grip" });
  const element = svg("g", { class: `attend-arrow is-${role}` }, shaft, point_, word, grip);
  function place(vector, text, seen) {
    const [x, y] = point(vector);
    setAll(shaft, { x1: CENTRE, y1: CENTRE, x2: x.toFixed(1), y2: y.toFixed(1) });
    point_.setAttribute("points", head(vector));
    setAll(word, beside(vector));
    say(word, text);
    setAll(grip, { cx: x.toFixed(1), cy: y.toFixed(1) });
    element.classList.toggle("is-seen", seen);
  }
  return { element, grip, place };
}

const MOVES = { ArrowUp: [0, 1], ArrowDown: [0, -1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
const clip = (x) => Math.max(-REACH, Math.min(REACH, x));
const snap = (x) => clip(Math.round(x / STEP) * STEP) + 0;

// The plane: the query of the row that is looked at, and every key.
// `pick(role, index)` is told which arrow a reader takes, `move(role, index, vector)` where it goes.
function plane(life, { pick, move, at }) {
  const back = svg("g", {});
  const keys = TOKENS.map(() => arrow("key"));
  const query = arrow("query");
  const front = svg("g", {}, ...keys.map((k) => k.element), query.element);
  const picture = svg("svg", { viewBox: `0 0 ${SIZE} ${SIZE}`, class: "attend-plane", role: "group" },
    ...grid(), back, front);
  const handles = { q: [query], k: keys };
  const inside = (event) => {
    const box = picture.getBoundingClientRect();
    const scale = SIZE / box.width;
    return [(event.clientX - box.left) * scale - CENTRE, CENTRE - (event.clientY - box.top) * scale]
      .map((x) => snap(x / UNIT));
  };
  let dragged = null;
  const take = (role, number_) => (event) => {
    const index = role === "q" ? at()[0] : number_;
    dragged = { role, index };
    event.target.setPointerCapture(event.pointerId);
    pick(role, index);
    event.preventDefault();
  };
  for (const [role, list] of Object.entries(handles)) {
    list.forEach(({ grip }, number_) => {
      life.listen(grip, "pointerdown", take(role, number_));
      life.listen(grip, "pointermove", (event) => {
        if (dragged) move(dragged.role, dragged.index, inside(event));
      });
      for (const end of ["pointerup", "pointercancel"]) life.listen(grip, end, () => { dragged = null; });
      // A finger on an arrow moves the arrow, beside it the page.
      life.listen(grip, "touchstart", (event) => event.preventDefault());
    });
  }
  for (const [role, list] of Object.entries(handles)) {
    list.forEach(({ grip }, number_) => life.listen(grip, "keydown", (event) => {
      if (!(event.key in MOVES)) return;
      const [right, above] = MOVES[event.key];
      const index = role === "q" ? at()[0] : number_;
      move(role, index, ([x, y]) => [snap(x + STEP * right), snap(y + STEP * above)]);
      event.preventDefault();
      event.stopPropagation();
    }));
  }
  function update({ q, k, tokens }, [i, j]) {
    back.replaceChildren(...zero(q[i]), ...shadow(q[i], k[j]));
    // The title names the query; a word at its tip would cover that of a key that agrees.
    query.place(q[i], "", true);
    keys.forEach((key, c) => key.place(k[c], tokens[c], c === j));
    name(query.grip, `query of ${tokens[i]}`, q[i], true);
    keys.forEach(({ grip }, c) => name(grip, `key of ${tokens[c]}`, k[c], c === j));
    picture.setAttribute("aria-label", `The query of ${tokens[i]} and all keys as arrows`);
  }
  return { element: picture, update };
}

// The two arrows of the pair are reached by Tab; the others by choosing another pair.
function name(grip, text, [x, y], reached) {
  if (!reached) {
    ["tabindex", "role", "aria-label", "aria-valuenow", "aria-valuetext", "aria-valuemin", "aria-valuemax"]
      .forEach((attribute) => grip.removeAttribute(attribute));
    return;
  }
  setAll(focusable(grip), {
    tabindex: 0, role: "slider", "aria-label": `${text}, arrow keys move it`,
    "aria-valuemin": -REACH, "aria-valuemax": REACH, "aria-valuenow": x,
    "aria-valuetext": `${brief(x)} across, ${brief(y)} up`,
  });
}

// The score of one pair with its real operands, and the same by lengths and angle.
function formulaPanel(id) {
  const names = ["score", "lengths", "angle"];
  const lines = names.map((text) => [el("dt", {}, text), el("dd", {})]);
  const title = el("p", { class: "attend-formula-title" });
  const list = el("dl", { class: "attend-formula-lines" }, ...lines.flat());
  const element = el("div", { class: "attend-formula is-short", id }, title, list);
  const parts = [scoreLine, lengthLine, angleLine];
  function update(results, locked, [i, j]) {
    const { tokens } = results;
    title.replaceChildren("Query ", el("b", {}, tokens[i]), ", key ", el("b", {}, tokens[j]),
      el("span", { class: "attend-muted" }, locked ? " · locked" : ""));
    parts.forEach((part, n) => lines[n][1].replaceChildren(...part(results, i, j)));
  }
  return { element, update };
}

function scoreLine({ q, k, scores: found, computed_by }, i, j) {
  if (computed_by) return [`${computed_by} gives `, result(found[i][j])];
  const products = q[i].map((x, c) => `${signed(x)} × ${signed(k[j][c])}`).join(" + ");
  return ["q · k = ", products, " = ", result(found[i][j])];
}

const lengthLine = ({ lengths_q, lengths_k }, i, j) =>
  ["|q| = ", result(lengths_q[i]), ", |k| = ", result(lengths_k[j])];

function angleLine({ angles, cosines, lengths_q, lengths_k }, i, j) {
  if (angles[i][j] === null) return ["none: an arrow of length 0 has no direction"];
  const [q, k, c] = [lengths_q[i], lengths_k[j], cosines[i][j]];
  return [result(angles[i][j]), "°; |q| |k| cos = ", `${brief(q)} × ${brief(k)} × ${signed(c)} = `, result(q * k * c)];
}

function inWords({ tokens, scores: found, row_sums }, i) {
  const top = Math.max(...found[i]);
  const best = tokens.filter((_, j) => found[i][j] === top).join(" and ");
  return `The row of ${tokens[i]} is ${listed(found[i])}: its highest score is with ${best}. ` +
    `The row sums to ${brief(row_sums[i])}.`;
}

function view({ model, life, announce }) {
  const ids = { map: newId("map"), formula: newId("formula") };
  const map = heatMap(life, { id: ids.map, describedby: ids.formula });
  const formula = formulaPanel(ids.formula);
  const words = el("p", { class: "attend-summary" });
  const query = el("b", { class: "attend-is-query" });
  const first = { q: model.get("q"), k: model.get("k") };
  let seen = model.get("cell");
  let hand = null;

  const explain = (cell) => {
    seen = cell ?? seen;
    seen = hand.mark();
    const results = model.get("results");
    if (!results?.tokens) return;
    formula.update(results, model.get("locked"), seen);
    space.update(results, seen);
    say(query, results.tokens[seen[0]]);
    say(words, inWords(results, seen[0]));
  };
  const space = plane(life, {
    at: () => seen,
    pick(role, index) {
      const cell = role === "q" ? [index, seen[1]] : [seen[0], index];
      put(model, { cell });
    },
    move(role, index, where) {
      const rows = model.get(role).map((row) => [...row]);
      const target = typeof where === "function" ? where(rows[index]) : where;
      if (target.every((x, c) => x === rows[index][c])) return;
      rows[index] = target;
      put(model, { cell: seen, [role]: rows });
    },
  });
  hand = explore(map, life, {
    start: () => model.get("cell"),
    isLocked: () => model.get("locked"),
    choose: (cell, locked) => put(model, { cell, locked }),
    show: explain,
  });
  function draw(results) {
    const { tokens, scores: values } = results;
    map.update({
      rows: tokens, columns: tokens, values, ramp: shades(values),
      label: "Scores: queries on rows, keys on columns",
      allowed: () => true, marked: () => false, sums: null,
    });
    map.element.dataset.stage = "scores";
    explain();
    announce(`Score ${brief(values[seen[0]][seen[1]])}. ${inWords(results, seen[0])}`);
  }
  life.watch(["cell", "locked"], () => {
    hand.settle();
    if (model.get("results")?.tokens && map.cells.length) explain();
  });

  const reset = focusable(el("button", { type: "button", class: "attend-button" }, "Put the arrows back"));
  life.listen(reset, "click", () => put(model, first));
  const title = el("p", { class: "attend-map-title" }, "The query of ", query, " and all ",
    el("b", { class: "attend-is-key" }, "keys"));
  const legend = el("p", { class: "attend-legend" }, LEGEND);
  const large = el("div", { class: "attend-large" }, el("p", { class: "attend-map-title" }, "Scores"),
    el("div", { class: "attend-scroll" }, map.element), words);
  const pair = el("div", { class: "attend-pair" }, el("div", { class: "attend-plane-box" }, title, space.element, legend), large);
  const buttons = el("div", { class: "attend-buttons" }, reset,
    el("span", { class: "attend-muted" }, "Drag the tip of an arrow, or reach it with Tab and press arrow keys."));
  return { parts: [pair, formula.element, el("p", { class: "attend-source" }, SOURCE), buttons], draw };
}

export default explorer({ name: "Explorer: queries, keys and their scores", compute: computeScores, view });
