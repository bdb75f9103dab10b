// Elements, numbers as text, and controls that follow one trait of a model.
// Text from a reader becomes a text node here and nowhere else; there is no innerHTML.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null) node.setAttribute(name, String(value));
  }
  node.append(...children);
  return node;
}

export const el = (tag, attributes = {}, ...children) =>
  fill(document.createElement(tag), attributes, children);

export const svg = (tag, attributes = {}, ...children) =>
  fill(document.createElementNS(SVG, tag), attributes, children);

// A symbol of the paper with its index, such as d_k.
export const symbol = (letter, index) =>
  el("span", { class: "attend-symbol" }, el("i", {}, letter), el("sub", {}, index));

export const dK = () => symbol("d", "k");

// Says √ and what is under it.
export const root = (...children) => el("span", { class: "attend-nowrap" }, "√", ...children);

function tidy(text) {
  if (!text.includes("-")) return text;
  return (/^-0\.?0*$/.test(text) ? text.slice(1) : text).replace("-", "−");
}

// About three figures, as src/attend/widgets/drawing.py writes them.
export function number(x) {
  const size = Math.abs(x);
  if (size >= 99999.5) return tidy(x.toExponential(1).replace("e+", "e"));
  if (size >= 99.95) return tidy(x.toFixed(0));
  return tidy(x.toFixed(size >= 9.995 ? 1 : 2));
}

// A whole number without decimals, any other as number() writes it.
export const short = (x) =>
  (Number.isInteger(x) && Math.abs(x) < 1e5 ? tidy(String(x)) : number(x));

export const vector = (row) => `(${row.map(short).join(", ")})`;

// Set text only where it differs: what stays the same costs the browser nothing. A node that has
// its text from here must have it from nowhere else.
const said = new WeakMap();
export function say(node, text) {
  if (said.get(node) === text) return;
  said.set(node, text);
  const only = node.childNodes.length === 1 ? node.firstChild : null;
  // Changing a text node costs a third of putting another in its place.
  if (only instanceof Text) only.data = text;
  else node.textContent = text;
}

// An attribute, set only where it differs.
const worn = new WeakMap();
export function wear(node, name, value) {
  const known = worn.get(node) ?? worn.set(node, {}).get(node);
  if (known[name] === value) return;
  known[name] = value;
  node.setAttribute(name, value);
}

let serial = 0;
export const newId = (stem) => `attend-${stem}-${(serial += 1)}`;

// Everything a view listens to, so that one call ends it all.
export function lifetime(model) {
  const ending = new AbortController();
  const ends = [];
  return {
    listen: (target, type, action) =>
      target.addEventListener(type, action, { signal: ending.signal }),
    watch(names, action) {
      for (const name of names) {
        model.on(`change:${name}`, action);
        ends.push(() => model.off(`change:${name}`, action));
      }
      action();
    },
    onEnd: (action) => ends.push(action),
    end() {
      ending.abort();
      ends.forEach((action) => action());
    },
  };
}

export function put(model, values) {
  for (const [name, value] of Object.entries(values)) model.set(name, value);
  model.save_changes();
}

// JupyterLab takes the arrow keys away unless each focusable element says this itself.
const OWN_KEYS = { "data-lm-suppress-shortcuts": "true" };
export const focusable = (node) => fill(node, OWN_KEYS, []);

const labelText = (label) => el("span", { class: "attend-label" }, ...label);

const labelled = (control, label, value = "") =>
  el("label", { class: "attend-control" }, labelText(label), control, value);

// A slider over the positions of `steps`; the trait holds the value, the slider its place.
export function slider(model, life, { trait, label, steps, show = number }) {
  const input = focusable(el("input", { type: "range", min: 0, max: steps.length - 1, step: 1 }));
  const output = el("output", { class: "attend-value" });
  const nearest = (value) => {
    const gaps = steps.map((step) => Math.abs(Math.log(step / value)));
    return gaps.indexOf(Math.min(...gaps));
  };
  life.watch([trait], () => {
    const value = model.get(trait);
    if (steps[input.value] !== value) input.value = nearest(value);
    input.setAttribute("aria-valuetext", show(value));
    say(output, show(value));
  });
  life.listen(input, "input", () => put(model, { [trait]: steps[input.value] }));
  return labelled(input, label, output);
}

export function toggle(model, life, { trait, label }) {
  const input = focusable(el("input", { type: "checkbox", role: "switch" }));
  life.watch([trait], () => {
    input.checked = model.get(trait);
  });
  life.listen(input, "change", () => put(model, { [trait]: input.checked }));
  return el("label", { class: "attend-control attend-toggle" }, input, labelText(label));
}

export function choice(model, life, { trait, label, options }) {
  const items = options.map(([value, text]) => el("option", { value }, text));
  const input = focusable(el("select", {}, ...items));
  life.watch([trait], () => {
    input.value = model.get(trait);
  });
  life.listen(input, "change", () => put(model, { [trait]: input.value }));
  return labelled(input, label);
}

// A field whose text is taken over on Enter or on leaving it. `read` returns the traits to set,
// or throws an Error whose message is for the reader; what was there before then stays.
export function field(model, life, { traits, label, write, read, ...attributes }) {
  const input = focusable(el("input", { autocomplete: "off", spellcheck: "false", ...attributes }));
  const note = el("span", { class: "attend-note", role: "status" });
  const show = () => {
    const text = String(write());
    if (input.value !== text) input.value = text;
  };
  life.watch(traits, show);
  life.listen(input, "change", () => {
    try {
      const [values, remark = ""] = read(input.value);
      put(model, values);
      show();
      say(note, remark);
    } catch (error) {
      say(note, error.message);
    }
  });
  return { element: labelled(input, label, note), input, show };
}

// Text for screen readers, said once the reader has stopped moving.
export function announcer(life, delay = 500) {
  const region = el("p", { class: "attend-hidden", "aria-live": "polite" });
  let timer = 0;
  life.onEnd(() => clearTimeout(timer));
  const announce = (text) => {
    clearTimeout(timer);
    timer = setTimeout(() => say(region, text), delay);
  };
  return { region, announce };
}
