// The translator of the course: from its files to a translation, with all that it attended to.
import { fastest } from "./arithmetic.js";
import { changed } from "./changes.js";
import { argmax, beamSearch, follow, greedy, likeliest, logSumExp } from "./decoding.js";
import { sentences } from "./sentences.js";
import { Tokenizer } from "./tokenizer.js";
import { Transformer } from "./transformer.js";
import { readSafetensors, tree } from "./weights.js";

const NEXT = 5; // how many likely pieces are named for each place
const SEARCH = { beam: 4, alpha: 0.6 };

export class Translator {
  constructor({ config, tokenizer, weights }, arithmetic = fastest(weights.byteLength)) {
    this.tokenizer = new Tokenizer(tokenizer);
    this.model = new Transformer(config, tree(readSafetensors(weights), arithmetic), arithmetic);
    this.arithmetic = arithmetic.name;
  }

  // Translate a text, sentence by sentence.
  translate(text, search) {
    return sentences(text, this.tokenizer)
      .map(({ source }) => this.tokenizer.decode(this.search(source, [], search).tokens)).join(" ");
  }

  // Translate one sentence, and keep every map.
  look(text, { changes = [], ...search } = {}) {
    const source = this.one(text);
    const seen = { encoder: [], decoder: [], memory: [] };
    const see = (kind, layer, row, found) => ((seen[kind][layer] ??= [])[row] = found);
    const written = this.search(source, changes, { ...search, see });
    const { tokens, rows, logits, finished } = written;
    const target = finished ? [...tokens, this.model.config.end] : tokens;
    const maps = (kind, m, chosen) => seen[kind].map((layer) => this.map(chosen.map((i) => layer[i]), m));
    return {
      text: this.tokenizer.decode(tokens), source: this.pieces(source), target: this.pieces(target),
      tokens: { source, target }, finished, tree: this.named(written.tree),
      p: target.map((token, i) => Math.exp(logits[i][token] - logSumExp(logits[i]))),
      next: logits.map((row) => this.next(row)),
      encoder: maps("encoder", source.length, [...source.keys()]),
      decoder: maps("decoder", rows.length, rows),
      memory: maps("memory", source.length, rows),
    };
  }

  // How far each list of changes moves the model: the share of the probability that went to other
  // pieces, averaged over the places of a translation. 0 agrees everywhere, 1 nowhere. `base` are
  // the changes of the model that is compared with.
  * distances(text, target, lists, base = []) {
    const [source, { model }] = [this.one(text), this];
    const untouched = follow(model, source, target, changed(base, model.config)).map(softmax);
    for (const list of lists) {
      const logits = follow(model, source, target, changed(list, model.config));
      const moved = logits.map((row, i) => movedShare(untouched[i], softmax(row)));
      yield moved.reduce((sum, share) => sum + share, 0) / moved.length;
    }
  }

  one(text) {
    const found = sentences(text, this.tokenizer);
    if (found.length > 1) throw new RangeError(`One sentence at a time, please; there are ${found.length}.`);
    return found[0].source;
  }

  search(source, changes, { beam = SEARCH.beam, alpha = SEARCH.alpha, see } = {}) {
    if (!Number.isInteger(beam) || beam < 1 || beam > 16) throw new RangeError("a beam holds 1 to 16 beginnings");
    if (!(alpha >= 0 && alpha < Infinity)) throw new RangeError("alpha is the strength of a penalty, 0 or more");
    const search = beam > 1 ? beamSearch : greedy;
    // What a change does to the model is shown as it is, loops and all.
    const spoken = changes.length ? undefined : this.tokenizer.spoken;
    return search(this.model, source, changed(changes, this.model.config), { see, spoken, beam, alpha });
  }

  pieces(tokens) {
    return tokens.map((token) => this.tokenizer.piece(token));
  }

  named(nodes = []) {
    return nodes.map((node) => ({ ...node, piece: this.tokenizer.piece(node.token) }));
  }

  next(row) {
    return likeliest([row], [0], NEXT)
      .map(({ token, log_p }) => ({ piece: this.tokenizer.piece(token), p: Math.exp(log_p) }));
  }

  // Rows of weights and scores as two blocks, (h, n, m). A forbidden key has the weight 0 and the
  // score -Infinity.
  map(rows, m) {
    const [{ h }, n] = [this.model.config, rows.length];
    const weights = new Float32Array(h * n * m);
    const scores = new Float32Array(h * n * m).fill(-Infinity);
    rows.forEach((row, i) => row.keys.forEach((key, j) => {
      for (let head = 0; head < h; head += 1) {
        const [to, from] = [(head * n + i) * m + key, head * row.keys.length + j];
        weights[to] = row.weights[from];
        scores[to] = row.scores[from];
      }
    }));
    return { h, n, m, weights, scores };
  }
}

function softmax(row) {
  const [shares, top] = [new Float32Array(row.length), row[argmax(row)]];
  let total = 0;
  for (let j = 0; j < row.length; j += 1) total += shares[j] = Math.exp(row[j] - top);
  for (let j = 0; j < row.length; j += 1) shares[j] /= total;
  return shares;
}

// Half the sum of the differences: what one distribution would have to move to become the other.
function movedShare(a, b) {
  let sum = 0;
  for (let j = 0; j < a.length; j += 1) sum += Math.abs(a[j] - b[j]) / 2;
  return sum;
}
