// A tree of beginnings, such as a beam search follows: what has one way to go on stands in one line.
import { html } from "./vendor/preact.js";
import { number } from "./text.js";

// `nodes` are { parent, piece, log_p, finished }; node 0 is the empty beginning. `best` holds the
// numbers of those that stand out. `note` may say more about a node than its log-probability.
export function Tree({ nodes, best = new Set(), note = plainNote, at = 0 }) {
  const children = [...nodes.keys()].filter((i) => i > 0 && nodes[i].parent === at);
  return children.length > 0 && html`
    <ul class="attend-tree">${children.map((child) => {
      const run = runFrom(nodes, child);
      const last = run.at(-1);
      return html`<li>
        <span class=${best.has(child) ? "is-best" : null}>${run.map((i) => nodes[i].piece).join(" ")}</span>${" "}
        <small>${note(nodes[last], last)}</small>
        <${Tree} nodes=${nodes} best=${best} note=${note} at=${last} /></li>`;
    })}</ul>`;
}

const plainNote = ({ log_p, finished }) => `ln p ${number(log_p)}${finished ? ", finished" : ""}`;

// A node, and all after it up to the next fork or end.
function runFrom(nodes, start) {
  const run = [start];
  for (;;) {
    const next = [...nodes.keys()].filter((i) => i > 0 && nodes[i].parent === run.at(-1));
    if (next.length !== 1) return run;
    run.push(next[0]);
  }
}

// The numbers of a node and of all before it, without the empty beginning.
export function pathTo(nodes, node) {
  const path = [];
  for (let i = node; i > 0; i = nodes[i].parent) path.unshift(i);
  return path;
}
