// Everything that can be changed, and what was.
import { html, useState } from "../../kit/explorers/vendor/preact.js";
import { Button, Choice, Slider, Toggle, Written, useTyped } from "../../kit/explorers/controls.js";
import { number } from "../../kit/explorers/text.js";
import { fits } from "./parts.js";
import { bare, mapOf, nameOf } from "./reading.js";
import { replaceable } from "./sentence.js";

const PARTS = ["scaling", "positions", "causal mask", "residual connections"];
const TEMPERATURES = [0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5];
const MAKES = [["off", "Off"], ["alone", "Alone"], ["uniform", "Uniform"]];
const LONGEST = 100; // letters of what takes a word's place

const isHot = (one) => one.make === "temperature";

// `edit` receives the new settings.
export function Changes({ state, results, edit }) {
  const { changes, kind, layer, head, cell: [query] } = state;
  const place = { kind, layer, head };
  const source = (results.changed ?? results.untouched).source;
  const change = (list) => edit({ changes: list });
  const without = (isGone) => changes.filter((one) => !isGone(one));
  const isOfHead = (make) => (one) => one.make === make && one.head === head && fits(one, place) && one.query === undefined;
  const isHidden = (token) => (one) => one.make === "hidden" && one.token === token;
  const isPart = (part) => (one) => one.part === part;
  const flip = (is, one) => change(changes.some(is) ? without(is) : [...changes, one]);
  const pressed = (is) => (changes.some(is) ? "true" : "false");
  return html`
    <section aria-label="Change it" class="attend-changes">
      <p class="attend-map-title">Change it, and see what the part was good for</p>
      <div class="attend-row"><span class="attend-label">This head (${nameOf(place)}):</span>
        ${MAKES.map(([make, name]) => html`<${Button} aria-pressed=${pressed(isOfHead(make))}
          onClick=${() => flip(isOfHead(make), { make, ...place })}>${name}<//>`)}
        <${ByHand} ...${{ state, results, place, query, change }} />
      </div>
      <div class="attend-row"><span class="attend-label">Hide a piece:</span>
        ${source.map((piece, token) => html`<${Button} kind="attend-button attend-chip" aria-pressed=${pressed(isHidden(token))}
          aria-label=${`${bare(piece)}, piece ${token + 1}`} onClick=${() => flip(isHidden(token), { make: "hidden", token })}>${bare(piece)}<//>`)}
      </div>
      <${Replace} state=${state} edit=${edit} />
      <div class="attend-controls">${PARTS.map((part) => html`<${Toggle} value=${!changes.some(isPart(part))}
          onChange=${() => flip(isPart(part), { make: "without", part })}>${part}<//>`)}</div>
      <${Slider} value=${changes.find(isHot)?.value ?? 1} steps=${TEMPERATURES}
        onChange=${(value) => change([...without(isHot), ...(value === 1 ? [] : [{ make: "temperature", value }])])}>temperature<//>
      <${Made} ...${{ state, source, edit }} />
    </section>`;
}

// Another word in place of one of the source.
function Replace({ state: { sentence, instead }, edit }) {
  const words = replaceable(sentence);
  const [chosen, choose] = useState(0);
  const word = Math.min(chosen, words.length - 1);
  const others = instead.filter(([place]) => place !== word);
  const there = instead.find(([place]) => place === word)?.[1] ?? "";
  const [typed, note] = useTyped(there, (text) => {
    const given = text.trim();
    if (given.length > LONGEST) throw new Error(`At most ${LONGEST} letters, please.`);
    edit({ instead: given && given !== words[word] ? [...others, [word, given]] : others });
  });
  if (!words.length) return null;
  return html`
    <div class="attend-row">
      <${Choice} value=${word} options=${words.map((text, i) => [i, text])} onChange=${(i) => choose(Number(i))}>Replace the word<//>
      <label class="attend-control"><span class="attend-label">by</span><${Written} type="text" ...${typed} />
        <span class="attend-note" role="status">${note}</span></label>
    </div>`;
}

// The row of the focused query, to be overwritten number by number.
function ByHand({ state, results, place, query, change }) {
  const { values, rows } = mapOf(results.changed ?? results.untouched, place);
  const at = Math.min(query, values.length - 1);
  const shown = values[at].map((x) => Number(x.toFixed(2))).join(" ");
  const [typed, note] = useTyped(shown, (text) => {
    const row = text.trim().split(/[\s;]+/).map((part) => Number(part.replace(",", ".")));
    if (!row.every((x) => Number.isFinite(x) && x >= 0)) throw new Error("Numbers of 0 or more, with spaces between them.");
    const isRow = (one) => one.make === "row" && fits(one, place) && one.query === at;
    change([...state.changes.filter((one) => !isRow(one)), { make: "row", ...place, query: at, row }]);
  });
  return html`
    <label class="attend-control attend-by-hand"><span class="attend-label">Row of “${bare(rows[at])}” by hand</span>
      <${Written} type="text" class="attend-wide" ...${typed} />
      <span class="attend-note" role="status">${note}</span>
    </label>`;
}

// What was changed, each to be taken back by itself.
function Made({ state: { sentence, changes, instead }, source, edit }) {
  const made = [
    ...changes.map((one) => [said(one, source), { changes: changes.filter((other) => other !== one) }]),
    ...instead.map((one) => [saidOf(one, sentence), { instead: instead.filter((other) => other !== one) }]),
  ];
  return made.length > 0 && html`
    <ul class="attend-made" aria-label="What is changed">${made.map(([text, back]) => html`
      <li>${text} <${Button} aria-label=${`Take back: ${text}`} onClick=${() => edit(back)}>Take back<//></li>`)}</ul>`;
}

export const saidOf = ([word, text], sentence) => `“${replaceable(sentence)[word] ?? "?"}” becomes “${text}”`;

// What a change does, in words.
export function said(change, source) {
  const place = [change.kind, change.layer !== undefined && `layer ${change.layer + 1}`,
    change.head !== undefined && `head ${change.head + 1}`, change.query !== undefined && `row ${change.query + 1}`]
    .filter(Boolean).join(", ") || "everywhere";
  return {
    off: () => `${place}: off`,
    alone: () => `${place}: alone, the others of its layer off`,
    uniform: () => `${place}: uniform`,
    row: () => `${place}: by hand`,
    hidden: () => `“${bare(source[change.token] ?? "?")}” (piece ${change.token + 1}) hidden`,
    without: () => `without ${change.part}`,
    temperature: () => `temperature ${number(change.value)}`,
  }[change.make]();
}
