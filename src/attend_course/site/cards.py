"""The picture that a link to a page shows where it is shared: number, title, and a pattern.

The pattern is the positional encoding of the paper, computed by `attend`: a row for each place, its
first at the top, and a column for each component.
"""

from __future__ import annotations

import hashlib
import textwrap
from io import BytesIO
from pathlib import Path

import matplotlib
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from sphinx.application import Sphinx

from attend import positional_encoding
from attend_course.kit.fonts import SANS, register

FOLDER = "cards"
PLACES, D_MODEL = 20, 48
PAPER, INK, MUTED = "#ffffff", "#1b1f24", "#4a525c"
RAMP = LinearSegmentedColormap.from_list("attend-card", ["#b5480a", "#ffffff", "#0b5cad"])
LINE = 22
"""How many letters of a title stand on a line."""


def number(app: Sphinx, page: str) -> str:
    """Return the number of a chapter, or nothing."""
    found = app.env.toc_secnumbers.get(page, {}).get("", ())
    return ".".join(map(str, found))


def words(app: Sphinx, page: str) -> str:
    """Say what is seen on the card of a page."""
    title = app.env.titles[page].astext()
    chapter = f"Chapter {number(app, page)}: " if number(app, page) else ""
    return f"{chapter}{title}. Beside it, stripes in blue and orange: a positional encoding."


def address(app: Sphinx, page: str) -> str:
    """Return where under ``_static`` the card of a page lies; it changes with what it shows."""
    shown = (
        f"{number(app, page)} {app.env.titles[page].astext()} {Path(__file__).read_text('utf-8')}"
    )
    digest = hashlib.sha256(shown.encode()).hexdigest()[:10]
    return f"{FOLDER}/{page.replace('/', '-')}.{digest}.png"


def draw(title: str, chapter: str) -> bytes:
    """Return a card as a PNG of 1200 by 630 pixels in few colours."""
    from PIL import Image

    register()
    with matplotlib.rc_context({"font.family": [SANS], "text.color": INK}):
        picture = Figure(figsize=(12, 6.3), facecolor=PAPER)
        stripes = picture.add_axes((0.62, 0.0, 0.38, 1.0))
        encoding = positional_encoding(PLACES, D_MODEL)
        stripes.imshow(encoding, cmap=RAMP, vmin=-1, vmax=1, aspect="auto", interpolation="nearest")
        stripes.axis("off")
        lines = "\n".join(textwrap.wrap(title, LINE))
        picture.text(0.06, 0.86, "Attend", size=26, weight=700, color="#1b4b8f")
        picture.text(0.06, 0.70, chapter, size=26, color=MUTED)
        picture.text(0.06, 0.64, lines, size=40, weight=700, va="top", linespacing=1.15)
        picture.text(0.06, 0.07, "An interactive course on the Transformer", size=20, color=MUTED)
        drawn, small = BytesIO(), BytesIO()
        picture.savefig(drawn, format="png", dpi=100)
    Image.open(drawn).convert("RGB").quantize(32).save(small, "png", optimize=True)
    return small.getvalue()


def write_cards(app: Sphinx, exception: Exception | None) -> None:
    """Draw the cards that are not there yet, and remove those of older titles."""
    if exception or app.builder.format != "html":
        return
    folder = Path(app.outdir) / "_static" / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {address(app, page).partition("/")[2]: page for page in app.env.found_docs}
    for old in set(folder.glob("*.png")) - {folder / name for name in wanted}:
        old.unlink()
    for name, page in wanted.items():
        if not (folder / name).exists():
            chapter = f"Chapter {number(app, page)}" if number(app, page) else ""
            (folder / name).write_bytes(draw(app.env.titles[page].astext(), chapter))


def setup(app: Sphinx) -> None:
    """Draw when all titles are known."""
    app.connect("build-finished", write_cards)
