"""Explorers in notebooks that are read where no script may run: a plain table of numbers.

Pages get the picture itself, drawn by the module that browsers run; see `render`. What a notebook
stores goes through readers that leave out styles and drawings, so it is a table and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from html import escape

import numpy as np

__all__ = ["Picture", "number", "plain"]


@dataclass(frozen=True)
class Picture:
    """A matrix to show: queries on rows, keys on columns.

    Parameters
    ----------
    title : str
        What the cells hold, such as ``"Weights"``.
    tokens : sequence of str
        Names of the rows, and of the columns unless ``columns`` is given.
    values : array
        The numbers, (n, m).
    columns : sequence of str, optional
        Names of the columns.
    corner, said : str
        What rows and columns are, where they are no queries and keys: short, and in words.
    """

    title: str
    tokens: Sequence[str]
    values: np.ndarray
    columns: Sequence[str] | None = None
    corner: str = "query ↓ key →"
    said: str = "queries on rows, keys on columns"


def number(x: float) -> str:
    """Write a number with about three figures, as ``text.js`` does."""
    size = abs(x)
    if size >= 99999.5:
        mantissa, power = f"{x:.1e}".split("e")
        return f"{mantissa}e{int(power)}".replace("-", "−")
    text = _rounded(x, 0 if size >= 99.95 else 1 if size >= 9.995 else 2)
    return text.lstrip("-") if not text.strip("-0.") else text.replace("-", "−")


def _rounded(x: float, digits: int) -> str:
    """Round a tie away from zero, as browsers do; Python's own formatting takes the even digit."""
    return str(Decimal(float(x)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP))


def plain(picture: Picture) -> str:
    """Return the table without styles."""
    columns = picture.tokens if picture.columns is None else picture.columns
    head = "".join(map(_name, [picture.corner, *columns]))
    rows = zip(picture.tokens, picture.values, strict=True)
    body = "".join(f"<tr>{_name(name)}{''.join(map(_cell, row))}</tr>" for name, row in rows)
    said = escape(f"{picture.title}: {picture.said}.")
    return f"<table><caption>{said}</caption><tr>{head}</tr>{body}</table>"


def _name(text: str) -> str:
    return f"<th>{escape(text)}</th>"


def _cell(x: float) -> str:
    return f"<td>{number(x)}</td>"
