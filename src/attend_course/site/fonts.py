"""Fonts that are there before the first line is drawn: what pages need travels in the style sheet.

A font that arrives later moves the lines that it draws. So its data is in the style sheet, which a
browser waits for, and the page is shown when a script of its head has seen it unpacked. That script
knows these fonts by ``font-display: swap``; the others, which few pages need, are files.
"""

from __future__ import annotations

import base64
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path

from attend_course.kit.fonts import stylesheet
from attend_course.site.icons import write_subset

FACE = re.compile(r"@font-face ?\{[^}]*\}")
DISPLAY = re.compile(r"font-display:[^;}]*;?")
FILE = re.compile(r'url\((fonts/([\w-]+)\.woff2)\) ?format\("woff2"\)')
FORMULAS = re.compile(r"KaTeX_(?:Main-Regular|Math-Italic|Size[1-4]-Regular)")
"""The fonts that draw all formulas but a few; the others are fetched where a page asks for them."""


TYPED = {chr(code) for code in (*range(0x20, 0x7F), *range(0xA0, 0x100))}
"""What readers may type into an explorer: the letters of Western European languages."""


def letters(pages: Iterable[str], scripts: Iterable[str]) -> set[str]:
    """Collect the characters that pages show: those in them, in their scripts, and those typed."""
    return TYPED.union(*pages, *scripts)


def with_fonts(css: str, static: Path, shown: set[str]) -> str:
    """Put icons, the letters of formulas and the fonts of the course into a style sheet.

    Parameters
    ----------
    css
        The style sheet, with links as seen from `static`.
    static
        The folder that holds ``fonts``.
    shown
        The characters that pages show; formulas get no others.
    """
    wanted = sorted(ord(letter) for letter in shown)

    def inside(match: re.Match[str]) -> str:
        rule = match.group(0)
        file = FILE.search(rule)
        if not file or not (file.group(2).startswith("fa-") or FORMULAS.match(file.group(2))):
            return rule
        data = (static / file.group(1)).read_bytes()
        if FORMULAS.match(file.group(2)):
            data = part(static / file.group(1), wanted)
        return swapped(rule.replace(file.group(0), source(data)))

    own = stylesheet(lambda font: part(font, wanted))
    return FACE.sub(inside, css) + FACE.sub(lambda m: swapped(m.group(0)), own)


def part(font: Path, wanted: list[int]) -> bytes:
    """Return the part of a font that draws the characters `wanted`."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / font.name
        write_subset(font, target, wanted)
        return target.read_bytes()


def source(data: bytes) -> str:
    """Return a font as an address that holds it."""
    text = base64.b64encode(data).decode()
    return f'url(data:font/woff2;base64,{text}) format("woff2")'


def swapped(rule: str) -> str:
    """Mark a font as one that the page waits for."""
    return DISPLAY.sub("", rule).replace("{", "{font-display:swap;", 1)
