// Who answers the laboratory on a page: the engine, in a thread of its own, once it is loaded.
import { startEngine } from "../../kit/engine/client.js";

const INPUTS = ["sentence", "beam", "alpha", "changes"];
const KINDS = ["encoder", "decoder", "memory"];

// What is heard of the loading: "idle", "loading", "ready" or "failed".
let loading = { state: "idle", received: 0, total: NaN, error: null };
const listeners = new Set();
let engine = null;
let pending = null;

export const progress = () => loading;

export function onProgress(action) {
  listeners.add(action);
  return () => listeners.delete(action);
}

function tell(changes) {
  loading = { ...loading, ...changes };
  for (const action of listeners) action();
}

// Fetch the translator, unless it is there or on its way. Resolves to whether it is there.
export function load(folder) {
  if (loading.state === "ready") return Promise.resolve(true);
  pending ??= fetchEngine(folder).finally(() => { pending = null; });
  return pending;
}

async function fetchEngine(folder) {
  const fresh = loading.state === "failed";
  tell({ state: "loading", received: 0, error: null });
  try {
    const script = document.querySelector("script[src*='/attend/laboratory.']");
    const base = new URL(`${folder}/`, script.src);
    engine ??= startEngine(new URL("worker.js", base));
    const hear = ([received, total]) => tell({ received, total });
    const kernel = await engine.ask("load", { folder: new URL("model/", base).href, fresh }, hear);
    tell({ state: kernel ? "ready" : "idle" });
  } catch (error) {
    engine = null;
    tell({ state: "failed", error: error.message });
  }
  return loading.state === "ready";
}

export const cancel = () => engine?.cancel("load");

const keyOf = (state) => JSON.stringify(INPUTS.map((name) => state[name]));

// Whether results answer these inputs.
export const answers = ({ key }, state) => key !== undefined && keyOf(JSON.parse(key)) === keyOf(state);

const inputsOf = (state) => Object.fromEntries(INPUTS.map((name) => [name, state[name]]));
let turn = 0;

// The same as Laboratory._results in Python, with scores and the tree besides. A later question
// ends an earlier one.
export function compute(state) {
  const [before, inputs] = [state.results ?? {}, inputsOf(state)];
  return before.key && answers(before, inputs) ? before : computeAnew(before, inputs);
}

async function computeAnew(before, inputs) {
  turn += 1;
  const mine = turn;
  if (!(await load(before.engine))) return before;
  const ask = async (kind, given) => {
    const answer = mine === turn ? await engine.ask(kind, given) : null;
    if (!answer) throw new Overtaken();
    return answer;
  };
  try {
    return { ...before, ...(await answer(inputs, before, ask)), key: JSON.stringify(inputs), error: null, fault: null };
  } catch (error) {
    if (error instanceof Overtaken) return before;
    return { ...before, key: undefined, fault: error.message };
  }
}

class Overtaken extends Error {}

async function answer({ sentence: text, beam, alpha, changes }, before, ask) {
  const same = before.untouched?.tree && before.key && answers(before, { ...JSON.parse(before.key), sentence: text, beam, alpha });
  const untouched = same ? before.untouched : await ask("look", { text, beam, alpha });
  const target = untouched.tokens.target;
  const changed = changes.length ? await ask("look", { text, beam, alpha, changes }) : null;
  const [distance] = changes.length ? await ask("distances", { text, target, lists: [changes] }) : [0];
  return { tokens: untouched.source, untouched, changed, distance };
}

// Every head removed in turn: `tell` receives the distances by kind, layer and head as they come.
export async function damage({ key, untouched, N, h }, tell) {
  const { sentence: text, changes: base } = JSON.parse(key);
  const places = KINDS.flatMap((kind) => every(N, (layer) => every(h, (head) => ({ kind, layer, head })))).flat();
  const lists = places.map((place) => [...base, { make: "off", ...place }]);
  const found = Array(lists.length).fill(null);
  const show = () => tell(KINDS.map((_, k) => every(N, (layer) => (
    found.slice((k * N + layer) * h, (k * N + layer + 1) * h)))));
  engine.cancel("damage");
  const given = { text, target: untouched.tokens.target, lists, base };
  await engine.ask("damage", given, ({ i, distance }) => {
    found[i] = distance;
    if (i % h === h - 1) show();
  });
}

export const stopDamage = () => engine?.cancel("damage");

const every = (count, make) => Array.from({ length: count }, (_, i) => make(i));
