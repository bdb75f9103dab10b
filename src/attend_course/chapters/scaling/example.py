"""The running example of chapter 4, "Scaling and the softmax".

Seven words, each with a query and a key of independent random components (mean 0, variance 1).
That is the setting in which section 3.2.1 of Vaswani et al. (2017) argues for dividing by
sqrt(d_k); no training is involved, and the seed is shown wherever the numbers are.

Every function takes d_k and gives the rows in the order of ``TOKENS``.
"""

from __future__ import annotations

import numpy as np

from attend.attention import attention, scores, softmax
from attend_course.kit.draws import token_vectors

__all__ = [
    "D_K",
    "SEED",
    "SENTENCE",
    "TOKENS",
    "keys",
    "queries",
    "raw_scores",
    "scaled_scores",
    "spread",
    "unscaled_weights",
    "weights",
]

SENTENCE = "Warm rain fell on our tin roof"
TOKENS = tuple(SENTENCE.split())
SEED = 3
D_K = 64


def queries(d_k: int = D_K) -> np.ndarray:
    """Return the queries Q, one row per token: shape (7, d_k)."""
    return token_vectors(TOKENS, "q", d_k, SEED)


def keys(d_k: int = D_K) -> np.ndarray:
    """Return the keys K, one row per token: shape (7, d_k)."""
    return token_vectors(TOKENS, "k", d_k, SEED)


def raw_scores(d_k: int = D_K) -> np.ndarray:
    """Return Q K^T, not divided: shape (7, 7), queries on rows, keys on columns."""
    return scores(queries(d_k), keys(d_k), scale=1.0)


def scaled_scores(d_k: int = D_K) -> np.ndarray:
    """Return Q K^T / sqrt(d_k): shape (7, 7), queries on rows, keys on columns."""
    return scores(queries(d_k), keys(d_k))


def weights(d_k: int = D_K) -> np.ndarray:
    """Return the attention weights of eq. (1): shape (7, 7), each row sums to 1."""
    return attention(queries(d_k), keys(d_k), keys(d_k))[1]


def unscaled_weights(d_k: int = D_K) -> np.ndarray:
    """Return the weights when nothing divides the scores: shape (7, 7), each row sums to 1."""
    return softmax(raw_scores(d_k))


def spread(d_k: int = D_K) -> float:
    """Return the standard deviation of the 49 scores before scaling; theory says near sqrt(d_k)."""
    return float(raw_scores(d_k).std())
