"""Sentences as people type them, made from sentences as they are printed."""

import re
from collections.abc import Callable, Mapping

from attend.text.corpus import normalize

_MARK = re.compile(r"[.!?]+$")


def without_mark(text: str) -> str:
    """Leave the mark at the end out; a text of nothing else stays."""
    return _MARK.sub("", text).rstrip() or text


def lower_without_mark(text: str) -> str:
    """Write everything small, and leave the mark at the end out."""
    return without_mark(text).lower()


def with_space_before_mark(text: str) -> str:
    """Put a space before the mark at the end."""
    return normalize(_MARK.sub(lambda mark: f" {mark[0]}", text))


def without_apostrophes(text: str) -> str:
    """Leave every apostrophe out: "dont", "its"."""
    return text.replace("'", "") or text


def with_small_beginning(text: str) -> str:
    """Write the first letter small."""
    return text[:1].lower() + text[1:]


Form = Callable[[str], str]

FORMS: Mapping[Form, float] = {
    str: 0.62,
    without_mark: 0.10,
    str.lower: 0.09,
    lower_without_mark: 0.10,
    with_small_beginning: 0.04,
    without_apostrophes: 0.03,
    with_space_before_mark: 0.02,
}
"""How a source is typed, and in what share of a training epoch. `str` leaves it as printed.

Quotation marks, apostrophes and spaces need no form: `normalize` writes all kinds of them as one.
Nor does a sentence all in capitals: the translator reads it in small letters.
"""
