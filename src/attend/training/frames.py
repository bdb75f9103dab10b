"""Pairs of our own, for what a corpus has too little of: numbers, quotations, single words, names.

A frame is a sentence with gaps, in both languages. They get the same number, year, clock time or
date on both sides, or a short pair of the corpus in quotation marks. Single words and short phrases
come from the corpus; names are copied. No frame is a sentence of a test: one holds that against all
of them.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from attend.text.corpus import SentencePair, read_pairs
from attend.training.number_words import english, german
from attend.training.phrases import phrases
from attend.training.variety import made_up_name, shared_names

T = TypeVar("T")

DATA = Path(__file__).parent / "data"
"""The frames, a pair a line. "{a}" and "{b}" are any numbers, now and then written in words."""

SHARES = {"number": 0.5, "quotation": 0.2, "phrase": 0.2, "name": 0.1}
"""What is drawn, and how often."""
IN_WORDS = 0.2
"""How often a number below 100 is written in words."""


def frames(name: str) -> list[SentencePair]:
    """Read a file of `DATA`."""
    return list(read_pairs(DATA / f"{name}.tsv"))


_NUMBERS, _QUOTATIONS, _MONTHS = map(frames, ("numbers", "quotations", "months"))


def quotable(pairs: Sequence[SentencePair]) -> list[SentencePair]:
    """Return the pairs of at most two words without a comma, and leave the mark at the end out."""
    bare = (SentencePair(*(text.rstrip(".!?") for text in pair)) for pair in pairs)
    word = re.compile(r"[\w']+( [\w']+)?")
    return [pair for pair in bare if all(map(word.fullmatch, pair))]


class Frames:
    """Draws pairs of our own, with words of a corpus.

    Parameters
    ----------
    pairs
        The corpus: what is quoted, single words and names come from it.
    """

    def __init__(self, pairs: Sequence[SentencePair]) -> None:
        self.quotable = quotable(pairs) or [SentencePair("Yes", "Ja")]
        self.phrases = phrases(pairs) or [SentencePair("the house", "das Haus")]
        self.names = shared_names(pairs) or ["Tom"]

    def draw(self, draw: np.random.Generator) -> SentencePair:
        """Draw a pair; the same state of `draw` gives the same one."""
        kind = draw.choice(list(SHARES), p=list(SHARES.values()))
        return getattr(self, f"_{kind}")(draw)

    def _number(self, draw: np.random.Generator) -> SentencePair:
        return filled(_pick(_NUMBERS, draw), draw)

    def _quotation(self, draw: np.random.Generator) -> SentencePair:
        said, answer = _pick(self.quotable, draw)
        source, target = _pick(_QUOTATIONS, draw)
        return SentencePair(source.format(said=said), target.format(gesagt=answer))

    def _phrase(self, draw: np.random.Generator) -> SentencePair:
        source, target = _pick(self.phrases, draw)
        answer = f"{target[0].upper()}{target[1:]}."
        # Who types one word rarely ends it with a full stop.
        if draw.random() < 0.5:
            return SentencePair(source, answer)
        return SentencePair(f"{source.capitalize()}.", answer)

    def _name(self, draw: np.random.Generator) -> SentencePair:
        count = int(draw.integers(1, 3))
        names = [
            made_up_name(draw) if draw.random() < 0.5 else _pick(self.names, draw)
            for _ in range(count)
        ]
        return SentencePair(f"{' '.join(names)}.", f"{' '.join(names)}.")


def _pick(some: Sequence[T], draw: np.random.Generator) -> T:
    return some[int(draw.integers(len(some)))]


def filled(frame: SentencePair, draw: np.random.Generator) -> SentencePair:
    """Fill the gaps of a frame with numbers."""
    left, right = gaps(draw)
    return SentencePair(frame.source.format_map(left), frame.target.format_map(right))


def gaps(draw: np.random.Generator) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Draw what fills the gaps, in English and in German."""
    month, year = _pick(_MONTHS, draw), int(draw.integers(1400, 2090))
    thousands, rest = int(draw.integers(1, 900)), int(draw.integers(10)) * 100
    both = {
        "long": str(draw.integers(1000, 1_000_000)),
        "year": str(year),
        "later": str(year + int(draw.integers(1, 10))),
        "time": _time(draw),
        "until": _time(draw),
        "day": str(draw.integers(1, 32)),
        "hour": str(draw.integers(2, 12)),
    }
    left = both | {"thousands": f"{thousands},{rest:03}", "month": month.source}
    right = both | {"tausende": f"{thousands}.{rest:03}", "monat": month.target}
    for name in "ab":
        left[name], right[name] = number(draw)
    return left, right


def number(draw: np.random.Generator) -> tuple[str, str]:
    """Draw a number of one to four digits, in both languages."""
    digits = int(draw.choice([1, 2, 3, 4], p=[0.25, 0.4, 0.25, 0.1]))
    number = int(draw.integers(max(2, 10 ** (digits - 1)), 10**digits))
    if number < 100 and draw.random() < IN_WORDS:
        return english(number), str(german(number))
    return str(number), str(number)


def _time(draw: np.random.Generator) -> str:
    return f"{draw.integers(1, 24)}:{5 * int(draw.integers(12)):02}"
