// Pictures of matrices. Queries are rows, keys are columns, always labelled.
import { html, useLayoutEffect, useMemo, useRef, useState } from "./vendor/preact.js";
import { Button } from "./controls.js";
import { useColours, useLive } from "./explorer.js";
import { OWN_KEYS } from "./keys.js";
import { mixed, turned } from "./palette.js";
import { number } from "./text.js";

const same = (a, b) => a[0] === b[0] && a[1] === b[1];

// A cell's row and column, inside a matrix.
export const within = ([i, j], { length: n, 0: { length: m } }) =>
  [Math.max(0, Math.min(n - 1, i)), Math.max(0, Math.min(m - 1, j))];

const ATTENTION = { row: "query", column: "key", said: "queries on rows, keys on columns" };
const everywhere = () => true;
const nowhere = () => false;

// A table that is its own picture: a number and a colour in each cell, names on both sides.
// `look` comes from useLook(). `allowed` and `marked` are asked for each cell. Cells no further
// up the ramp than `pale` may leave their number to the colour where there is no room. What is no
// attention says with `sides` what its rows and columns are.
export function HeatMap({ label, rows, columns = rows, sides = ATTENTION, values, ramp, sums, look, allowed = everywhere, marked = nowhere, pale, describedby, stage }) {
  const colours = useColours();
  const cell = (x, i, j) => {
    const [open, t] = [allowed(i, j), ramp[i][j]];
    return html`<td ...${look.at(i, j)} aria-describedby=${colours && describedby}
      class=${cellClass(!open, marked(i, j), Math.abs(t) <= pale, look.sees(i, j), colours && open && turned(colours, t))}
      style=${shade(colours, open, t)}>${number(x)}</td>`;
  };
  return html`
    <div class="attend-scroll">
      <table class=${`attend-map${columns.length > 8 ? " is-dense" : ""}${sums ? " has-sums" : ""}`}
        style=${{ "--columns": columns.length }} aria-label=${`${label}: ${sides.said}`}
        data-stage=${stage} ...${look.events}>
        <thead><tr>
          <th class="attend-corner"><span class="attend-nowrap">${sides.row} ↓</span> <span class="attend-nowrap">${sides.column} →</span></th>
          ${columns.map((name) => html`<${Name} scope="col">${name}<//>`)}
          ${sums ? html`<th scope="col" class="attend-sum">sum</th>` : html`<td class="attend-sum"></td>`}
        </tr></thead>
        <tbody>${rows.map((name, i) => html`
          <${Row} name=${name} sum=${sums && number(sums[i])} cells=${() => values[i].map((x, j) => cell(x, i, j))}
            known=${[values[i], ramp[i], look.row(i), values[i].map((_, j) => Number(allowed(i, j)) + 2 * marked(i, j)).join(), colours, pale, describedby]} />`)}
        </tbody>
      </table>
    </div>`;
}

// While what is `known` about its cells stays, a row is not drawn anew: a look from one cell to the
// next draws two.
const Row = ({ name, sum, cells, known }) => useMemo(() => html`
  <tr>
    <${Name} scope="row">${name}<//>
    ${cells()}
    <td class="attend-sum">${sum}</td>
  </tr>`, [name, sum, ...known]);

const Name = ({ scope, children }) => html`<th scope=${scope} title=${children}><span>${children}</span></th>`;

const cellClass = (blocked, marked, pale, seen, dark) =>
  [blocked && "is-blocked", marked && "is-marked", pale && "is-pale", seen && "is-seen", dark && "is-turned"].filter(Boolean).join(" ") || null;

// A colour set on the cell itself is the one change of look for which browsers match no rules anew.
// Without a theme the style sheet mixes the colour.
function shade(colours, open, t) {
  if (!colours) return { "--t": t.toFixed(3) };
  return open ? { backgroundColor: `rgb(${mixed(colours, t).join(", ")})` } : null;
}

const MOVES = {
  ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1],
  Home: [0, -99], End: [0, 99], PageUp: [-99, 0], PageDown: [99, 0],
};

// Hover or focus shows a cell; click, Enter or Space locks it, once more or Escape frees it.
// `seen` is the cell to explain. One cell is reached by Tab, arrow keys walk from there.
export function useLook({ cell, locked }, set, values) {
  const inside = (place) => within(place, values);
  const [touched, touch] = useState(null);
  const [stop, setStop] = useState(cell);
  useLayoutEffect(() => touch(null), [...cell, locked]);
  const live = useLive();
  const seen = inside(locked ? cell : touched ?? cell);
  const lock = (place) => set({ cell: place, locked: !(locked && same(place, cell)) });
  const onCell = (action) => (event) => {
    const td = event.target.closest("td[role=gridcell]");
    if (td) action([Number(td.dataset.row), Number(td.dataset.column)], event);
  };
  const walk = (place, event) => {
    const move = MOVES[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    if (move) {
      const [i, j] = inside([place[0] + move[0], place[1] + move[1]]);
      event.currentTarget.tBodies[0].rows[i].cells[j + 1].focus();
    } else if (event.key === "Enter" || event.key === " ") lock(place);
    else if (event.key === "Escape" && locked) set({ cell: place, locked: false });
    else return;
    event.preventDefault();
  };
  return {
    seen,
    sees: (i, j) => live && same(seen, [i, j]),
    // What of this is to be seen in a row.
    row: (i) => live && [seen, inside(stop)].map(([a, b]) => (a === i ? b : "")).concat(locked).join(),
    at: (i, j) => live && {
      ...OWN_KEYS, role: "gridcell", "data-row": i, "data-column": j,
      tabindex: same(inside(stop), [i, j]) ? 0 : -1, "aria-selected": locked && same(seen, [i, j]) ? "true" : null,
    },
    events: live && {
      role: "grid",
      onPointerOver: onCell((place, event) => event.pointerType !== "touch" && touch(place)),
      onPointerLeave: () => touch(null),
      onFocusIn: onCell((place) => { setStop(place); touch(place); }),
      onClick: onCell((place) => { setStop(place); lock(place); }),
      onKeyDown: onCell(walk),
    },
  };
}

// A heat map without numbers, small enough to be a button's face. One pixel is one cell.
export function MiniMap({ ramp, allowed = everywhere, stage }) {
  const [colours, canvas] = [useColours(), useRef()];
  const [height, width] = [ramp.length, ramp[0].length];
  useLayoutEffect(() => {
    if (!colours) return;
    const image = new ImageData(width, height);
    ramp.forEach((row, i) => row.forEach((t, j) => {
      image.data.set([...(allowed(i, j) ? mixed(colours, t) : colours.blocked), 255], 4 * (i * width + j));
    }));
    canvas.current.getContext("2d").putImageData(image, 0, 0);
  }, [ramp, colours]);
  if (colours) return html`<canvas ref=${canvas} class="attend-mini" aria-hidden="true" width=${width} height=${height} data-stage=${stage} />`;
  return html`
    <svg class="attend-mini" viewBox=${`0 0 ${width} ${height}`} aria-hidden="true" data-stage=${stage}>
      ${ramp.map((row, i) => row.map((t, j) => html`
        <rect x=${j} y=${i} width="1.01" height="1.01" class=${allowed(i, j) ? null : "is-blocked"} style=${{ "--t": t.toFixed(3) }} />`))}
    </svg>`;
}

// A button that brings one of several matrices up large, with that matrix as its face.
export const Stage = ({ picture, title, shown, onShow, children, ...rest }) => html`
  <${Button} kind="attend-stage" aria-pressed=${String(shown)} onClick=${onShow} ...${rest}>
    <${MiniMap} ...${picture} />
    <span class="attend-stage-title">${title}</span>
    <span class="attend-stage-how">${children}</span>
  <//>`;
