// What is printed stands on white paper: a dark page prints as a light one does.
const page = document.documentElement;
let shown = null;

function toPaper() {
  shown ??= page.dataset.theme ?? "";
  page.dataset.theme = "light";
}

function toScreen() {
  if (shown === "") delete page.dataset.theme;
  else if (shown !== null) page.dataset.theme = shown;
  shown = null;
}

addEventListener("beforeprint", toPaper);
addEventListener("afterprint", toScreen);
matchMedia("print").addEventListener("change", ({ matches }) => (matches ? toPaper() : toScreen()));
