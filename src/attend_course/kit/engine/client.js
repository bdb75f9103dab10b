// The page's side of the worker. A question is a promise; one that is cancelled, or overtaken by a
// later one of its lane while it waited, resolves to null.

export function startEngine(address) {
  const worker = new Worker(address, { type: "module" });
  const open = new Map(); // asked, by number
  const waiting = new Map(); // not yet asked, by lane: only the latest
  let asked = 0;
  let failed = null;

  function send({ question, settle, listen, lane }) {
    asked += 1;
    open.set(asked, { lane, settle, listen });
    worker.postMessage({ id: asked, ...question });
  }

  worker.onmessage = ({ data: { id, part, answer = null, error } }) => {
    const { lane, settle, listen } = open.get(id);
    if (part !== undefined) return listen(part);
    open.delete(id);
    if (error) settle.reject(new Error(error));
    else settle.resolve(answer);
    const later = waiting.get(lane);
    waiting.delete(lane);
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

  // Ask: "load", "translate", "look", "compare" or "distances". `listen` hears of what is done so
  // far. In each lane one question is under way, and only the latest waits.
  function ask(kind, given = {}, listen = () => {}, lane = kind) {
    return new Promise((resolve, reject) => {
      if (failed) return reject(failed);
      const question = { question: { ask: kind, ...given }, settle: { resolve, reject }, listen, lane };
      if (![...open.values()].some((other) => other.lane === lane)) return send(question);
      waiting.get(lane)?.settle.resolve(null);
      return waiting.set(lane, question);
    });
  }

  // Give up what is asked in one lane, and what waits there.
  function cancel(lane) {
    waiting.get(lane)?.settle.resolve(null);
    waiting.delete(lane);
    for (const [id, other] of open) if (other.lane === lane) worker.postMessage({ id, ask: "cancel" });
  }

  return { ask, cancel, stop: () => worker.terminate() };
}
