// The home page: type English, get German, and see where the translator looked.
import { html } from "../../kit/explorers/vendor/preact.js";
import { Written } from "../../kit/explorers/controls.js";
import { Announce, explorer, useLive } from "../../kit/explorers/explorer.js";
import { OWN_KEYS } from "../../kit/explorers/keys.js";
import { HeatMap, useLook, within } from "../../kit/explorers/maps.js";
import { shades } from "../../kit/explorers/palette.js";
import { number } from "../../kit/explorers/text.js";
import { Fetching, asker, load } from "../../kit/explorers/translator.js";

const TITLE = "Where each German piece looked while it was written";
const PALE = 0.095;
const { ask } = asker("home");

// A quotation that ends a sentence has one full stop, not two.
const ended = (text) => (/[.!?]$/.test(text) ? `“${text}”` : `“${text}”.`);
const plain = (piece) => piece.replaceAll("▁", " ").trim() || piece;

// The same as TranslatorExplorer._results in Python.
function compute({ sentence, results: before = {} }) {
  if (sentence === before.sentence) return before.fault ? { ...before, fault: null } : before;
  return translate(sentence, before);
}

async function translate(sentence, before) {
  try {
    const look = await ask("look", { text: sentence });
    return look && { ...before, ...shown(look, before.place), sentence, fault: null, error: null };
  } catch (error) {
    return { ...before, fault: error.message };
  }
}

function shown({ text, source, target, finished, memory }, place) {
  const written = finished ? target.slice(0, -1) : target;
  const maps = headsOf(memory, place);
  const mean = (i, j) => maps.reduce((sum, weights) => sum + weights[i * source.length + j], 0) / maps.length;
  return { text, tokens: source, target: written, weights: written.map((_, i) => source.map((_, j) => mean(i, j))) };
}

// The maps that a place such as "all", "4" or "4.1" names, each as one block of numbers.
function headsOf(layers, place) {
  const [layer, head] = place.split(".");
  const chosen = layer === "all" ? layers : [layers[layer - 1]];
  return chosen.flatMap(({ h, n, m, weights }) => (head ? [head - 1] : [...Array(h).keys()])
    .map((one) => weights.subarray(one * n * m, (one + 1) * n * m)));
}

function inWords({ target, tokens, weights }, i) {
  const most = Math.max(...weights[i]);
  return `When it wrote “${plain(target[i])}”, it looked most at “${plain(tokens[weights[i].indexOf(most)])}”: ${number(most)}.`;
}

const words = ({ cell }, results) =>
  `“${results.sentence}” becomes ${ended(results.text)} ${inWords(results, within(cell, results.weights)[0])}`;

function View({ state, results, set, id }) {
  const { target, tokens, weights, text, fault } = results;
  const look = useLook(state, set, weights);
  const [rows, columns, live] = [target.map(plain), tokens.map(plain), useLive()];
  return html`
    <label class="attend-control attend-english"><span class="attend-label">English</span>
      <${Written} type="text" class="attend-wide" maxlength="1000" value=${state.sentence} onFocus=${load}
        onInput=${({ target: field }) => set({ sentence: field.value, cell: [0, 0], locked: false })} />
      <span class="attend-note" role="status">${live && fault}</span>
    </label>
    <dl class="attend-german"><div><dt>German</dt><dd lang="de">${text}</dd></div></dl>
    <${Fetching} state=${state} again=${() => set({})}>Type a sentence of your own: the translator (2.5 MB) comes to this page, and nothing you type leaves it.<//>
    <div class="attend-large attend-many">
      <p class="attend-map-title">${TITLE}</p>
      <${HeatMap} label=${TITLE} rows=${rows} columns=${columns} values=${weights} pale=${PALE} look=${look}
        ramp=${shades(weights, 1)} describedby=${`${id}-words`} stage="weights" />
      <p class="attend-summary" id=${`${id}-words`}>${words({ cell: look.seen }, results)}</p>
    </div>
    ${!state.answered && html`<p><a ...${OWN_KEYS} href=${`laboratory.html#laboratory=${encodeURIComponent(JSON.stringify({ sentence: state.sentence }))}`}>Open this sentence in the laboratory</a></p>`}
    <${Announce}>${words({ cell: look.seen }, results)}<//>`;
}

export default explorer({
  title: "Translator: type English, get German",
  traits: ["sentence", "cell", "locked"], compute, words, View,
});
