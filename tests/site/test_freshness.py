"""A page is never older than the code: change the softmax, and pictures and outputs change."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from attend_course.site.freshness import digest, sources

from .conftest import ROOT

FIGURE = "scaling.three_steps"
PAGE = f"# A page\n\n```{{attend-figure}} {FIGURE}\n:alt: Curves of weights.\n\nWhat to see.\n```\n"
CELL = (
    "import numpy as np\nfrom attend import softmax\nprint(softmax(np.array([1.0, 2.0])).round(3))"
)


def notebook(code: str) -> str:
    """Return a notebook of one cell that has not been run."""
    cell = {
        "cell_type": "code",
        "id": "a",
        "metadata": {},
        "source": code,
        "outputs": [],
        "execution_count": None,
    }
    title = {"cell_type": "markdown", "id": "b", "metadata": {}, "source": "# A notebook"}
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    return json.dumps(
        {"cells": [title, cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    )


@pytest.fixture
def small_book(tmp_path: Path) -> Path:
    """A book of one page and one notebook, with its own copy of the package and our settings."""
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("_config.yml", "pyproject.toml", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "book").mkdir()
    shutil.copy(ROOT / "book" / "references.bib", tmp_path / "book")
    (tmp_path / "book" / "index.md").write_text(PAGE, encoding="utf-8")
    (tmp_path / "book" / "run.ipynb").write_text(notebook(CELL), encoding="utf-8")
    toc = "format: jb-book\nroot: book/index\nchapters:\n- file: book/run\n"
    (tmp_path / "_toc.yml").write_text(toc, encoding="utf-8")
    return tmp_path


def build(folder: Path) -> str:
    """Build the small book with its own package; return what was printed."""
    own = {**os.environ, "PYTHONPATH": str(folder / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", str(folder)]
    run = subprocess.run(command, capture_output=True, text=True, env=own, cwd=folder, check=False)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    return run.stdout


def pictures(folder: Path) -> list[str]:
    """Return the figures of the page, wherever they stand: in the page or beside it."""
    html = (folder / "_build/html/book/index.html").read_text(encoding="utf-8")
    files = sorted((folder / "_build/html").rglob("*scaling*.svg"))
    return [
        html.partition("<article")[2].partition("</article>")[0],
        *(f.read_text() for f in files),
    ]


def output(folder: Path) -> str:
    """Return the page of the notebook."""
    return (folder / "_build/html/book/run.html").read_text(encoding="utf-8")


def test_a_changed_softmax_changes_pictures_and_outputs(small_book: Path) -> None:
    build(small_book)
    before = pictures(small_book)
    assert "[0.269 0.731]" in output(small_book)
    assert "no targets are out of date" in build(small_book)
    source = small_book / "src" / "attend" / "attention.py"
    text = source.read_text(encoding="utf-8")
    changed = text.replace("xp.exp(x - highest(", "xp.exp(2 * x - 2 * highest(")
    assert changed != text
    source.write_text(changed, encoding="utf-8")
    build(small_book)
    assert "[0.119 0.881]" in output(small_book)
    assert pictures(small_book) != before


def test_a_changed_pin_changes_the_digest(small_book: Path) -> None:
    before = digest(sources(small_book), small_book)
    pins = small_book / "requirements.txt"
    pins.write_text(
        pins.read_text(encoding="utf-8").replace("numpy==2", "numpy==3"), encoding="utf-8"
    )
    assert digest(sources(small_book), small_book) != before


def test_an_older_package_may_have_stored_less(small_book: Path) -> None:
    build(small_book)
    stored = small_book / "_build" / ".doctrees" / "environment.pickle"
    environment = pickle.loads(stored.read_bytes())
    del environment.attend_status_pages, environment.attend_claims
    stored.write_bytes(pickle.dumps(environment))
    (small_book / "src" / "attend" / "newer.py").touch()
    # A page that is no longer there is forgotten before anything is read.
    (small_book / "book" / "run.ipynb").unlink()
    (small_book / "_toc.yml").write_text("format: jb-book\nroot: book/index\n", encoding="utf-8")
    assert "build succeeded" in build(small_book)
