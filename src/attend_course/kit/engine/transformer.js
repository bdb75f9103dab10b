// The Transformer of the paper for one sentence: attend/transformer.py and attend/layers.py.
// A mask is written as lists: seen[i] numbers the rows that query i may attend to. So one attention
// serves the source, the target written so far, and several beginnings of a target at once.
// `changes` are those of changes.js; `see` receives every row of weights.
import { AS_PUBLISHED } from "./changes.js";

const EPSILON = 1e-5;
const lookAway = () => {};

export class Transformer {
  constructor(config, parameters, { project }) {
    Object.assign(this, { config, ...parameters, project });
  }

  // Read the source: one row a token, each informed by all the others.
  encode(source, changes = AS_PUBLISHED, see = lookAway) {
    const positions = [...source.keys()];
    const visible = positions.filter((i) => !changes.hidden.has(i));
    const seen = positions.map(() => visible);
    let x = this.embed(source, positions, changes);
    this.encoder.forEach((p, layer) => {
      const where = { kind: "encoder", layer, positions, first: 0, changes, see };
      const own = this.keysValues(x, p.self_attention);
      x = addNorm(x, this.attendWithHeads(x, own, seen, p.self_attention, where), p.norm_1, changes);
      x = addNorm(x, this.feedForward(x, p.feed_forward), p.norm_2, changes);
    });
    return { memory: x, visible };
  }

  // Encode the source and project the memory, once for all steps.
  start(source, changes = AS_PUBLISHED, see = lookAway) {
    const { memory, visible } = this.encode(source, changes, see);
    const layers = this.decoder.map((p) => ({
      past: { k: new Rows(), v: new Rows() },
      memory: this.keysValues(memory, p.memory_attention),
    }));
    return { layers, visible, length: 0 };
  }

  // Read target tokens: one row each, from which `logits` says what may follow. Their keys and
  // values join those in the state, which `seen` numbers in the order in which they came.
  step(tokens, positions, seen, state, changes = AS_PUBLISHED, see = lookAway) {
    const across = tokens.map(() => state.visible);
    let x = this.embed(tokens, positions, changes);
    this.decoder.forEach((p, layer) => {
      const { past, memory } = state.layers[layer];
      const where = { kind: "decoder", layer, positions, first: state.length, changes, see };
      const { k, v } = this.keysValues(x, p.self_attention);
      const own = { k: past.k.append(k), v: past.v.append(v) };
      x = addNorm(x, this.attendWithHeads(x, own, seen, p.self_attention, where), p.norm_1, changes);
      where.kind = "memory";
      x = addNorm(x, this.attendWithHeads(x, memory, across, p.memory_attention, where), p.norm_2, changes);
      x = addNorm(x, this.feedForward(x, p.feed_forward), p.norm_3, changes);
    });
    state.length += tokens.length;
    return x;
  }

  // A number for every word piece as the next (section 3.4): the embedding once more.
  logits(x, { temperature } = AS_PUBLISHED) {
    const logits = this.project(x, this.embedding);
    for (let j = 0; j < logits.length; j += 1) logits[j] /= temperature;
    return logits;
  }

  // Vectors that know their position (sections 3.4 and 3.5).
  embed(tokens, positions, { place }) {
    const { d, W } = this.embedding;
    const x = new Float32Array(tokens.length * d);
    tokens.forEach((token, i) => {
      const position = place(positions[i], d);
      for (let c = 0; c < d; c += 1) x[i * d + c] = W[token * d + c] * Math.sqrt(d) + position[c];
    });
    return x;
  }

  keysValues(x, p) {
    return { k: this.project(x, p.W_K), v: this.project(x, p.W_V) };
  }

  // Section 3.2.2: head by head the queries of x meet keys and values that are already projected.
  attendWithHeads(x, { k, v }, seen, p, { kind, layer, positions, first, changes, see }) {
    const { h, d_k, d_v } = this.config;
    const q = this.project(x, p.W_Q);
    const heads = new Float32Array(seen.length * h * d_v);
    const scale = changes.scale(d_k);
    seen.forEach((rows, i) => {
      const query = positions[i];
      const [m, keys] = [rows.length, kind === "decoder" ? [...rows.keys()] : rows];
      const [scores, weights] = [new Float32Array(h * m), new Float32Array(h * m)];
      for (let head = 0; head < h; head += 1) {
        const own = weights.subarray(head * m, (head + 1) * m);
        for (let j = 0; j < m; j += 1) {
          own[j] = dot(q, (i * h + head) * d_k, k, (rows[j] * h + head) * d_k, d_k) * scale;
        }
        scores.set(own, head * m);
        softmax(own);
        changes.rewrite(own, { kind, layer, head, query, keys });
        for (let j = 0; j < m; j += 1) {
          add(heads, (i * h + head) * d_v, own[j], v, (rows[j] * h + head) * d_v, d_v);
        }
      }
      see(kind, layer, first + i, { keys, scores, weights });
    });
    return this.project(heads, p.W_O);
  }

  // Equation (2): max(0, x W_1 + b_1) W_2 + b_2.
  feedForward(x, { W_1, b_1, W_2, b_2 }) {
    const inner = this.project(x, W_1);
    for (let c = 0; c < inner.length; c += 1) inner[c] = Math.max(0, inner[c] + b_1[c % b_1.length]);
    const out = this.project(inner, W_2);
    for (let c = 0; c < out.length; c += 1) out[c] += b_2[c % b_2.length];
    return out;
  }
}

// Add what a sub-layer found to its input, then normalise each row (sections 3.1 and 5.4).
function addNorm(x, found, { gain, bias }, { residual }) {
  const d = gain.length;
  const out = new Float32Array(x.length);
  for (let row = 0; row < x.length; row += d) {
    let mean = 0, variance = 0;
    for (let c = row; c < row + d; c += 1) mean += (out[c] = residual * x[c] + found[c]) / d;
    for (let c = row; c < row + d; c += 1) variance += (out[c] - mean) ** 2 / d;
    const spread = Math.sqrt(variance + EPSILON);
    for (let c = 0; c < d; c += 1) out[row + c] = ((out[row + c] - mean) / spread) * gain[c] + bias[c];
  }
  return out;
}

// The dot product of two stretches of numbers.
function dot(a, from, b, at, length) {
  let sum = 0;
  for (let c = 0; c < length; c += 1) sum += a[from + c] * b[at + c];
  return sum;
}

// out += weight * b, for stretches of numbers.
function add(out, to, weight, b, at, length) {
  for (let c = 0; c < length; c += 1) out[to + c] += weight * b[at + c];
}

function softmax(x) {
  let largest = -Infinity, total = 0;
  for (let j = 0; j < x.length; j += 1) largest = Math.max(largest, x[j]);
  for (let j = 0; j < x.length; j += 1) total += x[j] = Math.exp(x[j] - largest);
  for (let j = 0; j < x.length; j += 1) x[j] /= total;
}

// Numbers that more are put behind; their room doubles when it is full.
class Rows {
  room = new Float32Array(8192);
  length = 0;

  append(numbers) {
    const length = this.length + numbers.length;
    if (length > this.room.length) {
      const wider = new Float32Array(2 * length);
      wider.set(this.room);
      this.room = wider;
    }
    this.room.set(numbers, this.length);
    this.length = length;
    return this.room;
  }
}
