"""The browser's engine computes what `attend` computes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from .workbench import Bench

CASES = json.loads((Path(__file__).parents[1] / "js" / "cases.json").read_text(encoding="utf-8"))
PICTURES, DRAWS = 1e-5, 1e-12
FUNCTIONS = sorted({case["function"] for case in CASES})
RUN = """async (cases) => {
  const engine = { ...(await import('./linalg.js')), ...(await import('./draws.js')) };
  return cases.map(({ function: name, arguments: given }) =>
    engine[name](...given.map((x) => x === null && name !== 'maskedSoftmax' ? undefined : x)));
}"""


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    bench = Bench(browser)
    yield bench.page("<!doctype html><link rel='icon' href='data:,'><title>Engine</title>")
    bench.close()


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 200


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_browser_agrees(function: str, page: Page) -> None:
    chosen = [case for case in CASES if case["function"] == function]
    computed = page.evaluate(RUN, chosen)
    exact = function in ("uniforms", "normals", "tokenSeed", "tokenVectors")
    for case, result in zip(chosen, computed, strict=True):
        agree(
            result, case["result"], DRAWS if exact else PICTURES, f"{function} {case['arguments']}"
        )


def agree(found: Any, expected: Any, tolerance: float, where: str) -> None:
    """Compare numbers, lists and objects; large numbers relative to their size."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys(), where
        for name in expected:
            agree(found[name], expected[name], tolerance, f"{where} {name}"[-400:])
        return
    a, b = np.asarray(found, dtype=float), np.asarray(expected, dtype=float)
    assert a.shape == b.shape, where
    assert np.all(np.abs(a - b) <= tolerance * np.maximum(1, np.abs(b))), where[-800:]
