// What can be changed about the Transformer. The model asks for the seven things of AS_PUBLISHED, at
// named places; here a list of changes, plain data, becomes such things. attend/models/changes.py is
// the same in Python.

export const AS_PUBLISHED = {
  scale: (d_k) => 1 / Math.sqrt(d_k), // on the scores (section 3.2.1)
  place: positionalEncoding, // added to the vector of a token (section 3.5)
  causal: true, // whether a target token must not look ahead (section 3.2.3)
  residual: 1, // how much of its input a sub-layer's output is added to (section 3.1)
  temperature: 1, // divides the logits (after section 3.4)
  hidden: new Set(), // source tokens that nobody may attend to
  rewrite() {}, // receives the weights of each query and head, behind the softmax
};

const table = [];

// Section 3.5: sines and cosines of geometrically spaced wavelengths.
export function positionalEncoding(position, d_model) {
  const angle = (c) => position / 10000 ** ((c - (c % 2)) / d_model);
  return (table[position] ??= Float32Array.from({ length: d_model }, (_, c) => (
    c % 2 ? Math.cos(angle(c)) : Math.sin(angle(c)))));
}

const WITHOUT = {
  scaling: { scale: () => 1 },
  positions: { place: (_, d_model) => new Float32Array(d_model) },
  "causal mask": { causal: false },
  "residual connections": { residual: 0 },
};

// What can be done to the weights of one query in one head. `keys` are the places of its keys.
const REWRITES = {
  off: (weights) => weights.fill(0),
  alone: (weights, { head }, { isHead }) => !isHead(head) && weights.fill(0),
  uniform: (weights) => weights.fill(1 / weights.length),
  row: (weights, { row }, { keys }) => keys.forEach((key, j) => (weights[j] = row[key] ?? 0)),
};

// Turn a list of changes into what the model asks for. What a change does not name of kind, layer,
// head and query, it leaves open:
// { make: "off", kind: "memory", layer: 3, head: 1 }     a head gives nothing
// { make: "alone", kind: "memory", layer: 3, head: 1 }   the other heads of its layer give nothing
// { make: "uniform", kind: "encoder", head: 0 }          the same weight for every key
// { make: "row", kind: …, layer: …, head: …, query: 2, row: [0, 1] }   weights by hand
// { make: "hidden", token: 4 }                           nobody attends to a source token
// { make: "without", part: "scaling" }                   see WITHOUT
// { make: "temperature", value: 2 }
export function changed(list, config) {
  list.forEach((change) => check(change, config));
  const all = (make) => list.filter((change) => change.make === make);
  const rewrites = list.filter(({ make }) => make in REWRITES);
  return Object.assign({}, AS_PUBLISHED, ...all("without").map(({ part }) => WITHOUT[part]), {
    temperature: all("temperature").reduce((product, { value }) => product * value, 1),
    hidden: new Set(all("hidden").map(({ token }) => token)),
    rewrite: (weights, where) => rewrites.forEach((change) => {
      const fits = (name) => change[name] === undefined || change[name] === where[name];
      const isHere = fits("kind") && fits("layer") && fits("query");
      if (isHere && (change.make === "alone" || fits("head"))) {
        REWRITES[change.make](weights, change, { ...where, isHead: (head) => head === where.head });
      }
    }),
  });
}

const isBelow = (most) => (value) => Number.isInteger(value) && value >= 0 && value < most;
const isAny = isBelow(Infinity);
const isWeight = (value) => Number.isFinite(value) && value >= 0;
const RULES = {
  kind: (value) => ["encoder", "decoder", "memory"].includes(value),
  layer: (value, { N }) => isBelow(N)(value),
  head: (value, { h }) => isBelow(h)(value),
  query: isAny,
  token: isAny,
  part: (value) => typeof value === "string" && Object.hasOwn(WITHOUT, value),
  value: (value) => Number.isFinite(value) && value > 0,
  row: (value) => Array.isArray(value) && value.every(isWeight),
};
const PLACE = ["kind", "layer", "head", "query"];
const NEEDS = { // what a change must say, and what it may
  off: [[], PLACE], uniform: [[], PLACE], alone: [["head"], PLACE], row: [["row"], PLACE],
  hidden: [["token"], []], without: [["part"], []], temperature: [["value"], []],
};

// Refuse a change that is none: it may come from a link that somebody else wrote.
function check(change, config) {
  const isKnown = typeof change?.make === "string" && Object.hasOwn(NEEDS, change.make);
  const [must, may] = isKnown ? NEEDS[change.make] : [["make"], []];
  const { make, ...said } = Object(change);
  const isRight = ([name, value]) => [...must, ...may].includes(name) && RULES[name](value, config);
  if (must.every((name) => name in said) && Object.entries(said).every(isRight)) return;
  throw new RangeError(`This is no change that can be made: ${JSON.stringify(change)?.slice(0, 200)}`);
}
