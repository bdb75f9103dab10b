"""Only the icons that pages show: the theme's fonts hold two thousand, a page uses ten."""

from __future__ import annotations

import hashlib
import logging
import re
from pathlib import Path

from fontTools.subset import Options, Subsetter, load_font, save_font

logging.getLogger("fontTools.subset").setLevel(logging.ERROR)

RULE = re.compile(r'((?:\.fa-[\w-]+::?before,?)+)\{content:"([^"]+)"\}')
FONT = re.compile(r'url\(([^)]*?(fa-[\w-]+)\.woff2)\) format\("woff2"\)(?:,url\([^)]*\) [^;}]*)?')
NAME = re.compile(r"\bfa-([\w-]+)")
ESCAPE = re.compile(r"\\([0-9a-f]{3,5})\b")
FROM_SCRIPTS = {"xmark"}
PRIVATE = range(0xE000, 0xF900)


def used_names(folder: Path) -> set[str]:
    """List the icons named in any page of a built site, and those that its scripts add."""
    pages = (path.read_text(encoding="utf-8") for path in folder.rglob("*.html"))
    return FROM_SCRIPTS.union(*(NAME.findall(page) for page in pages))


def without_unused(css: str, names: set[str]) -> str:
    """Drop the rules of icons that no page shows."""
    return RULE.sub(lambda m: m.group(0) if names & set(NAME.findall(m.group(1))) else "", css)


def characters(css: str) -> list[int]:
    """List the characters that the icon rules of a style sheet ask of the fonts."""
    written = {ord(letter) for letter in css if ord(letter) in PRIVATE}
    escaped = {int(code, 16) for code in ESCAPE.findall(css)}
    return sorted(written | escaped)


def subset(css: str, static: Path, names: set[str]) -> str:
    """Write small fonts beside the style sheet, and return it with links to them.

    A font's name holds a digest of its characters, so a browser never takes an older one for it.
    """
    css = without_unused(css, names)
    wanted = characters(css)
    key = hashlib.sha256(repr(wanted).encode()).hexdigest()[:8]

    def smaller(match: re.Match[str]) -> str:
        name = f"fonts/{match.group(2)}-{key}.woff2"
        if not (static / name).exists():
            write_subset(static / match.group(1), static / name, wanted)
        return f'url({name}) format("woff2")'

    return FONT.sub(smaller, css)


def write_subset(font: Path, target: Path, wanted: list[int]) -> None:
    """Write the part of a font that draws the characters `wanted`."""
    # Instructions for coarse screens are half of a small font, and no screen of today needs them.
    options = Options(flavor="woff2", notdef_outline=True, hinting=False)
    loaded = load_font(str(font), options)
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=wanted)
    subsetter.subset(loaded)
    target.parent.mkdir(parents=True, exist_ok=True)
    save_font(loaded, str(target), options)
