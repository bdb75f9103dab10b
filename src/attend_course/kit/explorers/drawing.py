"""The pictures of explorers as HTML that needs no script.

What stands here is drawn when the book is built: it is on the page before any script runs, stays
where none does, and is what prints. The elements and classes are those of ``static/draw.js``, so
one style sheet serves both and nothing moves when the live explorer takes over; a test compares
the two, text by text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from html import escape
from typing import Any

import numpy as np

__all__ = [
    "Html",
    "Picture",
    "box",
    "element",
    "frame",
    "heat_map",
    "mini_map",
    "number",
    "plain",
    "short",
    "spread_plot",
    "symbol",
    "vector",
]


class Html(str):
    """Text that is HTML already; every other text is escaped."""


@dataclass(frozen=True)
class Picture:
    """A matrix to draw: queries on rows, keys on columns.

    Parameters
    ----------
    title : str
        What the cells hold, such as ``"Weights"``.
    tokens : sequence of str
        Names of the rows, and of the columns unless ``columns`` is given.
    values : array
        The numbers, (n, m).
    limit : float
        The value with the deepest colour: 1 for weights, the largest size of any score for scores.
    allowed : array, optional
        Boolean (n, m), True = may attend.
    sums : array, optional
        Sums of the rows, (n,).
    columns : sequence of str, optional
        Names of the columns.
    """

    title: str
    tokens: Sequence[str]
    values: np.ndarray
    limit: float = 1.0
    allowed: np.ndarray | None = None
    sums: np.ndarray | None = None
    columns: Sequence[str] | None = None

    @property
    def names(self) -> tuple[Sequence[str], Sequence[str]]:
        """Names of rows and columns."""
        return self.tokens, self.tokens if self.columns is None else self.columns

    def shade(self, i: int, j: int) -> str:
        """Return the place of a cell on the colour ramp, -1 to 1, as the style sheet reads it."""
        return f"{np.clip(self.values[i, j] / (self.limit or 1.0), -1, 1):.3f}"

    def blocked(self, i: int, j: int) -> bool:
        """Return whether the mask forbids this key to this query."""
        return self.allowed is not None and not self.allowed[i, j]


def number(x: float) -> str:
    """Write a number with about three figures, as ``static/dom.js`` does."""
    size = abs(x)
    if size >= 99999.5:
        mantissa, power = f"{x:.1e}".split("e")
        return f"{mantissa}e{int(power)}".replace("-", "−")
    text = _rounded(x, 0 if size >= 99.95 else 1 if size >= 9.995 else 2)
    return text.lstrip("-") if not text.strip("-0.") else text.replace("-", "−")


def _rounded(x: float, digits: int) -> str:
    """Round a tie away from zero, as browsers do; Python's own formatting takes the even digit."""
    return str(Decimal(float(x)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP))


def short(x: float) -> str:
    """Write a whole number without decimals, any other as `number` does."""
    return str(int(x)).replace("-", "−") if float(x).is_integer() and abs(x) < 1e5 else number(x)


def vector(row: Sequence[float]) -> str:
    """Write a vector as ``(1, −2, 0.50)``."""
    return f"({', '.join(short(x) for x in row)})"


def element(tag: str, attributes: dict[str, Any] | None = None, *children: Any) -> Html:
    """Return an element; texts among its children are escaped, a true attribute has no value."""
    kept = {name: value for name, value in (attributes or {}).items() if value not in (None, False)}
    written = "".join(
        f" {name}" if value is True else f' {name}="{escape(str(value))}"'
        for name, value in kept.items()
    )
    inside = "".join(child if isinstance(child, Html) else escape(str(child)) for child in children)
    return Html(f"<{tag}{written}>{inside}</{tag}>")


def symbol(letter: str, index: str) -> Html:
    """Return a symbol of the paper with its index."""
    parts = element("i", None, letter), element("sub", None, index)
    return element("span", {"class": "attend-symbol"}, *parts)


def box(name: str, *children: Html) -> Html:
    """Return a block of the style sheet's class ``attend-name``."""
    return element("div", {"class": f"attend-{name}"}, *children)


def formula(
    words: tuple[str, str], locked: bool, lines: Mapping[str, Sequence[str]], name: str = "formula"
) -> Html:
    """Return the box that explains the cell of a query and a key, line by line.

    Parameters
    ----------
    words
        The words that ask and answer.
    locked
        Whether the cell stays chosen while the pointer moves on.
    lines
        What is computed, by name; each in pieces of text or HTML.
    name
        The box's class, as in `box`.
    """
    query, key = (element("b", None, word) for word in words)
    lock = element("span", {"class": "attend-muted"}, " · locked" if locked else "")
    title = element("p", {"class": "attend-formula-title"}, "Query ", query, ", key ", key, lock)
    pairs = [element("dt", None, what) + element("dd", None, *line) for what, line in lines.items()]
    return box(name, title, element("dl", {"class": "attend-formula-lines"}, Html("".join(pairs))))


def heat_map(picture: Picture, stage: str) -> Html:
    """Return the table that is a heat map: a number and a colour in each cell."""
    rows, columns = picture.names
    sides = [_side("col", name) for name in columns]
    total = element("th", {"scope": "col", "class": "attend-sum"}, "sum" if _has(picture) else "")
    names = [element("span", {"class": "attend-nowrap"}, text) for text in ("query ↓", "key →")]
    corner = element("th", {"class": "attend-corner"}, names[0], " ", names[1])
    head = element("thead", None, element("tr", None, corner, *sides, total))
    body = element("tbody", None, *(_row(picture, i, name) for i, name in enumerate(rows)))
    dense = " is-dense" if len(columns) > 8 else ""
    sums = " has-sums" if _has(picture) else ""
    label = f"{picture.title}: queries on rows, keys on columns"
    settings = {"class": f"attend-map{dense}{sums}", "data-stage": stage, "aria-label": label}
    return element("table", settings | {"style": f"--columns: {len(columns)}"}, head, body)


def _has(picture: Picture) -> bool:
    return picture.sums is not None


def _side(scope: str, name: str) -> Html:
    return element("th", {"scope": scope, "title": name}, element("span", None, name))


def _row(picture: Picture, i: int, name: str) -> Html:
    cells = [_cell(picture, i, j) for j in range(picture.values.shape[1])]
    total = "" if picture.sums is None else number(picture.sums[i])
    return element("tr", None, _side("row", name), *cells, _sum(total))


def _sum(text: str) -> Html:
    return element("td", {"class": "attend-sum"}, text)


def _cell(picture: Picture, i: int, j: int) -> Html:
    settings = {"class": "is-blocked" if picture.blocked(i, j) else None}
    settings |= {"style": f"--t: {picture.shade(i, j)}"}
    return element("td", settings, number(picture.values[i, j]))


def mini_map(picture: Picture, stage: str) -> Html:
    """Return a heat map without numbers, as SVG."""
    n, m = picture.values.shape
    squares = [_square(picture, i, j) for i in range(n) for j in range(m)]
    settings = {"class": "attend-mini", "viewBox": f"0 0 {m} {n}", "aria-hidden": "true"}
    return element("svg", settings | {"data-stage": stage}, *squares)


def _square(picture: Picture, i: int, j: int) -> Html:
    place = {"x": j, "y": i, "width": 1.01, "height": 1.01}
    blocked = "is-blocked" if picture.blocked(i, j) else None
    return element("rect", place | {"class": blocked, "style": f"--t: {picture.shade(i, j)}"})


_LEFT, _RIGHT, _TOP, _BOTTOM = 38, 284, 14, 164


def across(d_k: float) -> float:
    """Return where d_k stands on the plot: 1 at the left, 512 at the right."""
    return round(_LEFT + math.log2(d_k) / 9 * (_RIGHT - _LEFT), 1)


def up(spread: float) -> float:
    """Return where a spread stands on the plot: 1/4 at the bottom, 64 at the top."""
    share = math.log2(min(max(spread, 0.25), 64) / 0.25) / 8
    return round(_BOTTOM - share * (_BOTTOM - _TOP), 1)


def spread_plot(d_k: int, spread: float, spreads: Sequence[float]) -> Html:
    """Return the plot of the spread of scores against d_k, both axes in powers of two."""
    widths = [2**power for power in range(len(spreads))]
    bare = [_dot("is-bare", d, s) for d, s in zip(widths, spreads, strict=True)]
    scaled = [_dot("is-scaled", d, s / math.sqrt(d)) for d, s in zip(widths, spreads, strict=True)]
    now = [_dot("is-bare is-now", d_k, spread)]
    now += [_dot("is-scaled is-now", d_k, spread / math.sqrt(d_k))]
    label = (
        f"At d_k = {d_k} the scores spread by {number(spread)}; √{d_k} is {number(math.sqrt(d_k))}."
    )
    settings = {"viewBox": "0 0 300 184", "role": "img", "class": "attend-plot"}
    parts = [*_axes(), *_lines(d_k), *bare, *scaled, *now, *_plot_names()]
    picture = element("svg", settings | {"aria-label": label}, *parts)
    said = "Spread of the scores (standard deviation) against "
    caption = element("figcaption", None, said, element("i", None, "d"), element("sub", None, "k"))
    return element("figure", {"class": "attend-plot-figure"}, picture, caption)


def _dot(name: str, d_k: float, spread: float) -> Html:
    place = {"cx": across(d_k), "cy": up(spread)}
    return element("circle", {"r": 3, "class": f"attend-dot {name}"} | place)


def _lines(d_k: int) -> list[Html]:
    ends = {"x1": across(1), "y1": up(1), "x2": across(512), "y2": up(math.sqrt(512))}
    guide = {"x1": across(d_k), "x2": across(d_k), "y1": _TOP, "y2": _BOTTOM}
    return [
        element("line", ends | {"class": "attend-curve"}),
        element("line", guide | {"class": "attend-guide"}),
    ]


def _axes() -> list[Html]:
    levels = (0.25, 1, 4, 16, 64)
    grid = [{"x1": _LEFT, "x2": _RIGHT, "y1": up(s), "y2": up(s)} for s in levels]
    lines = [element("line", place | {"class": "attend-gridline"}) for place in grid]
    below = [_text(across(d), _BOTTOM + 14, d, "attend-tick is-x") for d in (1, 8, 64, 512)]
    return [*lines, *below, *(_text(_LEFT - 6, up(s) + 4, s, "attend-tick is-y") for s in levels)]


def _plot_names() -> list[Html]:
    return [
        _text(across(20), up(16.5), "scores", "attend-name is-bare"),
        _text(across(20), up(0.47), "scores ÷ √dₖ", "attend-name is-scaled"),
        _text(across(490), up(36), "√dₖ", "attend-name is-curve"),
    ]


def _text(x: float, y: float, words: Any, name: str) -> Html:
    return element("text", {"x": x, "y": y, "class": name}, words)


def frame(name: str, *parts: Html) -> Html:
    """Return the box around the picture that every explorer has."""
    settings = {"class": "attend-explorer is-drawn", "role": "group", "aria-label": name}
    return element("div", settings, *parts)


def plain(picture: Picture) -> str:
    """Return the table without styles, for notebooks that are read without widgets."""
    rows, columns = picture.names
    head = element("tr", None, _th("query ↓ key →"), *(_th(name) for name in columns))
    body = [_plain_row(picture, i, name) for i, name in enumerate(rows)]
    said = f"{picture.title}: queries on rows, keys on columns."
    return str(element("table", None, element("caption", None, said), head, *body))


def _plain_row(picture: Picture, i: int, name: str) -> Html:
    cells = [element("td", None, number(x)) for x in picture.values[i]]
    return element("tr", None, _th(name), *cells)


def _th(name: str) -> Html:
    return element("th", None, name)
