"""Other weights, the same output: by hand, by counting, and by trying in the translator."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from attend.models.change_rules import Change
from attend.models.changes import changed, shares
from attend.models.inspection import Head, free_directions, room
from attend_course.chapters.looking_inside import aligning, example

TOKENS = ("friends", "want", "eat", "garden")
"""The words whose values are mixed in the worked case."""
VALUES = np.array([[-2.0, 2.0], [2.0, 2.0], [-2.0, -2.0], [2.0, -2.0]])
"""Their values, chosen by hand: the corners of a square."""
WEIGHTS = np.array([0.4, 0.1, 0.1, 0.4])
"""What a query gives them."""
SCORES = np.round(np.log(4 * np.array([1.0, 0.25, 0.25, 1.0])), 4)
"""Scaled scores that give these weights: the exponential of ln 4 is four times that of 0."""


def apart(one: NDArray, other: NDArray) -> float:
    """Return the share of its weight that one row would have to move to become the other."""
    return float(np.abs(one - other).sum(axis=-1) / 2)


def direction(values: NDArray = VALUES) -> NDArray:
    """Return how the weights of four points in the plane can move while their mixture stays, (4,).

    Scaled so that a step of 1 moves a share of 1; the first weight that moves grows.

    Raises
    ------
    ValueError
        If there is not one such direction: then the four points lie on a line.
    """
    found = free_directions(values)
    if len(found) != 1:
        raise ValueError(f"four points that span the plane have one direction, got {len(found)}")
    step = 2 * found[0] / np.abs(found[0]).sum()
    step[np.abs(step) < 1e-9] = 0
    return step * np.sign(step[np.flatnonzero(step)[0]])


def slid(weights: NDArray, values: NDArray, share: float) -> NDArray:
    """Return weights that were slid along that direction, by a share of the way that there is.

    Parameters
    ----------
    weights, values
        Four weights, and four points in the plane.
    share
        0 stays; 1 goes as far as it can, until some weight is 0; -1 as far the other way.
    """
    step = direction(values)
    back, forth = room(weights, step)
    return np.maximum(0.0, weights + (share * forth if share >= 0 else -share * back) * step)


def other_weights() -> NDArray:
    """Return the row farthest from that of the worked case with the same output, (4,)."""
    ends = [slid(WEIGHTS, VALUES, share) for share in (-1.0, 1.0)]
    return max(ends, key=lambda end: apart(end, WEIGHTS))


def hand_apart() -> float:
    """Return how far apart the two rows are."""
    return apart(other_weights(), WEIGHTS)


def output(weights: NDArray = WEIGHTS) -> NDArray:
    """Return the mixture of the four values, (2,), without the noise of rounding."""
    return np.round(weights @ VALUES, 12) + 0.0


def other_output() -> NDArray:
    """Return the mixture with the other row, (2,)."""
    return output(other_weights())


# ------------------------------------------------------------------------ counted in the translator

LONG = (
    "In the morning the old man sat on a bench in the garden behind the house and read the paper, "
    "while his wife worked in the kitchen and the children played with the dog under the trees "
    "by the river."
)
"""A sentence with more pieces than a value has numbers."""


@lru_cache(maxsize=4)
def free_in(sentence: str) -> int:
    """Return the fewest free directions that a memory head has for a sentence."""
    model, tokenizer = example.model(), example.saved().tokenizer
    assert tokenizer is not None
    layers = model.start(np.array([tokenizer.encode(sentence)])).layers
    return min(len(free_directions(v)) for layer in layers for v in layer.memory.v[0])


def free_in_ours() -> int:
    """Return how many there are for the running sentence."""
    return free_in(example.SENTENCE)


def free_in_long() -> int:
    """Return how many there are for the long one."""
    return free_in(LONG)


def long_pieces() -> int:
    """Return how many pieces it has."""
    tokenizer = example.saved().tokenizer
    assert tokenizer is not None
    return len(tokenizer.encode(LONG))


# ------------------------------------------------------------------------ tried in the translator

WRITTEN, MEANT = "Garten", "garden"
"""The piece at whose step weights are replaced, and the piece that it translates."""
SMALL = 0.01
"""A prediction that moves by less is called the same."""
FAR = 0.9
"""Rows that are farther apart are called different."""
SURE = 0.8
"""A head with more weight than that on the word meant looks at it."""


class Swap(NamedTuple):
    """A row of weights replaced by all weight on one key.

    Attributes
    ----------
    head
        Whose row.
    key
        The piece that gets all the weight, counted from 0.
    apart
        How far the new row is from the model's own, 0 to 1.
    moved
        How far the prediction moves, 0 to 1.
    """

    head: Head
    key: int
    apart: float
    moved: float


def step() -> int:
    """Return the step at which the piece is written, counted from 0."""
    return example.running().target_names.index(WRITTEN)


def aligner_weight() -> float:
    """Return the weight on the word meant of the head that aligns best."""
    return float(row_at(aligning.aligner())[example.running().source_names.index(MEANT)])


def _predicted(changes: list[Change]) -> NDArray:
    reading = example.running()
    source, target = np.array([reading.source]), np.array([reading.target[: step() + 1]])
    return shares(changed(example.model(), changes), source, target)[-1]


@lru_cache(maxsize=1)
def before() -> NDArray:
    """Return what the untouched model says may come at that step: a share for each piece."""
    return _predicted([])


def probability() -> float:
    """Return the probability of the piece that is written there."""
    return float(before()[example.running().target[step()]])


def moved_by(changes: list[Change]) -> float:
    """Return how far changes move the prediction at that step, 0 to 1."""
    return apart(_predicted(changes), before())


def row_at(head: Head) -> NDArray:
    """Return the weights of a memory head at that step, (m,)."""
    return example.running().memory(head.layer)[head.head, step()]


def swap(head: Head, key: int) -> Swap:
    """Give one key all the weight of a head, at that step alone, and see what moves."""
    row = np.eye(len(row_at(head)))[key]
    change = {**head.off, "make": "row", "query": step(), "row": row.tolist()}
    return Swap(head, key, apart(row, row_at(head)), moved_by([change]))


@lru_cache(maxsize=1)
def swaps() -> tuple[Swap, ...]:
    """Try every memory head and every key."""
    keys = range(len(example.running().source))
    return tuple(swap(head, key) for head in example.memory_heads() for key in keys)


@lru_cache(maxsize=1)
def quiet_swap() -> Swap:
    """Return the swap that moves least, of a head that looks at the word meant, to another word."""
    pieces = example.running().source_names
    sure = [s for s in swaps() if row_at(s.head)[pieces.index(MEANT)] > SURE and s.apart > FAR]
    return min((s for s in sure if pieces[s.key].isalpha()), key=lambda s: s.moved)


def quiet_key() -> str:
    """Return the piece that it gives all the weight to."""
    return example.running().source_names[quiet_swap().key]


def quiet_own() -> float:
    """Return the weight that the head itself gives to the word meant."""
    return float(row_at(quiet_swap().head).max())


def quiet_heads() -> int:
    """Return how many memory heads have a swap to a row far from their own that changes nothing."""
    return len({s.head for s in swaps() if s.apart > FAR and s.moved < SMALL})


@lru_cache(maxsize=1)
def same_everywhere() -> float:
    """Return how far the prediction moves if all memory heads are swapped alike at that step."""
    row = np.eye(len(example.running().source))[quiet_swap().key].tolist()
    return moved_by([{"make": "row", "kind": "memory", "query": step(), "row": row}])


@lru_cache(maxsize=1)
def even_everywhere() -> float:
    """Return how far it moves if all memory heads weigh all keys alike at that step."""
    return moved_by([{"make": "uniform", "kind": "memory", "query": step()}])
