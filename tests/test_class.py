"""The edition for a class: the same notebooks, without a word of their solutions."""

from __future__ import annotations

import ast
import copy
import re
from pathlib import Path

import nbformat
import pytest
from conftest import ROOT, load_script
from nbclient import NotebookClient
from solved import solutions

from attend_course.kit.checks import exercises
from attend_course.site.settings import Repository

script = load_script("class_notebooks")
PLACE = Repository("https://example.org/owner/name", "main")
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
ANSWERED = [path for path in NOTEBOOKS if '-answer"' in path.read_text(encoding="utf-8")]


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
        assert cell.id not in cells
        if cell.cell_type == "code":
            assert all(name not in text for name in names_made(cell.source))
    words = " ".join(cell.source.lower() for cell in shown.cells if cell.id != "class-edition")
    assert "solution" not in words


@pytest.mark.parametrize("path", ANSWERED, ids=lambda path: path.stem)
def test_no_answer_to_a_question_of_the_text_is_left(path: Path, editions: Path) -> None:
    full = nbformat.read(path, as_version=4).cells
    shown = (editions / path.name).read_text(encoding="utf-8")
    told = [cell.source.split("\n\n")[0].replace("\n", "\\n") for cell in script.answers(full)]
    assert told
    assert not [answer for answer in told if answer[:60] in shown]
    assert shown.count(script.ASKED) == len(told)
    assert "nearly the answer" not in shown
    assert shown.count("<details>") == shown.count("</details>")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_exercise_has_a_tagged_solution(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    tagged = [cell.source for cell in cells if script.is_solution(cell)]
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    asked = [s for s in code if "check_" in s and re.search(r"^\s*(def .*: )?\.\.\.$", s, re.M)]
    assert asked
    assert len(tagged) >= len(asked)


def test_an_untagged_cell_among_the_solutions_is_refused() -> None:
    heading = nbformat.v4.new_markdown_cell("## Solutions", metadata={"tags": ["solution"]})
    row = nbformat.v4.new_code_cell("answer(Q, K)", id="the-answer")
    notebook = nbformat.v4.new_notebook(cells=[heading, row])
    with pytest.raises(ValueError, match="the-answer is among the solutions without the tag"):
        script.without_solutions(notebook, PLACE)


def above(path: Path, name: str) -> list[str]:
    """Return the code above the exercise that a check judges, without the cells of a server."""
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    first = next(i for i, c in enumerate(cells) if re.search(rf"^{name}\(", c.source, re.M))
    return [cell.source for cell in cells[:first] if "%pip" not in cell.source]


ASKED = [
    pytest.param(path, chapter, name, id=f"{path.stem}-{name}")
    for path in NOTEBOOKS
    for cell in nbformat.read(path, as_version=4).cells
    for chapter, names in re.findall(r"chapters\.(\w+)\.checks import (.*)", cell.source)
    for name in re.findall(r"check_\w+", names)
]


@pytest.fixture(scope="module")
def ran() -> dict[Path, dict[str, object]]:
    """What the cells above the exercises of each notebook define, once they have run."""
    found: dict[Path, dict[str, object]] = {}
    for path in NOTEBOOKS:
        first = next(p.values[2] for p in ASKED if p.values[0] == path)
        found[path] = {"__name__": "notebook"}
        for code in above(path, first):
            exec(code, found[path])
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("path", "chapter", "name"), ASKED)
def test_no_function_above_an_exercise_is_its_answer(
    path: Path, chapter: str, name: str, ran: dict[Path, dict[str, object]]
) -> None:
    check = dict(exercises())[f"{chapter}.{name}"]
    functions = [thing for thing in ran[path].values() if callable(thing)]
    assert len(functions) > 3
    assert not [f for f in functions if not isinstance(f, type) and check(f)]


def spelled(expression: ast.AST) -> str:
    """Write an expression with its names numbered, so that only its form counts."""
    tree, seen = copy.deepcopy(expression), {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id not in {"np", "softmax"}:
            node.id = seen.setdefault(node.id, f"_{len(seen)}")
    return ast.unparse(tree)


@pytest.mark.parametrize(("path", "chapter", "name"), ASKED)
def test_no_cell_above_an_exercise_holds_its_solution(path: Path, chapter: str, name: str) -> None:
    function = ast.parse(solutions()[f"{chapter}.{name}"][0]).body[-1]
    assert isinstance(function, ast.FunctionDef)
    if len(function.body) > 1:
        return
    answer = spelled(function.body[0].value)
    shown = [
        spelled(node)
        for code in above(path, name)
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.expr)
    ]
    assert answer not in shown


def test_the_form_of_a_solution_is_found_under_other_names() -> None:
    one, other = ("np.abs(p - q).sum(axis=-1) / 2", "np.abs(now - then).sum(axis=-1) / 2")
    assert spelled(ast.parse(one).body[0].value) == spelled(ast.parse(other).body[0].value)


@pytest.mark.notebook
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_edition_runs_from_top_to_bottom(path: Path, editions: Path) -> None:
    edition = nbformat.read(editions / path.name, as_version=4)
    place = {"metadata": {"path": str(ROOT / "notebooks")}}
    NotebookClient(edition, timeout=120, resources=place).execute()


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
