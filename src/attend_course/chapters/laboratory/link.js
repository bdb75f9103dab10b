// The state in the address, behind #laboratory=. Somebody else may have written it: what is not
// a setting as the laboratory itself would write it is left out.
import { changed } from "../../kit/engine/changes.js";

const MARK = "#laboratory=";
const isWhole = (least, most) => (value) => Number.isInteger(value) && value >= least && value <= most;
const RULES = {
  sentence: (value) => typeof value === "string" && value.length <= 1000,
  beam: isWhole(1, 8),
  alpha: (value) => typeof value === "number" && value >= 0 && value <= 5,
  changes: (value, sizes) => Array.isArray(value) && value.length <= 50 && value.every((one) => isChange(one, sizes)),
  kind: (value) => ["encoder", "decoder", "memory"].includes(value),
  layer: (value, { N }) => isWhole(0, N - 1)(value),
  head: (value, { h }) => isWhole(0, h - 1)(value),
  cell: (value) => Array.isArray(value) && value.length === 2 && value.every(isWhole(0, 999)),
};

function isChange(change, sizes) {
  try {
    changed([change], sizes);
    return true;
  } catch {
    return false;
  }
}

export function written(state) {
  const kept = Object.fromEntries(Object.keys(RULES).map((name) => [name, state[name]]));
  return MARK + encodeURIComponent(JSON.stringify(kept));
}

// The settings in a fragment that are fit for a model of these sizes.
export function read(fragment, sizes) {
  if (!fragment.startsWith(MARK)) return {};
  try {
    const found = Object(JSON.parse(decodeURIComponent(fragment.slice(MARK.length))));
    const fit = ([name, isRight]) => Object.hasOwn(found, name) && isRight(found[name], sizes);
    return Object.fromEntries(Object.entries(RULES).filter(fit).map(([name]) => [name, found[name]]));
  } catch {
    return {};
  }
}
