// Pictures and numbers to take away.

const escaped = (text) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
const quoted = (text) => `"${text.replaceAll('"', '""')}"`;

export const csv = ({ rows, columns, values }) => [
  ["", ...columns].map(quoted), ...rows.map((name, i) => [quoted(name), ...values[i]]),
].map((line) => line.join(",")).join("\n");

// Typed arrays are lists there; what no query may look at has no score.
export const json = (all) => JSON.stringify(all, (_, x) => (ArrayBuffer.isView(x) ? Array.from(x) : x));

// One map as a picture that stands by itself: queries on rows, keys on columns.
export function svg({ title, rows, columns, values }) {
  const [cell, left, top] = [34, 96, 96];
  const [width, height] = [left + cell * columns.length + 8, top + cell * rows.length + 8];
  const name = (text, x, y, more) => `<text x="${x}" y="${y}" ${more}>${escaped(text)}</text>`;
  const square = (x, i, j) => `<rect x="${left + j * cell}" y="${top + i * cell}" width="${cell}" height="${cell}" `
    + `fill="#0b4f94" fill-opacity="${x.toFixed(3)}" stroke="#d5dbe1"/>`
    + name(x.toFixed(2), left + (j + 0.5) * cell, top + (i + 0.6) * cell, `text-anchor="middle" fill="${x > 0.6 ? "#fff" : "#1b1f24"}" font-size="11"`);
  const across = columns.map((text, j) => {
    const [x, y] = [left + (j + 0.6) * cell, top - 6];
    return name(text, x, y, `transform="rotate(-60 ${x} ${y})"`);
  });
  const down = rows.map((text, i) => name(text, left - 6, top + (i + 0.6) * cell, 'text-anchor="end"'));
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" `
    + `font-family="sans-serif" font-size="13"><title>${escaped(title)}</title><rect width="100%" height="100%" fill="#fff"/>`
    + `${across.join("")}${down.join("")}${values.map((row, i) => row.map((x, j) => square(x, i, j)).join("")).join("")}</svg>`;
}

export function save(name, content, type) {
  const link = document.createElement("a");
  link.href = content.startsWith("data:") ? content : URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

export async function png(source) {
  const picture = new Image();
  picture.src = `data:image/svg+xml,${encodeURIComponent(source)}`;
  await picture.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [2 * picture.width, 2 * picture.height];
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/png");
}
