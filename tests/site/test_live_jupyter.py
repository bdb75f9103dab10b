"""Two explorers in a real JupyterLab, with a real kernel behind them.

JupyterLab itself is asked for its state, and runs its own commands: its texts and menus say that a
kernel is idle before there is one.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from attend_course.chapters.laboratory.explorer import Laboratory

ROOT = Path(__file__).resolve().parents[2]
NAME = "explorers.ipynb"
PATIENCE = 120_000
SETTINGS = [
    "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1", "--ServerApp.port_retries=0",
    "--IdentityProvider.token=", "--ServerApp.password=", "--ServerApp.disable_check_xsrf=True",
    "--expose-app-in-browser", "--LabApp.news_url=",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
]  # fmt: skip
CELLS = {
    "scaling": (
        "import ipywidgets\n"
        "from attend_course.chapters.scaling.explorer import ScalingExplorer\n"
        "from attend_course.chapters.scores.explorer import ScoresExplorer\n"
        "explorer = ScalingExplorer()\nexplorer"
    ),
    "slider": (
        "slider = ipywidgets.IntSlider(value=64, min=1, max=512)\n"
        "ipywidgets.link((slider, 'value'), (explorer, 'd_k'))\nslider"
    ),
    "scores": "other = ScoresExplorer()\nother",
    "mine": (
        "def mine(scores, scale, mask):\n    raise RuntimeError('not yet')\n\n"
        "own = ScalingExplorer(compute=mine)\nown"
    ),
    "laboratory": (
        "from attend_course.chapters.laboratory.explorer import Laboratory\n"
        "lab = Laboratory(sentence='I am happy.')\nlab"
    ),
    "changes": "print(lab.sentence, lab.changes, (lab.results['changed'] or {}).get('text'))",
    "works": (
        "from attend import masked_softmax\n\n"
        "def works(scores, scale, mask):\n    return masked_softmax(scores * scale, mask)\n\n"
        "ScalingExplorer(compute=works)"
    ),
    "read": "print(explorer.d_k, explorer.weights.shape, explorer.sentence, other.q[2])",
}
READY = """() => window.jupyterapp?.shell.currentWidget?.content?.model?.cells.length > 0
  && jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status === 'idle'"""
RUN_ALL = "() => jupyterapp.commands.execute('notebook:run-all-cells')"
SHOW = """async (id) => {
  const { content } = jupyterapp.shell.currentWidget;
  content.activeCellIndex = [...content.model.cells].findIndex((cell) => cell.id === id);
  await content.scrollToItem(content.activeCellIndex, 'start');
}"""
RUN = "() => jupyterapp.commands.execute('notebook:run-cell')"
OUTPUTS = """(id) => [...jupyterapp.shell.currentWidget.content.model.cells]
  .filter((cell) => cell.type === 'code' && (id === null || cell.id === id))
  .flatMap((cell) => cell.outputs.toJSON())"""
RESTART = "() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()"
# Only Python can draw what the reader's own function computes. Each sentence is typed at once after
# a click on the switch, while the answer to that is on its way.
ALTERNATE = """async (frame) => {
  const waits = [];
  const toggle = frame.querySelector('[role=switch]');
  const field = frame.querySelector('.attend-wide');
  const rows = () => [...frame.querySelectorAll('.attend-map tbody th')];
  const words = () => rows().map((th) => th.textContent).join(' ');
  for (let n = 0; n < 50; n += 1) {
    const start = performance.now();
    toggle.click();
    if (n % 2) await new Promise((done) => setTimeout(done, 4 * n));
    field.value = `word ${n}`;
    for (const kind of ['input', 'change']) field.dispatchEvent(new Event(kind, { bubbles: true }));
    while (words() !== `word ${n}` && performance.now() - start < 20000) {
      await new Promise((done) => setTimeout(done, 5));
    }
    waits.push(Math.round(performance.now() - start));
    if (words() !== `word ${n}`) break;
  }
  return waits;
}"""
SAVED = "() => !jupyterapp.shell.currentWidget.context.model.dirty"


def write_notebook(folder: Path) -> None:
    """Write a notebook that shows the explorers, each cell under a name of its own."""
    folder.mkdir()
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    for name, code in CELLS.items():
        notebook.cells.append(nbformat.v4.new_code_cell(code, id=name))
    nbformat.write(notebook, folder / NAME)


def own_folders(tmp_path: Path) -> dict[str, str]:
    """Return settings that are nobody's, with the question about news answered."""
    news = tmp_path / "s" / "@jupyterlab" / "apputils-extension"
    news.mkdir(parents=True)
    (news / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
    own = {f"JUPYTER_{name}_DIR": str(tmp_path / name) for name in ("CONFIG", "RUNTIME")}
    lab = {"WORKSPACES": "w", "SETTINGS": "s"}
    own |= {f"JUPYTERLAB_{name}_DIR": str(tmp_path / short) for name, short in lab.items()}
    source = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    return own | {"IPYTHONDIR": str(tmp_path / "i"), "PYTHONPATH": source}


def wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    """Wait until the server answers."""
    for _ in range(240):
        assert server.poll() is None, "JupyterLab ended before it answered"
        try:
            urllib.request.urlopen(f"{address}/api/status", timeout=5).close()
            return
        except OSError:
            time.sleep(0.5)
    raise AssertionError("JupyterLab did not answer")


@pytest.fixture
def laboratory(tmp_path: Path) -> Iterator[str]:
    """The address of a JupyterLab that has the notebook and no settings of anyone's."""
    folder = tmp_path / "notebooks"
    write_notebook(folder)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", *SETTINGS]
    command += [f"--ServerApp.port={port}", f"--ServerApp.root_dir={folder}"]
    with (tmp_path / "log").open("wb") as log:
        environment = os.environ | own_folders(tmp_path)
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        wait_for(f"http://127.0.0.1:{port}", server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)


@pytest.fixture
def page(laboratory: str, browser: Browser) -> Iterator[Page]:
    """The notebook, with all its cells run."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(f"{laboratory}/lab/tree/{NAME}")
    page.wait_for_function(READY, polling=500)
    page.evaluate(RUN_ALL)
    yield page
    context.close()


def shown(page: Page, cell: str) -> Locator:
    """Bring the explorer of a cell into view."""
    page.evaluate(SHOW, cell)
    # What lies under the pointer would be looked at.
    page.mouse.move(0, 0)
    place = {"scaling": 0, "scores": 0, "mine": 1, "works": 2, "laboratory": 0}
    titles = {"scores": "queries, keys", "laboratory": "Laboratory"}
    title = titles.get(cell, "scaled scores")
    found = page.locator(f".jp-OutputArea .attend-explorer[aria-label*='{title}']:not(.is-drawn)")
    return found.nth(place[cell])


def outputs(page: Page, cell: str | None = None) -> list[Any]:
    return page.evaluate(OUTPUTS, cell)


def test_explorers_live_in_jupyterlab(page: Page) -> None:
    expect.set_options(timeout=PATIENCE)
    try:
        assert [one for one in outputs(page) if one["output_type"] == "error"] == []
        keys_walk_and_save(page)
        the_slider_is_linked_both_ways(page)
        a_sentence_typed_after_a_toggle_is_drawn(page)
        fifty_sentences_typed_after_a_toggle_are_drawn(page)
        an_arrow_reaches_python(page)
        what_is_changed_in_the_laboratory_is_readable(page)
        the_error_of_a_readers_function_is_told(page)
        after_a_restart_controls_and_picture_agree(page)
    finally:
        expect.set_options(timeout=5000)


def keys_walk_and_save(page: Page) -> None:
    explorer = shown(page, "scaling")
    expect(explorer.locator(".attend-map td[role=gridcell]")).to_have_count(49)
    explorer.locator(".attend-map [tabindex='0']").focus()
    for key in ("ArrowDown", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    expect(explorer.locator("td[aria-selected]")).to_have_count(1)
    seen = explorer.locator("td[aria-selected]")
    assert [seen.get_attribute(f"data-{side}") for side in ("row", "column")] == ["1", "2"]
    page.keyboard.press("Control+s")
    page.wait_for_function(SAVED)
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    assert not page.evaluate("!!document.activeElement.closest('.attend-explorer')")


def the_slider_is_linked_both_ways(page: Page) -> None:
    explorer = shown(page, "scaling")
    own = explorer.get_by_role("slider").first
    words = explorer.locator(".attend-summary").inner_text()
    own.focus()
    page.keyboard.press("ArrowRight")
    expect(own).to_have_attribute("aria-valuetext", "128")
    expect(explorer.locator(".attend-summary")).not_to_have_text(words)
    page.evaluate(SHOW, "slider")
    other = page.locator(".widget-slider .widget-readout").first
    expect(other).to_have_text("128")
    page.locator(".widget-slider .noUi-handle").first.focus()
    page.keyboard.press("ArrowRight")
    expect(other).to_have_text("129")
    expect(own).to_have_attribute("aria-valuetext", "129")


def a_sentence_typed_after_a_toggle_is_drawn(page: Page) -> None:
    explorer = shown(page, "scaling")
    explorer.get_by_role("switch").click()
    explorer.get_by_text("More controls").click()
    explorer.get_by_label("Sentence").fill("dry days")
    page.keyboard.press("Enter")
    expect(explorer.locator(".attend-map tbody th")).to_have_text(["dry", "days"])


def fifty_sentences_typed_after_a_toggle_are_drawn(page: Page) -> None:
    explorer = shown(page, "works")
    expect(explorer.get_by_role("switch")).to_be_enabled()
    waits = explorer.evaluate(ALTERNATE)
    assert len(waits) == 50, waits
    assert max(waits) < 20_000, waits
    expect(explorer.locator("[role=alert]")).to_be_hidden()


def an_arrow_reaches_python(page: Page) -> None:
    explorer = shown(page, "scores")
    tip = explorer.locator(".attend-arrow.is-query .attend-grip")
    tip.focus()
    for _ in range(3):
        page.keyboard.press("ArrowUp")
    expect(tip).to_have_attribute("aria-valuetext", "2 across, 2.5 up")
    page.evaluate(SHOW, "read")
    page.evaluate(RUN)
    page.wait_for_function(f"({OUTPUTS})('read').some((o) => o.text?.includes('dry days'))")
    said = "".join(one["text"] for one in outputs(page, "read"))
    assert said == "129 (2, 2) dry days [2.0, 2.5]\n"


def what_is_changed_in_the_laboratory_is_readable(page: Page) -> None:
    laboratory = shown(page, "laboratory")
    # The same model with the same change, computed here.
    off = {"make": "off", "kind": "memory", "layer": 3, "head": 1}
    here = Laboratory(sentence="The dog is here.", changes=[off])
    laboratory.locator(".attend-english input").fill(here.sentence)
    german = here.results["untouched"]["text"]
    expect(laboratory.locator(".attend-german dd").first).to_have_text(german)
    laboratory.get_by_role("button", name="Off", exact=True).click()
    expect(laboratory.locator("dd.is-changed").first).to_have_text(here.results["changed"]["text"])
    expect(laboratory.locator(".attend-loading")).to_have_count(0)
    page.evaluate(SHOW, "changes")
    page.evaluate(RUN)
    page.wait_for_function(f"({OUTPUTS})('changes').some((o) => o.text?.includes('dog'))")
    said = "".join(one["text"] for one in outputs(page, "changes") if "text" in one)
    assert said == f"The dog is here. {[off]} {here.results['changed']['text']}\n"


def the_error_of_a_readers_function_is_told(page: Page) -> None:
    own = shown(page, "mine")
    alert = own.locator("[role=alert]")
    expect(alert).to_have_text("mine failed. RuntimeError: not yet")
    expect(own.locator(".attend-map td[role=gridcell]")).to_have_count(49)


def after_a_restart_controls_and_picture_agree(page: Page) -> None:
    page.evaluate(RESTART)
    page.wait_for_function(READY, polling=500)
    explorer = shown(page, "scaling")
    words = explorer.locator(".attend-summary").inner_text()
    explorer.get_by_role("switch").click()
    expect(explorer.locator(".attend-summary")).not_to_have_text(words)
    expect(explorer.locator("[role=alert]")).to_be_hidden()
    own = shown(page, "mine")
    own.get_by_role("switch").click()
    expect(own.locator("[role=alert]")).to_contain_text("Python has not answered")
