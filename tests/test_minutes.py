"""The minutes that pages and notebooks state follow the rule of docs/writing.md."""

from __future__ import annotations

import json
import re
from functools import cache
from math import ceil
from pathlib import Path

import pytest
from conftest import ROOT

PAGES = sorted(ROOT.glob("book/[0-9][0-9]-*.md"))
NOTEBOOKS = sorted(ROOT.glob("notebooks/[0-9][0-9]-*.ipynb"))
CODE = re.compile(r"```\{attend-code\}\n(.*?)```", re.DOTALL)
EQUATION = re.compile(r"\$\$.*?\$\$|```\{attend-math\}.*?```", re.DOTALL)
OPTION = re.compile(r"^:[a-z-]+:.*$", re.MULTILINE)
STATED = re.compile(r"\*\*In (\d+) minutes you will be able to\*\*|needs about (\d+) minutes with")
EXERCISE = re.compile(r"^### .*\((\d+) minutes, ", re.MULTILINE)


@cache
def rates() -> dict[str, float]:
    """Return what one of each costs in minutes, from the table of the rule."""
    rows = re.findall(
        r"^\| (?:an? )?(\d*) ?(.*?) \| (\d+) \|$",
        (ROOT / "docs/writing.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    return {what: int(minutes) / int(many or 1) for many, what, minutes in rows}


def rate(beginning: str) -> float:
    """Return the rate of the row that begins so."""
    (found,) = (minutes for what, minutes in rates().items() if what.startswith(beginning))
    return found


def words(text: str) -> int:
    """Count what has a letter or a digit; a computed value is one word."""
    text = re.sub(r"\{value\}`[^`]*`", "1", OPTION.sub("", text))
    return sum(any(map(str.isalnum, word)) for word in text.split())


def lines(code: str) -> int:
    """Count the lines that hold something."""
    return sum(bool(line.strip()) for line in code.splitlines())


def of_page(text: str) -> float:
    """Return the minutes of a page."""
    text = text.partition("\n## Where to go from here")[0]
    prose = EQUATION.sub("", CODE.sub("", text))
    return (
        words(prose) * rate("words")
        + text.count("```{attend-figure}") * rate("figure")
        + text.count("```{question}") * rate("question")
        + text.count("```{attend-widget}") * rate("explorer")
        + len(EQUATION.findall(text)) * rate("equation")
        + sum(map(lines, CODE.findall(text))) * rate("lines of code on a page")
    )


def of_notebook(text: str) -> float:
    """Return the minutes of a notebook, its solutions left out."""
    cells = [
        (cell["cell_type"], "".join(cell["source"]))
        for cell in json.loads(text)["cells"]
        if "solution" not in cell["metadata"].get("tags", [])
    ]
    prose = "\n".join(source for kind, source in cells if kind == "markdown")
    code = "\n".join(source for kind, source in cells if kind == "code")
    return (
        words(prose) * rate("words")
        + lines(code) * rate("lines of code in a notebook")
        + sum(map(int, EXERCISE.findall(prose)))
    )


def counted(path: Path) -> int:
    """Return what a page or notebook has to state."""
    count = of_notebook if path.suffix == ".ipynb" else of_page
    return 5 * ceil(count(path.read_text(encoding="utf-8")) / 5)


def stated(path: Path) -> int:
    """Return what it states."""
    ((page, notebook),) = STATED.findall(path.read_text(encoding="utf-8"))
    return int(page or notebook)


@pytest.mark.parametrize("path", [*PAGES, *NOTEBOOKS], ids=lambda path: path.name)
def test_the_stated_minutes_are_those_of_the_rule(path: Path) -> None:
    # A sentence more or less need not change what a page states.
    assert abs(stated(path) - counted(path)) <= 5, f"state {counted(path)} minutes"


def test_the_rule_counts_what_it_names() -> None:
    assert len(rates()) == 7
    prose = "word " * 100
    assert of_page(prose) == pytest.approx(1)
    assert of_page(f"{prose}\n```{{question}}\n```\n$$\nx\n$$\n") == pytest.approx(4, abs=0.05)
    code = "```{attend-code}\n" + "x = 1\n\n" * 10 + "```\n"
    assert of_page(code) == pytest.approx(1)
    widget = "```{attend-widget} Some\n:cell: [1, 2]\n```\n```{attend-figure} a.b\n:alt: it\n```\n"
    assert of_page(widget) == pytest.approx(6, abs=0.05)
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["### 1. It (10 minutes, easy)\n"]},
        {"cell_type": "code", "metadata": {}, "source": ["x\n"] * 10},
        {"cell_type": "code", "metadata": {"tags": ["solution"]}, "source": ["y\n"] * 90},
    ]
    assert of_notebook(json.dumps({"cells": cells})) == pytest.approx(12, abs=0.1)


def test_the_routes_of_the_home_page_take_as_long_as_it_says() -> None:
    home = " ".join((ROOT / "book/index.md").read_text(encoding="utf-8").split())
    assert "An afternoon of five hours: you write it.** Chapters 2 to 5, pages only" in home
    assert sum(map(counted, PAGES[1:5])) + counted(NOTEBOOKS[4]) == pytest.approx(300, abs=20)
    assert "two to two and a half hours a day" in home
    for page, notebook in zip(PAGES[:6], NOTEBOOKS[:6], strict=True):
        assert 110 <= counted(page) + counted(notebook) <= 155, page.name
