"""The smaller examples of chapter 4: one score by hand, many scores drawn, slopes of the softmax.

The draws stand for queries and keys of independent components with mean 0 and variance 1, the
setting in which section 3.2.1 of Vaswani et al. (2017) argues for dividing by sqrt(d_k).
"""

from __future__ import annotations

from functools import cache

import numpy as np

from attend.attention import masked_softmax, scores, softmax
from attend.config import TransformerConfig, base
from attend.masks import causal_mask
from attend_course.chapters.scaling import example
from attend_course.kit.draws import normals

HAND_WORDS = ("warm", "rain", "tin")
HAND_QUERY = np.array([[2.0, 0.0, 1.0, 1.0]])
HAND_KEYS = np.array([[0.0, 1.0, 0.0, 0.0], [1.0, 1.0, 2.0, 0.0], [2.0, 3.0, 1.0, 1.0]])
HAND_D_K = HAND_KEYS.shape[-1]

QUESTION_SCORES = np.array([1.0, 3.0, 3.0, -5.0])
FACTORS = np.exp([1.0, 5.0, 20.0])
PUBLISHED_SCORES, PUBLISHED_D_K = np.array([112.0, 96.0]), 64

SEED = 3
PAIRS = 4000
ROWS, KEYS = 1000, 7
WIDTHS = tuple(2**power for power in range(10))


def base_model() -> TransformerConfig:
    """Return the sizes of the paper's base model."""
    return base()


def base_roots() -> tuple[float, float]:
    """Return sqrt(d_k), which divides its scores, and sqrt(d_model), which must not."""
    return float(np.sqrt(base().d_k)), float(np.sqrt(base().d_model))


def hand_scores() -> np.ndarray:
    """Return the bare dot products of the example by hand: shape (1, 3)."""
    return scores(HAND_QUERY, HAND_KEYS, scale=1.0)


def hand_scaled() -> np.ndarray:
    """Return the scaled scores of the example by hand: shape (1, 3)."""
    return scores(HAND_QUERY, HAND_KEYS)


def hand_powers() -> np.ndarray:
    """Return the exponentials of the scaled scores: shape (1, 3)."""
    return np.exp(hand_scaled())


def hand_total() -> float:
    """Return the sum of these exponentials."""
    return float(hand_powers().sum())


def hand_weights() -> np.ndarray:
    """Return the weights of the example by hand: shape (1, 3), summing to 1."""
    return softmax(hand_scaled())


def hand_unscaled() -> np.ndarray:
    """Return the weights that the bare dot products would give: shape (1, 3)."""
    return softmax(hand_scores())


def question_weights() -> np.ndarray:
    """Return the weights of the scores that the first question asks about: shape (4,)."""
    return softmax(QUESTION_SCORES)


def too_small() -> np.ndarray:
    """Return the running sentence's weights if d_k itself divides the scores: shape (7, 7)."""
    return softmax(example.raw_scores() / example.D_K)


def published_scaled() -> np.ndarray:
    """Return Alammar's two scores after the division: shape (2,)."""
    return PUBLISHED_SCORES / np.sqrt(PUBLISHED_D_K)


def published_weights() -> np.ndarray:
    """Return the weights of Alammar's two scaled scores: shape (2,)."""
    return softmax(published_scaled())


def published_unscaled() -> np.ndarray:
    """Return the weights of Alammar's two scores when nothing divides them: shape (2,)."""
    return softmax(PUBLISHED_SCORES)


@cache
def drawn_scores(d_k: int) -> np.ndarray:
    """Return the dot products of 4000 pairs of drawn vectors: shape (4000,)."""
    q, k = normals(SEED, (PAIRS, d_k)), normals(SEED + 1, (PAIRS, d_k))
    return (q * k).sum(axis=-1)


def variance(d_k: int) -> float:
    """Return the variance of the drawn scores; the argument says d_k."""
    return float(drawn_scores(d_k).var())


def spread(d_k: int) -> float:
    """Return the standard deviation of the drawn scores; the argument says sqrt(d_k)."""
    return float(drawn_scores(d_k).std())


@cache
def drawn_rows(d_k: int) -> np.ndarray:
    """Return bare scores of 1000 drawn queries with 7 keys each: shape (1000, 7)."""
    q, k = normals(SEED, (ROWS, 1, d_k)), normals(SEED + 1, (ROWS, KEYS, d_k))
    return scores(q, k, scale=1.0)[:, 0]


def slopes(weights: np.ndarray) -> np.ndarray:
    """Return how fast each weight grows with its own score: w (1 - w), the shape of `weights`."""
    return weights * (1 - weights)


def largest_slopes(d_k: int, *, scale: float | None = None) -> np.ndarray:
    """Return the largest slope in each drawn row: shape (1000,), each at most 1/4.

    Parameters
    ----------
    d_k
        Length of queries and keys.
    scale
        The factor on the scores; 1 / sqrt(d_k) if None.
    """
    factor = 1 / np.sqrt(d_k) if scale is None else scale
    return slopes(softmax(drawn_rows(d_k) * factor)).max(axis=-1)


def median_slope(d_k: int, scale: float | None = None) -> float:
    """Return the median over 1000 drawn rows of the largest slope in the row."""
    return float(np.median(largest_slopes(d_k, scale=scale)))


def saturated_share(d_k: int, scale: float | None = None) -> float:
    """Return the percentage of drawn rows that give one key more than 99 % of the weight."""
    factor = 1 / np.sqrt(d_k) if scale is None else scale
    return float(100 * (softmax(drawn_rows(d_k) * factor).max(axis=-1) > 0.99).mean())


def allowed() -> np.ndarray:
    """Return the causal mask of the running sentence, True = may attend: shape (7, 7)."""
    return causal_mask(len(example.TOKENS))


def masked_before() -> np.ndarray:
    """Return the weights under the causal mask, as the course computes them: shape (7, 7)."""
    return masked_softmax(example.scaled_scores(), allowed())


def masked_after() -> np.ndarray:
    """Return weights that were masked after the softmax, a mistake: shape (7, 7)."""
    return example.weights() * allowed()


def masked_after_sums() -> np.ndarray:
    """Return the sums of the rows of that mistake: shape (7,)."""
    return masked_after().sum(axis=-1)


def masked_with_zero() -> np.ndarray:
    """Return weights where forbidden keys got the score 0, a mistake: shape (7, 7)."""
    return softmax(np.where(allowed(), example.scaled_scores(), 0.0))


def at_temperature(value: float) -> np.ndarray:
    """Return the weights of the running sentence at a temperature: shape (7, 7)."""
    return softmax(example.scaled_scores() / value)
