// Small plots, drawn as SVG in a box of 300 by 200 units.
import { el, number, svg, wear } from "./dom.js";

const BOX = { left: 38, right: 284, top: 14, bottom: 164 };
const LOWEST_SPREAD = 0.25;
const HIGHEST_SPREAD = 64;

const across = (d_k) => BOX.left + (Math.log2(d_k) / 9) * (BOX.right - BOX.left);
function up(spread) {
  const clipped = Math.max(LOWEST_SPREAD, Math.min(HIGHEST_SPREAD, spread));
  const share = Math.log2(clipped / LOWEST_SPREAD) / Math.log2(HIGHEST_SPREAD / LOWEST_SPREAD);
  return BOX.bottom - share * (BOX.bottom - BOX.top);
}

const text = (x, y, words, name) => svg("text", { x, y, class: name }, words);

function axes() {
  const ticks = [1, 8, 64, 512].map((d) => text(across(d), BOX.bottom + 14, d, "attend-tick is-x"));
  const levels = [0.25, 1, 4, 16, 64].map((s) => text(BOX.left - 6, up(s) + 4, s, "attend-tick is-y"));
  const lines = [0.25, 1, 4, 16, 64].map((s) =>
    svg("line", { x1: BOX.left, x2: BOX.right, y1: up(s), y2: up(s), class: "attend-gridline" }));
  return [...lines, ...ticks, ...levels];
}

// The spread of scores against d_k, with √d_k for comparison; both axes double step by step.
export function spreadPlot(widths) {
  const dot = (name) => svg("circle", { r: 3, class: name });
  const bare = widths.map(() => dot("attend-dot is-bare"));
  const scaled = widths.map(() => dot("attend-dot is-scaled"));
  const now = [dot("attend-dot is-bare is-now"), dot("attend-dot is-scaled is-now")];
  const guide = svg("line", { y1: BOX.top, y2: BOX.bottom, class: "attend-guide" });
  const curve = svg("line", {
    x1: across(1), y1: up(1), x2: across(512), y2: up(Math.sqrt(512)), class: "attend-curve",
  });
  const names = [
    text(across(20), up(16.5), "scores", "attend-name is-bare"),
    text(across(20), up(0.47), "scores ÷ √dₖ", "attend-name is-scaled"),
    text(across(490), up(36), "√dₖ", "attend-name is-curve"),
  ];
  const picture = svg("svg", { viewBox: "0 0 300 184", role: "img", class: "attend-plot" },
    ...axes(), curve, guide, ...bare, ...scaled, ...now, ...names);
  const caption = el("figcaption", {}, "Spread of the scores (standard deviation) against ",
    el("i", {}, "d"), el("sub", {}, "k"));
  const place = (circle, d_k, spread) => {
    wear(circle, "cx", across(d_k).toFixed(1));
    wear(circle, "cy", up(spread).toFixed(1));
  };
  function update(results) {
    const { d_k, spread, spreads } = results;
    widths.forEach((width, i) => {
      place(bare[i], width, spreads[i]);
      place(scaled[i], width, spreads[i] / Math.sqrt(width));
    });
    place(now[0], d_k, spread);
    place(now[1], d_k, spread / Math.sqrt(d_k));
    wear(guide, "x1", across(d_k).toFixed(1));
    wear(guide, "x2", across(d_k).toFixed(1));
    const words = `At d_k = ${d_k} the scores spread by ${number(spread)}; √${d_k} is ${number(Math.sqrt(d_k))}.`;
    wear(picture, "aria-label", words);
  }
  const element = el("figure", { class: "attend-plot-figure" }, picture, caption);
  return { element, update };
}
