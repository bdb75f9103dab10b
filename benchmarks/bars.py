"""Draw what was measured: bars for the medians, whiskers to the quartiles, one panel a quantity."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from attend.figures.style import STYLES
from attend.files import write_atomically

Summary = Mapping[str, float]


def draw(results: Mapping[str, Mapping[str, Summary]], path: Path, label: str) -> None:
    """Draw every quantity of every engine, ours in colour.

    Parameters
    ----------
    results
        For each engine and quantity its median and quartiles.
    path
        The SVG file.
    label
        What the horizontal axis shows.
    """
    style, out = STYLES["light"], io.BytesIO()
    quantities = list(next(iter(results.values())))
    with mpl.rc_context(style.rc()):
        height = 0.7 + len(quantities) * (0.3 + 0.3 * len(results))
        picture = Figure(figsize=(style.width, height), layout="constrained", facecolor="white")
        panels = picture.subplots(len(quantities), 1, squeeze=False)[:, 0]
        for ax, name in zip(panels, quantities, strict=True):
            draw_quantity(ax, {engine: of[name] for engine, of in results.items()})
            ax.set_title(name if len(quantities) > 1 else "", loc="left")
        panels[-1].set_xlabel(f"{label}: median of the rounds, whiskers to the quartiles")
        picture.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    write_atomically(path, out.getvalue())


def draw_quantity(ax: Axes, values: Mapping[str, Summary]) -> None:
    """Draw one quantity of all engines, the number beside each bar."""
    style = STYLES["light"]
    widest = max(s["upper quartile"] for s in values.values())
    for place, (engine, s) in enumerate(values.items()):
        middle = s["median"]
        spread = [[middle - s["lower quartile"]], [s["upper quartile"] - middle]]
        colour: Any = style.first if engine.startswith("attend") else style.line
        ax.barh(place, middle, color=colour, xerr=spread, capsize=3, height=0.7)
        ax.text(s["upper quartile"] + widest / 60, place, f"{middle:,.0f}", va="center")
    ax.set_yticks(range(len(values)), list(values))
    ax.set_xlim(0, widest * 1.15)
    ax.invert_yaxis()
    ax.spines[["top", "right"]].set_visible(False)
