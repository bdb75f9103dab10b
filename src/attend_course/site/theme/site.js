// A box that scrolls sideways must be reachable from the keyboard; one that does not must not be.
const boxes = "div.math, .katex-display, .bd-article pre, .bd-article table, .output, .cell_output";

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

// The theme takes the focus from a button that was pressed, to hide its tooltip. With the keyboard
// the next press would then go nowhere; a click of a mouse has a detail above 0.
document.addEventListener("click", (event) => {
  const button = event.target.closest(".article-header-buttons .btn, .sidebar-toggle");
  if (button && event.detail === 0 && document.activeElement === document.body) button.focus();
});
