"""Every page of the book, as a reader's browser gets it.

A page is opened once and then looked at light, dark and narrow; and once more without scripts. What
was seen is kept, and the tests ask about it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, Page

from .conftest import Site, Visit, listen, table_of_contents, until

PAGES = table_of_contents()
OPENED = [*PAGES, "search", "genindex", "404"]
AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
LARGEST_PAGE = 400_000
MOST_ELEMENTS = 3_000
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 360, "height": 740}
OF_COLOURS = ["color-contrast", "link-in-text-block"]
OF_WIDTHS = ["color-contrast", "target-size", "scrollable-region-focusable"]
"""The rules of axe whose answer may change with the theme, and with the width."""
OpenPage = Callable[..., Visit]

# MathML is read aloud, but axe takes a table's head that holds a formula alone for an empty one.
AXE_RUN = """async ([place, options]) => {
  const formula = ({ target }) => document.querySelector(target[0])?.querySelector("math");
  const { violations } = await axe.run(place, options);
  return violations.map(({ id, impact, nodes }) => ({
    id, impact, nodes: nodes.filter((n) => id !== "empty-table-header" || !formula(n)),
  }));
}"""
SIDEWAYS = """() => document.documentElement.scrollWidth <= innerWidth ? [] :
  [...document.querySelectorAll('article *')]
    .filter(e => e.getBoundingClientRect().right > innerWidth + 1)
    .map(e => e.outerHTML.slice(0, 120)).slice(0, 5)"""
UNSEEN = """() => {
  const article = document.querySelector("article");
  const seen = (e) => e.getClientRects().length > 0;
  const given = "figure img, figure svg, .cell_output img, .attend-widget svg";
  const away = ".only-dark, .only-light, .attend-picture, details";
  const faults = [];
  if (!seen(article.querySelector("h1"))) faults.push("no title");
  if (article.innerText.length <= 200) faults.push("hardly any text");
  for (const f of article.querySelectorAll(".math")) {
    if (!seen(f.querySelector(".katex-html"))) faults.push(f.textContent.slice(0, 80));
  }
  for (const p of article.querySelectorAll(given)) {
    if (!p.closest(away) && !seen(p)) faults.push(p.outerHTML.slice(0, 80));
  }
  return faults;
}"""


@dataclass
class Look:
    """What was seen on a page that was opened once."""

    faults: dict[str, list[str]] = field(default_factory=dict)
    sideways: dict[str, list[str]] = field(default_factory=dict)
    themes: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)


def violations(page: Page, rules: list[str] | None = None) -> list[str]:
    """Run axe on an open page; list what it finds, however slight."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(AXE)
    options: dict[str, Any] = {"resultTypes": ["violations"], "preload": False}
    if rules:
        options["runOnly"] = {"type": "rule", "values": rules}
    # A formula has the colour of the text around it, and a few hundred boxes.
    place = {"exclude": [".katex-html"]} if rules else {"include": ["html"]}
    found = page.evaluate(AXE_RUN, [place, options])
    return [
        f"{rule['id']} ({rule['impact']}): {node['html'][:160]} {node['failureSummary'][:200]}"
        for rule in found
        for node in rule["nodes"]
    ]


def look_at(page: Page, visit: Visit, url: str) -> Look:
    """Open a page wide and light, turn the light off, and make the window narrow."""
    found = Look()
    page.set_viewport_size(WIDE)
    page.emulate_media(color_scheme="light")
    page.goto(url, wait_until="load")
    page.mouse.wheel(0, 20_000)
    page.wait_for_load_state("networkidle")
    found.themes.append(page.evaluate("document.documentElement.dataset.theme"))
    found.faults["light"] = violations(page)
    found.sideways["wide"] = page.evaluate(SIDEWAYS)
    page.emulate_media(color_scheme="dark")
    until(page, "document.documentElement.dataset.theme === 'dark'")
    found.themes.append(page.evaluate("document.documentElement.dataset.theme"))
    found.faults["dark"] = violations(page, OF_COLOURS)
    page.set_viewport_size(NARROW)
    found.sideways["narrow"] = page.evaluate(SIDEWAYS)
    found.faults["narrow"] = violations(page, OF_WIDTHS)
    found.errors, found.foreign = list(visit.errors), visit.foreign()
    return found


@pytest.fixture(scope="module")
def looks(site: Site, browser: Browser) -> Iterator[Callable[[str], Look]]:
    """A function that looks at a page, once."""
    context = browser.new_context(reduced_motion="reduce")
    known: dict[str, Look] = {}

    def look(document: str) -> Look:
        if document not in known:
            visit = Visit(context.new_page(), site.address)
            listen(visit)
            known[document] = look_at(visit.page, visit, site.url(document))
            visit.page.close()
        return known[document]

    yield look
    context.close()


@pytest.mark.parametrize("document", OPENED)
def test_page_opens_quietly_and_asks_no_other_host(document: str, looks: Callable) -> None:
    assert looks(document).errors == []
    assert looks(document).foreign == []


@pytest.mark.parametrize("document", OPENED)
def test_axe_finds_nothing(document: str, looks: Callable) -> None:
    assert looks(document).themes == ["light", "dark"]
    assert looks(document).faults == {"light": [], "dark": [], "narrow": []}


@pytest.mark.parametrize("document", OPENED)
def test_page_does_not_scroll_sideways(document: str, looks: Callable) -> None:
    assert looks(document).sideways == {"wide": [], "narrow": []}


def test_axe_and_the_other_looks_do_find_faults(open_page: OpenPage) -> None:
    page = open_page("book/how-to-use").page
    page.evaluate("document.querySelector('article').append(new Image())")
    assert any("image-alt" in finding for finding in violations(page))
    page.evaluate("document.querySelector('article p').style.color = '#eee'")
    assert any("color-contrast" in finding for finding in violations(page, OF_COLOURS))
    page.evaluate("document.querySelector('article p').style.minWidth = '2000px'")
    assert page.evaluate(SIDEWAYS)


def test_a_page_opens_in_the_theme_of_the_system(open_page: OpenPage) -> None:
    page = open_page("book/index", theme="dark").page
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


@pytest.mark.parametrize("document", PAGES)
def test_page_reads_without_javascript(document: str, open_page: OpenPage) -> None:
    visit = open_page(document, scripts=False)
    assert visit.page.evaluate(UNSEEN) == []
    assert visit.errors == []


@pytest.mark.parametrize("document", PAGES)
def test_equations_are_rendered_at_build_time(document: str, site: Site) -> None:
    soup = BeautifulSoup(site.html(document), "lxml")
    for formula in soup.select(".math"):
        assert formula.select_one(".katex .katex-html"), formula.get_text()[:80]
        assert formula.select_one("math annotation"), "no MathML for a screen reader"
    assert not soup.select("script[src*=athjax], script[src*=katex]")
    assert not soup.select(".katex-error")


@pytest.mark.parametrize("document", PAGES)
def test_page_is_described_and_light(document: str, site: Site) -> None:
    html = site.html(document)
    description = BeautifulSoup(html, "lxml").select_one("meta[name=description]")
    assert description is not None
    assert 20 <= len(str(description["content"])) <= 160
    assert len(html) < LARGEST_PAGE
    assert html.count('rel="stylesheet"') == 1


@pytest.mark.parametrize("document", [p for p in PAGES if "api" in p or "claims" in p])
def test_a_long_list_has_few_elements(document: str, site: Site) -> None:
    assert len(BeautifulSoup(site.html(document), "lxml").find_all(True)) < MOST_ELEMENTS


# The second is the name of a module, found at an anchor with a dot.
@pytest.mark.parametrize("word", ["saturation", "attend.positions"])
def test_search_finds_a_word(word: str, open_page: OpenPage) -> None:
    visit = open_page(f"search.html?q={word}")
    visit.page.wait_for_selector("#search-results li")
    visit.page.wait_for_timeout(1000)
    assert visit.page.locator("#search-results li").count() >= 1
    assert visit.errors == []


def test_search_shows_a_formula_once(open_page: OpenPage) -> None:
    page = open_page("search.html").page
    shown = page.evaluate("""async () => {
        const answer = await fetch("book/03-scores.html");
        return Search.htmlToText(await answer.text(), "");
    }""")
    assert "scores" in shown
    assert "\\text{" not in shown
    assert "\u200b" not in shown  # with it KaTeX holds its boxes open
    assert shown.count("Contents") == 1  # they stand on the page once more for print


def test_search_opens_from_the_keyboard_and_theme_can_be_switched(open_page: OpenPage) -> None:
    visit = open_page("book/index")
    visit.page.keyboard.press("Control+k")
    assert visit.page.locator("#pst-search-dialog input").is_visible()
    visit.page.keyboard.press("Escape")
    before = visit.page.evaluate("document.documentElement.dataset.theme")
    for _ in range(3):
        visit.page.locator(".theme-switch-button").first.click()
        if visit.page.evaluate("document.documentElement.dataset.theme") != before:
            break
    assert visit.page.evaluate("document.documentElement.dataset.theme") != before
    assert visit.errors == []


def test_the_theme_can_be_switched_again_and_again_with_the_keyboard(open_page: OpenPage) -> None:
    page = open_page("book/how-to-use").page
    page.locator("button.theme-switch-button:visible").first.focus()
    modes = []
    for key in ("Enter", "Space", "Enter"):
        page.keyboard.press(key)
        modes.append(page.evaluate("document.documentElement.dataset.mode"))
    assert sorted(modes) == ["auto", "dark", "light"]


def test_what_search_finds_fits_a_narrow_screen(open_page: OpenPage) -> None:
    page = open_page("search", width=360).page
    page.goto(f"{page.url.split('?')[0]}?q=softmax")
    page.locator("#search-results li p").nth(5).wait_for()
    page.wait_for_timeout(1000)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_first_page_of_the_site_leads_to_the_book(open_page: OpenPage) -> None:
    visit = open_page("index.html")
    visit.page.wait_for_url("**/book/index.html")
