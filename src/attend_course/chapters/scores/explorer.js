// Chapter 3: queries and keys as arrows in a plane, and the matrix of all their scores.
import { html, useRef } from "../../kit/explorers/vendor/preact.js";
import { Announce, explorer } from "../../kit/explorers/explorer.js";
import { Button } from "../../kit/explorers/controls.js";
import { Formula, Result } from "../../kit/explorers/formula.js";
import { dot, scores, sum } from "../../kit/explorers/linalg.js";
import { HeatMap, useLook } from "../../kit/explorers/maps.js";
import { shades } from "../../kit/explorers/palette.js";
import { Plane, length } from "../../kit/explorers/plane.js";
import { brief, listed, signed } from "../../kit/explorers/text.js";

const TOKENS = ["Hungry", "gulls", "steal", "chips"];

const degrees = (cosine) => (cosine === null ? null : Math.acos(cosine) * 180 / Math.PI);

function cosine(q, k) {
  const product = length(q) * length(k);
  return product === 0 ? null : Math.max(-1, Math.min(1, dot(q, k) / product));
}

// The same as ScoresExplorer._results in Python; a test compares the two.
function compute({ q, k }) {
  const found = scores(q, k, 1);
  const cosines = q.map((query) => k.map((key) => cosine(query, key)));
  return {
    error: null, computed_by: null, tokens: TOKENS, q, k,
    scores: found, cosines,
    lengths_q: q.map(length), lengths_k: k.map(length),
    angles: cosines.map((row) => row.map(degrees)),
    row_sums: found.map(sum),
  };
}

function scoreLine({ q, k, scores: found, computed_by }, i, j) {
  const result = html`<${Result}>${brief(found[i][j])}<//>`;
  if (computed_by) return html`${computed_by} gives ${result}`;
  const products = q[i].map((x, c) => `${signed(x)} × ${signed(k[j][c])}`).join(" + ");
  return html`q · k = ${products} = ${result}`;
}

const lengthLine = ({ lengths_q, lengths_k }, i, j) =>
  html`|q| = <${Result}>${brief(lengths_q[i])}<//>, |k| = <${Result}>${brief(lengths_k[j])}<//>`;

function angleLine({ angles, cosines, lengths_q, lengths_k }, i, j) {
  if (angles[i][j] === null) return "none: an arrow of length 0 has no direction";
  const [q, k, c] = [lengths_q[i], lengths_k[j], cosines[i][j]];
  return html`<${Result}>${brief(angles[i][j])}<//>°; |q| |k| cos = ${brief(q)} × ${brief(k)} × ${signed(c)} = <${Result}>${brief(q * k * c)}<//>`;
}

function inWords({ tokens, scores: found, row_sums }, i) {
  const top = Math.max(...found[i]);
  const best = tokens.filter((_, j) => found[i][j] === top).join(" and ");
  return `The row of ${tokens[i]} is ${listed(found[i])}: its highest score is with ${best}. ` +
    `The row sums to ${brief(row_sums[i])}.`;
}

function View({ state, results, set, id }) {
  const { tokens, scores: values } = results;
  const first = useRef({ q: state.q, k: state.k });
  const look = useLook(state, set, values);
  const [i, j] = look.seen;
  const take = (role, index) => set({ cell: role === "q" ? [index, j] : [i, index] });
  const move = (role, index, vector) =>
    set({ cell: [i, j], [role]: state[role].map((row, c) => (c === index ? vector : row)) });
  return html`
    <div class="attend-pair">
      <div class="attend-plane-box">
        <p class="attend-map-title">The query of <b class="attend-is-query">${tokens[i]}</b> and all <b class="attend-is-key">keys</b></p>
        <${Plane} q=${state.q} k=${state.k} tokens=${tokens} seen=${look.seen} onTake=${take} onMove=${move} />
        <p class="attend-legend">Shaded side: score above 0. Its dashed edge: score 0.</p>
      </div>
      <div class="attend-large">
        <p class="attend-map-title">Scores</p>
        <${HeatMap} label="Scores" rows=${tokens} values=${values} ramp=${shades(values)} look=${look} describedby=${`${id}-formula`} stage="scores" />
        <p class="attend-summary">${inWords(results, i)}</p>
      </div>
    </div>
    <${Formula} id=${`${id}-formula`} kind=" is-short" pair=${[tokens[i], tokens[j]]} locked=${state.locked} lines=${[
      ["score", scoreLine(results, i, j)],
      ["lengths", lengthLine(results, i, j)],
      ["angle", angleLine(results, i, j)],
    ]} />
    <p class="attend-source">Queries and keys were chosen by hand, so that you can check each number. Nothing was trained.</p>
    <div class="attend-buttons">
      <${Button} onClick=${() => set(first.current)}>Put the arrows back<//>
      <span class="attend-muted">Drag the tip of an arrow, or reach it with Tab and press arrow keys.</span>
    </div>
    <${Announce}>${`Score ${brief(values[i][j])}. ${inWords(results, i)}`}<//>`;
}

export default explorer({
  title: "Explorer: queries, keys and their scores",
  traits: ["q", "k", "cell", "locked"],
  words: ({ cell }, results) => inWords(results, cell[0]),
  compute, View,
});
