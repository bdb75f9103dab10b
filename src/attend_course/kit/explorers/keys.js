// Keys. An explorer keeps those it has a use for; all others are the page's or the notebook's.

// JupyterLab takes a key before it arrives, unless the element that has the focus says this.
export const OWN_KEYS = { "data-lm-suppress-shortcuts": "true" };

const MOVES = ["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "Home", "End", "PageUp", "PageDown"];
const WORDS = [...MOVES, "Backspace", "Delete"];
const COMPOSED = ["Dead", "Process", "Unidentified"];
const EDITS = ["a", "c", "v", "x", "y", "z"];
// Alone they do nothing; Tab leaves. The mark stays, for the key that comes with them is at the door.
const NEUTRAL = ["Tab", "Control", "Shift", "Alt", "Meta"];

const MOVED = "[role=gridcell], [role=slider], [type=range], select";
const PRESSED = "[role=gridcell], [type=checkbox], button, summary, select";
const WRITTEN = "input:not([type=range], [type=checkbox])";

function isOwn(event) {
  const { key, target } = event;
  if (target.matches(WRITTEN)) return writes(event);
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return false;
  if (MOVES.includes(key)) return target.matches(MOVED);
  if (key === "Enter" || key === " ") return target.matches(PRESSED);
  return key.length === 1 && target.matches("select");
}

// Whether a key writes, moves or edits in a field.
function writes(event) {
  const { key } = event;
  const command = (event.ctrlKey || event.metaKey) && !event.altKey;
  if (COMPOSED.includes(key) || WORDS.includes(key)) return true;
  if (key === "Enter") return !command && !event.altKey && !event.shiftKey;
  return command ? EDITS.includes(key.toLowerCase()) : key.length === 1;
}

// Escape goes back to what the frame stands in: in a notebook to its cell.
function leave(frame) {
  document.activeElement.blur();
  frame.parentElement.closest("[tabindex]")?.focus();
}

// Keep the frame's own keys from whoever listens outside, and let all others pass.
export function guardKeys(frame) {
  const ending = new AbortController();
  const { signal } = ending;
  // On the way down, before JupyterLab looks.
  window.addEventListener("keydown", (event) => {
    const { target } = event;
    if (!frame.contains(target) || isOwn(event) || NEUTRAL.includes(event.key)) return;
    if (!target.dataset.lmSuppressShortcuts) return;
    delete target.dataset.lmSuppressShortcuts;
    setTimeout(() => { target.dataset.lmSuppressShortcuts = "true"; });
  }, { signal, capture: true });
  // On the way up, before VS Code and Colab do.
  frame.addEventListener("keydown", (event) => {
    if (isOwn(event)) event.stopPropagation();
    else if (event.key === "Escape" && !event.defaultPrevented) leave(frame);
  }, { signal });
  return () => ending.abort();
}
