"""The edition for a class: the same notebooks, without a word of their solutions."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import nbformat
import pytest
from conftest import ROOT, load_script

from attend_course.site.settings import Repository

script = load_script("class_notebooks")
PLACE = Repository("https://example.org/owner/name", "main")
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def names_made(code: str) -> set[str]:
    """Return the names of the functions that a cell defines."""
    return {node.name for node in ast.walk(ast.parse(code)) if isinstance(node, ast.FunctionDef)}


@pytest.fixture(scope="module")
def editions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the editions of all notebooks."""
    folder = tmp_path_factory.mktemp("class")
    script.write_all(ROOT, folder)
    return folder


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_solutions_are_gone_and_the_rest_is_there(path: Path, editions: Path) -> None:
    full = nbformat.read(path, as_version=4).cells
    shown = nbformat.read(editions / path.name, as_version=4)
    nbformat.validate(shown)
    text = (editions / path.name).read_text(encoding="utf-8")
    cells = {cell.id: cell for cell in shown.cells}
    assert set(cells) - {cell.id for cell in full} == {"class-edition"}
    for cell in full:
        if "solution" not in cell.metadata.get("tags", []):
            assert cell.cell_type == "markdown" or cells[cell.id] == cell
            continue
        assert cell.source.strip()
        assert cells[cell.id].source == ""
        assert not cells[cell.id].get("outputs")
        assert all(name not in text for name in names_made(cell.source))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_exercise_has_a_tagged_solution(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    tagged = [cell.source for cell in cells if script.is_solution(cell)]
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    asked = [s for s in code if "check_" in s and re.search(r"^\s*(def .*: )?\.\.\.$", s, re.M)]
    assert asked
    assert len(tagged) >= len(asked)


def test_a_notebook_without_tagged_solutions_is_refused() -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("answer = 42")])
    with pytest.raises(ValueError, match=r'no cell has the tag "solution"; tag the solutions'):
        script.without_solutions(notebook, PLACE)


def test_links_lead_to_the_repository_and_the_original_stays() -> None:
    words = nbformat.v4.new_markdown_cell("[page](../book/04-x.md) and [site](https://a.org)")
    answer = nbformat.v4.new_code_cell("x = 1", metadata={"tags": ["solution", "hide-input"]})
    notebook = nbformat.v4.new_notebook(cells=[words, answer])
    edition = script.without_solutions(notebook, PLACE)
    link = "[page](https://example.org/owner/name/blob/main/book/04-x.md)"
    assert edition.cells[0].source == f"{link} and [site](https://a.org)"
    assert notebook.cells[1].source == "x = 1"
