// Brings explorers to life on a static page: no kernel, no server, no other host.
// A page holds <div data-attend-widget="module.js"> with the picture drawn at build and the traits
// as JSON. The module is the one Jupyter uses; here its own `compute` answers instead of Python.

export function createModel(state, compute = () => ({})) {
  const values = structuredClone(state);
  const listeners = new Map();
  const changed = (name) => [...(listeners.get(name) ?? [])].forEach((action) => action());
  const model = {
    get: (name) => values[name],
    set(name, value) {
      if (Object.is(values[name], value)) return;
      values[name] = value;
      changed(`change:${name}`);
    },
    on: (name, action) => listeners.set(name, [...(listeners.get(name) ?? []), action]),
    off(name, action) {
      const rest = (listeners.get(name) ?? []).filter((other) => action && other !== action);
      listeners.set(name, rest);
    },
    save_changes: () => model.set("results", compute(values)),
    send: () => {},
  };
  model.save_changes();
  return model;
}

export async function mount(place) {
  const source = new URL(place.dataset.attendWidget, import.meta.url);
  const { default: widget } = await import(source);
  const state = JSON.parse(place.querySelector("script[type='application/json']").textContent);
  const model = createModel(state, widget.compute);
  const live = document.createElement("div");
  const end = await widget.render({ model, el: live });
  place.querySelector(".attend-drawn").replaceWith(live);
  place.attendModel = model;
  place.dataset.state = "live";
  return () => end?.();
}

export function start(document) {
  const near = new IntersectionObserver(
    (entries) => entries.filter((entry) => entry.isIntersecting).forEach(({ target }) => {
      near.unobserve(target);
      // The picture drawn at build stays where a module cannot be loaded.
      mount(target).catch((error) => console.error(error));
    }),
    { rootMargin: "400px" },
  );
  document.querySelectorAll("[data-attend-widget]").forEach((place) => near.observe(place));
}

start(document);
