"""Find what students handed in, have each notebook run apart, and gather who passed what."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from attend_course.kit.checks import exercises

WORKER = "attend_course.grading.worker"
CHECKS = re.compile(r"attend_course\.chapters\.(\w+)\.checks")
PASSED, MISSING = "passed", "not handed in"
KEPT = ("LANG", "LC_ALL", "PATH", "PYTHONPATH", "SYSTEMROOT", "VIRTUAL_ENV")
"""What a submission may know of the machine; nothing else of the environment is handed on."""
PLACES = ("HOME", "TMPDIR", "MPLCONFIGDIR")
SETTINGS = {"MPLBACKEND": "agg", "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}


def submissions(folder: Path) -> dict[str, list[Path]]:
    """Return the notebooks of each student.

    ``FOLDER/ada.ipynb`` is ada's, and so is every notebook below ``FOLDER/ada``.

    Raises
    ------
    ValueError
        If there is no such folder, or no notebook in it.
    """
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}; name the one that holds the submissions")
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*.ipynb")):
        place = path.relative_to(folder)
        if not any(part.startswith(".") for part in place.parts):
            found.setdefault(place.parts[0].removesuffix(".ipynb"), []).append(path)
    if not found:
        raise ValueError(
            f"no notebook is in {folder}; it should hold STUDENT.ipynb or STUDENT/*.ipynb"
        )
    return found


def run(notebook: Path, seconds: float) -> tuple[dict[str, str], str]:
    """Run a notebook in a process of its own; return the verdicts, and what went wrong.

    Parameters
    ----------
    notebook
        The file; it is read, never written.
    seconds
        How long a cell or a check may take; all of the notebook ten times as long.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", WORKER, str(notebook.resolve()), str(seconds)]
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        own = {**kept, **dict.fromkeys(PLACES, folder), **SETTINGS}
        process = subprocess.Popen(
            command, cwd=folder, env=own, text=True, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            out, err = process.communicate(timeout=10 * seconds)
            problem = "" if process.returncode == 0 else last_line(err) or "it was ended"
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, _ = process.communicate()
            problem = "took too long"
    return dict(map(json.loads, out.splitlines())), problem


def last_line(text: str) -> str:
    """Return the last line of what a program complained about."""
    return (text.strip().splitlines() or [""])[-1]


def asked(folder: Path) -> list[str]:
    """List the exercises of the chapters that any submission belongs to."""
    notebooks = chain.from_iterable(submissions(folder).values())
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in notebooks]
    chapters = {name for text in texts for name in CHECKS.findall(text)}
    return [name for name, _ in exercises() if name.partition(".")[0] in chapters]


def grade(folder: Path, seconds: float) -> Iterator[tuple[str, dict[str, str], str]]:
    """Give for each student the verdicts and the problems, as they become known."""
    for student, notebooks in submissions(folder).items():
        verdicts: dict[str, str] = {}
        problems: list[str] = []
        for notebook in notebooks:
            found, problem = run(notebook, seconds)
            verdicts |= {name: said for name, said in found.items() if verdicts.get(name) != PASSED}
            problems += [f"{notebook.name}: {problem}"] if problem else []
        yield student, verdicts, "; ".join(problems)


def table(rows: Sequence[tuple[str, Mapping[str, str], str]], names: Sequence[str]) -> str:
    """Write a CSV: a line for each student, a column for each exercise."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["student", "passed", "of", *names, "problem"])
    for student, verdicts, problem in rows:
        said = [verdicts.get(name, MISSING) for name in names]
        cells = [student, said.count(PASSED), len(names), *said, problem]
        writer.writerow([safe(cell) for cell in cells])
    return text.getvalue()


def safe(cell: object) -> object:
    """Keep a spreadsheet from taking a name for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in "=+-@\t" and cell else cell
