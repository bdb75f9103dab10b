"""The running example of chapter 3, "Attention scores".

Four words, each with a query and a key of two components, so that every vector is an arrow in a
plane. The numbers were chosen by hand, small enough to check in the head: no training is involved.

Rows follow ``TOKENS``.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from attend.attention import scores

__all__ = [
    "D_K",
    "FOCUS",
    "KEYS",
    "LONG",
    "QUERIES",
    "SENTENCE",
    "TOKENS",
    "all_scores",
    "angle",
    "angles",
    "cosine",
    "cosine_winners",
    "cosines",
    "doubled",
    "keys",
    "keys_as_columns",
    "length",
    "lengths",
    "megabytes",
    "multiply_adds",
    "products",
    "progress",
    "queries",
    "row_sums",
    "running_total",
    "score_count",
    "shadow",
    "winners",
]

SENTENCE = "Hungry gulls steal chips"
TOKENS = tuple(SENTENCE.split())
D_K = 2
QUERIES = ((3.0, -1.0), (-2.0, 2.0), (2.0, 1.0), (-1.0, 3.0))
"""The query of each word, chosen by hand."""
KEYS = ((-1.0, -2.0), (3.0, 1.0), (-1.0, 2.0), (2.0, -1.0))
"""The key of each word, chosen by hand."""
FOCUS = (TOKENS.index("steal"), TOKENS.index("gulls"))
"""The pair that the chapter computes first: row and column."""
LONG = (128, 256, 512, 1024)
"""Numbers of words at which the growth of the scores is shown."""
BYTES = 4
"""Bytes of one score in single precision."""


def queries() -> np.ndarray:
    """Return the queries Q, one row per token: shape (4, 2)."""
    return np.array(QUERIES)


def keys() -> np.ndarray:
    """Return the keys K, one row per token: shape (4, 2)."""
    return np.array(KEYS)


def keys_as_columns() -> np.ndarray:
    """Return the transpose of K, one column per token: shape (2, 4)."""
    return keys().T


def all_scores() -> np.ndarray:
    """Return Q K^T, not scaled: shape (4, 4), queries on rows, keys on columns."""
    return scores(queries(), keys(), scale=1.0)


def products(query: str, key: str) -> np.ndarray:
    """Return the products that add up to a score, one for each component: shape (2,)."""
    return queries()[TOKENS.index(query)] * keys()[TOKENS.index(key)]


def row_sums() -> np.ndarray:
    """Return the sum of each row of scores: shape (4,)."""
    return all_scores().sum(axis=-1)


def winners() -> tuple[str, ...]:
    """Return, for each query, the word whose key has the highest score."""
    return tuple(TOKENS[j] for j in all_scores().argmax(axis=-1))


def lengths(x: np.ndarray) -> np.ndarray:
    """Return the length of each row of x, the root of the sum of its squares."""
    return np.sqrt((x * x).sum(axis=-1))


def cosines(q: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Return the cosine of the angle between each query and each key.

    Parameters
    ----------
    q, k
        Shapes (n, d_k) and (m, d_k).

    Returns
    -------
    numpy.ndarray
        Shape (n, m), each from -1 to 1; nan where a vector has length 0 and so no direction.
    """
    product = lengths(q)[:, None] * lengths(k)[None, :]
    with np.errstate(invalid="ignore"):
        # Rounding may push a cosine of 1 a little beyond it, where no angle is.
        return np.clip(scores(q, k, scale=1.0) / product, -1.0, 1.0)


def angles(q: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Return the angle between each query and each key in degrees, 0 to 180: shape (n, m)."""
    return np.degrees(np.arccos(cosines(q, k)))


def angle(query: str, key: str) -> float:
    """Return the angle between the query of one word and the key of another, in degrees."""
    return float(angles(queries(), keys())[TOKENS.index(query), TOKENS.index(key)])


def length(role: str, word: str) -> float:
    """Return the length of the query (role "q") or the key (role "k") of a word."""
    rows = {"q": queries(), "k": keys()}[role]
    return float(lengths(rows)[TOKENS.index(word)])


def shadow(query: str, key: str) -> float:
    """Return how far the key of one word reaches along the direction of another word's query."""
    i, j = TOKENS.index(query), TOKENS.index(key)
    return float(all_scores()[i, j] / length("q", query))


def cosine(query: str, key: str) -> float:
    """Return the cosine of the angle between a query and a key."""
    return float(cosines(queries(), keys())[TOKENS.index(query), TOKENS.index(key)])


def cosine_winners() -> tuple[str, ...]:
    """Return, for each query, the word whose key has the highest cosine."""
    return tuple(TOKENS[j] for j in cosines(queries(), keys()).argmax(axis=-1))


def doubled(word: str = "steal") -> np.ndarray:
    """Return the scores when the query of one word is twice as long: shape (4, 4)."""
    longer = queries()
    longer[TOKENS.index(word)] *= 2
    return scores(longer, keys(), scale=1.0)


def running_total(q: np.ndarray, k: np.ndarray) -> Iterator[tuple[int, int, float, int]]:
    """Compute scores one multiply-add at a time, and count.

    Yields
    ------
    i, j
        The pair whose score is ready.
    score
        Its score.
    done
        How many multiply-adds have been made until now.
    """
    done = 0
    for i in range(len(q)):
        for j in range(len(k)):
            score = 0.0
            for c in range(q.shape[1]):
                score += q[i, c] * k[j, c]
                done += 1
            yield i, j, score, done


def progress() -> np.ndarray:
    """Return how many multiply-adds the loops had made when each score was ready: (4, 4)."""
    counts = np.zeros((len(QUERIES), len(KEYS)))
    for i, j, _, done in running_total(queries(), keys()):
        counts[i, j] = done
    return counts


def score_count(n: int, m: int | None = None) -> int:
    """Return the number of scores of n queries and m keys; m = n if None."""
    return n * (n if m is None else m)


def multiply_adds(n: int, d_k: int = D_K, m: int | None = None) -> int:
    """Return the multiply-adds of Q K^T: d_k for each score."""
    return score_count(n, m) * d_k


def megabytes(n: int) -> float:
    """Return the memory of one matrix of n by n scores in single precision, in MiB."""
    return score_count(n) * BYTES / 2**20
