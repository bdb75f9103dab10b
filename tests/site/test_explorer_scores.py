"""The explorer of chapter 3: what a reader does with its arrows."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import Page

from attend import scores
from attend_course.chapters.scores import example
from attend_course.chapters.scores.explorer import ScoresExplorer

from .workbench import Bench, model, number

QUERY = ".attend-arrow.is-query .attend-grip"
KEYS = ".attend-arrow.is-key .attend-grip"


def cells(page: Page) -> np.ndarray:
    """Read the matrix."""
    texts = page.locator(".attend-map td[role]").all_inner_texts()
    return np.array([number(text) for text in texts]).reshape(4, 4)


def middle(page: Page, part: str, place: int = 0) -> tuple[float, float]:
    """Return where the tip of an arrow is on the screen."""
    box = page.locator(part).nth(place).bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page: Page, start: tuple[float, float], right: float, down: float) -> None:
    """Drag with the mouse, in CSS pixels."""
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(start[0] + right, start[1] + down, steps=4)
    page.mouse.up()


def unit(page: Page) -> float:
    """Return how many CSS pixels one unit of the plane is long."""
    box = page.locator(".attend-plane").bounding_box()
    assert box is not None
    return box["width"] / 260 * 29


def test_arrow_keys_move_the_query_and_change_its_row_only(bench: Bench) -> None:
    page = bench.open(ScoresExplorer())
    page.locator(QUERY).focus()
    for key in ("ArrowUp", "ArrowUp", "ArrowLeft"):
        page.keyboard.press(key)
    query = page.locator(QUERY)
    assert query.get_attribute("aria-valuetext") == "1.5 across, 2 up"
    change = cells(page) - example.all_scores()
    assert np.allclose(change[2], scores(np.array([[-0.5, 1.0]]), example.keys(), scale=1.0)[0])
    assert not np.delete(change, 2, axis=0).any()
    assert page.evaluate("document.activeElement.classList.contains('attend-grip')")


def test_an_arrow_stays_inside_the_plane(bench: Bench) -> None:
    page = bench.open(ScoresExplorer())
    page.locator(QUERY).focus()
    for _ in range(9):
        page.keyboard.press("ArrowRight")
    assert model(page, "q")[2] == [4, 1]


def test_the_mouse_drags_the_query(bench: Bench) -> None:
    page = bench.open(ScoresExplorer())
    drag(page, middle(page, QUERY), -2 * unit(page), -1.6 * unit(page))
    # The tip snaps to halves.
    assert model(page, "q")[2] == [0, 2.5]
    assert cells(page)[2] == pytest.approx([-5, 2.5, 5, -2.5])


def test_dragging_a_key_looks_at_its_pair_and_changes_its_column(bench: Bench) -> None:
    page = bench.open(ScoresExplorer())
    drag(page, middle(page, KEYS, 0), unit(page), 0)
    assert model(page, "k")[0] == [0, -2]
    assert model(page, "cell") == [2, 0]
    change = cells(page) - example.all_scores()
    assert np.allclose(change[:, 0], example.queries()[:, 0])
    assert not change[:, 1:].any()
    assert "key Hungry" in page.locator(".attend-formula").inner_text()


@pytest.mark.parametrize("width", [360, 1280])
def test_a_finger_drags_an_arrow_and_not_the_page(width: int, bench: Bench) -> None:
    page = bench.open(ScoresExplorer(), width=width, has_touch=True)
    x, y = middle(page, QUERY)
    before = page.evaluate("scrollY")
    touch = page.context.new_cdp_session(page)
    touch.send(
        "Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]}
    )
    for step in range(1, 5):
        point = {"x": x, "y": y + step * unit(page) / 2}
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_function(
        "document.querySelector('[data-attend-widget]').attendModel.get('q')[2][1] === -1"
    )
    assert page.evaluate("scrollY") == before


def test_arrows_can_be_put_back(bench: Bench) -> None:
    page = bench.open(ScoresExplorer())
    drag(page, middle(page, QUERY), -40, 30)
    assert not np.array_equal(cells(page), example.all_scores())
    page.get_by_role("button", name="Put the arrows back").click()
    assert np.array_equal(cells(page), example.all_scores())


def test_another_row_brings_its_own_query(bench: Bench) -> None:
    page = bench.open(ScoresExplorer())
    page.locator(".attend-map td[role]").nth(3).click()
    query = page.locator(QUERY)
    assert query.get_attribute("aria-label") == "query of Hungry, arrow keys move it"
    assert page.locator(".attend-grip[tabindex='0']").count() == 2
    assert page.locator(".attend-is-query").inner_text() == "Hungry"
