"""The frame of the project: one address, exact pins, commands that work, nothing left out."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT, load_script
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import attend

address = load_script("address")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
BINARY = {".png", ".svg", ".woff2", ".safetensors", ".npz", ".gz", ".zip", ".ico", ".pdf"}


@cache
def project_files() -> list[Path]:
    """List the files of the project that are text: what git knows or would take."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    paths = [ROOT / name for name in listed.stdout.splitlines()]
    return [p for p in paths if p.is_file() and p.suffix not in BINARY and "vendor" not in p.parts]


def files_with(pattern: str) -> set[str]:
    """Name the files of the project in which a pattern stands."""
    return {
        path.relative_to(ROOT).as_posix()
        for path in project_files()
        if re.search(pattern, path.read_text(encoding="utf-8", errors="ignore"))
    }


# The address of the repository


def test_only_the_settings_and_their_copies_name_the_repository() -> None:
    slug = "/".join(address.repository(ROOT).split("/")[-2:])
    allowed = {path.relative_to(ROOT).as_posix() for path in address.copies(ROOT)}
    assert files_with(re.escape(slug)) - allowed == {"pyproject.toml"}


def test_copies_of_the_address_agree_with_the_settings() -> None:
    current = address.repository(ROOT)
    for path in address.copies(ROOT):
        text = path.read_text(encoding="utf-8")
        assert address.rewritten(text, current) == text, f"{path.name}: run `make address`"


def test_a_new_address_reaches_every_copy() -> None:
    slug = "/".join(address.repository(ROOT).split("/")[-2:])
    for path in address.copies(ROOT):
        moved = address.rewritten(path.read_text(encoding="utf-8"), "https://github.com/new/place")
        assert slug not in moved, path.name


def test_the_author_is_the_contributors() -> None:
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.findall(r"- name: (.*)", citation) == ["The Attend contributors"]
    assert f"version: {attend.__version__}\n" in citation


# The pins


def pins(name: str) -> list[Requirement]:
    """Read the requirements of a file, without its comments and options."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and line[0] not in "#-"]


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_is_pinned_and_installed(name: str) -> None:
    for requirement in pins(name):
        exact = re.fullmatch(r"==(\S+)", str(requirement.specifier))
        assert exact, f"{name}: {requirement} is not an exact version"
        assert version(requirement.name).split("+")[0] == exact.group(1), requirement.name


def test_pins_lie_in_the_ranges_of_the_package() -> None:
    optional = PYPROJECT["project"]["optional-dependencies"].values()
    groups = [PYPROJECT["project"]["dependencies"], *optional]
    files = ("requirements.txt", "requirements-dev.txt")
    chosen = {canonicalize_name(r.name): r for name in files for r in pins(name)}
    listed = map(Requirement, chain.from_iterable(groups))
    for wanted in (r for r in listed if r.name != PYPROJECT["project"]["name"]):
        pin = chosen[canonicalize_name(wanted.name)]
        assert wanted.specifier.contains(str(pin.specifier)[2:]), wanted


def test_pytorchs_index_is_named_once() -> None:
    host = "download." + "pytorch.org"
    assert files_with(re.escape(host)) == {"Makefile"}
    assert (ROOT / "Makefile").read_text(encoding="utf-8").count(host) == 1


# The commands


def make(*arguments: str) -> str:
    """Run make and return what it prints."""
    command = ["make", "--no-print-directory", *arguments]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return run.stdout


def test_continuous_integration_runs_make_test() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text(encoding="utf-8").strip().splitlines()[-1] == "exec make test"
    workflow = (ROOT / ".github" / "workflows" / "book.yml").read_text(encoding="utf-8")
    assert "run: .ci/run" in workflow


WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_calls_what_is_there(path: Path) -> None:
    jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
    steps = [step for job in jobs.values() for step in job["steps"]]
    text = "\n".join(str(step.get("run", "")) for step in steps)
    for place in re.findall(r"(?<![\w/.])(?:\.\./)?((?:scripts|\.ci|tests)/[\w./-]+)", text):
        assert (ROOT / place).exists(), place
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"^make ([a-z-]+)", text, re.MULTILINE)) <= targets
    assert all("timeout-minutes" in job for job in jobs.values() if "needs" not in job)


def test_what_is_vendored_is_named_with_its_version_for_the_audit() -> None:
    command = ["sh", str(ROOT / "scripts" / "vendored.sh")]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    names = {line.partition("@")[0] for line in run.stdout.split()}
    assert names == {"preact", "htm", "preact-render-to-string", "katex"}
    katex = ROOT / "src" / "attend_course" / "site" / "vendor" / "katex" / "katex.min.js"
    found = re.search(r"katex@(\S+)", run.stdout)
    assert found is not None
    assert f'"{found[1]}"' in katex.read_text(encoding="utf-8")


def test_the_container_prepares_what_the_makefile_makes() -> None:
    settings = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text("utf-8"))
    command = settings["postCreateCommand"].split()
    assert command[0] == "make"
    assert "-r requirements.txt" in make("--dry-run", "--always-make", *command[1:])


def test_make_test_prepares_all_it_needs_and_ends_with_pytest() -> None:
    commands = make("--dry-run", "--always-make", "test").strip().splitlines()
    text = "\n".join(commands)
    for part in ("-m venv", "install-torch.sh", "-r requirements.txt", "-r requirements-dev.txt"):
        assert part in text
    assert "scripts/browser.py" in text
    assert "jupyter-book build" in text
    assert "ATTEND_SITE=_build/html" in commands[-1]  # built above, for all workers
    assert "-m pytest -n logical --dist loadfile" in commands[-1]


def test_make_book_stops_at_a_warning() -> None:
    build = next(line for line in make("--dry-run", "book").splitlines() if "jupyter-book" in line)
    assert {"--warningiserror", "--nitpick", "--keep-going"} <= set(build.split())


def test_make_help_lists_every_command() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    commands = re.search(r"^\.PHONY: (help .*)$", text, re.MULTILINE)
    assert commands is not None
    listed = re.findall(r"^  make ([a-z-]+)", make("help"), re.MULTILINE)
    assert sorted(listed) == sorted(commands.group(1).split())


def test_a_python_that_is_too_old_is_refused_in_a_sentence(tmp_path: Path) -> None:
    script = ROOT / "scripts" / "find-python.sh"
    nothing = {"PATH": str(tmp_path), "PYTHON": "no-such-python"}
    run = subprocess.run(
        ["/bin/sh", str(script)], env=nothing, capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert run.stderr.startswith("No Python 3.11, 3.12 or 3.13 with venv was found.")
    assert run.stderr.count("\n") == 1


BROKEN_DRIVER = "node: error while loading shared libraries: {}: cannot open shared object file"


def test_a_missing_browser_is_said_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    browser = load_script("browser")
    monkeypatch.setattr(browser, "find_chromium", lambda: None)
    monkeypatch.setattr(browser, "install_chromium", lambda: False)
    assert browser.main() == 1
    assert capsys.readouterr().err.startswith("No Chromium was found")


@pytest.mark.parametrize(
    ("library", "package"),
    [
        ("libatomic.so.1", "libatomic1"),
        ("libstdc++.so.6", "libstdc++6"),
        ("libX11.so.6", "libx11-6"),
    ],
)
def test_a_library_that_the_driver_lacks_is_named_with_its_package(
    library: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = load_script("browser")
    monkeypatch.setattr(browser, "may_install", lambda: False)
    with pytest.raises(browser.MissingError, match=re.escape(f"apt install {package}")) as caught:
        browser.prepare_driver(lambda command: BROKEN_DRIVER.format(library))
    assert library in str(caught.value)


def test_a_library_that_the_driver_lacks_is_installed_where_that_is_allowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    browser, installed = load_script("browser"), []
    monkeypatch.setattr(browser, "may_install", lambda: True)
    monkeypatch.setattr(browser, "install", installed.append)
    complaint = BROKEN_DRIVER.format("libatomic.so.1")
    browser.prepare_driver(lambda command: "" if installed else complaint)
    assert installed == ["libatomic1"]


def test_a_browser_that_does_not_start_is_named_with_its_complaint(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any
) -> None:
    broken = tmp_path / "chromium"
    broken.write_text("#!/bin/sh\necho 'libnss3.so: cannot open' >&2; exit 127\n")
    broken.chmod(0o755)
    monkeypatch.setenv("CHROMIUM", str(broken))
    assert load_script("browser").main() == 1
    said = capsys.readouterr().err
    assert said.startswith(f"The Chromium {broken} does not start: libnss3.so: cannot open")
    assert said.count("\n") == 1


def test_a_wrong_browser_is_named(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv("CHROMIUM", "/no/such/browser")
    assert load_script("browser").main() == 1
    assert "CHROMIUM names /no/such/browser" in capsys.readouterr().err


# Binder


@pytest.mark.slow
def test_binder_takes_its_own_settings() -> None:
    tool = Path(sys.executable).with_name("jupyter-repo2docker")
    command = [str(tool), "--no-build", "--no-run", "--debug", str(ROOT)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    python = (ROOT / ".binder" / "runtime.txt").read_text(encoding="utf-8").strip()
    wanted = python.removeprefix("python-")
    assert SpecifierSet(PYPROJECT["project"]["requires-python"]).contains(wanted)
    assert f"python={wanted}" in run.stderr + run.stdout
    assert "RUN ./.binder/postBuild" in run.stderr + run.stdout


def test_binder_takes_the_cpu_build_or_nothing(tmp_path: Path) -> None:
    pip = tmp_path / "pip"
    pip.write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/asked\nexit 1\n')
    pip.chmod(0o755)
    settings = {**os.environ, "PIP": str(pip), "INDEX": "https://example.org", "CPU_ONLY": "yes"}
    command = ["sh", str(ROOT / "scripts" / "install-torch.sh"), "2.13.0"]
    run = subprocess.run(command, env=settings, capture_output=True, text=True, check=False)
    asked = (tmp_path / "asked").read_text()
    if sys.platform == "linux":
        assert run.returncode == 1
        assert "too large here" in run.stderr
        assert "install torch==2.13.0\n" not in asked
    script = (ROOT / ".binder" / "postBuild").read_text(encoding="utf-8")
    assert "CPU_ONLY=yes" in script
    assert all(
        "--no-cache-dir" in line
        for line in script.splitlines()
        if "pip" in line.split("#")[0] and "check" not in line
    )


def test_binders_notebook_fits_our_jupyterlab() -> None:
    script = (ROOT / ".binder" / "postBuild").read_text(encoding="utf-8")
    notebook = re.search(r"notebook==7\.(\d+)", script)
    lab = next(str(r.specifier) for r in pins("requirements.txt") if r.name == "jupyterlab")
    # Notebook 7.n is made of JupyterLab 4.n.
    assert notebook is not None
    assert lab.startswith(f"==4.{notebook[1]}.")


# JupyterLab and Colab


def test_the_settings_of_the_lab_are_ones_that_it_knows(tmp_path: Path) -> None:
    chosen = json.loads((ROOT / "scripts" / "lab" / "overrides.json").read_text(encoding="utf-8"))
    schemas = Path(sys.prefix) / "share" / "jupyter"
    for plugin, settings in chosen.items():
        package, name = plugin.split(":")
        found = next(schemas.rglob(f"schemas/{package}/{name}.json"))
        known = json.loads(found.read_text(encoding="utf-8"))["properties"]
        assert set(settings) <= set(known), plugin
        assert all(known[key].get("default") != value for key, value in settings.items())


def test_the_settings_of_the_lab_come_into_the_environment(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\necho {tmp_path}/env\n")
    python.chmod(0o755)
    subprocess.run(["sh", str(ROOT / "scripts" / "lab" / "install.sh"), str(python)], check=True)
    assert (tmp_path / "env/share/jupyter/lab/settings/overrides.json").exists()


def test_make_lab_opens_where_it_says_begin_here() -> None:
    commands = make("--dry-run", "lab")
    place = re.search(r"lab/tree/(\S+)", commands)
    assert place is not None
    page = (ROOT / "notebooks" / place[1]).read_text(encoding="utf-8")
    assert page.startswith("# Begin here")
    assert "--allow-root" in commands
    for link in re.findall(r"\]\(([^:)]+)\)", page):
        assert (ROOT / "notebooks" / link).exists()


def test_colab_need_not_upgrade_its_widgets() -> None:
    needs = {r.name: r for r in map(Requirement, PYPROJECT["project"]["dependencies"])}
    optional = PYPROJECT["project"]["optional-dependencies"].values()
    needs |= {
        r.name: r for r in map(Requirement, chain.from_iterable(optional)) if r.name == "ipywidgets"
    }
    assert needs["ipywidgets"].specifier.contains("7.7.1")
    assert not needs["ipywidgets"].specifier.contains("9.0")


def test_colab_installs_what_the_notebooks_import() -> None:
    known = set(PYPROJECT["project"]["optional-dependencies"])
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        extras = re.search(r"attend\[([\w,]+)\] @ git\+", path.read_text(encoding="utf-8"))
        assert extras is not None, path.name
        assert {"course", "torch"} <= set(extras[1].split(",")) <= known, path.name


# What is excused


def excused() -> dict[str, list[dict[str, Any]]]:
    """Read the list of what the tests leave out."""
    return tomllib.loads((ROOT / "tests" / "excused.toml").read_text(encoding="utf-8"))


def excusing_calls(path: Path) -> int:
    """Count the places of a test file that skip a test, or expect it to fail."""
    names = {"skip", "skipif", "xfail", "importorskip", "skipTest", "SkipTest"}
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return sum(isinstance(node, ast.Attribute) and node.attr in names for node in ast.walk(tree))


def test_skipped_tests_are_on_the_list_with_a_reason() -> None:
    counted = {
        p.relative_to(ROOT).as_posix(): excusing_calls(p) for p in ROOT.glob("tests/**/*.py")
    }
    listed = excused().get("test", [])
    assert {name: n for name, n in counted.items() if n} == {e["file"]: e["calls"] for e in listed}
    assert all(len(entry["reason"]) > 20 for entry in listed)


def test_the_count_of_skips_sees_them(tmp_path: Path) -> None:
    path = tmp_path / "test_some.py"
    path.write_text("@pytest.mark.skipif(True, reason='')\ndef test(): pytest.skip('no')\n")
    assert excusing_calls(path) == 2
