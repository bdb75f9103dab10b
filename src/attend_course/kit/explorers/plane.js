// Arrows in a plane, from -4 to 4 both ways: one query, all keys. Their tips can be moved.
import { html, useRef } from "./vendor/preact.js";
import { useLive } from "./explorer.js";
import { OWN_KEYS } from "./keys.js";
import { dot } from "./linalg.js";
import { brief, listed } from "./text.js";

const [REACH, STEP] = [4, 0.5];
const [SIZE, CENTRE, UNIT] = [260, 130, 29];

export const length = (v) => Math.sqrt(dot(v, v));

// Where a vector's end stands on the plane.
const point = ([x, y]) => [CENTRE + UNIT * x, CENTRE - UNIT * y];
const clip = (x) => Math.max(-REACH, Math.min(REACH, x));
const snap = (x) => clip(Math.round(x / STEP) * STEP) + 0;
const corners = (list) => list.map((p) => p.map((x) => x.toFixed(1)).join(",")).join(" ");

const Line = ({ from: [x1, y1], to: [x2, y2], kind }) => html`
  <line x1=${x1.toFixed(1)} y1=${y1.toFixed(1)} x2=${x2.toFixed(1)} y2=${y2.toFixed(1)} class=${kind} />`;

function Grid() {
  const end = 4.3;
  return [-4, -3, -2, -1, 0, 1, 2, 3, 4].map((place) => {
    const kind = place === 0 ? "attend-gridline is-axis" : "attend-gridline";
    return html`
      <${Line} from=${point([place, end])} to=${point([place, -end])} kind=${kind} />
      <${Line} from=${point([-end, place])} to=${point([end, place])} kind=${kind} />`;
  });
}

// The side of the plane where keys agree with the query; on its edge the score is 0.
function Zero({ query }) {
  const size = length(query);
  if (size === 0) return null;
  const [x, y] = query.map((c) => c / size);
  const ends = [[-9 * y, 9 * x], [9 * y, -9 * x]].map(point);
  const far = [[9 * y + 9 * x, -9 * x + 9 * y], [-9 * y + 9 * x, 9 * x + 9 * y]].map(point);
  return html`
    <polygon points=${corners([...ends, ...far])} class="attend-agrees" />
    <${Line} from=${ends[0]} to=${ends[1]} kind="attend-zero" />`;
}

// How far the key reaches along the query: times the query's length, that is the score.
function Shadow({ query, reached }) {
  const square = dot(query, query);
  if (square === 0) return null;
  const foot = point(query.map((c) => c * dot(query, reached) / square));
  return html`
    <${Line} from=${point(reached)} to=${foot} kind="attend-drop" />
    <${Line} from=${point([0, 0])} to=${foot} kind="attend-foot" />`;
}

function head(vector) {
  const size = length(vector);
  if (size === 0) return "";
  const [x, y] = [vector[0] / size, -vector[1] / size];
  const tip = point(vector);
  const [a, b] = [tip[0] - 10 * x, tip[1] - 10 * y];
  return corners([tip, [a - 5 * y, b + 5 * x], [a + 5 * y, b - 5 * x]]);
}

function beside(vector) {
  const size = length(vector) || 1;
  const tip = point(vector);
  const x = tip[0] + 11 * vector[0] / size;
  const y = tip[1] - 13 * vector[1] / size + 4;
  const side = x < 50 ? "start" : x > SIZE - 50 ? "end" : "middle";
  return { x: x.toFixed(1), y: Math.min(Math.max(y, 12), SIZE - 6).toFixed(1), "text-anchor": side };
}

const MOVES = { ArrowUp: [0, 1], ArrowDown: [0, -1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

// One arrow. Where a `name` is given, Tab reaches its tip and arrow keys move it.
function Arrow({ role, vector, word, seen, name, onTake, onMove }) {
  const held = useRef(false);
  const [x, y] = point(vector);
  const here = (event) => {
    const box = event.target.ownerSVGElement.getBoundingClientRect();
    const scale = SIZE / box.width;
    return [(event.clientX - box.left) * scale - CENTRE, CENTRE - (event.clientY - box.top) * scale].map((c) => snap(c / UNIT));
  };
  const letGo = () => { held.current = false; };
  const go = (to) => to.some((c, axis) => c !== vector[axis]) && onMove(to);
  const events = useLive() && {
    onPointerDown(event) {
      held.current = true;
      event.target.setPointerCapture(event.pointerId);
      event.preventDefault();
      onTake();
    },
    onPointerMove: (event) => held.current && go(here(event)),
    onPointerUp: letGo,
    onPointerCancel: letGo,
    // A finger on an arrow moves the arrow, beside it the page.
    onTouchStart: (event) => event.preventDefault(),
    onKeyDown(event) {
      const move = MOVES[event.key];
      if (!move || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
      go(vector.map((c, axis) => snap(c + STEP * move[axis])));
      event.preventDefault();
    },
  };
  const slider = events && name && {
    ...OWN_KEYS, tabindex: 0, role: "slider", "aria-label": `${name}, arrow keys move it`,
    "aria-valuemin": -REACH, "aria-valuemax": REACH, "aria-valuenow": vector[0],
    "aria-valuetext": `${brief(vector[0])} across, ${brief(vector[1])} up`,
  };
  return html`
    <g class=${`attend-arrow is-${role}${seen ? " is-seen" : ""}`}>
      <line class="attend-shaft" x1=${CENTRE} y1=${CENTRE} x2=${x.toFixed(1)} y2=${y.toFixed(1)} />
      <polygon class="attend-head" points=${head(vector)} />
      <text class="attend-word" ...${beside(vector)}>${word}</text>
      <circle class="attend-grip" r="15" cx=${x.toFixed(1)} cy=${y.toFixed(1)} ...${events} ...${slider} />
    </g>`;
}

// The query of row i and every key, of which j is looked at. `onTake(role, index)` is told which
// arrow a reader takes, `onMove(role, index, vector)` where it goes.
export function Plane({ q, k, tokens, seen: [i, j], onTake, onMove }) {
  const live = useLive();
  const keys = k.map((key, c) => `The key of ${tokens[c]} is ${listed(key)}.`).join(" ");
  const label = live ? `The query of ${tokens[i]} and all keys as arrows` : `The query of ${tokens[i]} is ${listed(q[i])}. ${keys}`;
  const arrow = (role, index, rows, word, seen) => html`
    <${Arrow} key=${role + (role === "k" ? index : "")} role=${role === "q" ? "query" : "key"} vector=${rows[index]} word=${word} seen=${seen}
      name=${seen && `${role === "q" ? "query" : "key"} of ${tokens[index]}`}
      onTake=${() => onTake(role, index)} onMove=${(vector) => onMove(role, index, vector)} />`;
  return html`
    <svg viewBox=${`0 0 ${SIZE} ${SIZE}`} class="attend-plane" role=${live ? "group" : "img"} aria-label=${label}>
      <${Grid} />
      <${Zero} query=${q[i]} />
      <${Shadow} query=${q[i]} reached=${k[j]} />
      ${k.map((_, c) => arrow("k", c, k, tokens[c], c === j))}
      ${/* The title names the query; a word at its tip would cover that of a key that agrees. */ arrow("q", i, q, "", true)}
    </svg>`;
}
