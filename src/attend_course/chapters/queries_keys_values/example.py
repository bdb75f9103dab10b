"""The running example of chapter 2, "Self-attention: queries, keys, values".

Four words, each a vector of three components that have names: how much the word has to do with the
sea, with mail, and how unclear it is taken alone. All entries are 0 or 1, so that every score can
be checked in the head. Vectors and matrices were set by hand; nothing was trained.

Scores are not divided in this chapter (``scale=1.0``); chapter 4 says what the division is for.
"""

from __future__ import annotations

import numpy as np

from attend.attention import attention, scores, softmax

__all__ = [
    "COMPONENTS",
    "OTHER_SENTENCE",
    "PUBLISHED_W_K",
    "PUBLISHED_W_Q",
    "PUBLISHED_W_V",
    "PUBLISHED_X",
    "SEAL",
    "SENTENCE",
    "SENTENCES",
    "TABLE_KEYS",
    "TABLE_QUERIES",
    "TABLE_VALUES",
    "TOKENS",
    "VECTORS",
    "W_K",
    "W_Q",
    "W_V",
    "fixed",
    "keys",
    "look_up",
    "output",
    "plain_output",
    "plain_powers",
    "plain_scores",
    "plain_total",
    "plain_weights",
    "powers",
    "projected_scores",
    "published_output",
    "published_scores",
    "queries",
    "table_weights",
    "total",
    "values",
    "weights",
    "words",
    "x",
]


def fixed(rows: list[list[float]]) -> np.ndarray:
    """Return rows as an array that cannot be changed."""
    array = np.array(rows, dtype=float)
    array.setflags(write=False)
    return array


SENTENCE = "This seal closes letters"
OTHER_SENTENCE = "This seal catches herring"
SENTENCES = (SENTENCE, OTHER_SENTENCE)
TOKENS = tuple(SENTENCE.split())
SEAL = TOKENS.index("seal")
"""The row of the word that means two things."""

COMPONENTS = ("sea", "mail", "unclear")
VECTORS = {
    "This": (0.0, 0.0, 0.0),
    "seal": (1.0, 1.0, 1.0),
    "closes": (0.0, 1.0, 1.0),
    "letters": (0.0, 1.0, 0.0),
    "catches": (1.0, 0.0, 1.0),
    "herring": (1.0, 0.0, 0.0),
}
"""A vector of d_model = 3 components for each word, in the order of `COMPONENTS`."""

W_Q = fixed([[1, 0], [0, 1], [1, 1]])
"""What is unclear asks for both meanings: shape (3, 2)."""
W_K = fixed([[1, 0], [0, 1], [-1, -1]])
"""What is unclear is a poor answer: shape (3, 2)."""
W_V = fixed([[1, 0], [0, 1], [0, 0]])
"""What is unclear hands over its meanings, and not that it is unclear: shape (3, 2)."""


def words(sentence: str = SENTENCE) -> tuple[str, ...]:
    """Return the four words of one of the `SENTENCES`."""
    return tuple(sentence.split())


def x(sentence: str = SENTENCE) -> np.ndarray:
    """Return the words as vectors, one row per word: shape (4, 3)."""
    return np.array([VECTORS[word] for word in words(sentence)])


def plain_scores(sentence: str = SENTENCE) -> np.ndarray:
    """Return x x^T, the scores when x itself is queries and keys: shape (4, 4)."""
    return scores(x(sentence), x(sentence), scale=1.0)


def plain_weights(sentence: str = SENTENCE) -> np.ndarray:
    """Return the weights when x itself is queries and keys: shape (4, 4)."""
    return softmax(plain_scores(sentence))


def plain_output(sentence: str = SENTENCE) -> np.ndarray:
    """Return the output when x itself is queries, keys and values: shape (4, 3)."""
    return attention(x(sentence), x(sentence), x(sentence), scale=1.0)[0]


def plain_powers() -> np.ndarray:
    """Return the exponentials of the scores of "seal", x in all three roles: shape (4,)."""
    return np.exp(plain_scores()[SEAL])


def plain_total() -> float:
    """Return the sum of `plain_powers`."""
    return float(plain_powers().sum())


def queries(sentence: str = SENTENCE) -> np.ndarray:
    """Return Q = x W_Q: shape (4, 2)."""
    return x(sentence) @ W_Q


def keys(sentence: str = SENTENCE) -> np.ndarray:
    """Return K = x W_K: shape (4, 2)."""
    return x(sentence) @ W_K


def values(sentence: str = SENTENCE) -> np.ndarray:
    """Return V = x W_V: shape (4, 2)."""
    return x(sentence) @ W_V


def projected_scores(sentence: str = SENTENCE) -> np.ndarray:
    """Return Q K^T, not divided: shape (4, 4), queries on rows, keys on columns."""
    return scores(queries(sentence), keys(sentence), scale=1.0)


def weights(sentence: str = SENTENCE) -> np.ndarray:
    """Return the weights from `projected_scores`: shape (4, 4), each row sums to 1."""
    return softmax(projected_scores(sentence))


def output(sentence: str = SENTENCE) -> np.ndarray:
    """Return the mixtures of the rows of V: shape (4, 2)."""
    return attention(queries(sentence), keys(sentence), values(sentence), scale=1.0)[0]


def powers() -> np.ndarray:
    """Return the exponentials of the projected scores of "seal": shape (4,)."""
    return np.exp(projected_scores()[SEAL])


def total() -> float:
    """Return the sum of `powers`."""
    return float(powers().sum())


# A table with four entries, looked up softly. Keys, values and two of the queries are those of an
# earlier edition of the TensorFlow tutorial on the Transformer (tensorflow2019transformer).
TABLE_KEYS = fixed([[10, 0, 0], [0, 10, 0], [0, 0, 10], [0, 0, 10]])
TABLE_VALUES = fixed([[1, 0], [10, 0], [100, 5], [1000, 6]])
TABLE_QUERIES = fixed([[0, 10, 0], [0, 0, 10], [0, 0.1, 0]])
"""One that fits one key, one that fits two, and one (ours) that is too small to tell."""


def table_weights(query: int) -> np.ndarray:
    """Return the weights that one of the `TABLE_QUERIES` gives to the keys: shape (4,)."""
    return softmax(scores(TABLE_QUERIES[[query]], TABLE_KEYS, scale=1.0))[0]


def look_up(query: int) -> np.ndarray:
    """Return what one of the `TABLE_QUERIES` finds in the table: shape (2,)."""
    return attention(TABLE_QUERIES[[query]], TABLE_KEYS, TABLE_VALUES, scale=1.0)[0][0]


# The worked example of R. Karim, "Illustrated: Self-Attention" (see book/references.bib).
PUBLISHED_X = fixed([[1, 0, 1, 0], [0, 2, 0, 2], [1, 1, 1, 1]])
PUBLISHED_W_Q = fixed([[1, 0, 1], [1, 0, 0], [0, 0, 1], [0, 1, 1]])
PUBLISHED_W_K = fixed([[0, 0, 1], [1, 1, 0], [0, 1, 0], [1, 1, 0]])
PUBLISHED_W_V = fixed([[0, 2, 0], [0, 3, 0], [1, 0, 3], [1, 1, 0]])


def published_scores() -> np.ndarray:
    """Return the scores of the published example, not divided: shape (3, 3)."""
    return scores(PUBLISHED_X @ PUBLISHED_W_Q, PUBLISHED_X @ PUBLISHED_W_K, scale=1.0)


def published_output() -> np.ndarray:
    """Return the outputs of the published example: shape (3, 3)."""
    q, k, v = (PUBLISHED_X @ w for w in (PUBLISHED_W_Q, PUBLISHED_W_K, PUBLISHED_W_V))
    return attention(q, k, v, scale=1.0)[0]
