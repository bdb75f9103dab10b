// The translator's exported model (attend.models.onnx_export) decoded by onnxruntime-web, keys and
// values kept. Words are cut, and candidates chosen, by the same functions as in the course's engine,
// so that only the computing of the model differs.
import * as ort from "/onnxruntime-web/ort.wasm.min.mjs";
import { positionalEncoding } from "/engine/changes.js";
import { argmax, likeliest } from "/engine/decoding.js";
import { sentences } from "/engine/sentences.js";
import { Tokenizer } from "/engine/tokenizer.js";

const MORE = 50;
ort.env.wasm.wasmPaths = "/onnxruntime-web/";
ort.env.wasm.numThreads = 1;

export async function loadPeer() {
  const get = (name) => fetch(`/onnx/${name}`).then((answer) => answer.json());
  const open = (name) => ort.InferenceSession.create(`/onnx/${name}`, { executionProviders: ["wasm"] });
  const [config, tokenizer, start, step] = await Promise.all([
    get("config.json"), get("tokenizer.json"), open("start.onnx"), open("step.onnx"),
  ]);
  return new Peer(config, new Tokenizer(tokenizer), start, step);
}

const whole = (numbers, shape) => new ort.Tensor("int64", BigInt64Array.from(numbers, BigInt), shape);
const positions = (from, n, d) => {
  const rows = new Float32Array(n * d);
  for (let i = 0; i < n; i += 1) rows.set(positionalEncoding(from + i, d), i * d);
  return new ort.Tensor("float32", rows, [n, d]);
};

// Rows of a tensor, in any order: the past of other beginnings, or the memory once for each.
function rowsOf(tensor, order) {
  if (order.length === tensor.dims[0] && order.every((from, i) => from === i)) return tensor;
  const size = tensor.data.length / tensor.dims[0];
  const data = new tensor.data.constructor(order.length * size);
  order.forEach((from, i) => data.set(tensor.data.subarray(from * size, (from + 1) * size), i * size));
  return new ort.Tensor(tensor.type, data, [order.length, ...tensor.dims.slice(1)]);
}

class Peer {
  constructor(config, tokenizer, start, step) {
    Object.assign(this, { config, tokenizer, start, step });
  }

  async translate(text, { beam, alpha = 0.6 }) {
    const [{ source }] = sentences(text, this.tokenizer);
    const tokens = await (beam > 1 ? this.beamSearch(source, beam, alpha) : this.greedy(source));
    return this.tokenizer.decode(tokens);
  }

  async begin(source) {
    const { d_model } = this.config;
    const given = [whole(source, [1, source.length]), positions(0, source.length, d_model)];
    const found = await this.start.run(Object.fromEntries(this.start.inputNames.map((name, i) => [name, given[i]])));
    const [mask, ...memory] = this.start.outputNames.map((name) => found[name]);
    const past = memory.map(({ type, dims: [b, h, , d] }) => new ort.Tensor(type, [], [b, h, 0, d]));
    return { one: [mask, ...memory], many: new Map(), past };
  }

  // Let the model read a token for each beginning; `order` says which earlier ones they go on from.
  async read(tokens, order, position, state) {
    const count = tokens.length;
    if (!state.many.has(count)) state.many.set(count, state.one.map((tensor) => rowsOf(tensor, Array(count).fill(0))));
    const [mask, ...memory] = state.many.get(count);
    const past = state.past.map((tensor) => rowsOf(tensor, order));
    const given = [whole(tokens, [count, 1]), positions(position, 1, this.config.d_model), mask, ...past, ...memory];
    const found = await this.step.run(Object.fromEntries(this.step.inputNames.map((name, i) => [name, given[i]])));
    const [logits, ...now] = this.step.outputNames.map((name) => found[name]);
    state.past = now;
    const { vocabulary } = this.config;
    return tokens.map((_, i) => logits.data.subarray(i * vocabulary, (i + 1) * vocabulary));
  }

  async greedy(source) {
    const { start, end } = this.config;
    const [state, tokens] = [await this.begin(source), []];
    while (tokens.length < source.length + MORE) {
      const [row] = await this.read([tokens.at(-1) ?? start], [0], tokens.length, state);
      const token = argmax(row);
      if (token === end) break;
      tokens.push(token);
    }
    return tokens;
  }

  async beamSearch(source, beam, alpha) {
    const { start, end } = this.config;
    const [state, finished, limit] = [await this.begin(source), [], source.length + MORE];
    const penalty = (length) => ((5 + length) / 6) ** alpha;
    let going = [{ tokens: [], log_p: 0, origin: 0 }];
    for (let length = 1; length <= limit; length += 1) {
      const read = going.map(({ tokens }) => tokens.at(-1) ?? start);
      const rows = await this.read(read, going.map(({ origin }) => origin), length - 1, state);
      const grown = likeliest(rows, going.map(({ log_p }) => log_p), 2 * beam);
      for (const { token, log_p, origin } of grown.slice(0, beam)) {
        if (token === end) finished.push({ tokens: going[origin].tokens, score: log_p / penalty(length) });
      }
      going = grown.filter(({ token }) => token !== end).slice(0, beam)
        .map(({ token, log_p, origin }) => ({ tokens: [...going[origin].tokens, token], log_p, origin }));
      const hope = Math.max(...going.map(({ log_p }) => log_p)) / penalty(limit);
      const found = Math.max(...finished.map(({ score }) => score));
      if (finished.length >= beam || (finished.length > 0 && found >= hope)) break;
    }
    if (!finished.length) return going[0].tokens;
    return finished.reduce((a, b) => (b.score > a.score ? b : a)).tokens;
  }
}
