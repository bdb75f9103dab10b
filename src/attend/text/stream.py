"""Sentence pairs larger than memory: read from disk for every epoch, shuffled in a bounded buffer.

The path is that of `attend.text.corpus`, one pair at a time. Two things need all pairs at once and
are not done here: a split by components, so validate on a file of its own; and a shuffle of the
whole, so shuffle a sorted file once before you train on it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from attend.text.corpus import (
    Batch,
    EncodedPair,
    Limits,
    PathLike,
    SentencePair,
    flaw,
    grouped,
    normalize,
    pad_batch,
    read_pairs,
)
from attend.text.tokenizer import Tokenizer

BUFFER = 100_000
"""Pairs that are held in memory unless another number is given."""


class TextStream:
    """The usable pairs of files; every loop over it reads them anew.

    Pairs are normalised and left out as by `attend.text.corpus.clean`, but for duplicates: to find
    them one would have to remember every pair.

    Parameters
    ----------
    *paths : path
        As for `attend.text.corpus.read_pairs`.
    limits : Limits, optional
        As for `attend.text.corpus.clean`.

    Raises
    ------
    ValueError
        If there is no usable pair, or if a file does not hold pairs. Faults further on are found
        when they are read.
    """

    def __init__(self, *paths: PathLike, limits: Limits | None = None) -> None:
        self.paths, self.limits = tuple(map(Path, paths)), limits or Limits()
        if next(iter(self), None) is None:
            raise ValueError(f"no sentence pairs in {' and '.join(map(str, paths))}")

    def __iter__(self) -> Iterator[SentencePair]:
        for source, target in read_pairs(*self.paths):
            pair = SentencePair(normalize(source), normalize(target))
            if flaw(pair, self.limits) is None:
                yield pair

    def digest(self) -> str:
        """Return a number that changes if the files do."""
        total = 0
        for path in self.paths:
            with path.open("rb") as file:
                while piece := file.read(1 << 20):
                    total = zlib.crc32(piece, total)
        return f"{total:08x}"


class PairStream:
    """Encoded pairs of a `TextStream`, in batches.

    Parameters
    ----------
    text : TextStream
        Where the pairs come from.
    tokenizer : Tokenizer
        Turns them into tokens.
    buffer : int
        The most pairs in memory. The larger, the better they are mixed and the less is padded.

    Raises
    ------
    ValueError
        If the buffer holds no pair.
    """

    def __init__(self, text: TextStream, tokenizer: Tokenizer, buffer: int = BUFFER) -> None:
        if buffer < 1:
            raise ValueError(f"a stream needs a buffer of at least 1 pair; received {buffer}")
        self.text, self.tokenizer, self.buffer = text, tokenizer, buffer

    def batches(self, *, tokens: int = 4096, seed: int = 0, epoch: int = 0) -> Iterator[Batch]:
        """Read all pairs once, in batches of similar length; see `attend.text.corpus.batches`.

        The same seed and epoch give the same batches in the same order.
        """
        generator = np.random.default_rng((seed, epoch))
        return stream_batches(self.encoded(tokens), tokens, self.buffer, generator)

    def encoded(self, tokens: int) -> Iterator[EncodedPair]:
        """Encode one pair after the other; refuse one that is too long for a batch."""
        for source, target in self.text:
            pair = EncodedPair(self.tokenizer.encode(source), self.tokenizer.encode(target))
            length = max(len(pair.source), len(pair.target) + 2)
            if length > tokens:
                raise ValueError(
                    f"the pair that begins {source[:40]!r} has {length} tokens on one side, more "
                    f"than a batch may have (tokens={tokens}); drop it or raise the budget"
                )
            yield pair

    def describe(self) -> dict[str, Any]:
        """Return what a run on this stream is known by."""
        return {"pairs": "a stream", "digest": self.text.digest(), "buffer": self.buffer}


def stream_batches(
    encoded: Iterable[EncodedPair], tokens: int, buffer: int, generator: np.random.Generator
) -> Iterator[Batch]:
    """Cut pairs into batches while they come in, with at most `buffer` of them in memory.

    When the buffer is full, it is cut into batches of similar length. A random half of them goes
    out; the pairs of the other half stay and mix with those to come.

    Parameters
    ----------
    encoded : iterable of EncodedPair
        Ids without START and END, none longer than `tokens`.
    tokens : int
        The most tokens a batch has on either side, padding, START and END included.
    buffer : int
        The most pairs in memory.
    generator : numpy.random.Generator
        Decides the order.

    Yields
    ------
    Batch
        As `attend.text.corpus.batches`; every pair is in exactly one.
    """
    held: list[EncodedPair] = []
    for pair in encoded:
        held.append(pair)
        if len(held) >= buffer:
            groups = grouped(held, tokens, generator)
            half = len(groups) // 2
            held = [kept for group in groups[:half] for kept in group]
            del groups[:half]
            while groups:
                yield pad_batch(groups.pop())
    yield from map(pad_batch, grouped(held, tokens, generator))
