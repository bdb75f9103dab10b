"""A new chapter is a folder, a page, a notebook and an entry in the contents; nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, load_script

chapter = load_script("chapter")


def copy_of_the_project(target: Path) -> Path:
    """Copy what git knows or would take into a folder."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return target


def contents(root: Path) -> dict[str, bytes]:
    """Return every file below a folder."""
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_a_name_that_is_no_package_is_refused_and_nothing_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='such as "norms"; received "My chapter"'):
        chapter.begin(tmp_path, "My chapter", "Mine")
    assert not list(tmp_path.iterdir())


def test_a_chapter_that_exists_stays(tmp_path: Path) -> None:
    folder = tmp_path / "src/attend_course/chapters/scores"
    folder.mkdir(parents=True)
    with pytest.raises(FileExistsError, match="a chapter scores already"):
        chapter.begin(tmp_path, "scores", "Scores")


@pytest.mark.slow
def test_a_made_up_chapter_is_built_and_found_by_its_folder(tmp_path: Path) -> None:
    root = copy_of_the_project(tmp_path / "copy")
    before = contents(root)
    chapter.begin(root, "made_up", "A made-up chapter")
    after = contents(root)
    new = sorted(set(after) - set(before))
    assert [name for name in before if after[name] != before[name]] == ["_toc.yml"]
    number = f"{chapter._last(ROOT) + 1:02}"
    assert f"book/{number}-made-up.md" in new
    assert f"notebooks/{number}-made-up.ipynb" in new
    assert len(new) == 6
    # Of the book only this chapter: what is built of the others is tested with the site.
    stem = f"{number}-made-up"
    toc = f"format: jb-book\nroot: book/{stem}\nchapters:\n  - file: notebooks/{stem}\n"
    (root / "_toc.yml").write_text(toc, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(root / "src")}
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", "."]
    strict = ["--warningiserror", "--nitpick", "--keep-going"]
    run = subprocess.run(
        [*command, *strict], cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr[-3000:]
    page = (root / f"_build/html/book/{number}-made-up.html").read_text(encoding="utf-8")
    assert 'The first row has the length <span class="attend-value">5</span>' in page
    assert "_images/made_up.lengths-light" in page
    asked = "from attend_course.kit.checks import exercises; print([n for n, _ in exercises()])"
    found = subprocess.run(
        [sys.executable, "-c", asked], env=environment, capture_output=True, text=True, check=True
    )
    assert "made_up.check_lengths" in found.stdout
