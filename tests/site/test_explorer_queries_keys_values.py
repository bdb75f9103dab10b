"""The explorer of chapter 2: what a reader does with it, by keyboard alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from attend_course.chapters.queries_keys_values import example as two
from attend_course.chapters.queries_keys_values.explorer import QueriesKeysValuesExplorer

from .workbench import Bench, model


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    bench = Bench(browser)
    yield bench.open(QueriesKeysValuesExplorer())
    bench.close()
    assert bench.faults == []


def output(page: Page) -> np.ndarray:
    """Read what the browser computed."""
    return np.array(model(page, "results")["output"])


def type_into(page: Page, name: str, text: str) -> None:
    """Type over one entry of a matrix and leave it with Enter."""
    page.locator("summary").focus()
    if not page.evaluate("document.querySelector('details').open"):
        page.keyboard.press("Enter")
    page.locator(f"input[aria-label='{name}']").focus()
    page.keyboard.press("Control+A")
    page.keyboard.type(text)
    page.keyboard.press("Enter")


def test_the_switch_projects_and_the_panel_follows_the_row(page: Page) -> None:
    np.testing.assert_allclose(output(page), two.plain_output(), atol=1e-6)
    page.locator("input[role=switch]").focus()
    page.keyboard.press("Space")
    np.testing.assert_allclose(output(page), two.output(), atol=1e-6)
    page.locator(".attend-map [tabindex='0']").focus()
    page.keyboard.press("ArrowDown")
    assert page.locator(".attend-formula-title").inner_text().startswith("closes asks")
    assert "“closes” takes most from “letters”" in page.locator(".attend-summary").inner_text()


def test_an_entry_that_is_typed_counts_and_can_be_undone(page: Page) -> None:
    type_into(page, "x, row letters, column sea", "1")
    assert model(page, "x")[3] == [1, 1, 0]
    rows = two.x()
    rows[3, 0] = 1
    expected = QueriesKeysValuesExplorer(x=rows.tolist()).output
    np.testing.assert_allclose(output(page), expected, atol=1e-6)
    page.get_by_text("Undo all changes").focus()
    page.keyboard.press("Enter")
    np.testing.assert_allclose(output(page), two.plain_output(), atol=1e-6)


@pytest.mark.parametrize("text", ["eleven", "11", "", "<b>1</b>"])
def test_what_is_no_small_number_is_refused_and_the_entry_stays(page: Page, text: str) -> None:
    type_into(page, "W_K, row unclear, column 2", text or " ")
    assert model(page, "W_K") == two.W_K.tolist()
    notes = " ".join(page.locator(".attend-entries .attend-note").all_inner_texts())
    assert "Type a number from −10 to 10. The entry stays." in notes
    assert page.locator("input[aria-label='W_K, row unclear, column 2']").input_value() == "-1"


def test_another_sentence_brings_its_own_vectors(page: Page) -> None:
    type_into(page, "x, row letters, column sea", "1")
    page.locator("select").select_option(two.OTHER_SENTENCE)
    assert model(page, "x") == []
    np.testing.assert_allclose(output(page), two.plain_output(two.OTHER_SENTENCE), atol=1e-6)
    assert page.locator("input[aria-label='x, row herring, column sea']").input_value() == "1"
