"""The explorer of chapter 6, worked by a reader."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import Page

from attend_course.chapters.multi_head import example
from attend_course.chapters.multi_head.explorer import MultiHeadExplorer

from .workbench import Bench, model, number

N = len(example.TOKENS)


def cells(page: Page) -> np.ndarray:
    """Read the numbers of the large map."""
    texts = page.locator(".attend-map td[role]").all_inner_texts()
    return np.reshape([number(text) for text in texts], (N, N))


def lengths(page: Page) -> list[str]:
    """Read the last column of the table of parts, the sum included."""
    rows = page.locator(".attend-lookup :is(tbody, tfoot) tr").all()
    return [row.locator("td").last.inner_text() for row in rows]


def test_layer_and_head_are_chosen(bench: Bench) -> None:
    page = bench.open(MultiHeadExplorer())
    page.get_by_label("Layer").select_option(label="3")
    page.get_by_role("button", name="Head 4").click()
    np.testing.assert_allclose(cells(page), example.head_weights(2)[3], atol=0.0052)
    assert page.locator(".attend-map-title").inner_text() == "Weights of layer 3, head 4"
    pressed = page.locator(".attend-stage[aria-pressed=true]")
    assert pressed.count() == 1
    assert "Head 4" in pressed.inner_text()


def test_a_head_is_switched_off_by_keyboard_alone(bench: Bench) -> None:
    page = bench.open(MultiHeadExplorer(cell=[3, 0]))
    full = lengths(page)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert model(page, "off") == [0]
    parts = example.head_parts(0)[1:, 3]
    wanted = [*np.linalg.norm(parts, axis=-1), np.linalg.norm(parts.sum(axis=0))]
    shown = lengths(page)
    assert shown[0] == "off"
    np.testing.assert_allclose([number(text) for text in shown[1:]], wanted, atol=0.012)
    moved = np.linalg.norm(example.head_parts(0)[0, 3])
    said = page.locator(".attend-summary").inner_text()
    assert number(said.split()[-1].strip(".")) == pytest.approx(moved, abs=0.012)
    for _ in range(2):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert model(page, "head") == 1
    page.get_by_text("More controls").click()
    page.get_by_role("button", name="Undo all changes").click()
    assert lengths(page) == full


def test_a_score_is_changed_and_given_back(bench: Bench) -> None:
    page = bench.open(MultiHeadExplorer())
    before = cells(page)
    page.get_by_text("More controls").click()
    page.locator("[data-row='2'][data-column='5']").click()
    page.get_by_label("Score from “sold” to “car”").fill("8")
    changed = MultiHeadExplorer(changes=[[0, 0, 2, 5, 8.0]])
    np.testing.assert_allclose(cells(page), changed.weights[0], atol=0.0052)
    assert page.locator("td.is-marked").count() == 1
    others = np.delete(np.arange(N), 2)
    np.testing.assert_allclose(cells(page)[others], before[others])
    page.get_by_role("button", name="Undo all changes").click()
    np.testing.assert_allclose(cells(page), before)
