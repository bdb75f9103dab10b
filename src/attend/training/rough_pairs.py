"""Sentence pairs that look different in every epoch: typed in a hurry, about others, cut finely."""

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from attend.text.corpus import Batch, EncodedPair, SentencePair, grouped, pad_batch
from attend.text.finer import FinerCuts
from attend.text.tokenizer import Tokenizer
from attend.training.frames import Frames
from attend.training.roughening import FORMS
from attend.training.variety import (
    DIGITS,
    other_names,
    other_numbers,
    shared_names,
    with_digits,
)

Chosen = Mapping[SentencePair, str]
"""For some pairs, a translation by a teacher; see `attend.training.distillation`."""

LONGEST = 160
"""Pieces of the longest source that is learned from."""


class RoughPairs:
    """Training pairs that are made anew for each epoch; a `PairStream` in memory.

    The target of a pair is the corpus's, or the teacher's where there is one. Its numbers and
    names may be others. Then the source alone is roughened: it is typed as in `FORMS`, and in half
    of the sentences some words are cut more finely.

    Parameters
    ----------
    pairs : sequence of SentencePair
        Normalised pairs.
    tokenizer : Tokenizer
        Turns them into tokens.
    chosen : mapping, optional
        Translations by a teacher.
    frames : int
        How many pairs of our own an epoch has besides; see `attend.training.frames`.

    Attributes
    ----------
    teacher_share
        How often a translation by the teacher takes the place of the corpus's.
    numbers_share, names_share
        How often numbers and names are replaced.
    number_repeats
        How many times more an epoch has each pair with digits in its source.
    finer_share
        The share of words cut more finely, in half of the sentences.
    """

    teacher_share = 0.7
    numbers_share = 0.5
    names_share = 0.12
    number_repeats = 8
    finer_share = 0.15

    def __init__(
        self,
        pairs: Sequence[SentencePair],
        tokenizer: Tokenizer,
        chosen: Chosen | None = None,
        frames: int = 0,
    ) -> None:
        if not pairs or frames < 0:
            raise ValueError(
                "there are no sentence pairs to roughen, or fewer than no frames; received "
                f"{len(pairs)} pairs, frames={frames}"
            )
        self.tokenizer, self.cuts = tokenizer, FinerCuts(tokenizer)
        self.pairs = [with_digits(pair) for pair in pairs]
        self.chosen = [(chosen or {}).get(pair) for pair in pairs]
        self.names = shared_names(pairs) or ["Tom"]
        self.frames, self.own = frames, Frames(pairs) if frames else None
        self.with_numbers = [i for i, pair in enumerate(self.pairs) if DIGITS.search(pair.source)]

    def batches(self, *, tokens: int = 4096, seed: int = 0, epoch: int = 0) -> Iterator[Batch]:
        """Make the pairs of an epoch, in batches of similar length; see `corpus.batches`.

        The same seed and epoch give the same batches in the same order.
        """
        draw = np.random.default_rng((seed, epoch))
        encoded = [self._encode(pair, draw) for pair in self.epoch(draw)]
        short = [pair for pair in encoded if len(pair.source) <= min(LONGEST, tokens)]
        return map(pad_batch, grouped(short, tokens, draw))

    def epoch(self, draw: np.random.Generator) -> Iterator[SentencePair]:
        """Yield every pair once as it is in one epoch, those with numbers more often, and frames.

        What stands in a frame is roughened as the rest is.
        """
        for number in range(len(self.pairs)):
            always = bool(draw.random() < self.numbers_share)
            yield self._rough(number, draw, new_numbers=always)
        for number in self.with_numbers * self.number_repeats:
            yield self._rough(number, draw, new_numbers=True)
        if self.own:
            for _ in range(self.frames):
                yield self._typed(self.own.draw(draw), draw)

    def _rough(self, number: int, draw: np.random.Generator, *, new_numbers: bool) -> SentencePair:
        pair, chosen = self.pairs[number], self.chosen[number]
        if chosen is not None and draw.random() < self.teacher_share:
            pair = with_digits(SentencePair(pair.source, chosen))
        if new_numbers:
            pair = other_numbers(pair, draw)
        if draw.random() < self.names_share:
            pair = other_names(pair, self.names, draw)
        return self._typed(pair, draw)

    def _typed(self, pair: SentencePair, draw: np.random.Generator) -> SentencePair:
        form = list(FORMS)[draw.choice(len(FORMS), p=list(FORMS.values()))]
        return SentencePair(form(pair.source), pair.target)

    def _encode(self, pair: SentencePair, draw: np.random.Generator) -> EncodedPair:
        share = self.finer_share if draw.random() < 0.5 else 0.0
        source = self.cuts.encode(pair.source, share, draw)
        return EncodedPair(source, self.tokenizer.encode(pair.target))

    def describe(self) -> dict[str, Any]:
        """Return what a run on these pairs is known by."""
        digest = zlib.crc32(json.dumps([self.pairs, self.chosen]).encode())
        known = {"pairs": f"{len(self.pairs)} roughened", "digest": f"{digest:08x}"}
        return known | ({"frames": self.frames} if self.frames else {})
