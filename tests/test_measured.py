"""The tables of measurements show what the benchmarks wrote, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from attend.sphinx_ext import measured

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
SPREAD = {"median": 4321.4, "lower quartile": 4300.0, "upper quartile": 4350.6}


def test_a_median_is_shown_with_its_quartiles() -> None:
    assert measured.shown(SPREAD) == "4,321 (4,300 to 4,351)"


def test_small_numbers_keep_three_digits() -> None:
    shown = [measured.number(x) for x in (0.12345, 2.0, 41.02, 100.4)]
    assert shown == ["0.123", "2", "41.0", "100"]


def test_ninety_five_of_a_hundred_are_shown_where_they_were_measured() -> None:
    assert (
        measured.shown({"least": 1, "median": 2.25, "p95": 3.28})
        == "2.25 (95\N{NO-BREAK SPACE}%: 3.28)"
    )


def test_a_table_has_a_row_for_each_engine_and_leaves_out_what_is_no_summary() -> None:
    results = {
        "a": {"speed": SPREAD, "share": 0.5, "counts": {"1": 3}},
        "b": {"speed": SPREAD, "share": 0.25, "counts": {"1": 4}},
    }
    heads, rows = measured.summary_table(results)
    assert heads == ("", "speed", "share")
    assert rows == [
        ("a", "4,321 (4,300 to 4,351)", "0.5"),
        ("b", "4,321 (4,300 to 4,351)", "0.25"),
    ]


@pytest.mark.parametrize("path", sorted(BENCHMARKS.glob("*.json")), ids=lambda path: path.stem)
def test_every_report_names_no_machine_and_can_be_run_again(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    report = json.loads(text)
    assert "machine" in report
    for private in ("/root", "/home", "/work", "/tmp"):
        assert private not in text
    if "command" in report:
        script = report["command"].split()[1]
        assert (BENCHMARKS.parent / script).is_file()
