"""Reading without a network: which files the whole course is, and the button that keeps them.

::

    ```{attend-offline}
    ```

A browser keeps the pages that were read (``theme/worker.js``), and all others if a reader asks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

LIST = "offline.json"
WORKER = "worker.js"
BUTTON = (
    '<p class="attend-offline" hidden><button type="button" class="attend-check-button"></button>'
    ' <span role="status"></span></p>'
)
FOR_DISKS = "disk.js"
SUFFIXES = {".css", ".js", ".json", ".png", ".safetensors", ".svg", ".woff2"}


class OfflineDirective(SphinxDirective):
    """The button that keeps the whole course; a script shows it where it can work."""

    def run(self) -> list[nodes.Node]:
        """Return its place."""
        return [nodes.raw("", BUTTON, format="html")]


def needed(site: Path) -> Iterator[Path]:
    """List the files that readers' browsers may ask for: pages, and what these name."""
    pages = [path for path in sorted(site.rglob("*.html")) if "_static" not in path.parts]
    named = [*pages, *(site / "_static").glob("*.css"), *(site / "_static").glob("page.*.js")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in named)
    yield from (page for page in pages if page.name != "404.html")
    for path in sorted(site.rglob("*.*")):
        # An engine's folder is named as a whole; what an earlier build left is named by nobody.
        name = next((part for part in path.parts if part.startswith("engine.")), path.name)
        if path.suffix in SUFFIXES and path.is_file() and name in text:
            yield path


def write_list(app: Sphinx, exception: Exception | None) -> None:
    """Write the worker where it may answer for all pages, and the list of all files."""
    if exception or app.builder.format != "html":
        return
    site = Path(app.outdir)
    (site / WORKER).write_bytes((Path(__file__).parent / "theme" / WORKER).read_bytes())
    files = [path for path in needed(site) if path.name not in (LIST, FOR_DISKS)]
    listed: dict[str, Any] = {
        "bytes": sum(path.stat().st_size for path in files),
        "files": [path.relative_to(site).as_posix() for path in files],
    }
    (site / LIST).write_text(json.dumps(listed, indent=0), encoding="utf-8")


def setup(app: Sphinx) -> None:
    """Add the button, its script, and the list."""
    app.add_directive("attend-offline", OfflineDirective)
    app.add_js_file("offline.js")
    app.connect("build-finished", write_list, priority=990)
