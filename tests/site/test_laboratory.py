"""The laboratory in a real Chromium: typing, changing, undoing, links, and downloads that fail."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from urllib.parse import quote

import numpy as np
import pytest
from playwright.sync_api import Page, Route

from attend.translator.translator import SHIPPED, shipped
from attend_course.chapters.encoder_decoder.explorer import EncoderDecoderExplorer
from attend_course.kit.engine import MODEL

from .conftest import until

READY = "The translator is here"
TYPED = "The old man sold her new car."
# Translate so often, then mount and leave so often.
WORK = """async ([translations, mounts]) => {
  const place = document.querySelector('[data-attend-widget]');
  for (let i = 0; i < translations; i += 1) {
    place.attendModel.set('sentence', `I have ${i % 7} books.`);
    await place.attendModel.save_changes();
  }
  const { explorers } = attend;
  const el = document.body.appendChild(document.createElement('div'));
  for (let i = 0; i < mounts; i += 1) {
    explorers.laboratory.render({ model: place.attendModel, el })();
    await new Promise((done) => setTimeout(done));
  }
  el.remove();
}"""


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
    page.locator(".attend-english input").fill("The dog is here.")
    page.get_by_text(shipped()("The dog is here."), exact=True).wait_for()
    page.locator(".attend-formula", has_text="softmax").wait_for()  # with the engine come scores
    changed = page.locator(".attend-german dt", has_text="Changed").first
    page.get_by_role("button", name="Off", exact=True).click()
    changed.wait_for()
    page.get_by_role("button", name="Undo").click()
    changed.wait_for(state="detached")
    page.get_by_role("button", name="Redo").click()
    changed.wait_for()
    page.get_by_role("button", name="Reset").click()
    changed.wait_for(state="detached")
    page.locator(".attend-english input").fill("The dog is here.")
    page.get_by_label("Replace the word").select_option("1")
    page.get_by_label("by", exact=True).fill("cat")
    page.keyboard.press("Enter")
    page.locator("dd.is-changed", has_text=shipped()("The cat is here.")).first.wait_for()
    page.get_by_label("The maps show").select_option("difference")
    page.locator(".attend-head small").nth(47).wait_for()
    page.get_by_role("button", name="Which head").click()
    until(
        page,
        "document.querySelectorAll('.attend-portion').length === 48 + 5"
        " && ![...document.querySelectorAll('.attend-portion')].some((x) => x.textContent === '…')",
    )
    page.get_by_text("The beam as a tree").click()
    tree = page.locator(".attend-tree").first
    tree.wait_for()
    assert "finished" in tree.inner_text()
    page.get_by_text("All maps as a table").click()
    page.locator(".attend-of-maps tbody tr").nth(47).wait_for()
    assert page.locator(".attend-of-maps tbody tr").count() == 48


def test_german_appears_while_somebody_types_without_a_pause(laboratory: Callable) -> None:
    page = laboratory()
    seen = page.evaluate(
        """async (text) => {
          const { attendModel: model } = document.querySelector('[data-attend-widget]');
          const seen = new Set();
          model.on('change:results', () => seen.add(model.get('results').untouched.text));
          for (let i = 1; i <= text.length; i += 1) {
            model.set('sentence', text.slice(0, i));
            model.save_changes();
            await new Promise((done) => setTimeout(done, 15));
          }
          return [...seen];
        }""",
        TYPED,
    )
    assert len(seen) >= 2  # while typing
    page.get_by_text(shipped()(TYPED), exact=True).wait_for()


def test_it_works_offline_and_from_the_keyboard_alone(laboratory: Callable) -> None:
    page = laboratory()
    page.context.set_offline(True)
    page.locator(".attend-english input").focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("I am happy.")
    page.get_by_text(shipped()("I am happy."), exact=True).wait_for()
    tab_to(page, "encoder, layer 1, head 2")
    page.keyboard.press("Enter")
    page.locator(".attend-map-title", has_text="layer 1, head 2").wait_for()
    tab_to(page, "Alone")
    page.keyboard.press("Enter")
    page.locator(".attend-german dt", has_text="Changed").first.wait_for()
    tab_to(page, "Which head")
    page.keyboard.press("Enter")
    page.locator(".attend-portion").nth(47).wait_for()
    page.context.set_offline(False)


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the focus is on what has this name, or begins with it."""
    for _ in range(120):
        page.keyboard.press("Tab")
        found = page.evaluate(
            "(({ ariaLabel, textContent }) => ariaLabel ?? textContent)(document.activeElement)"
        )
        if found.strip().startswith(name):
            return
    raise AssertionError(f"Tab does not reach {name}")


def test_translations_and_mounts_leave_no_memory_behind(laboratory: Callable) -> None:
    page = laboratory()
    session = page.context.new_cdp_session(page)

    def held() -> float:
        session.send("HeapProfiler.collectGarbage")
        return session.send("Runtime.getHeapUsage")["usedSize"]

    page.evaluate(WORK, [20, 5])
    before = held()
    page.evaluate(WORK, [200, 50])
    assert held() - before < 2e6


def test_a_print_keeps_the_maps_and_leaves_out_the_controls(laboratory: Callable) -> None:
    page = laboratory()
    page.emulate_media(media="print")
    assert page.locator(".attend-map").is_visible()
    assert page.locator(".attend-pieces").is_visible()
    assert not page.locator(".attend-changes").is_visible()
    assert not page.locator(".attend-loading").is_visible()


def test_files_to_take_away_arrive(laboratory: Callable) -> None:
    page = laboratory()
    page.get_by_text("Take it with you").click()
    begins = {"SVG": b"<svg", "PNG": b"\x89PNG", "CSV": b'"","The"', "JSON": b'{"sentence"'}
    for name, begin in begins.items():
        with page.expect_download() as waiting:
            page.get_by_role("button", name=f"as {name}").click()
        content = waiting.value.path().read_bytes()
        assert content.startswith(begin), name
        if name == "JSON":
            assert len(json.loads(content)["untouched"]["memory"][3]["scores"]) > 100


def test_the_home_page_translates_and_fetches_at_the_first_use_only(open_page: Callable) -> None:
    visit = open_page("book/index")
    page = visit.page
    field = page.locator("[data-attend-widget=home] .attend-english input")
    field.scroll_into_view_if_needed()
    page.locator("[data-attend-widget=home][data-state=live]").wait_for()
    assert not [url for url in visit.requests if "weights" in url]
    field.fill("I am happy.")
    page.locator("[data-attend-widget=home] dd", has_text=shipped()("I am happy.")).wait_for()
    page.get_by_role("link", name="Open this sentence in the laboratory").click()
    page.get_by_text(READY).wait_for(timeout=60_000)
    assert german(page) == shipped()("I am happy.")
    assert visit.errors == []


def test_chapter_1_takes_any_sentence(open_page: Callable) -> None:
    visit = open_page("book/01-encoder-decoder")
    page = visit.page
    field = page.get_by_label("or your own")
    field.scroll_into_view_if_needed()
    page.locator("[data-attend-widget=encoder_decoder][data-state=live]").wait_for()
    field.fill("The cat drinks milk.")
    page.keyboard.press("Enter")
    page.locator(".attend-map th[scope=col]", has_text="milk").wait_for(timeout=60_000)
    python = EncoderDecoderExplorer(sentence="The cat drinks milk.")
    for looking in ("memory", "own"):
        page.get_by_label("Looking").select_option(looking)
        python.map = looking
        found = page.evaluate(
            "document.querySelector('[data-attend-widget=encoder_decoder]')"
            ".attendModel.get('results').weights"
        )
        np.testing.assert_allclose(found, python.weights, atol=1e-3)
    field.fill("a b " * 30)
    page.keyboard.press("Enter")
    page.locator("[role=alert]", has_text="at most 20 can be shown").wait_for()
    assert visit.errors == []


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
    page.get_by_text("Not all of this link could be read").wait_for()
    for broken in ("%", "null", "[1", quote('{"changes": 3}')):
        page.goto("about:blank")
        page.goto(f"{address}#laboratory={broken}")
        page.get_by_text(READY).wait_for(timeout=60_000)


def test_the_size_that_is_told_is_that_of_the_files() -> None:
    assert round(sum((SHIPPED / name).stat().st_size for name in MODEL) / 1e6, 1) == 2.5


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
    page.locator(".attend-loading [role=alert]", has_text="checksum").wait_for()
    assert broken
    assert german(page)
    page.context.unroute("**/weights.safetensors")
    page.get_by_role("button", name="Try again").click()
    page.get_by_text(READY).wait_for(timeout=60_000)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_sideways_scrolling_on_a_telephone(laboratory: Callable, theme: str) -> None:
    page = laboratory(width=360, theme=theme)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
