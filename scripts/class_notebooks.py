"""Write the notebooks for a class: the same cells, with those of the solutions empty.

    python scripts/class_notebooks.py

They go into _build/class. Links to pages of the course become links to the repository, since the
pages do not lie beside these copies.
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
    "**Edition for a class.** The cells under *Solutions* are empty. The checks work as they do in "
    "the full notebook: run the cell of an exercise, and it says what it found."
)
_RELATIVE = re.compile(r"\]\(\.\./")


def is_solution(cell: nbformat.NotebookNode) -> bool:
    """Tell whether a cell holds a solution."""
    return TAG in cell.metadata.get("tags", [])


def without_solutions(
    notebook: nbformat.NotebookNode, repository: Repository
) -> nbformat.NotebookNode:
    """Return a copy of a notebook whose solution cells are empty.

    Raises
    ------
    ValueError
        If no cell is tagged as a solution: an untagged one would be handed to the class.
    """
    if not any(is_solution(cell) for cell in notebook.cells):
        raise ValueError(
            f'no cell has the tag "{TAG}"; tag the solutions, so that they can be left out'
        )
    edition = deepcopy(notebook)
    for cell in edition.cells:
        if is_solution(cell):
            _empty(cell)
        elif cell.cell_type == "markdown":
            start = f"]({repository.url}/blob/{repository.branch}/"
            cell.source = _RELATIVE.sub(start, cell.source)
    edition.cells.insert(1, nbformat.v4.new_markdown_cell(NOTE, id="class-edition"))
    return edition


def _empty(cell: nbformat.NotebookNode) -> None:
    cell.source = ""
    cell.metadata["tags"] = [TAG]
    if cell.cell_type == "code":
        cell.outputs, cell.execution_count = [], None


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
