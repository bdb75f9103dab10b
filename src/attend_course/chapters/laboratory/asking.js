// Who answers the laboratory on a page: the engine, in a thread of its own.
import { asker, isReady } from "../../kit/explorers/translator.js";
import { replaced, wordsOf } from "./sentence.js";

const INPUTS = ["sentence", "beam", "alpha", "changes", "instead"];
const KINDS = ["encoder", "decoder", "memory"];
const { ask, cancel } = asker("laboratory");

const inputsOf = (state) => Object.fromEntries(INPUTS.map((name) => [name, state[name]]));
const keyOf = (state) => JSON.stringify(inputsOf(state));

// Whether results answer these inputs. Python writes the same key with spaces.
const answers = ({ key }, state) => key !== undefined && keyOf(JSON.parse(key)) === keyOf(state);

// The same as Laboratory._results in Python, with scores and the tree besides. While a question is
// open, only the latest waits; so each answer is shown, however fast somebody types.
export function compute(state) {
  const before = state.results ?? {};
  // What was drawn at build has no scores: the engine gives them as soon as it is there.
  const isEnough = before.untouched?.tree || !isReady();
  if (isEnough && answers(before, state)) return before.fault ? { ...before, fault: null } : before;
  return computeAnew(before, inputsOf(state));
}

async function computeAnew(before, inputs) {
  const { sentence: text, instead, ...how } = inputs;
  try {
    const found = await ask("compare", { text, instead: replaced(text, instead), ...how });
    if (!found) return null;
    const rest = { tokens: found.untouched.source, damage: null, error: null, fault: null };
    return { ...before, ...found, ...rest, key: JSON.stringify(inputs) };
  } catch (error) {
    return { ...before, fault: error.message };
  }
}

// Every head removed in turn, then every word of the source hidden: `tell` receives what moves as it
// is found, as Python gives it in `damage`.
export async function damage({ key, untouched, changed, N, h }, tell) {
  const { sentence, instead, changes: base } = JSON.parse(key);
  const places = KINDS.flatMap((kind) => every(N, (layer) => every(h, (head) => ({ kind, layer, head })))).flat();
  const words = wordsOf((changed ?? untouched).source);
  const lists = [
    ...places.map((place) => [{ make: "off", ...place }]),
    ...words.map((word) => word.map((token) => ({ make: "hidden", token }))),
  ].map((list) => [...base, ...list]);
  const found = Array(lists.length).fill(null);
  const show = () => tell({
    heads: KINDS.map((_, k) => every(N, (layer) => found.slice((k * N + layer) * h, (k * N + layer + 1) * h))),
    words: found.slice(places.length),
  });
  show();
  const text = replaced(sentence, instead);
  await ask("distances", { text, target: untouched.tokens.target, lists, base }, ({ i, distance }) => {
    found[i] = distance;
    if (i % h === h - 1 || i === lists.length - 1) show();
  });
}

export const stopDamage = () => cancel("distances");

const every = (count, make) => Array.from({ length: count }, (_, i) => make(i));
