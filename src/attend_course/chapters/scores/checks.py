"""Checks of chapter 3, "Attention scores"."""

from __future__ import annotations

import numpy as np

from attend import scores, softmax
from attend_course.chapters.scores.example import cosines, lengths
from attend_course.kit.cases import arrays
from attend_course.kit.checks import Case, Exercise, Mistake
from attend_course.kit.rules import without, without_loops


def _pairs(seed: int, n: int, m: int, d_k: int) -> tuple[np.ndarray, ...]:
    return arrays(seed, (n, d_k), (m, d_k))


def _dots(q: np.ndarray, k: np.ndarray) -> np.ndarray:
    return scores(q, k, scale=1.0)


check_one_score = Exercise(
    name="one score",
    reference=lambda q, k: q @ k,
    cases=(
        Case("a query and a key of two components", (np.array([2.0, 1.0]), np.array([3.0, 1.0]))),
        Case("an obtuse angle", (np.array([2.0, 1.0]), np.array([-1.0, -2.0]))),
        Case("five components", arrays(71, 5, 5)),
        Case("one component", (np.array([-1.5]), np.array([4.0]))),
        Case("a right angle", (np.array([2.0, 1.0, 0.0]), np.array([-1.0, 2.0, 5.0]))),
    ),
    mistakes=(
        Mistake(
            "no sum",
            lambda q, k: q * k,
            "These are the products, one for each component. The score is a single number: add "
            "them up.",
        ),
        Mistake(
            "adding instead of multiplying",
            lambda q, k: (q + k).sum(),
            "You added the components of both. Multiply them pair by pair, then add the products.",
        ),
        Mistake(
            "sum times sum",
            lambda q, k: q.sum() * k.sum(),
            "You added up each vector first and multiplied the sums. That mixes components which "
            "do not belong together: multiply pair by pair, then add.",
        ),
        Mistake(
            "the mean of the products",
            lambda q, k: (q * k).mean(),
            "This is the mean of the products: the score divided by d_k. Take their sum.",
        ),
        Mistake(
            "the cosine",
            lambda q, k: q @ k / np.sqrt((q @ q) * (k @ k)),
            "You divided by both lengths: that is the cosine of the angle. The score keeps the "
            "lengths.",
        ),
        Mistake(
            "the size of the products",
            lambda q, k: np.abs(q * k).sum(),
            "You dropped the signs of the products. Products may cancel, and a score may be "
            "negative: this is how it says that two arrows point apart.",
        ),
        Mistake(
            "all pairs of components",
            np.outer,
            "Every component of q met every component of k. Only equal places belong together: "
            "the first with the first, the second with the second.",
        ),
        Mistake(
            "already scaled",
            lambda q, k: q @ k / np.sqrt(len(q)),
            "You divided by the square root of d_k. The next chapter says why one does; here the "
            "bare score is asked.",
        ),
        Mistake(
            "the query with itself",
            lambda q, k: q @ q,
            "You multiplied the query with itself. Its components meet those of the key.",
        ),
    ),
    rules=(
        without(
            "That is the score. Now write it without the ready product: multiply, then add up.",
            "@",
            "dot",
            "matmul",
            "inner",
            "vdot",
            "vecdot",
        ),
    ),
)


def _batch(seed: int, b: int, n: int, m: int, d_k: int) -> tuple[np.ndarray, ...]:
    return arrays(seed, (b, n, d_k), (b, m, d_k))


# The first case has as many keys as components, so that the product without a transpose can be
# formed: it would raise otherwise, and the mistake could not be named.
check_all_scores = Exercise(
    name="all scores",
    reference=_dots,
    cases=(
        Case("two sentences, three queries and four keys", _batch(81, 2, 3, 4, 4)),
        Case("three sentences of two words", _batch(83, 3, 2, 2, 5)),
        Case("one sentence, one query and three keys", _batch(85, 1, 1, 3, 2)),
        Case("as many sentences as words and components", _batch(87, 3, 3, 3, 3)),
    ),
    mistakes=(
        Mistake(
            "the transpose is missing",
            lambda q, k: q @ k,
            "You multiplied Q by K itself. Then row i is combined with the columns of K, which are "
            "components and not keys. The shape fits here by accident only: in each sentence the "
            "keys have to stand as columns.",
        ),
        Mistake(
            "all axes turned over",
            lambda q, k: q @ k.T,
            "You turned over all axes with `.T`, also that of the sentences. In each sentence only "
            "the last two change places.",
        ),
        Mistake(
            "keys on rows",
            lambda q, k: _dots(k, q),
            "Keys stand on rows and queries on columns. A row belongs to one query: put Q first.",
        ),
        Mistake(
            "queries with queries",
            lambda q, k: _dots(q, q),
            "You compared the queries with each other. The second factor holds the keys.",
        ),
        Mistake(
            "keys with keys",
            lambda q, k: _dots(k, k),
            "You compared the keys with each other. The first factor is Q.",
        ),
        Mistake(
            "every sentence with every other",
            lambda q, k: np.einsum("bic,ejc->beij", q, k),
            "Every sentence met every other. A query is compared with keys of its own sentence.",
        ),
        Mistake(
            "only the first sentence",
            lambda q, k: _dots(q[0], k[0]),
            "These are the scores of the first sentence. Each has a matrix of its own: (b, n, m).",
        ),
        Mistake(
            "sentences added up",
            lambda q, k: _dots(q, k).sum(axis=0),
            "You added up the sentences. Each keeps its own scores: (b, n, m).",
        ),
        Mistake(
            "weights",
            lambda q, k: softmax(_dots(q, k)),
            "These are shares that sum to 1 in each row: weights, not scores. Leave the softmax to "
            "the next chapter.",
        ),
        Mistake(
            "already scaled",
            scores,
            "You divided by the square root of d_k. That is a good idea, and the next chapter says "
            "why; here the bare scores are asked.",
        ),
    ),
    rules=(
        without_loops(
            "These are the scores. Now without a loop: one product does all sentences at once."
        ),
    ),
)

_LONG_KEY = (np.array([[3.0, -1.0], [-4.0, 1.0]]), np.array([[3.0, 1.0], [2.0, -1.0], [-5.0, 2.0]]))

check_best_key = Exercise(
    name="best key",
    reference=lambda q, k: _dots(q, k).argmax(axis=-1),
    cases=(
        Case("two queries and three keys in the plane", _LONG_KEY),
        Case("four queries and six keys", _pairs(91, 4, 6, 3)),
        Case("seven queries and three keys", _pairs(93, 7, 3, 5)),
        Case("five queries and five keys", _pairs(95, 5, 5, 5)),
        Case(
            "scores that are all negative",
            (-_LONG_KEY[0][:1], _LONG_KEY[1][:2] + np.array([9.0, 0.0])),
        ),
    ),
    mistakes=(
        Mistake(
            "the best query of each key",
            lambda q, k: _dots(q, k).argmax(axis=0),
            "You searched each column: for every key, the query that agrees most. It is the query "
            "that asks. Search each row, axis=-1.",
        ),
        Mistake(
            "the lowest score",
            lambda q, k: _dots(q, k).argmin(axis=-1),
            "You found the lowest score of each row. The most negative score means the strongest "
            "disagreement; the highest wins.",
        ),
        Mistake(
            "the largest size",
            lambda q, k: np.abs(_dots(q, k)).argmax(axis=-1),
            "You dropped the signs. A score of -6 is not large, it is low: keys that point away "
            "lose.",
        ),
        Mistake(
            "the score instead of its place",
            lambda q, k: _dots(q, k).max(axis=-1),
            "These are the highest scores. The question is where they stand: argmax gives the "
            "column.",
        ),
        Mistake(
            "the smallest angle",
            lambda q, k: cosines(q, k).argmax(axis=-1),
            "You took the key at the smallest angle. A longer key at a wider angle can have the "
            "higher score: compare the dot products themselves.",
        ),
        Mistake(
            "one place in the whole matrix",
            lambda q, k: _dots(q, k).argmax(),
            "This is one place in the whole matrix. Each query has a best key of its own: axis=-1.",
        ),
        Mistake(
            "counting from 1",
            lambda q, k: _dots(q, k).argmax(axis=-1) + 1,
            "Each place is one too high. Python counts columns from 0.",
        ),
        Mistake(
            "the nearest key",
            lambda q, k: ((q[:, None] - k[None]) ** 2).sum(axis=-1).argmin(axis=-1),
            "You took the key whose tip is nearest to that of the query. Nearness is not the "
            "score: a key far out in the right direction has a higher one.",
        ),
    ),
)

check_cosines = Exercise(
    name="cosines",
    reference=cosines,
    cases=(
        Case("three queries and three keys", _pairs(101, 3, 3, 3)),
        Case("two queries and four keys", _pairs(103, 2, 4, 5)),
        Case("five queries and one key", _pairs(105, 5, 1, 2)),
        Case("long and short vectors", (100 * np.eye(2, 3), 0.01 * _pairs(107, 1, 3, 3)[1])),
    ),
    mistakes=(
        Mistake(
            "no division",
            _dots,
            "These are the scores. Divide each by the length of its query and by the length of its "
            "key.",
        ),
        Mistake(
            "only the queries are divided",
            lambda q, k: _dots(q, k) / lengths(q)[:, None],
            "You divided by the lengths of the queries only. A long key still gets a larger "
            "number: divide by its length too.",
        ),
        Mistake(
            "only the keys are divided",
            lambda q, k: _dots(q, k) / lengths(k),
            "You divided by the lengths of the keys only. Divide by the length of the query too.",
        ),
        Mistake(
            "squared lengths",
            lambda q, k: _dots(q, k) / ((q * q).sum(axis=-1)[:, None] * (k * k).sum(axis=-1)),
            "You divided by the squared lengths. The length is the square root of the sum of the "
            "squares.",
        ),
        Mistake(
            "one length for the whole matrix",
            lambda q, k: _dots(q, k) / (np.linalg.norm(q) * np.linalg.norm(k)),
            "You took one length of all queries together and one of all keys. Each row has its "
            "own: axis=-1.",
        ),
        Mistake(
            "the lengths on the wrong sides",
            lambda q, k: _dots(q, k) / (lengths(q) * lengths(k)[:, None]),
            "The lengths stand on the wrong sides: those of the queries divided columns. Give them "
            "the shape (n, 1), and those of the keys (m,).",
        ),
        Mistake(
            "the sum of the lengths",
            lambda q, k: _dots(q, k) / (lengths(q)[:, None] + lengths(k)),
            "You divided by the sum of the two lengths. Divide by their product.",
        ),
        Mistake(
            "the angle",
            lambda q, k: np.arccos(cosines(q, k)),
            "These are the angles themselves, in radians. The cosine is asked: leave out arccos.",
        ),
        Mistake(
            "the square root of d_k",
            scores,
            "You divided by the square root of d_k, one number for all pairs. The lengths differ "
            "from vector to vector.",
        ),
    ),
)
