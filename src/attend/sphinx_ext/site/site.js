// A box that scrolls sideways must be reachable from the keyboard; one that does not must not be.
const boxes = "div.math, .katex-display, .bd-article pre, .bd-article table, .output";

function update() {
  for (const box of document.querySelectorAll(boxes)) {
    const scrolls = box.scrollWidth > box.clientWidth;
    if (scrolls) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}

update();
window.addEventListener("resize", update);
window.addEventListener("load", update);
document.fonts?.ready.then(update); // formulas grow when their fonts arrive
