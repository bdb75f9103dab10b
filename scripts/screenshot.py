"""Take the README's picture of a chapter from the built book: docs/screenshot.png.

Run it after `make book`. The picture shows what a reader sees first.
"""

from __future__ import annotations

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from browser import NO_CHROMIUM, find_chromium
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "_build" / "html" / "book" / "04-scaling-softmax.html"
TARGET = ROOT / "docs" / "screenshot.png"
SIZE = {"width": 1280, "height": 900}


def serve_and_take(chromium: str) -> None:
    """Open the page from its folder over HTTP, because modules do not load from files."""
    site = ROOT / "_build" / "html"
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=site)
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        take(chromium, f"http://127.0.0.1:{server.server_port}/{PAGE.relative_to(site).as_posix()}")
    finally:
        server.shutdown()


def take(chromium: str, url: str) -> None:
    """Open an address and store what is seen of it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE, color_scheme="light", reduced_motion="reduce")
        page.goto(url, wait_until="networkidle")
        page.screenshot(path=TARGET)
        browser.close()


def main() -> None:
    """Take the picture, or say what is missing."""
    chromium = find_chromium()
    if not chromium:
        raise SystemExit(NO_CHROMIUM)
    if not PAGE.exists():
        raise SystemExit("There is no built book: run `make book` first.")
    serve_and_take(chromium)
    print(f"Wrote {TARGET.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
