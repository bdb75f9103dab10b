"""The status page tells what the build recorded, and says so when it recorded nothing."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import nbformat
import pytest
from docutils import nodes
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn

from attend_course.site import status


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    """A notebook file of one cell."""
    path = tmp_path / "some.ipynb"
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    cells = [nbformat.v4.new_code_cell("1 + 1", id="one")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), path)
    return path


@pytest.fixture
def store(notebook: Path, tmp_path: Path) -> Path:
    """A store in which the notebook ran for 12.34 seconds."""
    folder = tmp_path / "store"
    ran = nbformat.read(notebook, as_version=4)
    bundle = CacheBundleIn(ran, str(notebook), data={"execution_seconds": 12.34})
    get_cache(str(folder)).cache_notebook_bundle(bundle, check_validity=False)
    return folder


def test_a_run_is_read_from_the_store(store: Path, notebook: Path) -> None:
    run = status.find_run(store, notebook)
    assert run is not None
    assert run.seconds == 12.34
    assert abs((datetime.utcnow() - run.ended).total_seconds()) < 600


def test_a_changed_notebook_has_no_run(store: Path, notebook: Path) -> None:
    text = notebook.read_text(encoding="utf-8")
    notebook.write_text(text.replace("1 + 1", "1 + 2"), encoding="utf-8")
    assert status.find_run(store, notebook) is None


def test_no_store_is_made_by_looking(tmp_path: Path, notebook: Path) -> None:
    assert status.find_run(tmp_path / "none", notebook) is None
    assert not (tmp_path / "none").exists()


def test_lines_say_when_and_how_long() -> None:
    run = status.Run(datetime(2026, 3, 4, 5, 6, 7), 8.123)
    assert status.notebook_rows({"b": None, "a": run}) == [
        ("a", "2026-03-04 05:06 UTC", "8.1\N{NO-BREAK SPACE}s"),
        ("b", "no run recorded", ""),
    ]


def test_versions_are_those_in_use(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pins = tmp_path / "requirements.txt"
    pins.write_text("# a comment\n-e .\nnumpy==1.2.3\nBrotli==4\n", encoding="utf-8")
    monkeypatch.setattr(status, "version", lambda name: f"{name} in use")
    assert status.version_rows(pins) == [
        ("Brotli", "4", "Brotli in use"),
        ("numpy", "1.2.3", "numpy in use"),
    ]


def test_a_table_holds_every_cell_once() -> None:
    shown = status.table(("a", "b"), [("1", "2"), ("3", "4")])
    cells = [entry.astext() for entry in shown.findall(nodes.entry)]
    assert cells == ["a", "b", "1", "2", "3", "4"]
    assert len(list(shown.findall(nodes.colspec))) == 2
