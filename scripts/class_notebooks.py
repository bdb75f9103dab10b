"""Write the notebooks for a class: the same cells, without those of the solutions.

    python scripts/class_notebooks.py

What a question in the text asks is not answered below it, and hints that are nearly the answer are
left out. They go into _build/class. Links to files of the course become links to the repository,
since the files do not lie beside these copies.
"""

from __future__ import annotations

import re
import sys
from copy import deepcopy
from pathlib import Path

import nbformat

from attend.files import write_atomically
from attend_course.site.settings import Repository, read_repository

ROOT = Path(__file__).resolve().parents[1]
TAG = "solution"
NOTE = (
    "**Edition for a class.** The solutions are left out. The checks work as they do in the full "
    "notebook: run the cell of an exercise, and it says what it found."
)
ASKED = "**Before you go on:** what do you see, and why? Write it down."
NAME = "-answer"
"""How the name of a cell ends that answers a question of the text above it."""
_NEARLY = re.compile(
    r"<details><summary>[^<]*nearly the answer</summary>.*?</details>\s*", re.DOTALL
)
_RELATIVE = re.compile(r"\]\(\.\./")


def is_solution(cell: nbformat.NotebookNode) -> bool:
    """Tell whether a cell holds a solution."""
    return TAG in cell.metadata.get("tags", [])


def without_solutions(
    notebook: nbformat.NotebookNode, repository: Repository
) -> nbformat.NotebookNode:
    """Return a copy of a notebook without its solution cells.

    Raises
    ------
    ValueError
        If no cell is tagged as a solution, or one behind the heading of the solutions is not: an
        untagged one would be handed to the class.
    """
    if not any(is_solution(cell) for cell in notebook.cells):
        raise ValueError(
            f'no cell has the tag "{TAG}"; tag the solutions, so that they can be left out'
        )
    for cell in _behind_the_heading(notebook):
        if not is_solution(cell):
            raise ValueError(
                f'the cell {cell.get("id")} is among the solutions without the tag "{TAG}"'
            )
    edition = deepcopy(notebook)
    edition.cells = [cell for cell in edition.cells if not is_solution(cell)]
    for cell in answers(edition.cells):
        _, rest = (*cell.source.split("\n\n", 1), "")[:2]
        cell.source = f"{ASKED}\n\n{rest}".rstrip()
    for cell in edition.cells:
        if cell.cell_type == "markdown":
            cell.source = _NEARLY.sub("", cell.source).rstrip()
            start = f"]({repository.url}/blob/{repository.branch}/"
            cell.source = _RELATIVE.sub(start, cell.source)
    edition.cells.insert(1, nbformat.v4.new_markdown_cell(NOTE, id="class-edition"))
    return edition


def answers(cells: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """List the cells whose first paragraph answers a question of the text.

    A cell of text does so if its name says it, or if the cell of code before it is named so.
    """
    found, before = [], None
    for cell in cells:
        follows = before is not None and before.cell_type == "code" and _is_answer(before)
        if cell.cell_type == "markdown" and (follows or _is_answer(cell)):
            found.append(cell)
        before = cell
    return found


def _is_answer(cell: nbformat.NotebookNode) -> bool:
    return str(cell.get("id", "")).endswith(NAME)


def _behind_the_heading(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    headings = [cell.source.startswith("## Solutions") for cell in notebook.cells]
    return notebook.cells[headings.index(True) :] if any(headings) else []


def write_all(root: Path, target: Path) -> list[Path]:
    """Write the edition of every notebook of the project into `target`; return the files."""
    repository = read_repository(root / "pyproject.toml")
    target.mkdir(parents=True, exist_ok=True)
    written = []
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        try:
            edition = without_solutions(nbformat.read(path, as_version=4), repository)
        except ValueError as error:
            raise ValueError(f"{path.name}: {error}") from error
        write_atomically(target / path.name, (nbformat.writes(edition) + "\n").encode())
        written.append(target / path.name)
    return written


def main() -> int:
    """Write all notebooks and say where they are."""
    for path in write_all(ROOT, ROOT / "_build" / "class"):
        print(path.relative_to(ROOT).as_posix())
    return 0


if __name__ == "__main__":
    sys.exit(main())
