"""Every notebook runs, and shows what is stored in it: strictly, cell by cell."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from nbconvert import ScriptExporter

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
NAMES = [path.stem for path in NOTEBOOKS]
SECONDS = 120
EXCUSES = re.compile(r"NBVAL_\w+|nbval-[\w-]+|raises-exception")


def read(path: Path) -> dict[str, Any]:
    """Read a notebook as plain JSON."""
    return json.loads(path.read_text(encoding="utf-8"))


def source(cell: dict[str, Any]) -> str:
    """Return the text of a cell."""
    return "".join(cell["source"])


def code_cells(notebook: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """List the cells of a notebook that hold code."""
    return (c for c in notebook["cells"] if c["cell_type"] == "code" and source(c).strip())


def validate(path: Path) -> subprocess.CompletedProcess[str]:
    """Run a notebook under nbval and compare every output with the stored one."""
    options = ["--nbval", "--nbval-current-env", "--nbval-cell-timeout", "60"]
    clean = [
        "-q",
        "--no-header",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "-c",
        str(ROOT / "tests" / "nbval.ini"),
    ]
    command = [sys.executable, "-m", "pytest", *options, *clean, str(path)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=SECONDS, cwd=path.parent, check=False
    )


@pytest.mark.notebook
@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_notebook_shows_what_is_stored(path: Path) -> None:
    run = validate(path)
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-1000:]


def broken(notebook: dict[str, Any]) -> dict[str, Any]:
    """Change one digit of the first number that a cell of the notebook shows."""
    for cell in code_cells(notebook):
        for output in cell["outputs"]:
            holder, key = (
                (output, "text") if "text" in output else (output.get("data", {}), "text/plain")
            )
            text = "".join(holder.get(key, ""))
            if re.search(r"\d", text):
                holder[key] = re.sub(r"\d", lambda m: str((int(m[0]) + 1) % 10), text, count=1)
                return notebook
    raise AssertionError("the notebook shows no number")


@pytest.mark.notebook
@pytest.mark.parametrize("path", NOTEBOOKS[:1], ids=NAMES[:1])
def test_a_broken_stored_output_fails(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / path.name
    copy.write_text(json.dumps(broken(read(path))), encoding="utf-8")
    run = validate(copy)
    assert run.returncode == 1, run.stdout[-2000:]
    assert "Notebook cell execution failed" in run.stdout or "mismatch" in run.stdout


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_notebook_stores_what_it_shows_and_nothing_that_differs_between_runs(path: Path) -> None:
    notebook = read(path)
    cells = list(code_cells(notebook))
    assert all(cell["execution_count"] for cell in cells), "not run: python scripts/notebooks.py"
    assert any(cell["outputs"] for cell in cells), "nothing is stored, so nothing is compared"
    assert "widgets" not in notebook["metadata"]
    assert not any("execution" in cell["metadata"] for cell in cells)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_notebook_can_become_a_script(path: Path) -> None:
    text, resources = ScriptExporter().from_filename(str(path))
    assert resources["output_extension"] == ".py"
    assert "import numpy as np" in text


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_links_of_a_notebook_lead_somewhere_from_everywhere(path: Path) -> None:
    texts = [source(c) for c in read(path)["cells"] if c["cell_type"] == "markdown"]
    links = re.findall(r"\]\(([^)]*)\)", "\n".join(texts))
    pages = [link.rpartition("/")[2] for link in links if "/book/" in link]
    assert f"{path.stem}.html" in pages
    assert all((ROOT / "book" / page).with_suffix(".md").exists() for page in pages)
    assert all(link.startswith("https://") for link in links)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_a_cell_that_drives_the_explorer_finds_the_one_that_is_shown(path: Path) -> None:
    # A link made once would go on to drive an explorer whose cell was run again.
    assert not re.search(r"\bj?s?d?link\(", "".join(map(source, code_cells(read(path)))))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_notebook_belongs_to_a_page(path: Path) -> None:
    assert (ROOT / "book" / f"{path.stem}.md").exists()
    assert f"notebooks/{path.stem}" in (ROOT / "_toc.yml").read_text(encoding="utf-8")


def test_cells_that_are_not_compared_are_on_the_list_with_a_reason() -> None:
    found = set()
    for path in NOTEBOOKS:
        for cell in code_cells(read(path)):
            if EXCUSES.search(source(cell) + " ".join(cell["metadata"].get("tags", []))):
                found.add((path.stem, source(cell).splitlines()[0]))
    listed = tomllib.loads((ROOT / "tests" / "excused.toml").read_text(encoding="utf-8")).get(
        "cell", []
    )
    assert found == {(entry["notebook"], entry["begins"]) for entry in listed}
    assert all(len(entry["reason"]) > 20 for entry in listed)
