"""A page that holds nothing but the engine, in a real Chromium, with the shipped model."""

from __future__ import annotations

import importlib.util
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from attend.translator.translator import SHIPPED

ENGINE = Path(__file__).resolve().parents[3] / "src" / "attend_course" / "kit" / "engine"
PAGE = b"<!doctype html><link rel='icon' href='data:,'><title>Engine</title>"
SETUP = """async () => {
  const { Translator } = await import('/engine/engine.js');
  const { plain, simd } = await import('/engine/arithmetic.js');
  const { download } = await import('/engine/weights.js');
  const files = await download('/model/');
  const count = files.weights.byteLength;
  const translator = (arithmetic) => new Translator(files, arithmetic);
  window.kernels = { simd: translator(simd(count)), plain: translator(plain()) };
  window.decoding = await import('/engine/decoding.js');
  window.changes = await import('/engine/changes.js');
  window.texts = await import('/engine/sentences.js');
}"""


def script(name: str) -> Any:
    """Import a file of scripts/, which is no package."""
    place = ENGINE.parents[3] / "scripts" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"engine_{name}", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Handler(BaseHTTPRequestHandler):
    """Serves the page, the engine and the model; /HOW/ serves a model that arrives badly."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *args: Any) -> None:
        """Leave the log out."""

    def do_GET(self) -> None:
        """Answer."""
        _, folder, *rest = self.path.split("?")[0].split("/")
        if not rest:
            self.answer(PAGE, "text/html")
        elif folder == "engine":
            self.answer((ENGINE / rest[0]).read_bytes(), "text/javascript")
        else:
            content = (SHIPPED / rest[0]).read_bytes()
            getattr(self, folder, self.answer)(content)

    def answer(
        self, content: bytes, kind: str = "application/octet-stream", status: int = 200
    ) -> None:
        """Send all of it."""
        self.head(len(content), kind, status)
        self.wfile.write(content)

    def head(self, length: int, kind: str = "application/octet-stream", status: int = 200) -> None:
        """Say what comes."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def missing(self, content: bytes) -> None:
        """Have no weights."""
        whole = "weights" not in self.path
        self.answer(content if whole else b"", status=200 if whole else 404)

    def truncated(self, content: bytes) -> None:
        """Break off the weights half way, and the connection with them."""
        self.head(len(content))
        self.wfile.write(content[: len(content) // 2] if "weights" in self.path else content)
        self.close_connection = True

    def shorter(self, content: bytes) -> None:
        """Send half of the weights as if that were all."""
        self.answer(content[: len(content) // 2] if "weights" in self.path else content)

    def altered(self, content: bytes) -> None:
        """Change one byte of the weights."""
        place = 100_000 if "weights" in self.path else len(content)
        self.answer(
            content[:place]
            + bytes(b ^ 1 for b in content[place : place + 1])
            + content[place + 1 :]
        )

    def slow(self, content: bytes) -> None:
        """Send the weights in twenty pieces, one a fifth of a second."""
        self.head(len(content))
        step = len(content) // 20 + 1
        for place in range(0, len(content), step):
            try:
                self.wfile.write(content[place : place + step])
            except OSError:  # the page has cancelled
                self.close_connection = True
                return
            if "weights" in self.path:
                time.sleep(0.2)


@pytest.fixture(scope="session")
def engine_address() -> Iterator[str]:
    """Where the engine is served; browsers trust this machine, so checksums are computed."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def bare_page(engine_address: str, browser: Browser) -> Iterator[Page]:
    """A page at the engine's address, with nothing loaded."""
    page = browser.new_page()
    page.goto(engine_address + "/")
    yield page
    page.close()


@pytest.fixture(scope="session")
def engine(bare_page: Page) -> Page:
    """The same page with two translators, ``kernels.simd`` and ``kernels.plain``."""
    bare_page.evaluate(SETUP)
    return bare_page


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark every test of this folder that needs a browser."""
    for item in items:
        if Path(__file__).parent in item.path.parents and item.path.name != "test_kernel.py":
            item.add_marker(pytest.mark.site)
