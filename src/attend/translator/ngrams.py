"""BLEU by hand, for one sentence and one reference (Papineni et al. 2002).

`attend.translator.evaluation` measures translators, with sacrebleu. What stands here shows how such
a score comes about, with words that are cut already.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

LONGEST = 4
"""Runs of 1 to so many words are counted."""


class Matches(NamedTuple):
    """How many runs of a translation stand in the reference too, and how many it has."""

    found: int
    total: int

    @property
    def precision(self) -> float:
        """The share that is found; 0 if the translation has no such run."""
        return self.found / self.total if self.total else 0.0


def runs(words: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    """Count every run of `n` neighbouring words.

    Raises
    ------
    ValueError
        If n is below 1.
    """
    if n < 1:
        raise ValueError(f"a run has at least one word; received n={n}")
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def matches(words: Sequence[str], reference: Sequence[str], n: int) -> Matches:
    """Count the runs that stand in the reference, each at most as often as it does there."""
    ours, theirs = runs(words, n), runs(reference, n)
    return Matches((ours & theirs).total(), ours.total())


def brevity_penalty(length: int, reference: int) -> float:
    """Return the factor, 0 to 1, for a translation of `length` words shorter than its reference.

    Raises
    ------
    ValueError
        If one of them has no word.
    """
    if min(length, reference) < 1:
        raise ValueError(
            f"both texts need a word; received lengths {length} and {reference} of the reference"
        )
    return float(min(1.0, np.exp(1 - reference / length)))


def sentence_bleu(words: Sequence[str], reference: Sequence[str]) -> float:
    """Return BLEU of one sentence, 0 to 100, without any smoothing.

    It is 0 where no run of `LONGEST` words is found, which is one reason to measure over many
    sentences.
    """
    penalty = brevity_penalty(len(words), len(reference))
    shares = [matches(words, reference, n).precision for n in range(1, LONGEST + 1)]
    return 100 * penalty * float(np.prod(shares) ** (1 / LONGEST))
