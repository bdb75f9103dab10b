"""The fonts that the course brings itself, so that a page and a figure look alike everywhere.

Nothing moves on a page because of them: they are part of its style sheet, for which a browser waits
anyway, so no line is ever drawn in another font first. A figure carries the few letters it needs.
"""

from __future__ import annotations

import base64
import io
import logging
from collections.abc import Callable
from functools import cache
from pathlib import Path

from matplotlib import font_manager

HERE = Path(__file__).parent / "vendor"
SANS, CODE = "Attend Sans", "Attend Code"
# The code font has a sign that the other lacks: the mark of a piece that begins a word.
SANS_STACK = f"'{SANS}', '{CODE}', system-ui, -apple-system, 'Segoe UI', Roboto, Arial, sans-serif"
CODE_STACK = f"'{CODE}', ui-monospace, SFMono-Regular, Menlo, Consolas, monospace"
WEIGHTS = (400, 700)

_FILES = [
    (SANS, "sans.woff2", "normal", "400 700"),
    (SANS, "sans-italic.woff2", "italic", "400"),
    (CODE, "code.woff2", "normal", "400"),
]


def face(family: str, data: bytes, kind: str, style: str = "normal", weight: str = "400") -> str:
    """Return the CSS rule that makes font data known under a family's name."""
    text = base64.b64encode(data).decode()
    return (
        f"@font-face{{font-family:'{family}';font-style:{style};font-weight:{weight};"
        f'src:url(data:font/{kind};base64,{text}) format("{kind}")}}'
    )


def stylesheet(data: Callable[[Path], bytes] = Path.read_bytes) -> str:
    """Return the rules that bring the fonts of the site, with the data of each file inside."""
    rules = [
        face(family, data(HERE / name), "woff2", style, weight)
        for family, name, style, weight in _FILES
    ]
    return "\n".join(rules)


@cache
def register() -> None:
    """Let matplotlib know the fonts of figures."""
    for weight in WEIGHTS:
        font_manager.fontManager.addfont(HERE / f"sans-{weight}.ttf")


@cache
def embedded(characters: frozenset[str], weight: int = 400) -> str:
    """Return the rule that brings those letters of the font that a figure shows.

    Parameters
    ----------
    characters
        The letters; those that the font lacks are left out.
    weight
        One of `WEIGHTS`.
    """
    # Importing fontTools takes longer than many a notebook's cell.
    from fontTools.subset import Options, Subsetter
    from fontTools.ttLib import TTFont

    logging.getLogger("fontTools").setLevel(logging.ERROR)
    font = TTFont(HERE / f"sans-{weight}.ttf", recalcTimestamp=False)
    options = Options(layout_features=["kern"], hinting=False, name_IDs=[0, 13, 14])
    subsetter = Subsetter(options)
    subsetter.populate(text="".join(sorted(characters)))
    subsetter.subset(font)
    font.flavor = "woff"
    buffer = io.BytesIO()
    font.save(buffer)
    return face(SANS, buffer.getvalue(), "woff", weight=str(weight))
