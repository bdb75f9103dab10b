// Brings explorers to life on a static page: no kernel, no server, no other host.
// A page holds <div data-attend-widget="name"> with the picture drawn at build and the traits as
// JSON. The module is the one Jupyter uses; here its own `compute` answers instead of Python. The
// files are plain scripts, which browsers load from a disk too.
import { flush } from "./explorer.js";

export function createModel(state, compute) {
  const values = structuredClone(state);
  const listeners = new Map();
  const of = (event) => listeners.get(event) ?? listeners.set(event, new Set()).get(event);
  let asked = 0;
  let shown = 0;
  const model = {
    get: (name) => values[name],
    set(name, value) {
      if (Object.is(values[name], value)) return;
      values[name] = value;
      for (const action of [...of(`change:${name}`)]) action();
    },
    on: (event, action) => of(event).add(action),
    off: (event, action) => (action ? of(event).delete(action) : of(event).clear()),
    // Who answers later may be overtaken. The newest answer is shown, though the settings may be
    // others by then; null is none.
    save_changes() {
      asked += 1;
      const question = asked;
      const answer = (results) => {
        if (results && question > shown) {
          shown = question;
          model.set("results", results);
        }
        flush();
      };
      const results = compute(values);
      return results instanceof Promise ? results.then(answer) : answer(results);
    },
    send: () => {},
  };
  return model;
}

export async function mount(place, explorers) {
  const widget = explorers[place.dataset.attendWidget];
  if (!widget) throw new Error(`${place.dataset.attendWidget} has not loaded`);
  const state = JSON.parse(place.querySelector("script[type='application/json']").textContent);
  const model = createModel(state, widget.compute);
  await model.save_changes();
  const end = widget.render({ model, el: place.querySelector(".attend-drawn") });
  place.attendModel = model;
  place.dataset.state = "live";
  return end;
}

// `explorers` holds the modules by their names; their scripts put them there.
export function start(explorers) {
  const near = new IntersectionObserver(
    (entries) => entries.filter((entry) => entry.isIntersecting).forEach(({ target }) => {
      near.unobserve(target);
      // The picture drawn at build stays where a module cannot be loaded.
      mount(target, explorers).catch((error) => console.error(error));
    }),
    { rootMargin: "400px" },
  );
  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("[data-attend-widget]").forEach((place) => near.observe(place));
  });
}
