// The page's side of the worker. A question is a promise; one that is cancelled, or overtaken by a
// later one of its kind while it waited, resolves to null.

export function startEngine(address) {
  const worker = new Worker(address, { type: "module" });
  const open = new Map(); // asked, by number
  const waiting = new Map(); // not yet asked, by kind: only the latest
  let asked = 0;
  let failed = null;

  function send({ question, settle, listen }) {
    asked += 1;
    open.set(asked, { kind: question.ask, settle, listen });
    worker.postMessage({ id: asked, ...question });
  }

  worker.onmessage = ({ data: { id, part, answer = null, error } }) => {
    const { kind, settle, listen } = open.get(id);
    if (part !== undefined) return listen(part);
    open.delete(id);
    if (error) settle.reject(new Error(error));
    else settle.resolve(answer);
    const later = waiting.get(kind);
    waiting.delete(kind);
    if (later) send(later);
    return undefined;
  };

  worker.onerror = (event) => {
    event.preventDefault();
    failed = new Error("The translator could not be started in this browser.");
    for (const { settle } of [...open.values(), ...waiting.values()]) settle.reject(failed);
    open.clear();
    waiting.clear();
  };

  // Ask: "load", "translate", "look" or "distances". `listen` hears of what is done so far.
  function ask(kind, given = {}, listen = () => {}) {
    return new Promise((resolve, reject) => {
      if (failed) return reject(failed);
      const question = { question: { ask: kind, ...given }, settle: { resolve, reject }, listen };
      if (![...open.values()].some((other) => other.kind === kind)) return send(question);
      waiting.get(kind)?.settle.resolve(null);
      return waiting.set(kind, question);
    });
  }

  // Give up what is asked of one kind, and what waits.
  function cancel(kind) {
    waiting.get(kind)?.settle.resolve(null);
    waiting.delete(kind);
    for (const [id, other] of open) if (other.kind === kind) worker.postMessage({ id, ask: "cancel" });
  }

  return { ask, cancel, stop: () => worker.terminate() };
}
