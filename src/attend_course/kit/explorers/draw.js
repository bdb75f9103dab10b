// Pictures of matrices. Queries are rows, keys are columns, always labelled.
// A value's place on the colour ramp is 0 to 1 for weights, -1 to 1 for scores. The ramp's ends
// stand in the style sheet, once for each theme, and are read from there.
import { el, focusable, number, say, wear } from "./dom.js";

export const largest = (rows) => Math.max(...rows.map((row) => Math.max(...row.map(Math.abs))));

// Where each value stands on the ramp. Scores share `limit`, so that two maps can be compared.
export function shades(values, limit = null) {
  const top = (limit ?? largest(values)) || 1;
  return values.map((row) => row.map((x) => Math.max(-1, Math.min(1, x / top))));
}

// A class that only this file gives a cell.
const marks = new Map(["is-blocked", "is-marked", "is-turned", "is-pale"].map((n) => [n, new WeakSet()]));
function mark(cell, name, on) {
  const holders = marks.get(name);
  if (holders.has(cell) === on) return;
  holders[on ? "add" : "delete"](cell);
  cell.classList.toggle(name, on);
}

// A background that is set on the cell itself, and no formula that the style sheet would have to
// work out, is the one change of look for which browsers match no rules anew: it makes a frame
// three times cheaper. So black or white text is a class, which few changes turn.
const shadeOf = new WeakMap();
function shade(cell, palette, t) {
  const colour = t === null ? "" : `rgb(${mixed(palette, t).map(Math.round).join(", ")})`;
  if (shadeOf.get(cell) !== colour) cell.style.backgroundColor = colour;
  shadeOf.set(cell, colour);
  const { turnHigh, turnNegative } = palette;
  mark(cell, "is-turned", t !== null && (t > turnHigh || -t > turnNegative));
}

function mixed({ low, high, negative }, t) {
  const far = t < 0 ? negative : high;
  return low.map((from, c) => from + (far[c] - from) * Math.abs(t));
}

// A heat map without numbers, small enough to be a button's face. One pixel is one cell.
export function miniMap(life) {
  const canvas = el("canvas", { class: "attend-mini", "aria-hidden": "true" });
  let picture = { ramp: [[0]], allowed: () => true };
  const paint = inTheme(canvas, life, (palette) => {
    const { ramp, allowed } = picture;
    const [width, height] = [ramp[0].length, ramp.length];
    // To set a size, even the same again, throws the canvas away.
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const image = new ImageData(width, height);
    ramp.forEach((row, i) => row.forEach((t, j) => {
      const colour = allowed(i, j) ? mixed(palette, t) : palette.blocked;
      image.data.set([...colour, 255], 4 * (i * width + j));
    }));
    canvas.getContext("2d").putImageData(image, 0, 0);
  });
  return { element: canvas, update: (ramp, allowed) => { picture = { ramp, allowed }; paint(); } };
}

// Return a function that paints in the colours of the theme. A view is drawn before it has a place
// on the page, where it has no theme yet; then it is painted once it has.
function inTheme(node, life, paint) {
  let palette = null;
  let waiting = 0;
  const now = () => {
    cancelAnimationFrame(waiting);
    if (!node.isConnected) { waiting = requestAnimationFrame(now); return; }
    palette ??= readPalette(node);
    paint(palette);
  };
  onTheme(life, () => { palette = null; now(); });
  life.onEnd(() => cancelAnimationFrame(waiting));
  return now;
}

function readPalette(node) {
  const style = getComputedStyle(node);
  const read = (name) => style.getPropertyValue(`--${name}`).trim();
  const rgb = (name) => [1, 3, 5].map((at) => parseInt(read(name).slice(at, at + 2), 16));
  return {
    low: rgb("low"), high: rgb("high"), negative: rgb("negative"), blocked: rgb("blocked"),
    turnHigh: Number(read("turn-high")), turnNegative: Number(read("turn-negative")),
  };
}

// The book marks its theme on <html>, JupyterLab and VS Code on <body>.
function onTheme(life, action) {
  const seen = new MutationObserver(action);
  const attributes = ["data-theme", "data-jp-theme-light", "class"];
  for (const node of [document.documentElement, document.body]) {
    seen.observe(node, { attributes: true, attributeFilter: attributes });
  }
  // A page that follows the system says nothing on <html>.
  life.listen(matchMedia("(prefers-color-scheme: dark)"), "change", action);
  life.onEnd(() => seen.disconnect());
}

// A table that is its own picture: a number and a colour in each cell, names on both sides.
// Weights below `pale` may leave their number to the colour where there is no room.
export function heatMap(life, { id, describedby, pale = null, corner = ["query ↓", "key →"] }) {
  const table = el("table", { class: "attend-map", role: "grid", id });
  const map = { element: table, cells: [], sums: [], names: "", picture: null };
  map.paint = inTheme(table, life, (palette) => paintMap(map, palette, pale));
  map.build = (rows, columns) => buildMap(map, { rows, columns, corner, describedby });
  map.update = (picture) => updateMap(map, picture);
  return map;
}

// The two names that every picture of attention needs.
function corners([row, column]) {
  const part = (text) => el("span", { class: "attend-nowrap" }, text);
  return el("th", { class: "attend-corner" }, part(row), " ", part(column));
}

function buildMap(map, { rows, columns, corner, describedby }) {
  const side = (scope, text) => el("th", { scope, title: text }, el("span", {}, text));
  const cell = (i, j) => focusable(el("td", {
    role: "gridcell", tabindex: -1, "data-row": i, "data-column": j,
    "aria-describedby": describedby,
  }));
  map.cells = rows.map((_, i) => columns.map((__, j) => cell(i, j)));
  map.sums = rows.map(() => el("td", { class: "attend-sum" }));
  map.sumTitle = el("th", { scope: "col", class: "attend-sum" });
  const head = [corners(corner), ...columns.map((c) => side("col", c))];
  const body = rows.map((name, i) => el("tr", {}, side("row", name), ...map.cells[i], map.sums[i]));
  map.element.replaceChildren(
    el("thead", {}, el("tr", {}, ...head, map.sumTitle)),
    el("tbody", {}, ...body),
  );
  map.element.style.setProperty("--columns", columns.length);
  map.element.classList.toggle("is-dense", columns.length > 8);
}

// picture: rows, columns (names), values, ramp, allowed(i, j), marked(i, j), sums (or null), kind.
function updateMap(map, picture) {
  const names = JSON.stringify([picture.rows, picture.columns]);
  if (map.names !== names) map.build(picture.rows, picture.columns);
  map.names = names;
  wear(map.element, "aria-label", picture.label);
  picture.values.forEach((row, i) => row.forEach((x, j) => {
    const cell = map.cells[i][j];
    say(cell, number(x));
    mark(cell, "is-blocked", !picture.allowed(i, j));
    mark(cell, "is-marked", picture.marked(i, j));
  }));
  map.element.classList.toggle("has-sums", Boolean(picture.sums));
  say(map.sumTitle, picture.sums ? "sum" : "");
  map.sums.forEach((cell, i) => say(cell, picture.sums ? number(picture.sums[i]) : ""));
  map.picture = picture;
  map.paint();
}

function paintMap({ cells, picture }, palette, pale) {
  picture?.ramp.forEach((row, i) => row.forEach((t, j) => {
    shade(cells[i][j], palette, picture.allowed(i, j) ? t : null);
    if (pale !== null) mark(cells[i][j], "is-pale", Math.abs(t) <= pale);
  }));
}

const MOVES = {
  ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1],
  Home: [0, -99], End: [0, 99], PageUp: [-99, 0], PageDown: [99, 0],
};

// What one cell at most has; it is touched only where it moves.
function sign(give) {
  let holder = null;
  const move = (cell) => {
    if (cell === holder) return;
    if (holder) give(holder, false);
    if (cell) give(cell, true);
    holder = cell;
  };
  return { move };
}

// Hover or focus shows a cell; click, Enter or Space locks it, once more or Escape frees it.
// `choose(cell, locked)` is told of locking, `show(cell)` of the cell to explain.
export function explore(map, life, { start, isLocked, choose, show }) {
  let at = start();
  let seen = at;
  const place = (node) => [Number(node.dataset.row), Number(node.dataset.column)];
  const same = (a, b) => a[0] === b[0] && a[1] === b[1];
  const clip = (x, length) => Math.max(0, Math.min(length - 1, x));
  const inside = ([i, j]) => [clip(i, map.cells.length), clip(j, map.cells[0].length)];
  const cellAt = ([i, j]) => map.cells[i][j];
  const stop = sign((cell, on) => cell.setAttribute("tabindex", on ? 0 : -1));
  const sight = sign((cell, on) => cell.classList.toggle("is-seen", on));
  const lock = sign((cell, on) => (
    on ? cell.setAttribute("aria-selected", "true") : cell.removeAttribute("aria-selected")));
  const look = (cell) => { seen = cell; show(cell); };
  const toggleLock = (cell) => {
    const free = isLocked() && same(cell, start());
    choose(cell, !free);
  };
  function mark() {
    [at, seen] = [inside(at), inside(isLocked() ? start() : seen)];
    stop.move(cellAt(at));
    sight.move(cellAt(seen));
    lock.move(isLocked() ? cellAt(seen) : null);
    return seen;
  }
  const cellOf = (event) => event.target.closest("td[role=gridcell]");
  life.listen(map.element, "pointerover", (event) => {
    if (cellOf(event) && !isLocked() && event.pointerType !== "touch") look(place(cellOf(event)));
  });
  life.listen(map.element, "pointerleave", () => { if (!isLocked()) look(start()); });
  life.listen(map.element, "focusin", (event) => {
    if (!cellOf(event)) return;
    at = place(cellOf(event));
    look(isLocked() ? start() : at);
  });
  life.listen(map.element, "click", (event) => {
    if (!cellOf(event)) return;
    at = place(cellOf(event));
    toggleLock(at);
  });
  life.listen(map.element, "keydown", (event) => {
    if (!cellOf(event)) return;
    if (event.key in MOVES) {
      at = inside([at[0] + MOVES[event.key][0], at[1] + MOVES[event.key][1]]);
      cellAt(at).focus();
    } else if (event.key === "Enter" || event.key === " ") toggleLock(at);
    else if (event.key === "Escape" && isLocked()) choose(at, false);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  return { mark, settle: () => { seen = start(); } };
}
