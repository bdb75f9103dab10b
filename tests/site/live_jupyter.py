"""The explorer in a real JupyterLab: computed by Python, linked to a slider of the notebook.

Run it by hand before a release: ``python -m pytest tests/site/live_jupyter.py``. It is not among
the collected tests, because JupyterLab now and then does not attach the explorer's cell in time.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = "04-scaling-softmax.ipynb"
PATIENCE = 120_000
SETTINGS = [
    "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1", "--ServerApp.port_retries=0",
    "--IdentityProvider.token=", "--ServerApp.password=", "--ServerApp.disable_check_xsrf=True",
    "--LabApp.news_url=", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
]  # fmt: skip


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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
    """The address of a JupyterLab that has a copy of the notebook and no settings of anyone's."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    shutil.copy(ROOT / "notebooks" / NOTEBOOK, folder)
    port = free_port()
    own = {f"JUPYTER_{name}_DIR": str(tmp_path / name) for name in ("CONFIG", "RUNTIME")}
    own |= {"JUPYTERLAB_WORKSPACES_DIR": str(tmp_path / "w"), "IPYTHONDIR": str(tmp_path / "i")}
    command = [sys.executable, "-m", "jupyterlab", *SETTINGS, f"--ServerApp.port={port}"]
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            [*command, f"--ServerApp.root_dir={folder}"],
            env=os.environ | own, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        wait_for(f"http://127.0.0.1:{port}", server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)


def run_all(page: Page, address: str) -> None:
    """Open the notebook without its stored outputs and run all cells."""
    page.goto(f"{address}/lab/tree/{NOTEBOOK}")
    page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=PATIENCE)
    page.get_by_text("Kernel status: Idle").first.wait_for(state="attached", timeout=PATIENCE)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()


def wait_until_attached(page: Page, explorer: Locator) -> None:
    """Look once a second: JupyterLab attaches distant cells when the browser is idle.

    A waiting selector looks at every frame, and then it never is.
    """
    for _ in range(PATIENCE // 1000):
        if explorer.count():
            return
        page.wait_for_timeout(1000)


@pytest.mark.slow
def test_the_notebook_runs_and_its_explorer_is_live(laboratory: str, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    context.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    page = context.new_page()
    run_all(page, laboratory)
    explorer = page.locator(".jp-OutputArea .attend-explorer:not(.is-drawn)")
    wait_until_attached(page, explorer)
    explorer.scroll_into_view_if_needed()
    if os.environ.get("ATTEND_SHOTS"):
        page.screenshot(path=f"{os.environ['ATTEND_SHOTS']}/lab-1.png")
    expect(explorer.locator(".attend-map td[role=gridcell]")).to_have_count(49)
    keyboard(page)
    linked(page)
    context.close()


def keyboard(page: Page) -> None:
    """Arrow keys walk the cells of the map, not those of the notebook."""
    explorer = page.locator(".jp-OutputArea .attend-explorer")
    explorer.locator(".attend-map [tabindex='0']").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    chosen = explorer.locator("td[aria-selected]")
    expect(chosen).to_have_count(1)
    place = "[document.activeElement.dataset.row, document.activeElement.dataset.column]"
    before = json.dumps(page.evaluate(place))
    page.keyboard.press("ArrowLeft")
    assert json.dumps(page.evaluate(place)) != before


def linked(page: Page) -> None:
    """The notebook's own slider moves the explorer's, and the other way round."""
    explorer = page.locator(".jp-OutputArea .attend-explorer")
    own = explorer.get_by_role("slider").first
    other = page.locator(".widget-slider .widget-readout, .widget-readout").first
    other.scroll_into_view_if_needed()
    expect(other).to_have_text("64")
    before = explorer.locator(".attend-summary").inner_text()
    own.focus()
    page.keyboard.press("ArrowRight")
    expect(own).to_have_attribute("aria-valuetext", "128")
    expect(other).to_have_text("128")
    expect(explorer.locator(".attend-summary")).not_to_have_text(before)
    handle = page.locator(".widget-slider .noUi-handle").first
    handle.focus()
    page.keyboard.press("ArrowRight")
    expect(other).to_have_text("129")
    expect(own).to_have_attribute("aria-valuetext", "129")
