"""The wheel on a machine that has no repository: what it holds, and that it translates there."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from conftest import ROOT
from hatchling.build import build_sdist, build_wheel
from packaging.requirements import Requirement

import attend

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SENTENCE = "I want to go to the cinema."
TRANSLATE = f"""
import sys
from attend.__main__ import main
assert main(["translate", {SENTENCE!r}]) == 0
print(*sorted({{name.split(".")[0] for name in sys.modules}}))
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source distribution."""
    folder = tmp_path_factory.mktemp("dist")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        build_wheel(str(folder))
        build_sdist(str(folder))
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    """The wheel."""
    return next(built.glob("*.whl"))


def needed(names: list[str]) -> dict[str, Distribution]:
    """Collect distributions and all that they need, without their extras."""
    found: dict[str, Distribution] = {}
    todo = list(names)
    while todo:
        wanted = Requirement(todo.pop())
        if wanted.name in found or (wanted.marker and not wanted.marker.evaluate({"extra": ""})):
            continue
        found[wanted.name] = distribution(wanted.name)
        todo += found[wanted.name].requires or []
    return found


def link(package: Distribution, target: Path) -> None:
    """Let an environment see a package of this one, and nothing beside it."""
    tops = {file.parts[0] for file in package.files or [] if file.parts[0] != ".."}
    for name in tops - {"__pycache__"}:
        if not (target / name).exists():
            (target / name).symlink_to(Path(str(package.locate_file(name))))


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the wheel, and with what `attend` alone needs."""
    place = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
    for package in needed(PYPROJECT["project"]["dependencies"]).values():
        link(package, next(place.glob("lib/python3*/site-packages")))
    quiet = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    python = ["--python", str(place / "bin" / "python")]
    options = ["--no-index", "--no-deps", "--no-compile"]
    subprocess.run([*quiet, *python, "install", *options, wheel], check=True)
    return place / "bin"


def run(program: Path, *words: str, folder: Path) -> str:
    """Run a program in a folder, with nothing of this project on its path."""
    command = [str(program), *words]
    done = subprocess.run(command, cwd=folder, env={}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_version_stands_in_one_place(wheel: Path) -> None:
    assert "version" in PYPROJECT["project"]["dynamic"]
    assert wheel.name.split("-")[1] == attend.__version__


def test_the_wheel_holds_both_packages_and_their_data(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    kept = [p for p in (ROOT / "src").rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    assert {p.relative_to(ROOT / "src").as_posix() for p in kept} <= names
    assert {"attend/py.typed", "attend_course/py.typed"} <= names
    assert {name.split("/")[0].split("-")[0] for name in names} == {"attend", "attend_course"}


def test_the_source_distribution_builds_the_same_wheel(built: Path, tmp_path: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        # The first releases of Python 3.11 know no filters.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(tmp_path)
    source = next(tmp_path.glob("attend-*"))
    assert not [p for p in source.iterdir() if p.name in ("_build", ".venv", "shared")]
    script = f"from hatchling.build import build_wheel; build_wheel({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", script], cwd=source, check=True, capture_output=True)
    again, first = next(tmp_path.glob("*.whl")), next(built.glob("*.whl"))
    sums = [{i.filename: i.CRC for i in zipfile.ZipFile(w).infolist()} for w in (again, first)]
    assert sums[0] == sums[1]


@pytest.mark.slow
def test_the_wheel_alone_translates_and_imports_nothing_of_the_course(
    bare: Path, tmp_path: Path
) -> None:
    assert run(bare / "attend", "--version", folder=tmp_path).split()[-1] == attend.__version__
    assert "Kino" in run(bare / "attend", "translate", SENTENCE, folder=tmp_path)
    imported = run(bare / "python", "-c", TRANSLATE, folder=tmp_path).splitlines()[-1].split()
    assert {"attend", "numpy", "safetensors"} <= set(imported)
    assert not {"attend_course", "torch", "matplotlib", "ipywidgets", "sphinx"} & set(imported)


@pytest.mark.slow
def test_the_bare_environment_has_nothing_else(bare: Path, tmp_path: Path) -> None:
    script = "import importlib.util as u; print(*(n for n in {!r} if u.find_spec(n)))"
    names = ("torch", "matplotlib", "ipywidgets", "anywidget", "sphinx", "sacrebleu", "pytest")
    assert run(bare / "python", "-c", script.format(names), folder=tmp_path).split() == []
