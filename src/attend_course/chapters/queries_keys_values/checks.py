"""Checks of chapter 2, "Self-attention: queries, keys, values"."""

from __future__ import annotations

import numpy as np

from attend import attention, scores, softmax
from attend_course.kit.cases import arrays
from attend_course.kit.checks import Case, Exercise, Mistake

Three = tuple[np.ndarray, np.ndarray, np.ndarray]


def _three(x: np.ndarray, w_q: np.ndarray, w_k: np.ndarray, w_v: np.ndarray) -> Three:
    return x @ w_q, x @ w_k, x @ w_v


def _words(seed: int, n: int, d_model: int, d_k: int, d_v: int) -> tuple[np.ndarray, ...]:
    return arrays(seed, (n, d_model), (d_model, d_k), (d_model, d_k), (d_model, d_v))


_SENTENCES = (
    Case("three words, d_model = 5, d_k = 3, d_v = 4", _words(201, 3, 5, 3, 4)),
    Case("six words, d_model = d_k = d_v = 4", _words(211, 6, 4, 4, 4)),
    Case("one word, d_model = 2, d_k = 3, d_v = 1", _words(221, 1, 2, 3, 1)),
    Case("five words, d_model = 3, d_k = 2, d_v = 6", _words(241, 5, 3, 2, 6)),
)


def _cosines(q: np.ndarray, K: np.ndarray) -> np.ndarray:
    return K @ q / np.sqrt((K * K).sum(axis=-1))


def _lookup_case(says: str, q: list[float], K: list[list[float]]) -> Case:
    values = 10.0 * np.arange(1, len(K) + 1)[:, None] + np.arange(3)
    return Case(says, (np.array(q), np.array(K), values))


check_hard_lookup = Exercise(
    name="hard lookup",
    reference=lambda q, K, V: V[(K @ q).argmax()].copy(),
    cases=(
        Case("four keys of length 3", arrays(231, 3, (4, 3), (4, 2))),
        Case("six keys of length 2", arrays(234, 2, (6, 2), (6, 2))),
        Case("seven keys of length 5", arrays(251, 5, (7, 5), (7, 1))),
        _lookup_case(
            "a large key that is far away and fits best",
            [1.0, 0.0],
            [[1.0, 0.1], [9.0, 3.0], [0.0, -9.5]],
        ),
        _lookup_case(
            "scores that are all negative",
            [-1.0, -2.0],
            [[2.0, 1.0], [9.0, 3.0], [0.5, 0.25], [1.0, 8.0]],
        ),
        _lookup_case(
            "a key with one large product, and a better one without",
            [2.0, 2.0, 2.0],
            [[5.0, -4.0, 0.0], [1.0, 1.0, 1.0], [-6.0, 0.0, -1.0]],
        ),
    ),
    mistakes=(
        Mistake(
            "the place instead of the value",
            lambda q, K, V: (K @ q).argmax(),
            "You returned the number of the key. Use it to pick a row of V: that is what a lookup "
            "hands over.",
        ),
        Mistake(
            "the key instead of the value",
            lambda q, K, V: K[(K @ q).argmax()],
            "You returned the key that fits best. A key is only compared with; what comes out is "
            "the value in the same row.",
        ),
        Mistake(
            "a soft lookup",
            lambda q, K, V: softmax(K @ q) @ V,
            "This is the soft lookup: all values are in it. Here only the value of the best key "
            "is asked.",
        ),
        Mistake(
            "the worst key",
            lambda q, K, V: V[(K @ q).argmin()],
            "You took the key with the lowest score. Where query and key agree, the score is high.",
        ),
        Mistake(
            "the nearest key",
            lambda q, K, V: V[((K - q) ** 2).sum(axis=-1).argmin()],
            "You took the key that lies nearest to the query. The score is the dot product, and a "
            "large key may score higher than a near one.",
        ),
        Mistake(
            "the smallest angle",
            lambda q, K, V: V[_cosines(q, K).argmax()],
            "You took the key at the smallest angle: you divided by the lengths. The score is the "
            "dot product as it is, and a long key scores higher than a short one.",
        ),
        Mistake(
            "the largest single product",
            lambda q, K, V: V[(K * q).max(axis=-1).argmax()],
            "You looked for the largest single product. A score is the sum of all products of its "
            "key: one of them may be large and the others pull it down.",
        ),
        Mistake(
            "the largest size",
            lambda q, K, V: V[np.abs(K @ q).argmax()],
            "You dropped the signs. A score of -6 is not large, it is low: a key that points away "
            "fits worst.",
        ),
        Mistake(
            "the longest key",
            lambda q, K, V: V[(K * K).sum(axis=-1).argmax()],
            "You took the longest key, whatever the query asks. Compare each key with q by a dot "
            "product.",
        ),
        Mistake(
            "comparing with the largest entry",
            lambda q, K, V: V[K.max(axis=-1).argmax()],
            "The query was not used. Compare each key with q by a dot product.",
        ),
    ),
)


def _two_texts(says: str, seed: int, sizes: tuple[int, ...]) -> Case:
    n, m, d_model, d_k, d_v = sizes
    rows = ((n, d_model), (m, d_model))
    return Case(says, arrays(seed, *rows, (d_model, d_k), (d_model, d_k), (d_model, d_v)))


check_queries_keys_values = Exercise(
    name="queries, keys, values",
    reference=lambda x, memory, w_q, w_k, w_v: (x @ w_q, memory @ w_k, memory @ w_v),
    cases=(
        _two_texts("four rows that ask and four that answer", 261, (4, 4, 4, 4, 4)),
        _two_texts("three rows that ask, five that answer", 271, (3, 5, 5, 3, 4)),
        _two_texts("six rows that ask, one that answers", 281, (6, 1, 2, 3, 1)),
    ),
    mistakes=(
        Mistake(
            "queries and keys swapped",
            lambda x, memory, w_q, w_k, w_v: (memory @ w_k, x @ w_q, memory @ w_v),
            "Queries and keys have changed places. The order asked is Q, K, V.",
        ),
        Mistake(
            "queries and keys from each other's matrix",
            lambda x, memory, w_q, w_k, w_v: (x @ w_k, memory @ w_q, memory @ w_v),
            "Q was made with W_K, and K with W_Q. Each has a matrix of its own name.",
        ),
        Mistake(
            "keys and values swapped",
            lambda x, memory, w_q, w_k, w_v: (x @ w_q, memory @ w_v, memory @ w_k),
            "Keys and values have changed places. The order asked is Q, K, V.",
        ),
        Mistake(
            "all from x",
            lambda x, memory, w_q, w_k, w_v: (x @ w_q, x @ w_k, x @ w_v),
            "The memory was not used. Its rows answer: keys and values are made from them.",
        ),
        Mistake(
            "all from the memory",
            lambda x, memory, w_q, w_k, w_v: (memory @ w_q, memory @ w_k, memory @ w_v),
            "The rows of x were not used. They ask: queries are made from them.",
        ),
        Mistake(
            "values from x",
            lambda x, memory, w_q, w_k, w_v: (x @ w_q, memory @ w_k, x @ w_v),
            "The values were made from x. A row that answers hands over its own value: V comes "
            "from the memory, as K does.",
        ),
        Mistake(
            "the memory asks",
            lambda x, memory, w_q, w_k, w_v: (memory @ w_q, x @ w_k, x @ w_v),
            "The two texts have changed places. The rows of x ask, those of the memory answer.",
        ),
        Mistake(
            "values from the keys' matrix",
            lambda x, memory, w_q, w_k, w_v: (x @ w_q, memory @ w_k, memory @ w_k),
            "V was made with W_K. What a word hands over has a matrix of its own, W_V.",
        ),
        Mistake(
            "one matrix for all three",
            lambda x, memory, w_q, w_k, w_v: (x @ w_q, memory @ w_q, memory @ w_q),
            "All three were made with W_Q. Then a word is found by what it asks for. Use W_K for K "
            "and W_V for V.",
        ),
        Mistake(
            "words as columns",
            lambda x, memory, w_q, w_k, w_v: ((x @ w_q).T, (memory @ w_k).T, (memory @ w_v).T),
            "Your results are lying on their sides. Rows are words: Q is (n, d_k), not (d_k, n).",
        ),
        Mistake(
            "not projected",
            lambda x, memory, w_q, w_k, w_v: (x, memory, memory),
            "These are copies of x and the memory. Multiply each by its own matrix, x on the left.",
        ),
    ),
)


def _attend(x: np.ndarray, w_q: np.ndarray, w_k: np.ndarray, w_v: np.ndarray) -> np.ndarray:
    return attention(*_three(x, w_q, w_k, w_v), scale=1.0)[0]


def _weights(x: np.ndarray, w_q: np.ndarray, w_k: np.ndarray) -> np.ndarray:
    return softmax(scores(x @ w_q, x @ w_k, scale=1.0))


check_self_attention = Exercise(
    name="self-attention",
    reference=_attend,
    cases=_SENTENCES,
    mistakes=(
        Mistake(
            "no softmax",
            lambda x, w_q, w_k, w_v: scores(x @ w_q, x @ w_k, scale=1.0) @ (x @ w_v),
            "You mixed the values with scores. Scores can be negative and sum to nothing in "
            "particular: turn each row into weights with the softmax first.",
        ),
        Mistake(
            "weights instead of the output",
            lambda x, w_q, w_k, w_v: _weights(x, w_q, w_k),
            "These are the weights, one for each pair of words. Multiply them by V to get the "
            "mixtures.",
        ),
        Mistake(
            "x itself as the values",
            lambda x, w_q, w_k, w_v: _weights(x, w_q, w_k) @ x,
            "The weights are right, but they mix the rows of x. Mix the values, x @ W_V.",
        ),
        Mistake(
            "queries and keys swapped",
            lambda x, w_q, w_k, w_v: _attend(x, w_k, w_q, w_v),
            "You compared K with Q instead of Q with K. Queries stand on rows, so the query matrix "
            "comes first.",
        ),
        Mistake(
            "softmax over the wrong axis",
            lambda x, w_q, w_k, w_v: (
                softmax(scores(x @ w_q, x @ w_k, scale=1.0), axis=0) @ (x @ w_v)
            ),
            "The columns of your weights sum to 1. It is the query that chooses: normalise each "
            "row, axis=-1.",
        ),
        Mistake(
            "weights turned over",
            lambda x, w_q, w_k, w_v: _weights(x, w_q, w_k).T @ (x @ w_v),
            "You transposed the weights. Row i holds what query i takes from each word, and it "
            "multiplies V as it stands.",
        ),
        Mistake(
            "values from the keys' matrix",
            lambda x, w_q, w_k, w_v: _weights(x, w_q, w_k) @ (x @ w_k),
            "You mixed the keys. What is mixed are the values, x @ W_V.",
        ),
        Mistake(
            "divided by sqrt(d_k)",
            lambda x, w_q, w_k, w_v: attention(*_three(x, w_q, w_k, w_v))[0],
            "You divided the scores by the square root of d_k. The paper does, and chapter 4 says "
            "why; here the scores go into the softmax as they are.",
        ),
        Mistake(
            "no projection",
            lambda x, w_q, w_k, w_v: softmax(x @ x.T) @ x,
            "You used x in all three roles. Make queries, keys and values with the three matrices "
            "first.",
        ),
        Mistake(
            "every word the same share",
            lambda x, w_q, w_k, w_v: np.repeat(
                (x @ w_v).mean(axis=0, keepdims=True), len(x), axis=0
            ),
            "Each output is the plain average of all values. The shares must come from the scores "
            "of each query.",
        ),
    ),
)
