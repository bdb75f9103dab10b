// Who answers the laboratory on a page: the engine, in a thread of its own, once it is loaded.
import { startEngine } from "../../kit/engine/client.js";

export const INPUTS = ["sentence", "beam", "alpha", "changes", "heads"];
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

// The same as Laboratory._results in Python, with scores and the tree besides.
export async function compute(state) {
  const before = state.results ?? {};
  if (before.key && answers(before, state)) return before;
  if (!(await load(before.engine))) return before;
  try {
    return { ...before, ...(await ask(state, before)), key: JSON.stringify(inputsOf(state)), error: null, fault: null };
  } catch (error) {
    return { ...before, key: undefined, fault: error.message };
  }
}

const inputsOf = (state) => Object.fromEntries(INPUTS.map((name) => [name, state[name]]));

// A question that a later one overtook is answered by null; its results are thrown away.
async function ask({ sentence: text, beam, alpha, changes, heads }, { N, h }) {
  const untouched = await engine.ask("look", { text, beam, alpha });
  if (!untouched) return {};
  const target = untouched.tokens.target;
  const changed = changes.length ? await engine.ask("look", { text, beam, alpha, changes }) : null;
  const far = changes.length ? await engine.ask("distances", { text, target, lists: [changes] }) : [0];
  const lists = KINDS.flatMap((kind) => every(N, (layer) => every(h, (head) => (
    [...changes, { make: "off", kind, layer, head }])))).flat();
  const found = heads && await engine.ask("distances", { text, target, lists, base: changes });
  return {
    tokens: untouched.source, untouched, changed, distance: far?.[0] ?? 0,
    damage: found ? KINDS.map((_, k) => every(N, (layer) => (
      found.slice((k * N + layer) * h, (k * N + layer + 1) * h)))) : null,
  };
}

const every = (count, make) => Array.from({ length: count }, (_, i) => make(i));
