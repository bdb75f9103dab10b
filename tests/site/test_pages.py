"""Every page of the book, as a reader's browser gets it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import axe_playwright_python
import pytest
from bs4 import BeautifulSoup

from .conftest import Site, Visit, table_of_contents

PAGES = table_of_contents()
AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
LARGEST_PAGE = 400_000
OpenPage = Callable[..., Visit]


def violations(visit: Visit) -> list[str]:
    """Run axe on an open page; list the findings that are serious or critical."""
    visit.page.evaluate(AXE.read_text(encoding="utf-8"))
    found = visit.page.evaluate("async () => (await axe.run(document)).violations")
    return [
        f"{rule['id']} ({rule['impact']}): {node['html'][:160]} {node['failureSummary'][:200]}"
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("document", [*PAGES, "search", "genindex"])
def test_page_opens_quietly_and_asks_no_other_host(document: str, open_page: OpenPage) -> None:
    visit = open_page(document)
    visit.page.mouse.wheel(0, 20_000)
    visit.page.wait_for_load_state("networkidle")
    assert visit.errors == []
    assert visit.foreign() == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("document", [*PAGES, "search"])
def test_axe_finds_nothing_serious(document: str, theme: str, open_page: OpenPage) -> None:
    visit = open_page(document, theme=theme)
    assert visit.page.evaluate("document.documentElement.dataset.theme") == theme
    assert violations(visit) == []


@pytest.mark.parametrize("document", PAGES)
def test_axe_finds_nothing_serious_on_a_narrow_screen(document: str, open_page: OpenPage) -> None:
    assert violations(open_page(document, width=360)) == []


def test_axe_does_find_a_fault(open_page: OpenPage) -> None:
    visit = open_page("book/index")
    visit.page.evaluate("document.querySelector('article').append(new Image())")
    assert any("image-alt" in finding for finding in violations(visit))


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("document", PAGES)
def test_page_does_not_scroll_sideways(document: str, width: int, open_page: OpenPage) -> None:
    page = open_page(document, width=width).page
    wide, content = page.evaluate("[innerWidth, document.documentElement.scrollWidth]")
    assert content <= wide, page.evaluate(
        "[...document.querySelectorAll('article *')]"
        ".filter(e => e.getBoundingClientRect().right > innerWidth + 1)"
        ".map(e => e.outerHTML.slice(0, 120)).slice(0, 5)"
    )


@pytest.mark.parametrize("document", PAGES)
def test_page_reads_without_javascript(document: str, open_page: OpenPage, site: Site) -> None:
    visit = open_page(document, scripts=False)
    article = BeautifulSoup(site.html(document), "lxml").select_one("article")
    assert article is not None
    shown = visit.page.locator("article")
    assert shown.locator("h1").first.is_visible()
    assert len(shown.inner_text()) > 200
    for formula in shown.locator(".math").all():
        assert formula.locator(".katex-html").first.bounding_box() is not None
    pictures = shown.locator("figure img, figure svg, .cell_output img, .attend-widget svg")
    for picture in pictures.all():
        hidden_by_theme = picture.evaluate(
            "e => !!e.closest('.only-dark, .only-light, .attend-picture, details')"
        )
        assert hidden_by_theme or picture.bounding_box() is not None
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
