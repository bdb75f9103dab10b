// The translator of a page: one for all its explorers, fetched when the first of them asks.
import { html, useEffect, useReducer } from "./vendor/preact.js";
import { startEngine } from "../engine/client.js";
import { Button } from "./controls.js";

// How far the fetching is: "idle", "loading", "ready" or "failed", with the bytes or the error.
let progress = { state: "idle", received: 0, total: NaN, error: null };
const listeners = new Set();
let engine = null;
let pending = null;

function tell(changes) {
  progress = { ...progress, ...changes };
  for (const action of listeners) action();
}

// A page of the course says in which folder the translator is, beside this script.
const home = () => document.querySelector("[data-engine]");

export const isReady = () => progress.state === "ready";

// Fetch the translator, unless it is there or on its way. Resolves to whether it is there.
export function load() {
  if (isReady()) return Promise.resolve(true);
  if (!home()) return Promise.resolve(false);
  pending ??= fetchEngine().finally(() => { pending = null; });
  return pending;
}

async function fetchEngine() {
  const fresh = progress.state === "failed";
  tell({ state: "loading", received: 0, total: NaN, error: null });
  try {
    const script = document.querySelector("script[src*='translator.']");
    const base = new URL(`${home().dataset.engine}/`, script.src);
    engine ??= startEngine(new URL("worker.js", base));
    const hear = ([received, total]) => tell({ received, total });
    const kernel = await engine.ask("load", { folder: new URL("model/", base).href, fresh }, hear);
    tell({ state: kernel ? "ready" : "idle" });
  } catch ({ message }) {
    engine?.stop();
    engine = null;
    const onDisk = location.protocol === "file:" && " Browsers start it only on a page from a server: `make serve`.";
    tell({ state: "failed", error: `${message}${onDisk || ""}` });
  }
  return isReady();
}

// Someone who asks, under a name of its own: two explorers of a page do not overtake each other.
// An answer is null where a later question of the same kind came first, or where the translator
// was not fetched; what cannot be translated is an error, whose message is for the reader.
export function asker(name) {
  const lane = (kind) => `${name}: ${kind}`;
  return {
    ask: async (kind, given, listen) => ((await load()) ? engine.ask(kind, given, listen, lane(kind)) : null),
    cancel: (kind) => engine?.cancel(lane(kind)),
  };
}

// How far the fetching is, drawn anew whenever that changes.
export function useProgress() {
  const [, redraw] = useReducer((n) => n + 1, 0);
  useEffect(() => {
    listeners.add(redraw);
    return () => listeners.delete(redraw);
  }, []);
  return progress;
}

// The line that says where the translator is, with its buttons. `again` asks once more. `children`
// stand there before anything is fetched. In Jupyter Python answers, and there is no such line.
export function Fetching({ state: { answered }, again, children }) {
  const { state, received, total, error } = useProgress();
  if (answered) return null;
  const retry = () => load().then((isThere) => isThere && again());
  return html`<div class="attend-loading" role="status">${{
    idle: () => html`<span>${children}</span>`,
    loading: () => html`<label>The translator is on its way: ${(received / 1e6).toFixed(1)} MB${" "}
      <progress max="1" value=${total ? received / total : null}></progress></label>
      <${Button} onClick=${() => engine?.cancel("load")}>Cancel<//>`,
    ready: () => html`<span>The translator is here: everything works, and nothing leaves this page.</span>`,
    failed: () => html`<span role="alert">${error}</span> <${Button} onClick=${retry}>Try again<//>`,
  }[state]()}</div>`;
}
