// Loads the translator and answers questions, one after the other, away from the page.
// In: { id, ask, ...question }. Out: { id, part } any number of times, then { id, answer } or { id, error }.
import { Translator } from "./engine.js";
import { download } from "./weights.js";

let translator = null;
const open = new Map(); // what cancels each question that takes long

const ANSWERS = {
  async load({ folder, fresh }, { signal, part }) {
    const progress = (...received) => part(received);
    translator ??= new Translator(await download(folder, { fresh, signal, progress }));
    return translator.arithmetic;
  },
  translate: ({ text, ...search }) => translator.translate(text, search),
  look: ({ text, ...how }) => translator.look(text, how),
  compare: ({ text, ...how }) => translator.compare(text, how),
  // Between two distances other messages are heard: one of them may cancel the rest.
  async distances({ text, target, lists, base }, { signal, part }) {
    const found = [];
    for (const distance of translator.distances(text, target, lists, base)) {
      part({ i: found.push(distance) - 1, distance });
      await new Promise((resolve) => { setTimeout(resolve); });
      signal.throwIfAborted();
    }
    return found;
  },
};

onmessage = async ({ data: { id, ask, ...question } }) => {
  if (ask === "cancel") return open.get(id)?.abort();
  const cancelling = new AbortController();
  open.set(id, cancelling);
  try {
    if (!translator && ask !== "load") throw new Error("The translator is not loaded yet.");
    const part = (some) => postMessage({ id, part: some });
    postMessage({ id, answer: await ANSWERS[ask](question, { signal: cancelling.signal, part }) });
  } catch (error) {
    postMessage({ id, error: error.name === "AbortError" ? null : error.message });
  } finally {
    open.delete(id);
  }
};
