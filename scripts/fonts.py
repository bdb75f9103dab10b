"""Make the fonts of the site anew from the families they are cut from.

Run ``python scripts/fonts.py``; it needs npm, asks the package registry for two packages, and
writes ``src/attend_course/kit/fonts/vendor``. Readers and builds need neither: the fonts are part
of the project. Their licence keeps the name of the originals for unchanged files, so the parts
have names of their own.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

TARGET = Path(__file__).resolve().parents[1] / "src/attend_course/kit/fonts/vendor"
SANS, CODE = "source-sans@3.52.0", "source-code-pro@2.42.0"

LATIN = [*range(0x20, 0x7F), *range(0xA0, 0x100), *map(ord, "ŁłŒœŠšŽž–—‘’‚“”„†•…‰′″€™")]
GREEK = [*range(0x391, 0x3A2), *range(0x3A3, 0x3AA), *range(0x3B1, 0x3CA)]
SMALL = [0x2070, *range(0x2074, 0x2090)]
SIGNS = [*map(ord, "←↑→↓↔√∑∏∂∞≈≠≤≥−×·÷∈∆◀▶▲▼●○■□✓✗▁ᵀₖ")]
ALL = [*LATIN, *GREEK, *SMALL, *SIGNS]
FEATURES = ["kern", "mark", "mkmk", "ccmp", "tnum"]
FAMILY, UNIQUE, FULL, POSTSCRIPT = 1, 3, 4, 6
NAMES = [0, FAMILY, 2, UNIQUE, FULL, 5, POSTSCRIPT, 13, 14]


@dataclass(frozen=True)
class Cut:
    """One file to write: from which font, which weights, which characters, under which name."""

    file: str
    package: str
    source: str
    weight: float | tuple[float, float]
    characters: list[int]
    family: str


UPRIGHT_CODE = "VF/SourceCodeVF-Upright.ttf"
UPRIGHT, ITALIC = "VF/SourceSans3VF-Upright.ttf", "VF/SourceSans3VF-Italic.ttf"
CUTS = [
    Cut("sans.woff2", SANS, UPRIGHT, (400, 700), ALL, "Attend Sans"),
    Cut("sans-italic.woff2", SANS, ITALIC, 400, LATIN, "Attend Sans"),
    Cut("code.woff2", CODE, UPRIGHT_CODE, 400, ALL, "Attend Code"),
    Cut("sans-400.ttf", SANS, UPRIGHT, 400, ALL, "Attend Sans"),
    Cut("sans-700.ttf", SANS, UPRIGHT, 700, ALL, "Attend Sans"),
]


def fetch(package: str, folder: Path) -> Path:
    """Return the folder in which an npm package was unpacked."""
    target = folder / package
    if not target.exists():
        command = ["npm", "pack", "--silent", "--pack-destination", str(folder), package]
        name = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        with tarfile.open(folder / name.splitlines()[-1]) as archive:
            archive.extractall(target, filter="data")
    return target / "package"


def narrowed(path: Path, weight: float | tuple[float, float]) -> TTFont:
    """Return a variable font held at one weight, or within two of them."""
    made = instancer.instantiateVariableFont(TTFont(path), {"wght": weight})
    buffer = io.BytesIO()
    made.save(buffer)  # what was narrowed can be cut only when it is read anew
    buffer.seek(0)
    return TTFont(buffer, recalcTimestamp=False)


def lend(font: TTFont, lender: TTFont, letter: str) -> None:
    """Copy a letter that a font lacks from another one."""
    name = lender.getBestCmap()[ord(letter)]
    font["glyf"][name] = lender["glyf"][name]
    font["hmtx"][name] = lender["hmtx"][name]
    enter(font, letter, name)


def shrink(font: TTFont, letter: str, of: str, height: int) -> None:
    """Draw a raised or lowered letter that a font lacks as a smaller copy of another one."""
    name, base = f"uni{ord(letter):04X}", font.getBestCmap()[ord(of)]
    pen = TTGlyphPen(font.getGlyphSet())
    pen.addComponent(base, (0.62, 0, 0, 0.62, 0, height))
    font["glyf"][name] = pen.glyph()
    width, side = font["hmtx"][base]
    font["hmtx"][name] = round(0.62 * width), round(0.62 * side)
    enter(font, letter, name)


def enter(font: TTFont, letter: str, name: str) -> None:
    """Say which glyph draws a letter."""
    for table in font["cmap"].tables:
        if table.isUnicode() and table.format in (4, 12):
            table.cmap[ord(letter)] = name


def rename(font: TTFont, family: str, weight: int) -> None:
    """Give a font a name of its own, and one weight, which says which file of a family it is."""
    bold = weight == 700
    style = "Bold" if bold else font["name"].getDebugName(2)
    plain = f"{family} {style}"
    own = {FAMILY: family, 2: style, UNIQUE: plain, FULL: plain, POSTSCRIPT: plain.replace(" ", "")}
    for number, text in own.items():
        font["name"].setName(text, number, 3, 1, 0x409)
    font["OS/2"].usWeightClass = weight
    font["head"].macStyle = int(bold) | 2 * (style == "Italic")


def write(cut: Cut, folder: Path) -> None:
    """Write one file."""
    font = narrowed(fetch(cut.package, folder) / cut.source, cut.weight)
    if cut.file.endswith("ttf"):  # pages have the code font beside it, and mark-up for the others
        lend(font, narrowed(fetch(CODE, folder) / UPRIGHT_CODE, 400), "▁")
        shrink(font, "ᵀ", "T", 290)
        shrink(font, "ₖ", "k", -150)
    options = Options(layout_features=FEATURES, hinting=False, notdef_outline=True, name_IDs=NAMES)
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=cut.characters)
    subsetter.subset(font)
    rename(font, cut.family, cut.weight if isinstance(cut.weight, int) else 400)
    font.flavor = "woff2" if cut.file.endswith("woff2") else None
    font.save(TARGET / cut.file)
    print(f"{cut.file}: {(TARGET / cut.file).stat().st_size} bytes")


def main() -> None:
    """Write all files and the licence that came with them."""
    TARGET.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        for cut in CUTS:
            write(cut, Path(temporary))
        for package in (SANS, CODE):
            (text,) = fetch(package, Path(temporary)).glob("LICENSE*")
            shutil.copy(text, TARGET / f"LICENSE-{package.split('@')[0]}.md")


if __name__ == "__main__":
    main()
