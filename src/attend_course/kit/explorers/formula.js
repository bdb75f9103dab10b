// The box that explains one pair with its real operands.
import { html } from "./vendor/preact.js";
import { number } from "./text.js";

export const Result = ({ children }) => html`<b class="attend-nowrap">${children}</b>`;
export const Locked = ({ locked }) => html`<span class="attend-muted">${locked && " · locked"}</span>`;

// What is explained, line by line: `lines` are pairs of a name and its text or elements.
export const Lines = ({ lines }) => html`
  <dl class="attend-formula-lines">${lines.map(([what, line]) => html`<dt>${what}</dt><dd>${line}</dd>`)}</dl>`;

export const Formula = ({ id, pair: [query, key], locked, lines, kind = "" }) => html`
  <div class=${`attend-formula${kind}`} id=${id}>
    <p class="attend-formula-title">Query <b>${query}</b>, key <b>${key}</b><${Locked} locked=${locked} /></p>
    <${Lines} lines=${lines} />
  </div>`;

const Power = ({ exponent, bold }) => {
  const tag = bold ? "b" : "span";
  return html`<${tag} class="attend-nowrap">e<sup>${exponent}</sup><//>`;
};

export const joined = (parts) => parts.map((part, n) => [n ? " + " : "", part]);

// The weight of key j among the scores of its row, or who computed it. `allowed` asks the mask.
export function weightLine({ row, weight, computed_by }, j, write = number, allowed = () => true) {
  const result = html`<${Result}>${number(weight)}<//>`;
  if (computed_by) return html`${computed_by} gives ${result}`;
  if (!allowed(j)) return html`the mask forbids this key: ${result}`;
  const power = (c) => html`<${Power} exponent=${write(row[c])} bold=${c === j} />`;
  const below = row.map((_, c) => c).filter(allowed).map(power);
  return html`${power(j)} ÷ (${joined(below)}) = ${result}`;
}
