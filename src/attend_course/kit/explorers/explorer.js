// The frame that every explorer shares. An explorer's own file says what it computes and shows.
import {
  createContext, html, hydrate, options, render, useContext, useEffect, useLayoutEffect, useMemo,
  useReducer, useRef, useState,
} from "./vendor/preact.js";
import { guardKeys } from "./keys.js";
import { onTheme, paletteOf } from "./palette.js";

const SILENT = "Python has not answered: it is busy, or was restarted; then run this cell again.";
const PATIENCE = 1000;

// What a browser knows and a build does not: the colours of the theme. Without them, a view is
// drawn as a page first shows it: nothing in it takes the focus, colours come from the style sheet.
const Colours = createContext(null);
export const useColours = () => useContext(Colours);
export const useLive = () => useContext(Colours) !== null;

// The default export of an explorer's module. On a page, where Python is not there, `compute(state)`
// answers. `View({ state, results, set, id })` says what is seen: controls show the state, pictures
// the results, which may come later. `words(state, results)` says it in a sentence.
export function explorer({ title, traits, compute, words, View }) {
  function Frame({ model, id }) {
    const [frame, colours] = useTheme();
    const state = useTraits(model, [...traits, "results", "answered"]);
    const { results, alert } = useResults(state, compute);
    const set = (changes) => put(model, changes);
    return html`
      <div ref=${frame} class=${`attend-explorer${colours ? "" : " is-drawn"}`} role="group" aria-label=${title}>
        <p class="attend-alert" role="alert" hidden=${!alert}>${alert}</p>
        <${Colours.Provider} value=${colours}>
          ${results.tokens && html`<${View} state=${state} results=${results} set=${set} id=${id} />`}
        <//>
      </div>`;
  }
  return {
    compute,
    words,
    // The picture that a build puts on a page; a browser then finds all of it in place.
    still: (values, id) => html`<${Frame} model=${{ get: (name) => values[name] }} id=${id} />`,
    render({ model, el }) {
      (el.firstElementChild ? hydrate : render)(html`<${Frame} model=${model} id=${el.id || newId()} />`, el);
      return () => render(null, el);
    },
  };
}

// A notebook gives its places no ids. Each explorer there is a module of its own, so that a counter
// would begin anew in each.
const newId = () => `attend-${Math.random().toString(36).slice(2, 12)}`;

function put(model, changes) {
  for (const [name, value] of Object.entries(changes)) model.set(name, value);
  model.save_changes();
}

// Draw what has changed now, not when the browser next has time.
export function flush() {
  const draw = waiting;
  waiting = null;
  draw?.();
}

let waiting = null;
options.debounceRendering = (draw) => {
  waiting = draw;
  queueMicrotask(flush);
};

// A browser reads adjacent texts of the drawn picture as one, and breaks lines accordingly. So they
// are one from the beginning.
const isText = (child) => typeof child === "string" || typeof child === "number";
const isNothing = (child) => child === null || child === undefined || typeof child === "boolean";

function whole(children) {
  if (!Array.isArray(children)) return children;
  const parts = [];
  for (const child of children) {
    const afterText = isText(parts.at(-1));
    if (afterText && isText(child)) parts.push(`${parts.pop()}${child}`);
    else if (!afterText || !isNothing(child)) parts.push(whole(child));
  }
  return parts;
}

options.vnode = ({ props }) => {
  if (Array.isArray(props?.children)) props.children = whole(props.children);
};

// The traits of a model, and a new drawing whenever one changes.
function useTraits(model, names) {
  const [, redraw] = useReducer((n) => n + 1, 0);
  useLayoutEffect(() => {
    for (const name of names) model.on(`change:${name}`, redraw);
    return () => names.forEach((name) => model.off(`change:${name}`, redraw));
  }, [model]);
  return Object.fromEntries(names.map((name) => [name, model.get(name)]));
}

// Python says with its results which settings they answer. Until it has answered the present ones,
// or where it never will, `compute` does; but where the reader's own function is at work, or
// `compute` lacks what it needs, the last results stay and a silence is told.
function useResults(state, compute) {
  const { results, answered } = state;
  const asked = answered && JSON.stringify(Object.keys(answered.inputs).map((name) => state[name]));
  const late = answered && asked !== JSON.stringify(Object.values(answered.inputs));
  const own = useMemo(() => (late && answered.by === null ? compute(state) : null), [late, asked, answered]);
  // Who computes elsewhere answers a page, but nobody who waits for Python.
  const known = own && !(own instanceof Promise);
  const silent = useSilence(late && !known, answered);
  if (known) return { results: own, alert: null };
  return { results, alert: silent ? SILENT : results.error };
}

function useSilence(expected, answered) {
  const [silent, tell] = useState(false);
  useEffect(() => {
    tell(false);
    const timer = expected && setTimeout(() => tell(true), PATIENCE);
    return () => clearTimeout(timer);
  }, [expected, answered]);
  return expected && silent;
}

// The colours of the theme around an element, once it has a place on a page.
function useTheme() {
  const [frame, [colours, setColours]] = [useRef(), useState(null)];
  useLayoutEffect(() => {
    let next = 0;
    const read = () => {
      if (frame.current.isConnected) setColours(paletteOf(frame.current));
      else next = requestAnimationFrame(read);
    };
    read();
    const ends = [onTheme(read), guardKeys(frame.current)];
    return () => {
      cancelAnimationFrame(next);
      ends.forEach((end) => end());
    };
  }, []);
  return [frame, colours];
}

// Text for screen readers, said once the reader has stopped moving.
export function Announce({ children: text }) {
  const [said, say] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => say(text), 500);
    return () => clearTimeout(timer);
  }, [text]);
  return html`<p class="attend-hidden" aria-live="polite">${said}</p>`;
}
