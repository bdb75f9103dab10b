"""One script for all pages instead of fourteen, and none inside a page.

The theme and the extensions bring small scripts, each a request of its own, and lines of script in
the page itself. They are joined in their order into a file that a browser keeps. With none left
inside, a page can forbid every script but the site's own files: its Content-Security-Policy.
Explorers stay files of their own, loaded where they are shown.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from posixpath import basename
from typing import Any

from sphinx.application import Sphinx

HERE = Path(__file__).parent
POLICY = "; ".join(
    [
        "default-src 'none'",
        # The laboratory compiles a kernel of fifty lines; no text is ever run as a script.
        "script-src 'self' 'wasm-unsafe-eval'",
        "worker-src 'self' blob:",
        "style-src 'self'",
        # Formulas and maps carry sizes and colours in attributes, which run nothing.
        "style-src-attr 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self' data:",
        "media-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
    ]
)
TAG = re.compile(r"[ \t]*<script(?P<attributes>[^>]*)>(?P<text>.*?)</script>\s*?\n?", re.DOTALL)
SOURCE = re.compile(r'src="([^"?]*)')
PAGE_NAME = re.compile(r"DOCUMENTATION_OPTIONS\.pagename = '([^']*)';")
EVENTS = {
    'onclick="window.print()"': 'data-does="print"',
    'onclick="toggleFullScreen()"': 'data-does="fullscreen"',
}
REPLACED = {"bootstrap.js": "frame.js"}
ON_DEMAND = {
    "togglebutton.js": re.compile(r'class="(?:toggle|[^"]*\badmonition\b[^"]*\bdropdown\b)'),
    "design-tabs.js": re.compile(r'class="[^"]*\bsd-tab-set\b'),
}
"""Scripts that are joined only where a page has what they work on."""
LAST = "searchindex.js"


@dataclass
class Scripts:
    """The scripts of a page: what is joined, and the files that stay on their own."""

    parts: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    page_name: str = ""

    @property
    def name(self) -> str:
        """The name of the joined file: it changes with any of its parts."""
        return f"page.{hashlib.sha256(repr(self.parts).encode()).hexdigest()[:10]}.js"


def mend(app: Sphinx, page: str, context: dict[str, Any]) -> str:
    """Move a page's scripts into files, and let it forbid all others."""
    found = Scripts()
    for wrong, right in EVENTS.items():
        page = page.replace(wrong, right)
    page = TAG.sub(lambda tag: take(tag, found, page), page)
    app.attend_joined[found.name] = found.parts  # type: ignore[attr-defined]
    here = context["pathto"](f"_static/{found.name}", 1)
    own = f'<script defer="defer" src="{here}"></script>'
    tags = "".join(f"  {tag}\n" for tag in [own, *map(deferred, found.files)])
    page = page.replace("</body>", f"{tags}  </body>", 1)
    page = page.replace("<html ", f'<html data-pagename="{found.page_name}" ', 1)
    policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}" />'
    return page.replace('<meta charset="utf-8" />', f'<meta charset="utf-8" />\n    {policy}', 1)


def take(tag: re.Match[str], found: Scripts, page: str) -> str:
    """Take a script out of the page and note it; what is data, or comes first, stays."""
    attributes, text = tag["attributes"], tag["text"]
    source = SOURCE.search(attributes)
    if "application/" in attributes or (source and source[1].endswith("/head.js")):
        return tag[0]
    if source is None:
        name = PAGE_NAME.search(text)
        found.page_name = name[1] if name else found.page_name
        text = PAGE_NAME.sub(
            "DOCUMENTATION_OPTIONS.pagename = document.documentElement.dataset.pagename;", text
        )
        if f"inline {text}" not in found.parts:
            found.parts.append(f"inline {text}")
    elif "_static/attend/" in source[1] or basename(source[1]) == LAST:
        found.files.append(f"<script{attributes}></script>")
    elif is_wanted(basename(source[1]), page):
        found.parts.append(f"file {source[1].partition('_static/')[2]}")
    return ""


def deferred(tag: str) -> str:
    """Let a script wait for the joined one, which stands before it."""
    return tag if "defer" in tag else tag.replace("<script", '<script defer="defer"', 1)


def is_wanted(name: str, page: str) -> bool:
    """Tell whether a page has what a script works on."""
    return name not in ON_DEMAND or ON_DEMAND[name].search(page) is not None


def write_joined(app: Sphinx, exception: Exception | None) -> None:
    """Write the joined files, when all their parts are there."""
    if exception or app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    for name, parts in app.attend_joined.items():  # type: ignore[attr-defined]
        text = ";\n".join(read(static, part) for part in parts)
        (static / name).write_text(text, encoding="utf-8")


def read(static: Path, part: str) -> str:
    """Return the text of a part, without the address of a map that no reader asks for."""
    kind, _, rest = part.partition(" ")
    if kind == "inline":
        return rest.strip()
    path = static / rest
    path = path.with_name(REPLACED.get(path.name, path.name))
    if path.name in REPLACED.values():
        path = HERE / "theme" / path.name
    text = path.read_text(encoding="utf-8")
    if path.name == "doctools.js":
        # A joined script runs when the page is read: what waits for that would run at once, before
        # the parts that it needs.
        text = text.replace(
            'document.readyState !== "loading"', 'document.readyState === "complete"'
        )
    return re.sub(r"//# sourceMappingURL=\S+", "", text).strip()


def setup(app: Sphinx) -> None:
    """Join when all files are written."""
    app.attend_joined = {}  # type: ignore[attr-defined]
    app.connect("build-finished", write_joined, priority=940)
