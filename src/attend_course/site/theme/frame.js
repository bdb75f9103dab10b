// What the theme takes from Bootstrap, as far as these pages use it: menus that open and close.
// Tooltips are the browser's own, from the attribute `title`.
(() => {
  const menus = '[data-bs-toggle="dropdown"]';
  const isOpen = (button) => button.getAttribute("aria-expanded") === "true";

  function turn(button, open) {
    button.setAttribute("aria-expanded", String(open));
    button.nextElementSibling.classList.toggle("show", open);
  }

  function closeAll(except) {
    for (const button of document.querySelectorAll(menus)) {
      if (button !== except && isOpen(button)) turn(button, false);
    }
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest(menus);
    closeAll(button);
    if (button) turn(button, !isOpen(button));
  });

  document.addEventListener("keydown", (event) => {
    const box = event.target.closest(".dropdown");
    const button = box?.querySelector(menus);
    if (!button || !isOpen(button)) return;
    if (event.key === "Escape") {
      turn(button, false);
      button.focus();
      return;
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const items = [...box.querySelectorAll(".dropdown-item")];
    const place = items.indexOf(document.activeElement);
    items.at(place < 0 && step < 0 ? -1 : (place + step) % items.length).focus();
  });

  document.addEventListener("focusin", (event) => closeAll(event.target.closest(".dropdown")?.querySelector(menus)));

  // What stood in attributes of buttons, where the page's own rules allow no script.
  const does = { print: () => window.print(), fullscreen: () => window.toggleFullScreen() };
  document.addEventListener("click", (event) => does[event.target.closest("[data-does]")?.dataset.does]?.());
})();
