"""Measure what each page of the built site asks of a reader, and write it to benchmarks/pages.json.

    python scripts/pages.py

Bytes are those of the page and of all that it loads before anyone scrolls or touches it, as gzip
packs them; fonts are in the style sheet, figures come when they are near. Elements are counted in
the page as it was written.
"""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from posixpath import join, normpath

from bs4 import BeautifulSoup

from attend.files import write_atomically

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "_build" / "html"
TARGET = ROOT / "benchmarks" / "pages.json"
LOADED = "script[src], link[rel=stylesheet], link[rel=icon], img[src]:not([loading=lazy])"
COMMAND = "python scripts/pages.py"


def packed(path: Path) -> int:
    """Return the bytes of a file as gzip packs it."""
    return len(gzip.compress(path.read_bytes(), 9))


def measure(site: Path, page: Path) -> dict[str, int]:
    """Return bytes, requests and elements of a page."""
    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "lxml")
    folder = page.parent.relative_to(site).as_posix()
    links = [e.get("src") or e.get("href") for e in soup.select(LOADED)]
    names = {normpath(join(folder, link.partition("?")[0])) for link in links if ":" not in link}
    files = [site / name for name in sorted(names) if (site / name).is_file()]
    return {
        "page, bytes": packed(page),
        "all, bytes": packed(page) + sum(map(packed, files)),
        "requests": 1 + len(files),
        "elements": len(soup.find_all(True)),
    }


def report(site: Path) -> dict[str, object]:
    """Return what is measured on every page, by its name."""
    pages = [path for path in sorted(site.rglob("*.html")) if "_static" not in path.parts]
    found = {
        path.relative_to(site).with_suffix("").as_posix(): measure(site, path)
        for path in pages
        if path != site / "index.html"
    }
    return {"command": COMMAND, "pages": found}


def main() -> int:
    """Measure, write, and show the table."""
    if not (SITE / "index.html").exists():
        print("There is no site yet: run `make book` first.", file=sys.stderr)
        return 1
    found = report(SITE)
    write_atomically(TARGET, (json.dumps(found, indent=1) + "\n").encode())
    for name, row in found["pages"].items():  # type: ignore[attr-defined]
        print(f"{name:36}" + "".join(f"{value:10,}" for value in row.values()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
