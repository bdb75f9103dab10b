// Numbers as text.

function tidy(text) {
  if (!text.includes("-")) return text;
  return (/^-0\.?0*$/.test(text) ? text.slice(1) : text).replace("-", "−");
}

// About three figures, as drawing.py writes them for notebooks without scripts.
export function number(x) {
  const size = Math.abs(x);
  if (size >= 99999.5) return tidy(x.toExponential(1).replace("e+", "e"));
  if (size >= 99.95) return tidy(x.toFixed(0));
  return tidy(x.toFixed(size >= 9.995 ? 1 : 2));
}

// A number without zeros after the point that say nothing.
export function brief(x) {
  const text = number(x);
  return text.includes(".") && !text.includes("e") ? text.replace(/\.?0+$/, "") : text;
}

// A whole number without decimals, any other as number() writes it.
export const short = (x) => (Number.isInteger(x) && Math.abs(x) < 1e5 ? tidy(String(x)) : number(x));

export const listed = (row, write = brief) => `(${row.map(write).join(", ")})`;

// Brackets around what would follow an operator with a sign of its own.
export const signed = (x, write = brief) => (x < 0 ? `(${write(x)})` : write(x));
