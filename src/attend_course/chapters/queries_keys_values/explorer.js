// Chapter 2: a query is compared with all keys; its weights mix the values.
import { html, useState } from "../../kit/explorers/vendor/preact.js";
import { Button, Choice, Indexed, More, Toggle, Written, useTyped } from "../../kit/explorers/controls.js";
import { Announce, explorer } from "../../kit/explorers/explorer.js";
import { Lines, Locked, Result, weightLine } from "../../kit/explorers/formula.js";
import { attention, matmul, scores, sum } from "../../kit/explorers/linalg.js";
import { HeatMap, Stage, useLook } from "../../kit/explorers/maps.js";
import { shades } from "../../kit/explorers/palette.js";
import { listed, number, short, signed } from "../../kit/explorers/text.js";
import { numberOf } from "../../kit/explorers/words.js";

const SENTENCES = ["This seal closes letters", "This seal catches herring"];
const COMPONENTS = ["sea", "mail", "unclear"];
const VECTORS = {
  This: [0, 0, 0], seal: [1, 1, 1], closes: [0, 1, 1], letters: [0, 1, 0],
  catches: [1, 0, 1], herring: [1, 0, 0],
};
const MATRICES = {
  W_Q: [[1, 0], [0, 1], [1, 1]],
  W_K: [[1, 0], [0, 1], [-1, -1]],
  W_V: [[1, 0], [0, 1], [0, 0]],
};
const LARGEST = 10;
const TIE = 1e-6;
const SOURCE = "The three components say how much a word has to do with the sea, with mail, and " +
  "how unclear it is alone. Vectors and matrices were set by hand; nothing was trained. Scores " +
  "are not divided here.";

const wordsOf = (sentence) => sentence.split(" ");
const vectorsOf = ({ x, sentence }) => (x.length ? x : wordsOf(sentence).map((word) => VECTORS[word]));

// The same as QueriesKeysValuesExplorer._results in Python; a test compares the two.
function compute(state) {
  const x = vectorsOf(state);
  const make = (w) => (state.projected ? matmul(x, w) : x);
  const [q, k, v] = [make(state.W_Q), make(state.W_K), make(state.W_V)];
  const { output, weights } = attention(q, k, v, null, 1);
  return {
    error: null, computed_by: null, tokens: wordsOf(state.sentence), projected: state.projected,
    x, q, k, v, scores: scores(q, k, 1), weights, row_sums: weights.map(sum), output,
  };
}

const STAGES = [["scores", "Scores", "q · k"], ["weights", "Weights", "softmax of each row"]];

const pictureOf = (stage, results) => ({
  stage, values: results[stage],
  sums: stage === "weights" ? results.row_sums : null,
  ramp: shades(results[stage], stage === "weights" ? 1 : null),
});

const vector = (row) => listed(row, short);

const W = ({ index }) => html`<${Indexed} letter="W" index=${index} />`;

// The table of one query: each key, its score, its weight and its value; below, the mixture.
function Lookup({ results: { tokens, k, v, scores: bare, weights, output }, seen: [i, j] }) {
  const share = (c) => ({ "--share": Math.min(1, Math.max(0, weights[i][c])).toFixed(3) });
  return html`
    <table class="attend-lookup">
      <thead><tr>${["word", "key k", "q · k", "weight", "value v"].map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
      <tbody>${tokens.map((token, c) => html`
        <tr class=${c === j ? "is-seen" : null}><th scope="row">${token}</th><td>${vector(k[c])}</td><td>${short(bare[i][c])}</td>
          <td class="attend-share" style=${share(c)}>${number(weights[i][c])}</td><td>${vector(v[c])}</td></tr>`)}
      </tbody>
      <tfoot><tr><th scope="row" colspan="3">output: values, mixed by weight</th><td colspan="2">${vector(output[i])}</td></tr></tfoot>
    </table>`;
}

function queryLine({ projected, x, q }, i) {
  const result = html`<${Result}>${vector(q[i])}<//>`;
  if (!projected) return html`q = <i>x</i> = ${result}`;
  return html`q = <i>x</i> <${W} index="Q" /> = ${vector(x[i])} <${W} index="Q" /> = ${result}`;
}

function scoreLine({ tokens, q, k, scores: bare }, i, j) {
  const products = q[i].map((a, c) => `${signed(a, short)} × ${signed(k[j][c], short)}`).join(" + ");
  return html`${`q · k of ${tokens[j]} = ${products} = `}<${Result}>${short(bare[i][j])}<//>`;
}

// What one query meets: the table, and the sums behind the cell that is looked at.
function Asked({ id, results, locked, seen: [i, j] }) {
  const { tokens, scores: bare, weights, computed_by } = results;
  return html`
    <div class="attend-formula" id=${id}>
      <p class="attend-formula-title"><b>${tokens[i]}</b> asks, all words answer<${Locked} locked=${locked} /></p>
      <${Lookup} results=${results} seen=${[i, j]} />
      <${Lines} lines=${[
        ["query", queryLine(results, i)],
        ["score", scoreLine(results, i, j)],
        ["weight", weightLine({ row: bare[i], weight: weights[i][j], computed_by }, j, short)],
      ]} />
    </div>`;
}

function inWords({ tokens, weights, output }, i) {
  const top = Math.max(...weights[i]);
  const ahead = tokens.filter((_, c) => top - weights[i][c] < TIE);
  const names = ahead.map((token) => `“${token}”`).join(", ");
  const taken = ahead.length > 1 ? `the same, ${number(top)}, from ${names}` : `most from ${names}, ${number(top)}`;
  return `“${tokens[i]}” takes ${taken}. Its output is ${vector(output[i])}.`;
}

// One entry of a matrix. What cannot be read leaves the entry, and the remark stands below all.
function Entry({ value, label, put, tell }) {
  const read = (text) => {
    const entry = numberOf(text);
    const fits = Math.abs(entry) <= LARGEST;
    tell(fits ? "" : `Type a number from −${LARGEST} to ${LARGEST}. The entry stays.`);
    if (fits) put(entry);
  };
  const [typed] = useTyped(value, read);
  return html`<td><${Written} type="text" inputmode="decimal" aria-label=${label} ...${typed} /></td>`;
}

// A matrix whose entries can be typed over: one small field each.
function Entries({ name, values, rows, columns, set, children: title }) {
  const [note, tell] = useState("");
  const put = (i, c) => (entry) =>
    set({ [name]: values.map((row, a) => row.map((value, b) => (a === i && b === c ? entry : value))) });
  const entry = (i) => (value, c) => html`
    <${Entry} value=${value} label=${`${name}, row ${rows[i]}, column ${columns[c]}`} put=${put(i, c)} tell=${tell} />`;
  return html`
    <div class="attend-entries">
      <table>
        <caption>${title}</caption>
        <thead><tr><td></td>${columns.map((column) => html`<th scope="col">${column}</th>`)}</tr></thead>
        <tbody>${values.map((row, i) => html`<tr><th scope="row">${rows[i]}</th>${row.map(entry(i))}</tr>`)}</tbody>
      </table>
      <span class="attend-note" role="status">${note}</span>
    </div>`;
}

const Editors = ({ state, set }) => html`
  <${More} title="Change the numbers">
    <${Entries} name="x" values=${vectorsOf(state)} rows=${wordsOf(state.sentence)} columns=${COMPONENTS} set=${set}><i>x</i>, the words<//>
    ${Object.keys(MATRICES).map((name) => html`
      <${Entries} name=${name} values=${state[name]} rows=${COMPONENTS} columns=${["1", "2"]} set=${set}>
        <${W} index=${name[2]} /><//>`)}
    <${Button} onClick=${() => set({ x: [], ...MATRICES })}>Undo all changes<//>
  <//>`;

function View({ state, results, set, id }) {
  const { stage, projected } = state;
  const look = useLook(state, set, results.scores);
  const title = STAGES.find(([name]) => name === stage)[1];
  // Vectors that were typed belonged to the words that stood there.
  const choose = (sentence) => set({ sentence, x: [] });
  return html`
    <div class="attend-controls">
      <${Choice} value=${state.sentence} options=${SENTENCES.map((text) => [text, text])} onChange=${choose}>Sentence<//>
      <${Toggle} value=${projected} onChange=${(value) => set({ projected: value })}>
        Project with <${W} index="Q" />, <${W} index="K" />, <${W} index="V" /><//>
    </div>
    <div class="attend-body">
      <div class="attend-stages" role="group" aria-label="Show large">${STAGES.map(([name, words, how]) => html`
        <${Stage} picture=${pictureOf(name, results)} title=${words} shown=${name === stage} onShow=${() => set({ stage: name })}>${how}<//>`)}
      </div>
      <div class="attend-large">
        <p class="attend-map-title">${title}</p>
        <${HeatMap} label=${title} rows=${results.tokens} ...${pictureOf(stage, results)} look=${look} describedby=${`${id}-panel`} />
        <p class="attend-summary">${inWords(results, look.seen[0])}</p>
      </div>
    </div>
    <${Asked} id=${`${id}-panel`} results=${results} locked=${state.locked} seen=${look.seen} />
    <p class="attend-source">${SOURCE}</p>
    <${Editors} state=${state} set=${set} />
    <${Announce}>${inWords(results, look.seen[0])}<//>`;
}

export default explorer({
  title: "Explorer: one word asks all words",
  traits: ["sentence", "projected", "x", "W_Q", "W_K", "W_V", "stage", "cell", "locked"],
  words: ({ cell }, results) => inWords(results, cell[0]),
  compute, View,
});
