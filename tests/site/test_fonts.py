"""What a reader sees of the fonts: they are there from the start, and nothing moves."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page

from .conftest import Site, table_of_contents

CHAPTERS = [name for name in table_of_contents() if name.startswith("book/0")]
WATCH = """
window.moved = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.moved += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""


def fonts_of(page: Page, selector: str) -> set[str]:
    """Name the fonts that the browser used for the text of the first such element."""
    session = page.context.new_cdp_session(page)
    session.send("DOM.enable")
    session.send("CSS.enable")
    root = session.send("DOM.getDocument")["root"]["nodeId"]
    node = session.send("DOM.querySelector", {"nodeId": root, "selector": selector})["nodeId"]
    used = session.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
    return {font["familyName"] for font in used if font["glyphCount"] > 3}


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("document", ["book/index", *CHAPTERS])
def test_fonts_are_there_and_nothing_moves(
    document: str, width: int, site: Site, browser: Browser
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900})
    page, asked = context.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    page.add_init_script(WATCH)
    page.goto(site.url(document), wait_until="load")
    page.locator("article h1").first.wait_for(state="visible")
    page.wait_for_timeout(500)
    drawn = fonts_of(page, "article p") | fonts_of(page, "article h1")
    moved = page.evaluate("window.moved")
    context.close()
    assert drawn == {"Attend Sans"}
    assert [url for url in asked if not url.startswith(site.address)] == []
    assert moved < 0.02
