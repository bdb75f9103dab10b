// The translator of the course: from its files to a translation, with all that it attended to.
import { fastest } from "./arithmetic.js";
import { changed } from "./changes.js";
import { beamSearch, follow, greedy, likeliest, logSumExp } from "./decoding.js";
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
    const [source, { seen, see }] = [this.one(text), watcher()];
    const { tokens, rows, logits, finished, tree = [] } = this.search(source, changes, { ...search, see });
    const target = finished ? [...tokens, this.model.config.end] : tokens;
    return {
      text: this.tokenizer.decode(tokens), source: this.pieces(source), target: this.pieces(target),
      tokens: { source, target }, finished,
      tree: tree.map((node) => ({ ...node, piece: this.tokenizer.piece(node.token) })),
      p: target.map((token, i) => Math.exp(logits[i][token] - logSumExp(logits[i]))),
      next: logits.map((row) => this.next(row)),
      ...this.maps(seen, source.length, rows),
    };
  }

  // Look at a sentence twice: as the model was trained, and with changes, of which `instead`, a text
  // in place of the first, is one. `reading` holds the maps of the changed model while it reads what
  // the untouched one wrote, so that map can be laid on map.
  compare(text, { changes = [], instead = text, ...search } = {}) {
    const key = JSON.stringify([text, search]);
    if (this.last?.key !== key) this.last = { key, untouched: this.look(text, search) };
    const { untouched } = this.last;
    if (!changes.length && instead === text) return { untouched, changed: null, reading: null, distance: 0 };
    const [{ target }, { seen, see }] = [untouched.tokens, watcher()];
    const [source, made] = [this.one(instead), changed(changes, this.model.config)];
    this.last.shares ??= follow(this.model, untouched.tokens.source, target).map(softmax);
    const distance = apart(this.last.shares, follow(this.model, source, target, made, see));
    const last = seen.decoder[0].length - target.length; // read anew, the last reading counts
    const reading = this.maps(seen, source.length, target.map((_, i) => last + i));
    return { untouched, changed: this.look(instead, { changes, ...search }), reading, distance };
  }

  // How far each list of changes moves the model: the share of the probability that went to other
  // pieces, averaged over the places of a translation. 0 agrees everywhere, 1 nowhere. `base` are
  // the changes of the model that is compared with.
  * distances(text, target, lists, base = []) {
    const [source, { model }] = [this.one(text), this];
    const untouched = follow(model, source, target, changed(base, model.config)).map(softmax);
    for (const list of lists) yield apart(untouched, follow(model, source, target, changed(list, model.config)));
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

  next(row) {
    return likeliest([row], [0], NEXT)
      .map(({ token, log_p }) => ({ piece: this.tokenizer.piece(token), p: Math.exp(log_p) }));
  }

  // The maps of a run, layer by layer; of what the decoder did, the rows that count.
  maps(seen, m, rows) {
    const all = (kind, length, chosen) => seen[kind].map((layer) => this.map(chosen.map((i) => layer[i]), length));
    return {
      encoder: all("encoder", m, Array.from({ length: m }, (_, i) => i)),
      decoder: all("decoder", rows.length, rows), memory: all("memory", m, rows),
    };
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

// What keeps every row of weights that a run shows it.
function watcher() {
  const seen = { encoder: [], decoder: [], memory: [] };
  return { seen, see: (kind, layer, row, found) => ((seen[kind][layer] ??= [])[row] = found) };
}

function softmax(row) {
  const shift = logSumExp(row);
  return row.map((x) => Math.exp(x - shift));
}

// Half the sum of the differences: what one distribution would have to move to become the other,
// averaged over the places.
function apart(shares, logits) {
  let sum = 0;
  logits.map(softmax).forEach((row, i) => row.forEach((share, j) => (sum += Math.abs(share - shares[i][j]) / 2)));
  return sum / logits.length;
}
