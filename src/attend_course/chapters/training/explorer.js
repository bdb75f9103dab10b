// Chapter 8: a beam search as a tree, and what the length penalty makes of it.
import { html } from "../../kit/explorers/vendor/preact.js";
import { Field, Slider } from "../../kit/explorers/controls.js";
import { Announce, explorer } from "../../kit/explorers/explorer.js";
import { Lines, Locked, Result } from "../../kit/explorers/formula.js";
import { HeatMap, useLook } from "../../kit/explorers/maps.js";
import { shades } from "../../kit/explorers/palette.js";
import { brief, number } from "../../kit/explorers/text.js";
import { Fetching, asker } from "../../kit/explorers/translator.js";
import { Tree, pathTo } from "../../kit/explorers/tree.js";

const ALPHAS = [0, 0.6, 1, 2, 4];
const WIDTHS = [1, 2, 3, 4, 5, 6, 7, 8];
const SIDES = { row: "rank", column: "α", said: "translations on rows, values of alpha on columns" };
const LONGEST = 300;
const { ask } = asker("beam");

const keyOf = ({ sentence, beam, alpha }) => JSON.stringify({ sentence, beam, alpha });

// Python writes the same key with spaces.
const answers = ({ key }, state) => key && keyOf(JSON.parse(key)) === keyOf(state);

// The same as BeamExplorer._results in Python.
function compute(state) {
  const before = state.results ?? {};
  if (answers(before, state)) return before.fault ? { ...before, fault: null } : before;
  return computeAnew(before, state, keyOf(state));
}

async function computeAnew(before, { sentence: text, beam, alpha }, key) {
  try {
    const look = await ask("look", { text, beam, alpha, changes: [] });
    return look && { ...before, ...resultsOf(look, alpha), key, error: null, fault: null };
  } catch (error) {
    return { ...before, fault: error.message };
  }
}

// What is drawn of the engine's answer. Without a beam there is one way, and no tree.
function resultsOf({ source, tree, target, p }, alpha) {
  const raw = followed(tree.length ? tree : oneWay(target, p));
  const found = translations(raw, alpha);
  return {
    tokens: source.map(bare),
    tree: raw.map(({ parent, piece, log_p, finished }) => ({ parent, piece: bare(piece), log_p, finished })),
    found,
    scores: found.map((one) => ALPHAS.map((each) => score(one, each))),
  };
}

const bare = (piece) => piece.replaceAll("▁", " ").trim() || piece;
const penalty = (length, alpha) => ((5 + length) / 6) ** alpha;
const score = ({ log_p, length }, alpha) => log_p / penalty(length, alpha);

function oneWay(target, p) {
  let log_p = 0;
  const nodes = target.map((piece, i) => ({ parent: i, piece, log_p: log_p += Math.log(p[i]), finished: piece === "<end>" }));
  return [{ parent: null, piece: "<start>", log_p: 0, finished: false }, ...nodes];
}

// Without what was begun in the last step and then not followed. It stands last, so that no number
// of another node changes.
function followed(nodes) {
  const depths = [0];
  nodes.slice(1).forEach(({ parent }) => depths.push(depths[parent] + 1));
  if (!nodes.some(({ finished }) => finished)) return nodes;
  const last = Math.max(...depths);
  return nodes.filter(({ finished }, i) => finished || depths[i] < last);
}

// The finished translations, the best first; the likeliest of the last step where there is none.
function translations(nodes, alpha) {
  const all = [...nodes.keys()].slice(1).map((end) => translation(nodes, end));
  const longest = Math.max(...all.map(({ length }) => length));
  const ends = all.filter(({ node }) => nodes[node].finished);
  const last = all.filter(({ length }) => length === longest);
  const best = (some) => some.sort((a, b) => score(b, alpha) - score(a, alpha));
  return ends.length ? best(ends) : best(last).slice(0, 1);
}

function translation(nodes, end) {
  const path = pathTo(nodes, end);
  const written = path.filter((i) => !nodes[i].finished).map((i) => nodes[i].piece);
  const text = written.join("").replaceAll("▁", " ").trim();
  return { node: end, text, length: path.length, log_p: nodes[end].log_p };
}

const plural = (count, thing) => `${count} ${thing}${count === 1 ? "" : "s"}`;

function words(_, { key, tree, found }) {
  const { beam, alpha } = JSON.parse(key);
  const going = tree.filter(({ finished }, i) => i > 0 && !finished).length;
  return `A beam of ${beam} with α = ${brief(alpha)} followed ${plural(going, "beginning")} ` +
    `and finished ${plural(found.length, "translation")}. The best is “${found[0].text}”.`;
}

// How the score of one translation comes about.
const Score = ({ id, one, alpha, locked, rank }) => html`
  <div class="attend-formula is-short" id=${id}>
    <p class="attend-formula-title">Translation ${rank + 1}, α = ${brief(alpha)}: <b lang="de">${one.text}</b><${Locked} locked=${locked} /></p>
    <${Lines} lines=${[
      ["ln p", html`${number(one.log_p)}, the sum over its ${one.length} pieces, the end included`],
      ["penalty", html`((5 + ${one.length}) ÷ 6)<sup>${brief(alpha)}</sup> = ${number(penalty(one.length, alpha))}`],
      ["score", html`${number(one.log_p)} ÷ ${number(penalty(one.length, alpha))} = <${Result}>${number(score(one, alpha))}<//>`],
    ]} />
  </div>`;

function Controls({ state, results, set }) {
  const read = (sentence) => {
    if (!sentence.trim() || sentence.length > LONGEST) throw new Error("Type one English sentence. The last one stays.");
    set({ sentence, cell: [0, 1], locked: false });
  };
  return html`
    <div class="attend-controls">
      <${Field} class="attend-wide" value=${state.sentence} read=${read}>English sentence<//>
      <${Slider} value=${state.beam} steps=${WIDTHS} show=${(x) => (x === 1 ? "1 (greedy)" : String(x))}
        onChange=${(beam) => set({ beam })}>width of the beam<//>
      <${Slider} value=${state.alpha} steps=${ALPHAS} show=${brief} distance=${(a, b) => Math.abs(a - b)}
        onChange=${(alpha) => set({ alpha })}>length penalty α<//>
    </div>
    ${results.fault && html`<p class="attend-alert" role="alert">${results.fault}</p>`}`;
}

function View({ state, results, set, id }) {
  const { tree, found, scores } = results;
  const look = useLook(state, set, scores);
  const [i, j] = look.seen;
  const leads = (row, column) => scores.every((other) => scores[row][column] >= other[column]);
  const ranks = new Map(found.map(({ node }, rank) => [node, rank + 1]));
  const isLeaf = (node) => !tree.some(({ parent }) => parent === node);
  const note = ({ log_p, finished }, node) =>
    `ln p ${number(log_p)}${finished ? ` (translation ${ranks.get(node)})` : isLeaf(node) ? ", dropped" : ""}`;
  const text = words(state, results);
  return html`
    <${Controls} state=${state} results=${results} set=${set} />
    <${Fetching} state=${state} again=${() => set({})}>
      This search was made when the page was built. With your first change the translator is fetched, 2.5 MB.<//>
    <p class="attend-map-title">Every beginning that the search followed</p>
    <${Tree} nodes=${tree} best=${new Set(pathTo(tree, found[0].node))} note=${note} />
    <p class="attend-map-title">The score of each finished translation (1 is the best), for several α</p>
    <${HeatMap} label="Scores" rows=${found.map((_, rank) => String(rank + 1))} columns=${ALPHAS.map(brief)} sides=${SIDES}
      values=${scores} ramp=${shades(scores)} marked=${leads} look=${look} describedby=${`${id}-score`} stage="scores" />
    <${Score} id=${`${id}-score`} one=${found[i]} alpha=${ALPHAS[j]} locked=${state.locked} rank=${i} />
    <p class="attend-summary">${text}</p>
    <${Announce}>${text}<//>`;
}

export default explorer({
  title: "Explorer: a beam search as a tree",
  traits: ["sentence", "beam", "alpha", "cell", "locked"],
  compute, words, View,
});
