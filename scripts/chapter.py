"""Begin a chapter: its folder, page, notebook and entry in the book's contents.

    python scripts/chapter.py norms "Norms and lengths"

The files hold a small example that builds and is tested. What each part is for stands in
docs/contributing.md. Nothing that exists is written over.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[1]
TEMPLATE = Path(__file__).resolve().parent / "template"
PARTS = ("__init__", "example", "figures", "checks")
_ENTRY = """      - file: book/{stem}
        sections:
          - file: notebooks/{stem}
"""


def begin(root: Path, name: str, title: str) -> list[Path]:
    """Write the files of a chapter below `root`, and its entry; return the new files.

    Raises
    ------
    ValueError
        If the name cannot be that of a package.
    FileExistsError
        If there is a chapter of this name.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError(f'a chapter is named like a package, such as "norms"; received "{name}"')
    folder = root / "src" / "attend_course" / "chapters" / name
    if folder.exists():
        raise FileExistsError(f"there is a chapter {name} already: {folder}")
    stem = f"{_last(root) + 1:02}-{name.replace('_', '-')}"
    files = {folder / f"{part}.py": _filled(f"{part}.py", name, title, stem) for part in PARTS}
    files[root / "book" / f"{stem}.md"] = _filled("page.md", name, title, stem)
    files[root / "notebooks" / f"{stem}.ipynb"] = nbformat.writes(_notebook(name, title)) + "\n"
    folder.mkdir()
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
    contents = root / "_toc.yml"
    contents.write_text(with_entry(contents.read_text("utf-8"), stem), encoding="utf-8")
    return list(files)


def with_entry(contents: str, stem: str) -> str:
    """Return the book's contents with a chapter behind the last numbered one."""
    last = list(re.finditer(r" *- file: notebooks/\d\d-.*\n", contents))[-1]
    return contents[: last.end()] + _ENTRY.format(stem=stem) + contents[last.end() :]


def _last(root: Path) -> int:
    return max(int(path.name[:2]) for path in (root / "book").glob("[0-9][0-9]-*.md"))


def _filled(part: str, name: str, title: str, stem: str) -> str:
    text = (TEMPLATE / f"{part}.txt").read_text(encoding="utf-8")
    return text.replace("NAME", name).replace("TITLE", title).replace("STEM", stem)


def _notebook(name: str, title: str) -> nbformat.NotebookNode:
    words, code = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell
    place, tags = f"attend_course.chapters.{name}", {"tags": ["solution"]}
    shown = f"import numpy as np\n\nfrom {place} import example\n\nexample.lengths()"
    asked = f"from {place}.checks import check_lengths\n\n\ndef my_lengths(x):\n    ...\n\n\n"
    solved = "def my_lengths_solution(x):\n    return np.sqrt((x * x).sum(axis=-1))\n\n\n"
    cells = [
        words(f"# Notebook: {title}", id="title"),
        code(shown, id="example"),
        words("## Exercises\n\nReturn the length of each row of `x`.", id="exercises"),
        code(asked + "check_lengths(my_lengths)", id="exercise-1-check"),
        words("## Solutions", id="solutions", metadata=tags),
        code(solved + "check_lengths(my_lengths_solution)", id="solution-1", metadata=tags),
    ]
    return nbformat.v4.new_notebook(cells=cells)


def main() -> int:
    """Begin the chapter that is named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", help="the folder's name, such as norms")
    parser.add_argument("title", help="the title of the page")
    given = parser.parse_args()
    try:
        written = begin(ROOT, given.name, given.title)
    except (ValueError, FileExistsError) as error:
        print(error, file=sys.stderr)
        return 1
    for path in written:
        print(path.relative_to(ROOT).as_posix())
    return 0


if __name__ == "__main__":
    sys.exit(main())
