// Chapter 6: the heads of one layer of a trained model, and what each adds to the output.
import { html } from "../../kit/explorers/vendor/preact.js";
import { Button, Choice, More, ScoreSlider, Toggle } from "../../kit/explorers/controls.js";
import { Announce, explorer } from "../../kit/explorers/explorer.js";
import { Formula, Result, weightLine } from "../../kit/explorers/formula.js";
import { softmax, sum } from "../../kit/explorers/linalg.js";
import { HeatMap, Stage, useLook, within } from "../../kit/explorers/maps.js";
import { shades } from "../../kit/explorers/palette.js";
import { number, short } from "../../kit/explorers/text.js";

const REACH = 8;
const SOURCE = "Scores of the course’s own translator, a trained model, for this sentence; rounded " +
  "to four decimals. The weights are computed from them here.";

// The same as MultiHeadExplorer._results in Python; a test compares the two.
function compute({ words, scores: all, products, layer: wanted, off, changes }) {
  const layer = Math.min(wanted, all.length - 1);
  const scores = changedScores(all[layer], layer, changes);
  const weights = scores.map((rows) => rows.map(softmax));
  const heads = weights.map((_, h) => h);
  const on = heads.map((h) => !off.includes(h));
  const lengths = (chosen) => words.map((_, i) => length(weights, products[layer], chosen, i));
  return {
    error: null, computed_by: null, tokens: words, layer, scores, weights,
    row_sums: weights.map((rows) => rows.map(sum)), on,
    lengths: heads.map((h) => lengths([h])),
    totals: lengths(heads.filter((h) => on[h])),
    moved: lengths(heads.filter((h) => !on[h])),
  };
}

function changedScores(heads, layer, changes) {
  const scores = heads.map((rows) => rows.map((row) => [...row]));
  for (const [where, h, i, j, score] of changes) {
    if (where === layer && scores[h]?.[i]?.[j] !== undefined) scores[h][i][j] = score;
  }
  return scores;
}

// How long the sum of what the heads add for query i is. It is a mixture of the rows that they
// carry; its squared length needs no more than their dot products, of which the lower half is here.
function length(weights, lower, heads, i) {
  const n = weights[0].length;
  const shares = heads.flatMap((h) => weights[h][i].map((w, j) => [h * n + j, w]));
  let squared = 0;
  for (const [a, w] of shares) {
    for (const [b, v] of shares) squared += w * v * lower[Math.max(a, b)][Math.min(a, b)];
  }
  return Math.sqrt(Math.max(0, squared));
}

const leader = (row) => row.indexOf(Math.max(...row));

function inWords({ tokens, weights, on, moved }, i) {
  const leaders = weights.map((rows) => `“${tokens[leader(rows[i])]}”`);
  const said = `“${tokens[i]}” gives most weight to ${leaders.join(", ")}, head by head. `;
  if (on.every(Boolean)) return `${said}All heads are on.`;
  return `${said}Without the heads that are off its output moves by ${number(moved[i])}.`;
}

// One button a head, with its map as its face.
const Heads = ({ results: { weights, on }, shown, set }) => html`
  <div class="attend-stages">${weights.map((rows, h) => html`
    <${Stage} picture=${{ ramp: shades(rows, 1), stage: `head-${h}` }} title=${`Head ${h + 1}`} shown=${h === shown}
      data-off=${on[h] ? null : "true"} onShow=${() => set({ head: h })}>${on[h] ? "on" : "off"}<//>`)}
  </div>`;

// For one query: where each head looks most, and how long its part of the output is.
function Parts({ results: { tokens, weights, on, lengths, totals }, shown, query: i }) {
  const part = (rows, h) => {
    const most = leader(rows[i]);
    return html`
      <tr class=${h === shown ? "is-seen" : null}><th scope="row">Head ${h + 1}</th>
        <td>${`${tokens[most]} ${number(rows[i][most])}`}</td><td>${on[h] ? number(lengths[h][i]) : "off"}</td></tr>`;
  };
  return html`
    <div class="attend-head-parts"><table class="attend-lookup">
      <caption>What each head adds for “${tokens[i]}”</caption>
      <thead><tr><th scope="col">head</th><th scope="col">most weight</th><th scope="col">length</th></tr></thead>
      <tbody>${weights.map(part)}</tbody>
      <tfoot><tr><th scope="row" colspan="2">added</th><td>${number(totals[i])}</td></tr></tfoot>
    </table></div>`;
}

// Switches the head off that is shown large.
function HeadSwitch({ off, head, set }) {
  const others = off.filter((h) => h !== head);
  const turn = (on) => set({ off: on ? others : [...others, head].sort() });
  return html`<${Toggle} value=${!off.includes(head)} onChange=${turn}>Head ${head + 1} is on<//>`;
}

// A slider for the score of the cell that is explained.
function MoreControls({ state: { changes, off }, results: { tokens, scores, layer }, set, head, seen: [i, j] }) {
  const same = ([a, b, c, d]) => a === layer && b === head && c === i && d === j;
  const put = (score) => set({
    changes: [...changes.filter((change) => !same(change)), [layer, head, i, j, score]], cell: [i, j], locked: true,
  });
  return html`
    <${More}>
      <${ScoreSlider} value=${scores[head][i][j]} reach=${REACH} show=${short} onChange=${put}>${`Score from “${tokens[i]}” to “${tokens[j]}”`}<//>
      <${Button} disabled=${!changes.length && !off.length} onClick=${() => set({ changes: [], off: [] })}>Undo all changes<//>
    <//>`;
}

function View({ state, results, set, id }) {
  const { tokens, scores, weights, layer, computed_by } = results;
  const head = Math.min(state.head, weights.length - 1);
  const look = useLook(state, set, weights[head]);
  const [i, j] = look.seen;
  const changed = (a, b) => state.changes.some(([l, h, c, d]) => l === layer && h === head && c === a && d === b);
  const [row, weight] = [scores[head][i], weights[head][i][j]];
  return html`
    <div class="attend-controls">
      <${Choice} value=${Math.min(state.layer, state.scores.length - 1)} options=${state.scores.map((_, l) => [l, l + 1])}
        onChange=${(l) => set({ layer: Number(l) })}>Layer<//>
      <${HeadSwitch} off=${state.off} head=${head} set=${set} />
    </div>
    <div class="attend-body">
      <${Heads} results=${results} shown=${head} set=${set} />
      <div class="attend-large">
        <p class="attend-map-title">${`Weights of layer ${layer + 1}, head ${head + 1}`}</p>
        <${HeatMap} label="Weights" rows=${tokens} values=${weights[head]} ramp=${shades(weights[head], 1)} marked=${changed}
          look=${look} describedby=${`${id}-formula`} stage="weights" />
        <p class="attend-summary">${inWords(results, i)}</p>
      </div>
    </div>
    <div class="attend-head-below">
      <${Formula} id=${`${id}-formula`} pair=${[tokens[i], tokens[j]]} locked=${state.locked} lines=${[
        ["scaled score", html`<${Result}>${number(row[j])}<//>`],
        ["weight", weightLine({ row, weight, computed_by }, j, short)],
      ]} />
      <${Parts} results=${results} shown=${head} query=${i} />
    </div>
    <p class="attend-source">${SOURCE}</p>
    <${MoreControls} state=${state} results=${results} set=${set} head=${head} seen=${look.seen} />
    <${Announce}>${`Layer ${layer + 1}. ${inWords(results, i)}`}<//>`;
}

export default explorer({
  title: "Explorer: heads side by side",
  traits: ["words", "scores", "products", "layer", "off", "changes", "head", "cell", "locked"],
  words: ({ cell }, results) => inWords(results, within(cell, results.weights[0])[0]),
  compute, View,
});
