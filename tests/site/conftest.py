"""The book is built once, served on this machine only, and opened in a real Chromium.

``site`` is the built site, ``open_page`` opens one of its pages and watches what goes wrong.
``ATTEND_BUILD`` names the folder that holds ``_build``, where it is not the project's own.
``ATTEND_SITE`` names a site to open as it is, without building it first.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import Browser, Page

from .workbench import Bench

ROOT = Path(__file__).resolve().parents[2]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark every test of this folder: it needs the site or a browser."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.site)


def table_of_contents() -> list[str]:
    """List the documents of the book, as in ``_toc.yml``, without their endings."""
    found: list[str] = []

    def walk(node: Any) -> None:
        if isinstance(node, list):
            for entry in node:
                walk(entry)
        if isinstance(node, dict):
            found.extend(str(node[key]) for key in ("root", "file") if key in node)
            for value in node.values():
                walk(value)

    walk(yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8")))
    return found


@dataclass(frozen=True)
class Site:
    """The built site: its folder, and its address while it is served."""

    folder: Path
    address: str

    def url(self, document: str) -> str:
        """Return the address of a document of the table of contents, or of a file."""
        name = document if "." in Path(document).name else f"{document}.html"
        return f"{self.address}/{name}"

    def html(self, document: str) -> str:
        """Return a page as it was written."""
        return (self.folder / f"{document}.html").read_text(encoding="utf-8")


@dataclass
class Visit:
    """An open page and what was heard while it loaded and was used."""

    page: Page
    address: str
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def foreign(self) -> list[str]:
        """List the requests that went to any other host."""
        own = (f"{self.address}/", "data:", "blob:", "about:")
        return [url for url in self.requests if not url.startswith(own)]


def build_once(shared: Path) -> Path:
    """Build the book, or wait until another worker of this run has built it."""
    if "ATTEND_SITE" in os.environ:
        return Path(os.environ["ATTEND_SITE"]).resolve()
    built = shared / "book-is-built"
    with (shared / "book.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not built.exists():
            built.write_text(str(build_book()), encoding="utf-8")
    return Path(built.read_text(encoding="utf-8"))


def build_book() -> Path:
    """Build the book as `make book` does; a warning is a failure."""
    target = Path(os.environ.get("ATTEND_BUILD", ROOT))
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", str(ROOT)]
    options = ["--warningiserror", "--nitpick", "--keep-going", "--path-output", str(target)]
    run = subprocess.run(command + options, capture_output=True, text=True, cwd=ROOT, check=False)
    assert run.returncode == 0, f"the book does not build:\n{(run.stdout + run.stderr)[-4000:]}"
    return target / "_build" / "html"


class QuietHandler(SimpleHTTPRequestHandler):
    """Serve files and say nothing about it.

    The page for what is not there may be shown at any depth, so it names files as the site's own
    host has them, below the folder of the repository.
    """

    def translate_path(self, path: str) -> str:
        """Find a file, also by its address on the site's host."""
        return super().translate_path(path.removeprefix("/attend"))

    def log_message(self, *args: Any) -> None:
        """Leave the log out."""


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Site]:
    """The site, built once for all workers, and served for the whole run by each of them."""
    own = tmp_path_factory.getbasetemp()
    folder = build_once(own if worker_id == "master" else own.parent)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=folder))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Site(folder, f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def bench(browser: Browser) -> Iterator[Bench]:
    """A bench for explorers; nothing may have gone wrong on its pages."""
    bench = Bench(browser)
    yield bench
    bench.close()
    assert bench.faults == []


@pytest.fixture
def open_page(site: Site, browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Return a function that opens a document: ``open_page("book/index", theme="dark")``.

    ``width`` is in CSS pixels, ``theme`` is light or dark, ``scripts=False`` turns JavaScript off.
    """
    contexts = []

    def open_(
        document: str, width: int = 1280, theme: str = "light", scripts: bool = True
    ) -> Visit:
        size: Any = {"width": width, "height": 900 if width > 600 else 740}
        context = browser.new_context(
            viewport=size, color_scheme=theme, java_script_enabled=scripts, reduced_motion="reduce"
        )
        contexts.append(context)
        visit = Visit(context.new_page(), site.address)
        listen(visit)
        visit.page.goto(site.url(document), wait_until="load")
        return visit

    yield open_
    for context in contexts:
        context.close()


def until(page: Page, condition: str, given: Any = None, seconds: float = 20) -> None:
    """Wait until a condition holds on a page of the site, whose policy forbids a driver's own wait.

    Playwright's ``wait_for_function`` evaluates a text inside the page, which the pages refuse.
    """
    end = time.monotonic() + seconds
    while not page.evaluate(condition, given):
        assert time.monotonic() < end, f"never came true: {condition}"
        page.wait_for_timeout(20)


def listen(visit: Visit) -> None:
    """Record requests, and everything that a reader's console would show in red."""
    page = visit.page
    page.on("request", lambda request: visit.requests.append(request.url))
    page.on("requestfailed", lambda request: visit.errors.append(f"failed: {request.url}"))
    page.on("pageerror", lambda error: visit.errors.append(str(error)))
    page.on(
        "console", lambda m: visit.errors.append(m.text) if m.type in ("error", "warning") else None
    )
    page.on(
        "response",
        lambda r: visit.errors.append(f"{r.status} {r.url}") if r.status >= 400 else None,
    )
