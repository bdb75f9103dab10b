// Writing a translation, token after token: attend/decoding for one sentence.
// A beginning is { tokens, rows, logits, log_p, node }: the tokens written; which rows of the state
// hold what was read for it, and the logits it was chosen from, one for each token; its
// log-probability; its place in the tree. Beginnings that grew from one share its rows.
import { AS_PUBLISHED } from "./changes.js";

const MORE = 50; // how many tokens longer than its source a translation may get (section 6.1)
const LONGEST = 8; // tokens of the longest run that may not stand three times in a row
const EMPTY = { tokens: [], rows: [], logits: [], log_p: 0, node: 0 };

// Let the model read the last token of each beginning. Returns, for each, its rows and the logits
// of what may follow.
function read(model, beginnings, state, changes, see) {
  const { start, vocabulary } = model.config;
  const { rows, x } = (changes.causal ? readLast : readAll)(model, beginnings, state, changes, see, start);
  const logits = model.logits(x, changes);
  return rows.map((own, i) => ({ rows: own, row: logits.subarray(i * vocabulary, (i + 1) * vocabulary) }));
}

// With the causal mask what was read stays true: only the last token is new.
function readLast(model, beginnings, state, changes, see, start) {
  const tokens = beginnings.map((beginning) => beginning.tokens.at(-1) ?? start);
  const rows = beginnings.map((beginning, i) => [...beginning.rows, state.length + i]);
  const positions = rows.map((own) => own.length - 1);
  return { rows, x: model.step(tokens, positions, rows, state, changes, see) };
}

// Without it every earlier token looks at the new one too, so all are read anew.
function readAll(model, beginnings, state, changes, see, start) {
  const [n, { d_model }] = [beginnings[0].tokens.length + 1, model.config];
  const rows = beginnings.map((_, i) => Array.from({ length: n }, (_, j) => state.length + i * n + j));
  const positions = beginnings.flatMap(() => [...Array(n).keys()]);
  const seen = rows.flatMap((own) => own.map(() => own));
  const all = model.step(beginnings.flatMap(({ tokens }) => [start, ...tokens]), positions, seen, state, changes, see);
  const x = new Float32Array(beginnings.length * d_model);
  beginnings.forEach((_, i) => x.set(all.subarray(((i + 1) * n - 1) * d_model, (i + 1) * n * d_model), i * d_model));
  return { rows, x };
}

// Take the likeliest token at each step. `finished` says whether the end was reached.
export function greedy(model, source, changes = AS_PUBLISHED, { see, spoken, limit = source.length + MORE } = {}) {
  const state = model.start(source, changes, see);
  let written = EMPTY;
  while (written.tokens.length < limit) {
    const [{ rows, row }] = read(model, [written], state, changes, see);
    const token = argmax(withoutLoops(row, written.tokens, spoken));
    const logits = [...written.logits, row];
    if (token === model.config.end) return { ...written, rows, logits, finished: true };
    written = { ...written, tokens: [...written.tokens, token], rows, logits };
  }
  return { ...written, finished: false };
}

// Follow the `beam` likeliest beginnings at once, and keep the best translation (section 6.1).
// `tree` lists all beginnings that were followed or finished: { parent, token, log_p, finished }.
export function beamSearch(model, source, changes = AS_PUBLISHED, {
  see, spoken, beam = 4, alpha = 0.6, limit = source.length + MORE,
} = {}) {
  const { end } = model.config;
  const penalty = (length) => ((5 + length) / 6) ** alpha;
  const state = model.start(source, changes, see);
  const [finished, tree] = [[], [{ parent: null, token: model.config.start, log_p: 0, finished: false }]];
  const plant = (from, { token, log_p }) => (
    tree.push({ parent: from.node, token, log_p, finished: token === end }) - 1);
  let going = [EMPTY];
  for (let length = 1; length <= limit; length += 1) {
    const answers = read(model, going, state, changes, see);
    // Twice as many candidates as places are enough: each beginning ends in one way only.
    const allowed = answers.map(({ row }, i) => withoutLoops(row, going[i].tokens, spoken));
    const grown = likeliest(allowed, going.map(({ log_p }) => log_p), 2 * beam);
    const follow = ({ log_p, origin, token }) => {
      const [from, { rows, row }] = [going[origin], answers[origin]];
      const tokens = token === end ? from.tokens : [...from.tokens, token];
      return { tokens, rows, logits: [...from.logits, row], log_p, node: plant(from, { token, log_p }) };
    };
    for (const one of grown.slice(0, beam).filter(({ token }) => token === end)) {
      finished.push({ ...follow(one), score: one.log_p / penalty(length), finished: true });
    }
    going = grown.filter(({ token }) => token !== end).slice(0, beam).map(follow);
    const hope = largest(going.map(({ log_p }) => log_p)) / penalty(limit);
    const found = largest(finished.map(({ score }) => score));
    if (finished.length >= beam || (finished.length > 0 && found >= hope)) break;
  }
  const best = finished.length ? highest(finished, "score") : { ...highest(going, "log_p"), finished: false };
  return { ...best, tree };
}

// A rule against loops, as in attend/decoding/loops.py: what stands twice in a row is not written a
// third time at once. `spoken` marks the tokens that fall under it; without it there is no rule.
export function withoutLoops(row, tokens, spoken) {
  const closing = spoken ? closesLoop(tokens).filter((token) => spoken[token]) : [];
  return closing.length ? row.map((x, token) => (closing.includes(token) ? -Infinity : x)) : row;
}

// The tokens that would write a run of at most LONGEST tokens for the third time in a row.
function closesLoop(tokens) {
  const runs = Math.min(LONGEST, Math.floor((tokens.length + 1) / 3));
  return Array.from({ length: runs }, (_, i) => i + 1)
    .filter((n) => tokens.slice(1 - 3 * n).every((token, i, recent) => i < n || token === recent[i - n]))
    .map((n) => tokens.at(-n));
}

// Let the model read a translation that is already there. Returns the logits of each of its tokens.
export function follow(model, source, tokens, changes = AS_PUBLISHED, see) {
  const state = model.start(source, changes, see);
  const given = [model.config.start, ...tokens.slice(0, -1)];
  const rows = [...given.keys()].map((i) => [...Array(i + 1).keys()]);
  if (changes.causal) {
    const logits = model.logits(model.step(given, [...given.keys()], rows, state, changes, see), changes);
    const { vocabulary } = model.config;
    return given.map((_, i) => logits.subarray(i * vocabulary, (i + 1) * vocabulary));
  }
  return given.map((_, i) => read(model, [{ tokens: tokens.slice(0, i) }], state, changes, see)[0].row);
}

const largest = (numbers) => Math.max(...numbers);
const highest = (found, by) => found.reduce((a, b) => (b[by] > a[by] ? b : a));

// The k likeliest continuations among those of all beginnings, the likeliest first: of each, its
// log-probability, which beginning it continues, and by which token.
export function likeliest(rows, before, k) {
  const found = [];
  rows.forEach((row, origin) => {
    const shift = before[origin] - logSumExp(row);
    for (let token = 0; token < row.length; token += 1) {
      const log_p = shift + row[token];
      if (found.length < k || log_p > found[k - 1].log_p) {
        found.splice(found.findLastIndex((other) => other.log_p >= log_p) + 1, 0, { log_p, origin, token });
        found.length = Math.min(found.length, k);
      }
    }
  });
  return found;
}

// What a softmax takes from each logit, if its logarithm is wanted.
export function logSumExp(row) {
  const top = row[argmax(row)];
  let total = 0;
  for (let j = 0; j < row.length; j += 1) total += Math.exp(row[j] - top);
  return top + Math.log(total);
}

export function argmax(row) {
  let best = 0;
  for (let j = 1; j < row.length; j += 1) if (row[j] > row[best]) best = j;
  return best;
}
