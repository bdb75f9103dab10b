// Controls. Each shows a value and says what it becomes.
import { html, useLayoutEffect, useState } from "./vendor/preact.js";
import { useLive } from "./explorer.js";
import { OWN_KEYS } from "./keys.js";
import { number } from "./text.js";

// A symbol of the paper with its index, such as d_k.
export const Indexed = ({ letter, index }) => html`
  <span class="attend-symbol"><i>${letter}</i><sub>${index}</sub></span>`;
export const DK = () => html`<${Indexed} letter="d" index="k" />`;

const Label = ({ children }) => html`<span class="attend-label">${children}</span>`;

// A slider over the positions of `steps`, which need not be evenly spaced.
export function Slider({ value, steps, onChange, show = number, distance = ratio, children: label, ...rest }) {
  const gaps = steps.map((step) => distance(step, value));
  return html`
    <label class="attend-control">
      <${Label}>${label}<//>
      <input type="range" min="0" max=${steps.length - 1} step="1" value=${gaps.indexOf(Math.min(...gaps))}
        aria-valuetext=${show(value)} disabled=${!useLive()} ...${OWN_KEYS} ...${rest}
        onInput=${(event) => onChange(steps[event.target.value])} />
      <output class="attend-value">${show(value)}</output>
    </label>`;
}

const ratio = (a, b) => Math.abs(Math.log(a / b));

// A slider for scores: halves from -reach to reach; a score between or beyond is shown as it is.
export const ScoreSlider = ({ value, reach, onChange, show, children: label, ...rest }) => html`
  <label class="attend-control">
    <${Label}>${label}<//>
    <input type="range" min=${-reach} max=${reach} step="0.5" value=${Math.max(-reach, Math.min(reach, value))}
      aria-valuetext=${show(value)} disabled=${!useLive()} ...${OWN_KEYS} ...${rest}
      onInput=${(event) => onChange(Number(event.target.value))} />
    <output class="attend-value">${show(value)}</output>
  </label>`;

export const Toggle = ({ value, onChange, children: label }) => html`
  <label class="attend-control attend-toggle">
    <input type="checkbox" role="switch" checked=${value} disabled=${!useLive()} ...${OWN_KEYS}
      onChange=${(event) => onChange(event.target.checked)} />
    <${Label}>${label}<//>
  </label>`;

export const Button = ({ children, kind = "attend-button", disabled = false, ...rest }) => html`
  <button type="button" class=${kind} disabled=${disabled || !useLive()} ...${OWN_KEYS} ...${rest}>${children}</button>`;

// One of several: `options` are pairs of a name and its text.
export const Choice = ({ value, options, onChange, children: label }) => html`
  <label class="attend-control">
    <${Label}>${label}<//>
    <select disabled=${!useLive()} ...${OWN_KEYS} onChange=${(event) => onChange(event.target.value)}>
      ${options.map(([name, text]) => html`<option value=${name} selected=${name === value}>${text}</option>`)}
    </select>
  </label>`;

// A text that is taken over on Enter or on leaving. `read` does so and may return a remark, or
// throws an Error whose message is for the reader; what was there before then stays. What is being
// typed is the reader's until then, whatever is drawn meanwhile.
export function useTyped(value, read) {
  const [typed, type] = useState(null);
  const [note, say] = useState("");
  useLayoutEffect(() => type(null), [value]);
  const take = (event) => {
    try {
      say(read(event.target.value) ?? "");
      type(null);
    } catch (error) {
      say(error.message);
    }
  };
  return [{ value: typed ?? value, onInput: (event) => type(event.target.value), onChange: take }, note];
}

export const Written = (settings) => html`
  <input autocomplete="off" spellcheck="false" disabled=${!useLive()} ...${OWN_KEYS} ...${settings} />`;

export function Field({ value, read, children: label, ...rest }) {
  const [typed, note] = useTyped(value, read);
  return html`
    <label class="attend-control">
      <${Label}>${label}<//>
      <${Written} type="text" ...${typed} ...${rest} />
      <span class="attend-note" role="status">${note}</span>
    </label>`;
}

// Controls that are one step away.
export const More = ({ title = "More controls", children }) => html`
  <details class="attend-more">
    <summary ...${OWN_KEYS}>${title}</summary>
    <div class="attend-more-inside">${children}</div>
  </details>`;
