// What is read off the maps: rows of numbers, where they point, and how far two of them are apart.

export const KINDS = ["encoder", "decoder", "memory"];

export const bare = (piece) => piece.replaceAll("▁", " ").trim() || piece;
// A quotation that ends a sentence has one full stop, not two.
export const ended = (text) => (/[.!?]$/.test(text) ? `“${text}”` : `“${text}”.`);
export const nameOf = ({ kind, layer, head }) => `${kind}, layer ${layer + 1}, head ${head + 1}`;

// All places of a model where a map lies.
export const placesOf = (look) => KINDS.flatMap((kind) => look[kind].flatMap(({ h }, layer) => (
  Array.from({ length: h }, (_, head) => ({ kind, layer, head })))));

// The weights of one head as rows.
export function rowsOf({ n, m, weights }, head) {
  const from = (i) => (head * n + i) * m;
  return Array.from({ length: n }, (_, i) => Array.from(weights.slice(from(i), from(i) + m)));
}

// A map with the names of its rows and columns. Row i of a decoder's map belongs to the step that
// writes piece i, which has read the pieces before it. The place may come from a larger model.
export function mapOf({ source, target, ...look }, { kind, layer, head: wanted }) {
  const map = look[kind][Math.min(layer, look[kind].length - 1)];
  const head = Math.min(wanted, map.h - 1);
  return {
    map, head, values: rowsOf(map, head),
    rows: kind === "encoder" ? source : target,
    columns: kind === "decoder" ? ["<start>", ...target.slice(0, -1)] : source,
  };
}

// The changed model's maps while it reads the untouched translation, with the names to them.
export const readingOf = ({ untouched, changed, reading }) => (
  { ...reading, source: changed.source, target: untouched.target });

// One map minus another; null where they have no place in common.
export function difference(values, before) {
  if (values.length !== before.length || values[0].length !== before[0].length) return null;
  return values.map((row, i) => row.map((x, j) => x - before[i][j]));
}

// The share of its weight that a map no longer has where it was, averaged over its rows: of the
// differences, the losses.
export function lost(differences) {
  const losses = differences.flat().reduce((sum, x) => sum + Math.max(0, -x), 0);
  return losses / differences.length;
}

// How far every map has moved: [{ place, share }], null for the share where maps cannot be compared.
export function movedMaps(results) {
  const read = readingOf(results);
  return placesOf(read).map((place) => {
    const apart = difference(mapOf(read, place).values, mapOf(results.untouched, place).values);
    return { place, apart, share: apart && lost(apart) };
  });
}

// Where most of a row lies, or of a whole map.
export const peak = (row) => row.indexOf(Math.max(...row));

export function peakOf(values) {
  const i = peak(values.map((row) => Math.max(...row)));
  return [i, peak(values[i])];
}
