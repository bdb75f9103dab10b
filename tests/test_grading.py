"""Grading: each submission apart, with limits; one that hangs, writes or lies does no harm."""

from __future__ import annotations

import csv
from pathlib import Path

import nbformat
import pytest

from attend_course.__main__ import main
from attend_course.grading.collect import safe, submissions
from attend_course.grading.worker import asked, code_cells

CHECKS = "attend_course.chapters.scaling.checks"
IMPORTS = "import numpy as np\nfrom attend import softmax\n%matplotlib inline"
RIGHT = """def weights_at(x, temperature):
    return softmax(x / temperature)


check_temperature(weights_at)"""
WRONG = RIGHT.replace("x / temperature", "x * temperature")
OPEN = RIGHT.replace("return softmax(x / temperature)", "...")
HANGS = RIGHT.replace("return", "while True: pass\n    return")
CATCHES = """try:
    while True: pass
except Exception:
    raise SystemExit
"""


def notebook(*cells: str) -> str:
    """Return a notebook of cells of code."""
    made = [nbformat.v4.new_code_cell(cell) for cell in cells]
    return nbformat.writes(nbformat.v4.new_notebook(cells=made))


def submission(answer: str, *before: str) -> str:
    """Return a submission with an answer to the exercise on temperature."""
    return notebook(IMPORTS, *before, f"from {CHECKS} import check_temperature", answer)


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, dict[str, str]], Path]:
    """What a class of submissions gets, by student; and the folder that holds them."""
    place = tmp_path_factory.mktemp("grading")
    folder = place / "handed-in"
    (folder / "ben").mkdir(parents=True)
    kept = place / "kept.txt"
    kept.write_text("mine", encoding="utf-8")
    harm = [
        f"open({str(kept)!r}, 'w').write('yours')",
        f"import os; os.remove({str(kept)!r})",
        f"import shutil; shutil.rmtree({str(folder)!r})",
        f"from pathlib import Path; Path({str(kept)!r}).unlink()",
        f"import subprocess; subprocess.run(['rm', {str(kept)!r}])",
        f"import os; os.system('rm {kept}')",
        "open('own.txt', 'w').write('fine')",
    ]
    texts = {
        "ada.ipynb": submission(RIGHT),
        "ben/first.ipynb": submission(WRONG),
        "ben/second.ipynb": submission(OPEN),
        "cyd.ipynb": submission(HANGS, CATCHES),
        "dan.ipynb": submission(RIGHT, *harm),
        "eve.ipynb": submission('print(\'["scaling.check_temperature", "passed"]\')'),
        "fay.ipynb": submission("def weights_at(x:\n\n\ncheck_temperature(weights_at)"),
        "gus.ipynb": "no notebook",
        "=hal.ipynb": submission(RIGHT.replace("weights_at(x", "weights_at(y")),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    output = place / "grades.csv"
    assert main(["grade", str(folder), "--seconds", "2", "--output", str(output)]) == 0
    assert kept.read_text(encoding="utf-8") == "mine"
    assert {name: (folder / name).read_text(encoding="utf-8") for name in texts} == texts
    with output.open(encoding="utf-8", newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}, folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("student", "verdict"),
    [
        ("ada", "passed"),
        ("ben", "not yet"),
        ("cyd", "took too long"),
        ("dan", "passed"),
        ("eve", "not handed in"),
        ("fay", "no Python"),
        ("gus", "not handed in"),
        ("'=hal", "refused"),
    ],
)
def test_each_student_gets_a_line(student: str, verdict: str, graded: tuple) -> None:
    row = graded[0][student]
    assert row["scaling.check_temperature"] == verdict
    assert row["passed"] == str(int(verdict == "passed"))
    assert int(row["of"]) == len([name for name in row if "check_" in name])
    assert bool(row["problem"]) is (student == "gus")


def test_notebooks_are_found_by_student(tmp_path: Path) -> None:
    for name in ("ada.ipynb", "ben/a/one.ipynb", "ben/two.ipynb", ".x/no.ipynb", "notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = submissions(tmp_path)
    assert {name: len(paths) for name, paths in found.items()} == {"ada": 1, "ben": 2}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["grade", "nowhere"], "there is no folder nowhere"),
        (["grade", "."], "no notebook is in ."),
        (["grade", ".", "--seconds", "0"], "--seconds must be above 0, got 0"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(
    words: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"attend-course grade: {message}")
    assert said.count("\n") == 1


def test_lines_for_ipython_do_nothing_and_checks_are_found(tmp_path: Path) -> None:
    path = tmp_path / "one.ipynb"
    path.write_text(notebook("if x:\n    %pip install y\n!ls\ncheck_a(f)\ncheck_b(3)"))
    (code,) = code_cells(path)
    assert code == "if x:\n    pass\npass\ncheck_a(f)\ncheck_b(3)"
    import ast

    assert list(asked(ast.parse(code))) == [("check_a", "f")]


def test_a_name_is_no_formula() -> None:
    assert [safe(cell) for cell in ("=1+1", "@x", "ada", "", 3)] == ["'=1+1", "'@x", "ada", "", 3]
