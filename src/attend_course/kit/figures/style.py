"""Palettes and the few building blocks that all figures share.

A figure is drawn four times by one function: light and dark, wide and narrow. What differs is
the `Style` it is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from attend_course.kit.fonts import SANS, register

WIDE, NARROW = 7.2, 3.3
"""Widths of a figure in inches: 691 and 317 CSS pixels."""


@dataclass(frozen=True)
class Style:
    """The colours and the width of a figure.

    Parameters
    ----------
    name
        What the file is called after, such as ``"dark-narrow"``.
    ink, muted, line
        Colours of text, of secondary text, and of axes.
    first, second, third
        Colours that tell curves apart, also for readers who do not see red and green.
    low, high
        The two ends of the ramp for weights: 0 and 1.
    negative
        The far end of the ramp for negative scores.
    blocked
        Colour of a cell that a mask blocks.
    width
        Width of the figure in inches.
    """

    name: str
    ink: str
    muted: str
    line: str
    first: str
    second: str
    third: str
    low: str
    high: str
    negative: str
    blocked: str
    width: float = WIDE

    @property
    def narrow(self) -> bool:
        """Whether the figure is for a telephone: put panels under each other."""
        return self.width < 5

    def rc(self) -> dict[str, Any]:
        """Return the matplotlib settings under which a figure of this style is drawn."""
        register()
        return {
            "svg.fonttype": "none",
            "svg.hashsalt": "attend",
            "font.family": [SANS],
            "font.size": 10,
            "axes.titlesize": 10.5,
            "axes.labelsize": 10,
            "xtick.labelsize": 9.5,
            "ytick.labelsize": 9.5,
            "legend.fontsize": 9.5,
            "legend.frameon": False,
            "lines.linewidth": 2,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.edgecolor": self.line,
            "axes.labelcolor": self.ink,
            "axes.titlecolor": self.ink,
            "xtick.color": self.line,
            "ytick.color": self.line,
            "xtick.labelcolor": self.muted,
            "ytick.labelcolor": self.muted,
            "text.color": self.ink,
        }

    def panels(
        self, count: int, height: float = 2.9, stacked: float | None = None
    ) -> tuple[Figure, list[Axes]]:
        """Return a figure with `count` panels: side by side, or stacked where it is narrow.

        Parameters
        ----------
        count
            How many panels.
        height
            Height of the row of panels in inches.
        stacked
            Height of each panel where they are stacked; `height` if None.
        """
        rows, columns = (count, 1) if self.narrow else (1, count)
        each = stacked if self.narrow and stacked else height
        picture = Figure(figsize=(self.width, rows * each), layout="constrained")
        picture.get_layout_engine().set(w_pad=0.07, h_pad=0.07)
        return picture, list(picture.subplots(rows, columns, squeeze=False).flat)


_LIGHT = Style(
    name="light",
    ink="#1b1f24",
    muted="#4a525c",
    line="#7a838e",
    first="#0b5cad",
    second="#b5480a",
    third="#5b3d99",
    low="#f3f7fb",
    high="#0b4f94",
    negative="#b5480a",
    blocked="#d9dde2",
)
_DARK = Style(
    name="dark",
    ink="#eceff3",
    muted="#b6bfca",
    line="#8b95a1",
    first="#74b4ff",
    second="#ffa066",
    third="#c3a6ff",
    low="#1d2733",
    high="#8cc4ff",
    negative="#ff9a5c",
    blocked="#454d57",
)
STYLES = {
    "light": _LIGHT,
    "dark": _DARK,
    "light-narrow": replace(_LIGHT, name="light-narrow", width=NARROW),
    "dark-narrow": replace(_DARK, name="dark-narrow", width=NARROW),
}
"""The four styles in which the book draws every figure, by name."""


def luminance(colour: str | tuple[float, ...]) -> float:
    """Return the relative luminance of a colour, from 0 (black) to 1 (white), as WCAG has it."""
    parts = np.asarray(to_rgb(colour))
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one: str | tuple[float, ...], other: str | tuple[float, ...]) -> float:
    """Return the contrast of two colours, from 1 to 21, as WCAG has it."""
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


def readable_on(background: str | tuple[float, ...]) -> str:
    """Return black or white, whichever reads better on `background`."""
    return max(("#000000", "#ffffff"), key=lambda ink: contrast(ink, background))


def weight_colours(style: Style) -> LinearSegmentedColormap:
    """Return the ramp for weights, from 0 to 1."""
    return LinearSegmentedColormap.from_list("weights", [style.low, style.high])


def score_colours(style: Style) -> LinearSegmentedColormap:
    """Return the ramp for scores: negative, zero in the middle, positive."""
    return LinearSegmentedColormap.from_list("scores", [style.negative, style.low, style.high])


@dataclass(frozen=True)
class HeatMap:
    """The artists of a heat map, row by row."""

    cells: list[list[Rectangle]]
    numbers: list[list[Text]]


def heatmap(
    ax: Axes,
    matrix: np.ndarray,
    style: Style,
    *,
    tokens: Sequence[str] | tuple[Sequence[str], Sequence[str]],
    name: str = "weights",
    **options: Any,
) -> HeatMap:
    """Draw a matrix with queries on rows and keys on columns, a number in every cell.

    Parameters
    ----------
    ax
        Where to draw.
    matrix
        Weights or scores, (n, m).
    style
        Colours.
    tokens
        The names of the rows and columns: one list for both, or a pair of lists.
    name
        What the cells are called; `read_cells` finds them again under this name.
    **options
        ``limit``: the value of the deepest colour. Without it weights (all from 0 to 1) have 1,
        and scores the largest absolute value. ``digits``: decimals in the cells, 2.
        ``blocked``: boolean (n, m), True for cells drawn as masked. ``names``: False leaves the
        names of the rows to the panel on the left.

    Returns
    -------
    HeatMap
        Rectangles and texts, row by row, so that a test can read numbers and colours back.

    Raises
    ------
    ValueError
        When the labels do not fit the matrix.
    """
    matrix = np.asarray(matrix, dtype=float)
    rows, columns = tokens if isinstance(tokens, tuple) and len(tokens) == 2 else (tokens, tokens)
    if matrix.shape != (len(rows), len(columns)):
        raise ValueError(
            f"heatmap: the matrix has shape {matrix.shape}, but there are {len(rows)} row names "
            f"and {len(columns)} column names; give one name for each row and column"
        )
    _frame(ax, rows if options.get("names", True) else [""] * len(rows), columns)
    colours = _colours(matrix, style, options.get("limit"), options.get("blocked"))
    cells, numbers = [], []
    for i, row in enumerate(matrix):
        cells.append([_cell(ax, (i, j), colours[i][j], name) for j in range(len(row))])
        labels = [label(value, options.get("digits", 2)) for value in row]
        numbers.append([_number(ax, *pair, name) for pair in zip(cells[i], labels, strict=True)])
        for number in numbers[i]:
            number.set_fontsize(options.get("size", 9))
    return HeatMap(cells, numbers)


def read_cells(picture: Figure, name: str = "weights") -> tuple[np.ndarray, np.ndarray]:
    """Read a heat map back from a drawn figure.

    Parameters
    ----------
    picture
        The figure.
    name
        The name that `heatmap` was given.

    Returns
    -------
    numbers
        What the cells say, (n, m). A blocked score reads as minus infinity.
    colours
        The colours of the cells, (n, m, 3).
    """
    found = {a.get_gid(): a for a in picture.findobj(lambda a: _belongs(a.get_gid(), name))}
    places = [tuple(map(int, gid.split("-")[-2:])) for gid in found]
    shape = tuple(1 + max(place[axis] for place in places) for axis in (0, 1))
    numbers, colours = np.empty(shape), np.empty((*shape, 3))
    for i, j in places:
        text = found[f"{name}-number-{i}-{j}"].get_text()
        numbers[i, j] = float(text.replace("−", "-").replace("∞", "inf"))
        colours[i, j] = to_rgb(found[f"{name}-cell-{i}-{j}"].get_facecolor())
    return numbers, colours


def expected_colours(
    matrix: np.ndarray, style: Style, limit: float | None = None, blocked: np.ndarray | None = None
) -> np.ndarray:
    """Return the colours, (n, m, 3), in which `heatmap` draws a matrix."""
    return np.array(_colours(np.asarray(matrix, dtype=float), style, limit, blocked))


def label(value: float, digits: int = 2) -> str:
    """Write a number as a cell shows it: a true minus, and .25 for 0.25, to save room."""
    if not np.isfinite(value):
        return "−∞" if value < 0 else "∞"
    # Adding zero turns minus nought into nought.
    text = f"{round(float(value), digits) + 0.0:.{digits}f}".replace("-", "−")
    return text.replace("0.", ".", 1) if text.lstrip("−").startswith("0.") else text


def _belongs(gid: str | None, name: str) -> bool:
    return gid is not None and gid.startswith((f"{name}-cell-", f"{name}-number-"))


def _colours(
    matrix: np.ndarray, style: Style, limit: float | None, blocked: np.ndarray | None
) -> list[list[tuple[float, ...]]]:
    finite = matrix[np.isfinite(matrix)]
    weights = finite.size == 0 or (finite.min() >= 0 and finite.max() <= 1)
    top = limit or (1.0 if weights else float(np.abs(finite).max()))
    ramp = weight_colours(style) if weights else score_colours(style)
    scale = Normalize(0 if weights else -top, top, clip=True)
    hidden = ~np.isfinite(matrix) if blocked is None else np.asarray(blocked)
    return [
        [
            to_rgb(style.blocked if hidden[i, j] else ramp(scale(matrix[i, j])))
            for j in range(matrix.shape[1])
        ]
        for i in range(matrix.shape[0])
    ]


def _frame(ax: Axes, rows: Sequence[str], columns: Sequence[str]) -> None:
    ax.set_xlim(0, len(columns))
    ax.set_ylim(len(rows), 0)
    ax.set_aspect("equal")
    long_names = max(len(token) for token in columns) > 2
    turn = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if long_names else {}
    ax.set_xticks(np.arange(len(columns)) + 0.5, columns, **turn)
    ax.set_yticks(np.arange(len(rows)) + 0.5, rows)
    ax.tick_params(length=0)
    ax.set_xlabel("keys")
    ax.set_ylabel("queries")
    for spine in ax.spines.values():
        spine.set_visible(False)


def _cell(ax: Axes, place: tuple[int, int], colour: tuple[float, ...], name: str) -> Rectangle:
    i, j = place
    cell = Rectangle((j + 0.02, i + 0.02), 0.96, 0.96, facecolor=colour, linewidth=0)
    cell.set_gid(f"{name}-cell-{i}-{j}")
    ax.add_patch(cell)
    return cell


def _number(ax: Axes, cell: Rectangle, says: str, name: str) -> Text:
    place = cell.get_gid().rpartition("cell-")[2]
    x, y = cell.get_x() + 0.48, cell.get_y() + 0.5
    ink = readable_on(to_rgb(cell.get_facecolor()))
    number = ax.text(x, y, says, ha="center", va="center", color=ink)
    number.set_gid(f"{name}-number-{place}")
    return number
