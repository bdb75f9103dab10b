"""What a reader sees of the fonts: they are there from the start, and nothing moves."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from .conftest import Site, table_of_contents

CHAPTERS = [name for name in table_of_contents() if name.startswith("book/0")]
WATCH = """
window.moved = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.moved += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""


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
    page.evaluate("document.fonts.ready.then(() => 0)")
    page.wait_for_timeout(500)
    loaded = page.evaluate(
        "[...document.fonts].filter(f => f.status === 'loaded').map(f => f.family)"
    )
    moved = page.evaluate("window.moved")
    context.close()
    assert {"Attend Sans"} <= {name.strip('"') for name in loaded}
    assert [url for url in asked if not url.startswith(site.address)] == []
    assert moved < 0.02
