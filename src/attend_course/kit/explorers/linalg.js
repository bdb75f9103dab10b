// The browser's copy of the course's mathematics, and the only second copy there is.
// The names are those of src/attend/attention.py and masks.py; tests/js compares the two.
// A matrix is an array of rows. A mask is rows of booleans, true = may attend, or null.

const LOWEST = -Number.MAX_VALUE;

export function dot(a, b, length = a.length) {
  let sum = 0;
  for (let c = 0; c < length; c += 1) sum += a[c] * b[c];
  return sum;
}

export const transpose = (a) => a[0].map((_, j) => a.map((row) => row[j]));

export function matmul(a, b) {
  const columns = transpose(b);
  return a.map((row) => columns.map((column) => dot(row, column)));
}

export function softmax(row) {
  const largest = Math.max(...row);
  const powers = row.map((x) => Math.exp(x - largest));
  const sum = powers.reduce((total, x) => total + x, 0);
  return powers.map((x) => x / sum);
}

// Section 3.2.1 of the paper: every query meets every key.
export function scores(q, k, scale = 1 / Math.sqrt(q[0].length)) {
  return q.map((query) => k.map((key) => dot(query, key) * scale));
}

// Lowest score before the softmax, 0 after it: a row that may attend to nothing is all zeros.
export function maskedSoftmax(x, mask = null) {
  if (mask === null) return x.map((row) => softmax(row));
  const allowed = (i, j) => (mask[i] ?? mask[0])[j];
  const hidden = x.map((row, i) => row.map((s, j) => (allowed(i, j) ? s : LOWEST)));
  return hidden.map((row, i) => softmax(row).map((w, j) => (allowed(i, j) ? w : 0)));
}

// Equation (1) of the paper.
export function attention(q, k, v, mask = null, scale = undefined) {
  const weights = maskedSoftmax(scores(q, k, scale), mask);
  return { output: matmul(weights, v), weights };
}

// Aligned at the ends: the last query sees every key.
export function causalMask(n, m = n) {
  const row = (i) => Array.from({ length: m }, (_, j) => j <= i + m - n);
  return Array.from({ length: n }, (_, i) => row(i));
}

// One row for all queries.
export const paddingMask = (tokens, pad = 0) => [tokens.map((token) => token !== pad)];

// Section 3.5 of the paper: sines and cosines in pairs, one row a place.
export function positionalEncoding(n, d_model, start = 0) {
  const angle = (place, c) => place / 10000 ** ((c - (c % 2)) / d_model);
  const row = (place) => Array.from({ length: d_model }, (_, c) => (
    c % 2 ? Math.cos(angle(place, c)) : Math.sin(angle(place, c))));
  return Array.from({ length: n }, (_, i) => row(start + i));
}

export const sum = (numbers) => numbers.reduce((total, x) => total + x, 0);

export const mean = (numbers) => sum(numbers) / numbers.length;

// The spread of numbers: their standard deviation.
export function spread(numbers) {
  const centre = mean(numbers);
  return Math.sqrt(mean(numbers.map((x) => (x - centre) ** 2)));
}
