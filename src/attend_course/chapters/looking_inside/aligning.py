"""Which head of the translator aligns words, judged by links that were drawn by hand."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from attend.models.inspection import Head
from attend.translator.alignment import (
    Source,
    alignment_error_rate,
    alignment_map,
    hard_links,
    word_map,
    word_numbers,
)
from attend_course.chapters.looking_inside import example
from attend_course.chapters.looking_inside.example import Pair, Reading


def words_of(weights: NDArray, reading: Reading) -> NDArray:
    """Turn a map of pieces into one of words, (German words, English words)."""
    tokenizer = example.saved().tokenizer
    assert tokenizer is not None
    german, english = (
        word_numbers([tokenizer.piece(token) for token in tokens])
        for tokens in (reading.target, reading.source)
    )
    return word_map(weights, german, english)


def error_rate(source: Source, of: Sequence[Pair]) -> float:
    """Return the alignment error rate of a place in the model over pairs."""
    found = [
        hard_links(
            words_of(alignment_map(example.read(pair).recording, source), example.read(pair))
        )
        for pair in of
    ]
    return alignment_error_rate(found, [set(pair.links) for pair in of])


def place(head: Head, shift: int = 0) -> Source:
    """Return a head as a place where an alignment is read."""
    return Source((head.layer,), (head.head,), shift)


@lru_cache(maxsize=4)
def error_rates(shift: int = 0) -> NDArray:
    """Return the error rate of each memory head on our own pairs, (N, h).

    With a shift of 1, each piece is given the row of the step after it.
    """
    rates = [error_rate(place(head, shift), example.pairs()) for head in example.memory_heads()]
    return np.array(rates).reshape(example.saved().config.N, example.saved().config.h)


@lru_cache(maxsize=1)
def aligner() -> Head:
    """Return the memory head that aligns best on the everyday pairs: ours are kept for the test."""
    return min(example.memory_heads(), key=lambda head: error_rate(place(head), example.everyday()))


def aligner_error() -> float:
    """Return its error rate on our own pairs, which had no part in the choice."""
    return float(error_rates()[aligner().layer, aligner().head])


def aligner_share() -> float:
    """Return which share of its links and ours agree: one minus the error rate."""
    return 1 - aligner_error()


def diagonal_error() -> float:
    """Return the error rate of linking each word to the one at the same place of the sentence."""
    found = []
    for pair in example.pairs():
        rows, columns = words_of(example.read(pair).memory(0)[0], example.read(pair)).shape
        found.append({(row, row * columns // rows) for row in range(rows)})
    return alignment_error_rate(found, [set(pair.links) for pair in example.pairs()])


def late_heads() -> tuple[Head, ...]:
    """Return heads that align well, but one step late: their map looks wrong until it is moved."""
    now, late = error_rates(0), error_rates(1)
    return tuple(
        head
        for head in example.memory_heads()
        if late[head.layer, head.head] < 0.4 < 0.6 < now[head.layer, head.head]
    )


def late_head() -> Head:
    """Return the one of them that aligns best."""
    return min(late_heads(), key=lambda head: error_rates(1)[head.layer, head.head])


def late_errors() -> NDArray:
    """Return its error rates, as its rows stand and one step late: (2,)."""
    head = late_head()
    return np.array([error_rates(shift)[head.layer, head.head] for shift in (0, 1)])


HAND_DRAWN = frozenset({(0, 0), (1, 2), (2, 1), (2, 2)})
HAND_FOUND = frozenset({(0, 0), (1, 2), (2, 0)})
"""Links of three words, drawn and found, small enough to count."""


def hand_drawn_count() -> int:
    """Return how many links were drawn."""
    return len(HAND_DRAWN)


def hand_found_count() -> int:
    """Return how many links were found."""
    return len(HAND_FOUND)


def hand_common_count() -> int:
    """Return how many links were both found and drawn."""
    return len(HAND_FOUND & HAND_DRAWN)


def hand_error() -> float:
    """Return the error rate of that small case."""
    return alignment_error_rate([set(HAND_FOUND)], [set(HAND_DRAWN)])
