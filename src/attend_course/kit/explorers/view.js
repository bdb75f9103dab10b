// The frame that every explorer shares. An explorer's own file says what it computes and draws.
import { announcer, el, focusable, lifetime, say } from "./dom.js";

// Make the default export of a module: `compute(state)` answers on static pages, where Python is
// not there; `view({ model, life, announce })` returns the parts of the picture and `draw`.
export function explorer({ name, compute, view }) {
  function render({ model, el: place }) {
    const life = lifetime(model);
    const { region, announce } = announcer(life);
    const alert = el("p", { class: "attend-alert", role: "alert", hidden: true });
    const { parts, draw } = view({ model, life, announce });
    const frame = el("div", { class: "attend-explorer", role: "group", "aria-label": name });
    frame.append(alert, ...parts, region);
    life.watch(["results"], () => {
      const results = model.get("results");
      alert.hidden = !results.error;
      say(alert, results.error ?? "");
      if (results.tokens) draw(results);
    });
    place.replaceChildren(frame);
    return () => life.end();
  }
  return { render, compute };
}

// Controls that are one step away.
export function more(title, ...children) {
  const inside = el("div", { class: "attend-more-inside" }, ...children);
  return el("details", { class: "attend-more" }, focusable(el("summary", {}, title)), inside);
}

export const wordsOf = (text) => text.split(/[\s\u001c-\u001f\u0085]+/u).filter(Boolean);

const LONGEST_WORD = 100;

// The words a reader typed, at most `limit`, and what to say about the rest.
export function readTokens(text, limit) {
  const words = wordsOf(text);
  if (words.length === 0) throw new Error("Type at least one word. The last sentence stays.");
  const shorten = (word) => Array.from(word).slice(0, LONGEST_WORD).join("");
  const kept = words.slice(0, limit).map(shorten);
  const few = words.length > limit ? `The first ${limit} of ${words.length} words are used. ` : "";
  const short = words.some((word, i) => i < limit && word !== kept[i]);
  return [kept, few + (short ? `Words end after ${LONGEST_WORD} characters.` : "")];
}
