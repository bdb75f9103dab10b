// What Sphinx's search shows beside a result is the text of the page. A formula is written on the
// page for the eye, for a screen reader and as TeX: one of them is enough. The page's title and
// contents stand there once more for print. And an anchor with a dot, such as #attend.softmax,
// needs its dot escaped to be found.
const plain = Search.htmlToText;

Search.htmlToText = (html, anchor) => {
  const page = new DOMParser().parseFromString(html, "text/html");
  for (const extra of page.querySelectorAll(".katex-html, .katex annotation, .onlyprint")) extra.remove();
  const found = anchor && `#${CSS.escape(anchor.slice(1))}`;
  return plain(page.documentElement.outerHTML, found);
};
