"""The laboratory in a real Chromium: typing, changing, undoing, links, and downloads that fail."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, Route

from attend.translator.translator import shipped

READY = "The translator is here"


@pytest.fixture
def laboratory(open_page: Callable) -> Iterator[Callable[..., Page]]:
    visits = []

    def open_(**how: object) -> Page:
        visits.append(open_page("book/laboratory", **how))
        page = visits[-1].page
        page.get_by_text(READY).wait_for(timeout=60_000)
        return page

    yield open_
    for visit in visits:
        assert visit.errors == []
        assert visit.foreign() == []


def german(page: Page, which: int = 0) -> str:
    return page.locator(".attend-german dd").nth(which).inner_text()


def test_typing_translates_and_a_change_stands_beside(laboratory: Callable) -> None:
    page = laboratory()
    page.locator(".attend-english input").fill("I am happy.")
    page.get_by_text(shipped()("I am happy."), exact=True).wait_for()
    page.get_by_role("button", name="Off", exact=True).click()
    page.locator(".attend-german dt", has_text="Changed").wait_for()
    page.get_by_role("button", name="Undo").click()
    page.locator(".attend-german dt", has_text="Changed").wait_for(state="detached")
    page.get_by_role("button", name="Redo").click()
    page.locator(".attend-german dt", has_text="Changed").wait_for()
    page.get_by_role("button", name="Which head").click()
    page.wait_for_function(
        "document.querySelectorAll('.attend-portion').length === 48"
        " && ![...document.querySelectorAll('.attend-portion')].some((x) => x.textContent === '…')"
    )


def test_a_text_in_another_script_is_refused_in_words(laboratory: Callable) -> None:
    page = laboratory()
    before = german(page)
    page.locator(".attend-english input").fill("Я дома.")
    page.locator(".attend-english .attend-note", has_text="Latin letters").wait_for()
    assert german(page) == before


def test_a_link_holds_the_state_and_a_hostile_one_does_no_harm(laboratory: Callable) -> None:
    page = laboratory()
    state = {
        "sentence": "<img src=x onerror=alert(1)> I am happy.",
        "changes": [{"make": "__proto__"}],
        "kind": "constructor",
        "beam": 1e9,
        "layer": -1,
    }
    address = page.url.split("#")[0]
    page.goto("about:blank")
    page.goto(f"{address}#laboratory={quote(json.dumps(state))}")
    page.get_by_text(READY).wait_for(timeout=60_000)
    assert page.locator(".attend-english input").input_value() == state["sentence"]
    assert page.locator(".attend-explorer img").count() == 0
    assert page.locator(".attend-made").count() == 0
    for broken in ("%", "null", "[1", quote('{"changes": 3}')):
        page.goto("about:blank")
        page.goto(f"{address}#laboratory={broken}")
        page.get_by_text(READY).wait_for(timeout=60_000)


def test_weights_that_do_not_come_leave_the_page_usable(open_page: Callable) -> None:
    visit = open_page("book/laboratory", scripts=True)
    page = visit.page
    page.get_by_text(READY).wait_for(timeout=60_000)
    broken: list[Route] = []

    def answer(route: Route) -> None:
        broken.append(route)
        route.fulfill(body=b"not the weights")

    page.context.route("**/weights.safetensors", answer)
    page.reload()
    page.locator(".attend-loading [role=alert], .attend-loading", has_text="checksum").wait_for()
    assert broken
    assert german(page)
    page.context.unroute("**/weights.safetensors")
    page.get_by_role("button", name="Try again").click()
    page.get_by_text(READY).wait_for(timeout=60_000)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_sideways_scrolling_on_a_telephone(laboratory: Callable, theme: str) -> None:
    page = laboratory(width=360, theme=theme)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
