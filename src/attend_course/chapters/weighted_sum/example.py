"""The running example of chapter 5, "The weighted sum".

Five words. Each has a query and a key with d_k = 4 components, and a value with d_v = 2, so that
values and outputs are points in the plane. All are chosen by hand, small whole numbers that can be
checked in the head; nothing was trained.

Rows are in the order of ``TOKENS``.
"""

from __future__ import annotations

import numpy as np

from attend.attention import attention, scores, softmax
from attend.masks import causal_mask

SENTENCE = "Our goat ate the map"
TOKENS = tuple(SENTENCE.split())
D_K, D_V = 4, 2

QUERIES = np.array(
    [
        [0.0, 2.0, 0.0, -1.0],
        [1.0, 1.0, 2.0, -1.0],
        [-1.0, 2.0, 0.0, 1.0],
        [0.0, -1.0, 0.0, 2.0],
        [1.0, 0.0, 1.0, 0.0],
    ]
)
KEYS = np.array(
    [
        [2.0, 0.0, 0.0, 0.0],
        [0.0, 2.0, 0.0, 0.0],
        [0.0, 0.0, 2.0, 0.0],
        [1.0, 0.0, 0.0, 1.0],
        [0.0, 1.0, 0.0, 2.0],
    ]
)
VALUES = np.array([[-3.0, -1.0], [3.0, 2.0], [0.0, 3.0], [-1.0, 0.0], [2.0, -3.0]])

ATE = TOKENS.index("ate")
"""The query that page and figures follow."""

THE = TOKENS.index("the")
REPLACES_THE = np.array([12.0, 0.0, 9.0, -26.0, 5.0]) / 26
"""Shares of "Our", "ate" and "map" that mix to the value of "the", and 1 taken from "the"."""

HAND_WEIGHTS = np.array([0.5, 0.25, 0.25])
HAND_VALUES = np.array([[4.0, 0.0], [0.0, 4.0], [-4.0, 0.0]])
STEP = 1e-6
"""How far the notebook and the tests move a number to measure a slope."""


def scaled_scores() -> np.ndarray:
    """Return Q K^T / sqrt(d_k): shape (5, 5), queries on rows, keys on columns."""
    return scores(QUERIES, KEYS)


def weights() -> np.ndarray:
    """Return the attention weights: shape (5, 5), each row sums to 1."""
    return attention(QUERIES, KEYS, VALUES)[1]


def outputs() -> np.ndarray:
    """Return the outputs, one row a query: shape (5, 2)."""
    return attention(QUERIES, KEYS, VALUES)[0]


def parts(query: int = ATE) -> np.ndarray:
    """Return each value times its weight for one query; they sum to its output: shape (5, 2)."""
    return weights()[query][:, None] * VALUES


def causal_outputs() -> np.ndarray:
    """Return the outputs under a causal mask: shape (5, 2)."""
    return attention(QUERIES, KEYS, VALUES, causal_mask(len(TOKENS)))[0]


def other_weights() -> np.ndarray:
    """Return other weights that give the output of "ate" as well, none to "the": shape (5,)."""
    w = weights()[ATE]
    return w + w[THE] * REPLACES_THE


def mean_value() -> np.ndarray:
    """Return the mean of the values, the output of equal weights: shape (2,)."""
    return VALUES.mean(axis=0)


def half_way() -> np.ndarray:
    """Return the middle of the values of "goat" and "map": shape (2,)."""
    return np.array([0.0, 0.5, 0.0, 0.0, 0.5]) @ VALUES


def hand_parts() -> np.ndarray:
    """Return the values of the example by hand times their weights: shape (3, 2)."""
    return HAND_WEIGHTS[:, None] * HAND_VALUES


def hand_output() -> np.ndarray:
    """Return the mixture of the example by hand: shape (2,)."""
    return HAND_WEIGHTS @ HAND_VALUES


def corners(points: np.ndarray) -> list[int]:
    """Return which points are corners of their convex hull, in order around it.

    Parameters
    ----------
    points
        Points in the plane, (m, 2). Of equal points the first counts.
    """
    _, first = np.unique(points, axis=0, return_index=True)
    order = sorted(map(int, first), key=lambda index: tuple(points[index]))
    return order if len(order) < 3 else _chain(points, order) + _chain(points, order[::-1])


def _chain(points: np.ndarray, order: list[int]) -> list[int]:
    """Walk along one side of the hull, without its last corner."""
    kept: list[int] = []
    for index in order:
        while len(kept) > 1 and _turn(*points[[*kept[-2:], index]]) <= 0:
            kept.pop()
        kept.append(index)
    return kept[:-1]


def _turn(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> float:
    (x, y), (u, v) = b - a, c - b
    return float(x * v - y * u)


def inside(point: np.ndarray, points: np.ndarray) -> bool:
    """Tell whether `point` (2,) lies in the convex hull of `points` (m, 2), its edge included."""
    ring = points[corners(points)]
    edges = zip(ring, np.roll(ring, -1, axis=0), strict=True)
    return all(_turn(a, b, point) >= -1e-9 for a, b in edges)


def value_slopes(query: int = ATE, component: int = 0) -> np.ndarray:
    """Return how fast one component of an output grows with each entry of V: shape (5, 2).

    The component c of the output grows with the same component of value j by the weight w_j, and
    with no other.
    """
    slopes = np.zeros_like(VALUES)
    slopes[:, component] = weights()[query]
    return slopes


def softmax_slopes(w: np.ndarray) -> np.ndarray:
    """Return how fast each weight (row) grows with each score (column): shape (m, m).

    Entry [i, j] is w_i (1 - w_j) where i = j, and -w_i w_j elsewhere.
    """
    return np.diag(w) - np.outer(w, w)


def score_slopes(w: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Return how the output moves with each score: row j is w_j (v_j - output), shape (m, d_v)."""
    return w[:, None] * (v - w @ v)


def ate_slopes() -> np.ndarray:
    """Return how the output of "ate" moves with each of its scores: shape (5, 2)."""
    return score_slopes(weights()[ATE], VALUES)


def measured_slope(key: int = 1) -> np.ndarray:
    """Return how the output of "ate" moves with one score, measured by moving it: shape (2,)."""
    step = STEP * np.eye(len(TOKENS))[key]
    row = scaled_scores()[ATE]
    return (softmax(row + step) - softmax(row - step)) @ VALUES / (2 * STEP)


def nudged_output(key: int = 1, by: float = 1.0) -> np.ndarray:
    """Return the output of "ate" with one of its scores changed: shape (2,)."""
    return softmax(scaled_scores()[ATE] + by * np.eye(len(TOKENS))[key]) @ VALUES
