"""Draw the house: its rooms from the ground up, and who imports whom, as read from the source.

Run ``python scripts/house.py``; it writes ``docs/house.svg``. The storeys are those of
tests/test_layering.py, which holds them.
"""

from __future__ import annotations

import sys
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "docs" / "house.svg"
sys.path.insert(0, str(ROOT / "tests"))

from test_layering import STOREYS, modules, ours, storey  # noqa: E402

ROW, NAME, MARGIN, HEAD = 34, 460, 16, 60
STYLE = (
    "text{font:14px system-ui,sans-serif;fill:#1b1f24}.s{font-size:12px;fill:#4a525c}"
    ".a{fill:#e3edf8}.c{fill:#fbe9dd}.g{fill:#eef0f3}.d{fill:#0b4f94}"
)


def title(rooms: set[str]) -> str:
    """Name a storey: its folders, or its modules without their package."""
    names = sorted(room.rstrip(".") for room in rooms)
    folders = [room for room in rooms if room.endswith(".")]
    if folders:
        return folders[0].rstrip(".").replace(".", "/")
    package = names[0].split(".")[0]
    return f"{package}: " + ", ".join(n.split(".")[-1] for n in names if n != package)


def imported() -> set[tuple[int, int]]:
    """List the pairs of storeys of which the first imports something of the second."""
    pairs = {(storey(module), storey(name)) for module in modules() for name in ours(module)}
    return {(upper, lower) for upper, lower in pairs if upper != lower}


def inhabited() -> list[int]:
    """List the storeys that have modules, from the top down."""
    return sorted({storey(module) for module in modules()}, reverse=True)


def svg() -> str:
    """Return the picture: a row for each storey, the roof first, and a dot for each import."""
    levels, pairs = inhabited(), imported()
    place = {level: number for number, level in enumerate(levels)}
    width = 2 * MARGIN + NAME + ROW * len(levels)
    height = HEAD + ROW * len(levels) + MARGIN
    parts = [
        row(title(STOREYS[level]), place[level], len(levels) - place[level]) for level in levels
    ]
    parts += [cell(place[a], place[b], (a, b) in pairs) for a in levels for b in levels if a > b]
    parts += [
        f'<text class="s" x="{column(n) + ROW / 2:g}" y="{HEAD - 8}" text-anchor="middle">'
        f"{len(levels) - n}</text>"
        for n in range(len(levels))
    ]
    says = "A dot: the storey of this row imports from the storey with the number of this column."
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'role="img" aria-label="The storeys of the source, and who imports whom">'
        f'<style>{STYLE}</style><rect width="100%" height="100%" fill="#fff"/>'
        f'<text class="s" x="{MARGIN}" y="22">{says}</text>{"".join(parts)}</svg>\n'
    )


def column(number: int) -> int:
    """Return where a column of the table begins."""
    return MARGIN + NAME + ROW * number


def row(name: str, number: int, storey_number: int) -> str:
    """Draw the name of a storey."""
    kind = "c" if name.startswith("attend_course") else "a"
    top = HEAD + ROW * number
    return (
        f'<rect class="{kind}" x="{MARGIN}" y="{top + 2}" width="{NAME - 8}" height="{ROW - 4}" '
        f'rx="4"/><text x="{MARGIN + 10}" y="{top + 22}">{storey_number}  {escape(name)}</text>'
    )


def cell(number: int, other: int, dotted: bool) -> str:
    """Draw whether one storey imports from another."""
    x, y = column(other), HEAD + ROW * number
    box = f'<rect class="g" x="{x + 2}" y="{y + 2}" width="{ROW - 4}" height="{ROW - 4}" rx="3"/>'
    dot = f'<circle class="d" cx="{x + ROW / 2:g}" cy="{y + ROW / 2:g}" r="6"/>' if dotted else ""
    return box + dot


if __name__ == "__main__":
    TARGET.write_text(svg(), encoding="utf-8")
    print(f"Wrote {TARGET.relative_to(ROOT)}")
