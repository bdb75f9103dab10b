// The state in the address, behind #laboratory=. Somebody else may have written it: what is not
// a setting as the laboratory itself would write it is left out.
import { changed } from "../../kit/engine/changes.js";

const MARK = "#laboratory=";
const isNumber = (least, most) => (value) => Number.isInteger(value) && value >= least && value <= most;
const RULES = {
  sentence: (value) => typeof value === "string" && value.length <= 1000,
  beam: isNumber(1, 8),
  alpha: (value) => typeof value === "number" && value >= 0 && value <= 5,
  changes: (value, sizes) => Array.isArray(value) && value.length <= 50 && value.every((one) => isChange(one, sizes)),
  instead: (value) => Array.isArray(value) && value.length <= 50 && value.every(isReplacement),
  kind: (value) => ["encoder", "decoder", "memory"].includes(value),
  layer: (value, { N }) => isNumber(0, N - 1)(value),
  head: (value, { h }) => isNumber(0, h - 1)(value),
  cell: (value) => Array.isArray(value) && value.length === 2 && value.every(isNumber(0, 999)),
};

function isReplacement(value) {
  const [word, text] = Array.isArray(value) && value.length === 2 ? value : [];
  return isNumber(0, 999)(word) && typeof text === "string" && text.trim() !== "" && text.length <= 100;
}

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

// The settings in a fragment that are fit for a model of these sizes, and whether that was all of it.
export function read(fragment, sizes) {
  if (!fragment.startsWith(MARK)) return { settings: {}, isWhole: true };
  try {
    const found = Object(JSON.parse(decodeURIComponent(fragment.slice(MARK.length))));
    const fit = ([name, isRight]) => Object.hasOwn(found, name) && isRight(found[name], sizes);
    const settings = Object.fromEntries(Object.entries(RULES).filter(fit).map(([name]) => [name, found[name]]));
    const count = (of) => Object.keys(of).length;
    return { settings, isWhole: count(settings) > 0 && count(settings) === count(found) };
  } catch {
    return { settings: {}, isWhole: false };
  }
}
