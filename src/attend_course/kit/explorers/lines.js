// A map as lines.
import { html } from "./vendor/preact.js";

// A map as lines between words: who looks at whom. The lines of one word stand out.
export function Lines({ rows, columns, values, seen, touch }) {
  const [gap, top] = [30, 16];
  const height = top + gap * Math.max(rows.length, columns.length);
  const y = (i) => top + gap * i;
  const line = (x, i, j) => x > 0.02 && html`
    <line x1="150" y1=${y(i)} x2="330" y2=${y(j)} stroke-width=${(5 * x).toFixed(2)}
      class=${i === seen[0] ? "is-seen" : null} />`;
  const word = (text, x, i, anchor, isSeen) => html`
    <text x=${x} y=${y(i) + 5} text-anchor=${anchor} class=${isSeen ? "is-seen" : null}
      onPointerOver=${() => anchor === "end" && touch([i, seen[1]])}>${text}</text>`;
  return html`
    <svg class="attend-lines" viewBox=${`0 0 480 ${height}`} role="img"
      aria-label="Lines from each query, left, to the keys that it attends to, right. The matrix says the same in numbers.">
      ${values.map((row, i) => row.map((x, j) => line(x, i, j)))}
      ${rows.map((text, i) => word(text, 142, i, "end", i === seen[0]))}
      ${columns.map((text, j) => word(text, 338, j, "start", values[seen[0]][j] > 0.2))}
    </svg>`;
}
