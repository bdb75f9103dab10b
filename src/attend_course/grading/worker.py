"""Run one notebook and judge its answers. A process of its own; see `grading.collect`.

    python -m attend_course.grading.worker NOTEBOOK SECONDS

It writes a line of JSON for each exercise as soon as it is judged: its name and the verdict.
"""

from __future__ import annotations

import ast
import json
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from attend_course.grading.confinement import confine
from attend_course.kit.checks import Exercise, exercises

CHECK = re.compile(r"^check_\w+$")
MAGIC = re.compile(r"^(\s*)[%!].*$", re.MULTILINE)
IMPORT = re.compile(r"attend_course\.chapters\.(\w+)\.checks")


class TookTooLongError(BaseException):
    """No Exception: a submission that catches every error must not catch this one."""


def code_cells(notebook: Path) -> Iterator[str]:
    """Give the code of a notebook, cell by cell; lines for IPython do nothing."""
    cells = json.loads(notebook.read_text(encoding="utf-8")).get("cells", [])
    for cell in cells:
        if cell.get("cell_type") == "code":
            yield MAGIC.sub(r"\1pass", "".join(cell.get("source", "")))


def asked(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """List the checks that a cell calls on a function: the name of each, and of the function."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            first = node.args[0] if node.args else None
            if CHECK.match(node.func.id) and isinstance(first, ast.Name):
                yield node.func.id, first.id


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Interrupt what takes longer.

    Raises
    ------
    TookTooLongError
        In the middle of it.
    """

    def stop(*_: object) -> None:
        raise TookTooLongError

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def verdict(exercise: Exercise, answer: Any, seconds: float) -> str:
    """Judge an answer: passed, not yet, refused, or took too long."""
    try:
        with at_most(seconds):
            return exercise(answer).verdict
    except TookTooLongError:
        return "took too long"
    except BaseException:
        return "refused"


def judge(cells: list[str], seconds: float, tell: Callable[[str, str], None]) -> None:
    """Run cells in their order; judge an answer where its check is called."""
    known = dict(exercises())
    names: dict[str, Any] = {"__name__": "submission"}
    chapter = next((found[1] for cell in cells if (found := IMPORT.search(cell))), "")
    for cell in cells:
        try:
            tree = ast.parse(cell)
        except SyntaxError:
            for check in re.findall(r"^(check_\w+)\(", cell, re.MULTILINE):
                tell(f"{chapter}.{check}", "no Python")
            continue
        checks = list(asked(tree))
        tree.body = [node for node in tree.body if not any(True for _ in asked(in_module(node)))]
        with suppress(BaseException), at_most(seconds):
            exec(compile(tree, "<submission>", "exec"), names)
        for check, function in checks:
            name = f"{chapter}.{check}"
            if name in known:
                tell(name, verdict(known[name], names.get(function), seconds))


def in_module(node: ast.stmt) -> ast.Module:
    """Return a statement as a module of its own."""
    return ast.Module([node], type_ignores=[])


def main() -> None:
    """Judge the notebook named on the command line, in the folder where this was started."""
    notebook, seconds = Path(sys.argv[1]), float(sys.argv[2])
    cells = list(code_cells(notebook))
    results = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # What a submission prints is nobody's business here, and must not look like a result.
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    confine(Path.cwd())

    def tell(name: str, said: str) -> None:
        results.write(json.dumps([name, said]) + "\n")
        results.flush()

    judge(cells, seconds, tell)


if __name__ == "__main__":
    main()
