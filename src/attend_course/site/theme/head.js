// Before the first line is drawn: the theme that a reader chose, and the fonts of the style sheet.
const root = document.documentElement;
root.classList.add("attend-scripts", "attend-waits");

// A page opened from a disk, or in a strict browser, may have no store.
function kept(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

root.dataset.mode = kept("mode") || root.dataset.theme;
root.dataset.theme = kept("theme") || root.dataset.theme;

// Lines are drawn once the fonts that came with the style sheet are unpacked: nothing moves.
Promise.race([
  Promise.allSettled([...document.fonts].filter((f) => f.display === "swap").map((f) => f.load())),
  new Promise((done) => { setTimeout(done, 3000); }),
]).then(() => root.classList.remove("attend-waits"));
