// Chapter 1: a translation unrolled, with what every step sees and says.
import { html } from "../../kit/explorers/vendor/preact.js";
import { Button, Choice, Field, More, Toggle } from "../../kit/explorers/controls.js";
import { Announce, explorer } from "../../kit/explorers/explorer.js";
import { Lines, Locked } from "../../kit/explorers/formula.js";
import { causalMask, maskedSoftmax, sum } from "../../kit/explorers/linalg.js";
import { HeatMap, useLook, within } from "../../kit/explorers/maps.js";
import { shades } from "../../kit/explorers/palette.js";
import { number } from "../../kit/explorers/text.js";
import { Fetching, asker, load } from "../../kit/explorers/translator.js";

const TITLES = { memory: "Memory attention", own: "Self-attention of the decoder" };
const MAPS = [
  ["memory", "at the source (memory attention)"],
  ["own", "at what is written (self-attention)"],
];
const SOURCE = "Scores and probabilities are computed by the course’s trained translator: in Python for the " +
  "sentences to choose from, in this page for yours, always masked. This explorer applies mask and softmax to " +
  "the scores; predictions are those with the mask.";
const TYPED = "Scores and probabilities are computed by the course’s trained translator, in Python.";
const LONGEST = 300;
const BETWEEN = 20; // pieces of a side, as in Python
const { ask } = asker("encoder_decoder");
let last = null; // what a reader typed, recorded
const PALE = 0.095;

// The same as EncoderDecoderExplorer._results in Python, from the scores that Python recorded, or else
// from those of the engine; null where nobody recorded any.
function compute(state) {
  const { sentence, record } = state;
  if (!record) return null;
  const kept = record.sentences[sentence] ?? (last?.sentence === sentence ? last.kept : null);
  return kept ? results(state, kept) : translated(state);
}

function results({ map, masked, place, record }, kept) {
  const { source, target, inputs, likely, isTyped = false } = kept;
  const own = map === "own";
  const mask = own && (masked || isTyped) ? causalMask(target.length) : null;
  const chosen = atPlace(kept[map], place === "best" ? record.best[map] : place);
  const weights = average(chosen.map((scores) => maskedSoftmax(scores, mask)));
  return {
    error: null, computed_by: null, sentences: Object.keys(record.sentences),
    places: placeNames(kept.memory), tokens: own ? inputs : target, columns: own ? inputs : source,
    map, source, target, inputs, weights, mask, row_sums: weights.map(sum), likely,
  };
}

async function translated(state) {
  try {
    const look = await ask("look", { text: state.sentence, beam: 1 });
    if (!look) return null;
    last = { sentence: state.sentence, kept: recorded(look) };
    return results(state, last.kept);
  } catch ({ message }) {
    return { ...state.results, error: `This sentence was not translated: ${message}` };
  }
}

// An answer of the engine, in the form in which Python records a sentence. Behind the mask no score
// is computed.
function recorded({ source, target, next, memory, decoder }) {
  const [m, n] = [source.length, target.length];
  if (Math.max(m, n) > BETWEEN) {
    throw new Error(`the sentence has ${m} pieces and its translation ${n}; at most ${BETWEEN} can be shown.`);
  }
  const cut = (list, size) => Array.from({ length: list.length / size }, (_, i) => list.slice(i * size, (i + 1) * size));
  const rows = (map) => cut(cut([...map.scores], map.m), map.n);
  return {
    source, target, inputs: ["<start>", ...target.slice(0, -1)], isTyped: true,
    likely: next.map((row) => row.map(({ piece, p }) => [piece, p])),
    memory: memory.map(rows), own: decoder.map(rows),
  };
}

function placeNames(layers) {
  const names = layers.map((_, layer) => String(layer + 1));
  const heads = names.flatMap((name, layer) => layers[layer].map((_, head) => `${name}.${head + 1}`));
  return ["best", "all", ...names, ...heads];
}

// The scores of all heads that a place such as "all", "4" or "4.1" names.
function atPlace(layers, place) {
  const [layer, head] = place.split(".");
  const kept = layer === "all" ? layers : [layers[layer - 1]];
  return kept.flatMap((heads) => (head ? [heads[head - 1]] : heads));
}

const average = (maps) => maps[0].map((row, i) =>
  row.map((_, j) => sum(maps.map((one) => one[i][j])) / maps.length));

function placeText(name) {
  if (name === "best") return "the course’s choice";
  if (name === "all") return "all layers and heads, averaged";
  const [layer, head] = name.split(".");
  return head ? `layer ${layer}, head ${head}` : `layer ${layer}, heads averaged`;
}

function inWords({ map, inputs, target, columns, weights }, i) {
  if (map === "own") {
    const ahead = number(sum(weights[i].slice(i + 1)));
    return `Having read “${inputs[i]}”, the step gives ${ahead} of its weight to later pieces.`;
  }
  const most = Math.max(...weights[i]);
  const where = columns[weights[i].indexOf(most)];
  return `The step that writes “${target[i]}” looks most at “${where}”: ${number(most)}.`;
}

const spoken = (results, i) =>
  `Step ${i + 1} of ${results.target.length} writes ${results.target[i]}, ` +
  `probability ${number(results.likely[i][0][1])}. ${inWords(results, i)}`;

const Likely = ({ pieces }) => html`
  <table class="attend-lookup"><tbody>${pieces.map(([piece, probability]) => html`
    <tr><th scope="row">${piece}</th><td class="attend-share" style=${{ "--share": probability }}>${number(probability)}</td></tr>`)}
  </tbody></table>`;

// What one step has read, what it says may follow, and what it takes.
const Step = ({ id, results: { target, inputs, likely }, locked, step: i }) => html`
  <div class="attend-formula is-short" id=${id}>
    <p class="attend-formula-title">Step ${i + 1} of ${target.length} writes <b>${target[i]}</b><${Locked} locked=${locked} /></p>
    <${Lines} lines=${[
      ["it has read", inputs.slice(0, i + 1).join(" ")],
      ["likeliest next pieces", html`<${Likely} pieces=${likely[i]} />`],
    ]} />
  </div>`;

// Any sentence; on a page some are there to choose from.
function Sentence({ state, results, set }) {
  const put = (sentence) => set({ sentence, cell: [0, 0], locked: false });
  const read = (text) => {
    if (!text.trim() || text.length > LONGEST) throw new Error("Type one sentence. The last one stays.");
    put(text);
  };
  const own = (label) => html`<${Field} class="attend-wide" value=${state.sentence} read=${read} onFocus=${load}>${label}<//>`;
  if (state.typing) return own("English sentence");
  const known = results.sentences.map((sentence) => [sentence, sentence]);
  const options = results.sentences.includes(state.sentence) ? known : [...known, [state.sentence, "your own"]];
  return html`
    <${Choice} value=${state.sentence} options=${options} onChange=${(sentence) => set({ sentence })}>Sentence<//>
    ${own("or your own")}
    <${Fetching} state=${state} again=${() => set({})}>For your own sentence the translator (2.5 MB) comes to this page.<//>`;
}

// For a typed sentence nobody computes what lies behind the mask.
function Masking({ state, results, set }) {
  const isKnown = state.typing || results.sentences.includes(state.sentence);
  return isKnown && html`<${Toggle} value=${state.masked} onChange=${(masked) => set({ masked })}>Mask later pieces<//>`;
}

// A button that has the focus keeps it at the end of the way, and says so.
function StepButtons({ state: { cell }, results: { target }, set }) {
  const last = target.length - 1;
  const at = Math.min(cell[0], last);
  const go = (by) => () => set({ cell: [Math.max(0, Math.min(last, at + by)), cell[1]] });
  return html`
    <div class="attend-buttons">
      <${Button} aria-disabled=${String(at === 0)} onClick=${go(-1)}>◀ Step back<//>
      <${Button} aria-disabled=${String(at === last)} onClick=${go(1)}>Step forward ▶<//>
    </div>`;
}

function View({ state, results, set, id }) {
  const { tokens, columns, weights, mask, row_sums: sums, map, places } = results;
  const look = useLook(state, set, weights);
  const [i] = look.seen;
  const options = places.map((name) => [name, placeText(name)]);
  return html`
    <div class="attend-controls">
      <${Sentence} state=${state} results=${results} set=${set} />
      <${Choice} value=${state.map} options=${MAPS} onChange=${(value) => set({ map: value })}>Looking<//>
      <${Masking} state=${state} results=${results} set=${set} />
      <${StepButtons} state=${state} results=${results} set=${set} />
    </div>
    <div class="attend-large attend-many">
      <p class="attend-map-title">${TITLES[map]}</p>
      <${HeatMap} label=${TITLES[map]} rows=${tokens} columns=${columns} values=${weights} sums=${sums}
        ramp=${shades(weights, 1)} allowed=${(a, b) => mask?.[a][b] ?? true} pale=${PALE} look=${look}
        describedby=${`${id}-step`} stage="weights" />
      <p class="attend-summary">${inWords(results, i)}</p>
    </div>
    <${Step} id=${`${id}-step`} results=${results} locked=${state.locked} step=${i} />
    <p class="attend-source">${state.typing ? TYPED : SOURCE}</p>
    <${More}>
      <${Choice} value=${state.place} options=${options} onChange=${(place) => set({ place })}>Which attention<//>
    <//>
    <${Announce}>${spoken(results, i)}<//>`;
}

export default explorer({
  title: "Explorer: a translation, step by step",
  traits: ["sentence", "map", "masked", "place", "cell", "locked", "typing", "record"],
  words: ({ cell }, results) => inWords(results, within(cell, results.weights)[0]),
  compute, View,
});
