"""Checks of chapter 5, "The weighted sum"."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from attend import attention, causal_mask, masked_softmax, scores, softmax
from attend_course.chapters.weighted_sum import example
from attend_course.kit.cases import arrays, weights
from attend_course.kit.checks import Case, Exercise, Mistake
from attend_course.kit.draws import normals
from attend_course.kit.rules import without


def _mixture_case(says: str, seed: int, sizes: tuple[int, int, int]) -> Case:
    n, m, d_v = sizes
    return Case(says, (np.exp(normals(seed, (n, m))), normals(seed + 1, (m, d_v))))


def _mixed(e: np.ndarray, v: np.ndarray) -> np.ndarray:
    return e @ v / e.sum(axis=-1, keepdims=True)


def _shares(e: np.ndarray, axis: int | None = -1) -> np.ndarray:
    return e / e.sum(axis=axis, keepdims=True)


check_mixture = Exercise(
    name="the weighted sum",
    reference=_mixed,
    cases=(
        _mixture_case("three queries, three values of length 3", 71, (3, 3, 3)),
        _mixture_case("four queries and six values, d_v = 5", 73, (4, 6, 5)),
        _mixture_case("five queries and two values, d_v = 1", 75, (5, 2, 1)),
        _mixture_case("one query and seven values, d_v = 4", 77, (1, 7, 4)),
    ),
    mistakes=(
        Mistake(
            "not divided",
            lambda e, v: e @ v,
            "You mixed with the exponentials as they are. Their rows do not sum to 1 yet: divide "
            "each output by the sum of its row.",
        ),
        Mistake(
            "divided by the sums of the columns",
            lambda e, v: _shares(e, axis=0) @ v,
            "You divided by the sums of the columns. A query is a row: its own exponentials have "
            "to sum to 1, axis=-1.",
        ),
        Mistake(
            "one sum for all queries",
            lambda e, v: _shares(e, axis=None) @ v,
            "You divided by the sum of all exponentials together. Each query shares out its own: "
            "sum along its row, axis=-1 with keepdims=True.",
        ),
        Mistake(
            "the sums on the wrong axis",
            lambda e, v: e @ v / e.sum(axis=-1),
            "The sum of query 0 divided component 0 of every output. Keep the axis, with "
            "keepdims=True, so that it divides row 0.",
        ),
        Mistake(
            "divided by the sum of the values",
            lambda e, v: e @ v / v.sum(axis=0),
            "You divided by the sums of the values. What has to sum to 1 are the weights: divide "
            "by the sums of the exponentials.",
        ),
        Mistake(
            "divided twice",
            lambda e, v: _mixed(_shares(e), v) / e.sum(axis=-1, keepdims=True),
            "You divided twice, before and after. Once is enough, at whichever end.",
        ),
        Mistake(
            "turned over",
            lambda e, v: _mixed(e.T, v),
            "You mixed with the columns. A query is a row: output i uses row i.",
        ),
        Mistake(
            "softmax of the exponentials",
            lambda e, v: softmax(e) @ v,
            "You applied the softmax. These are exponentials already: divide them by their sum.",
        ),
        Mistake(
            "divided by the number of values",
            lambda e, v: e @ v / len(v),
            "You divided by the number of values. Divide by the sum of the row, which differs from "
            "query to query.",
        ),
        Mistake(
            "divided by the largest",
            lambda e, v: e @ v / e.max(axis=-1, keepdims=True),
            "You divided by the largest exponential of each row. Weights have to sum to 1: divide "
            "by the sum.",
        ),
        Mistake(
            "the value with the largest weight",
            lambda e, v: v[e.argmax(axis=-1)],
            "You took one value for each query, the one with the largest weight. The others have "
            "a part too: multiply every value by its weight and add up.",
        ),
        Mistake(
            "the mean of the values",
            lambda e, v: np.tile(v.mean(axis=0), (len(e), 1)),
            "Every query got the mean of all values. Let each value count by its weight.",
        ),
        Mistake(
            "weights instead of outputs",
            lambda e, v: _shares(e),
            "These are the weights. Multiply the values by them: an output has d_v components, as "
            "a value has.",
        ),
    ),
)


def _attend(q: np.ndarray, k: np.ndarray, v: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return attention(q, k, v, mask)[0]


def _attention_case(says: str, seed: int, sizes: tuple[int, ...], mask: np.ndarray) -> Case:
    d_k, d_v = sizes
    n, m = mask.shape
    drawn = arrays(seed, (n, d_k), (m, d_k), (m, d_v))
    return Case(says, (*(1.5 * rows for rows in drawn), mask))


def _with_weights(change: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """Return attention whose weights a function makes from scaled scores and mask."""
    return lambda q, k, v, mask: change(scores(q, k), mask) @ v


def _mask_after(s: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return np.where(mask, softmax(s), 0.0)


def _mask_with_zero(s: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return softmax(np.where(mask, s, 0.0))


_HOLES = np.array(
    [[True, False, True], [True, True, False], [False, True, True], [False, False, True]]
)

check_attention = Exercise(
    name="attention",
    reference=_attend,
    cases=(
        _attention_case("four words, d_k = 4, d_v = 4, a causal mask", 81, (4, 4), causal_mask(4)),
        _attention_case("four queries, three keys, d_k = 8, d_v = 5", 91, (8, 5), _HOLES),
        _attention_case("two queries, five keys, d_k = 2, d_v = 4", 101, (2, 4), causal_mask(2, 5)),
        _attention_case(
            "one query, three keys, all allowed", 141, (3, 2), np.ones((1, 3), dtype=bool)
        ),
    ),
    mistakes=(
        Mistake(
            "no mask",
            lambda q, k, v, mask: attention(q, k, v)[0],
            "The mask was not used: forbidden keys have weight.",
        ),
        Mistake(
            "mask after the softmax",
            _with_weights(_mask_after),
            "You masked the weights. What the forbidden keys had taken is lost, and the rows no "
            "longer sum to 1. Mask the scores, before the softmax shares out.",
        ),
        Mistake(
            "mask upside down",
            lambda q, k, v, mask: attention(q, k, v, ~mask)[0],
            "You blocked the keys that may be attended to. Here True means: may attend.",
        ),
        Mistake(
            "mask with 0 instead of a low score",
            _with_weights(_mask_with_zero),
            "You gave forbidden keys the score 0. That is an ordinary score, and the key still "
            "gets weight. Give it one so low that its exponential is 0.",
        ),
        Mistake(
            "no scaling",
            lambda q, k, v, mask: attention(q, k, v, mask, scale=1.0)[0],
            "The scores were not divided. Divide them by the square root of d_k before the "
            "softmax.",
        ),
        Mistake(
            "divided by d_k",
            lambda q, k, v, mask: attention(q, k, v, mask, scale=1 / q.shape[-1])[0],
            "You divided by d_k. Divide by its square root: the spread of the scores grows no "
            "faster than that.",
        ),
        Mistake(
            "sqrt(d_v) for sqrt(d_k)",
            lambda q, k, v, mask: attention(q, k, v, mask, scale=v.shape[-1] ** -0.5)[0],
            "You divided by the square root of d_v. A score is a sum over the d_k components of "
            "a key; values take no part in it.",
        ),
        Mistake(
            "the root of the number of keys",
            lambda q, k, v, mask: attention(q, k, v, mask, scale=len(k) ** -0.5)[0],
            "You divided by the square root of the number of keys. A score is a sum over the d_k "
            "components of a key: that length counts.",
        ),
        Mistake(
            "no softmax",
            _with_weights(lambda s, mask: np.where(mask, s, 0.0)),
            "You mixed the values with scores. Scores may be negative, and their rows sum to "
            "nothing in particular: apply the softmax to each row first.",
        ),
        Mistake(
            "softmax over the wrong axis",
            _with_weights(lambda s, mask: masked_softmax(s.T, mask.T).T),
            "The softmax ran over the queries. Each query shares out its own attention: normalise "
            "along each row, axis=-1.",
        ),
        Mistake(
            "queries and keys swapped",
            lambda q, k, v, mask: attention(k, q, v, mask)[0],
            "Queries and keys have changed places. Row i of the output belongs to query i, so Q "
            "comes first and K is transposed.",
        ),
        Mistake(
            "weights turned over",
            _with_weights(lambda s, mask: masked_softmax(s, mask).T),
            "You transposed the weights. Row i holds what query i takes from each key, and it "
            "multiplies V as it stands.",
        ),
        Mistake(
            "keys as values",
            lambda q, k, v, mask: attention(q, k, k, mask)[0],
            "You mixed the keys. A key is for being found; what is handed over is the value.",
        ),
        Mistake(
            "weights instead of outputs",
            lambda q, k, v, mask: attention(q, k, v, mask)[1],
            "These are the weights. One step is missing: multiply them by the values.",
        ),
        Mistake(
            "scaled after the softmax",
            lambda q, k, v, mask: masked_softmax(q @ k.T, mask) / np.sqrt(q.shape[-1]) @ v,
            "You divided the weights, so their rows no longer sum to 1. Divide the scores, before "
            "the softmax.",
        ),
    ),
    rules=(
        without(
            "That is right, and a ready attention did it. Write it yourself, with `softmax`.",
            "attention",
            "fused_attention",
            "chunked_attention",
            "scaled_dot_product_attention",
        ),
    ),
)


def _gradient_case(says: str, seed: int, sizes: tuple[int, int]) -> Case:
    m, d_v = sizes
    return Case(says, (weights(seed, 1, m)[0], *arrays(seed + 1, (m, d_v), d_v)))


check_score_gradient = Exercise(
    name="gradient toward the scores",
    reference=lambda w, v, g: example.score_slopes(w, v) @ g,
    cases=(
        _gradient_case("four keys, d_v = 3", 111, (4, 3)),
        _gradient_case("two keys, d_v = 2", 121, (2, 2)),
        _gradient_case("six keys, d_v = 1", 131, (6, 1)),
        _gradient_case("three keys, d_v = 3", 151, (3, 3)),
    ),
    mistakes=(
        Mistake(
            "the output left out",
            lambda w, v, g: w * (v @ g),
            "You let each weight grow by itself. A weight grows at the cost of the others: what "
            "counts is how far the value lies from the output, v_j - o.",
        ),
        Mistake(
            "the weight left out",
            lambda w, v, g: (v - w @ v) @ g,
            "The distance from the output is right. A key with little weight moves the output "
            "little: multiply by w_j.",
        ),
        Mistake(
            "the sign turned over",
            lambda w, v, g: w * ((w @ v - v) @ g),
            "The sign is turned over. Raise a score, and the output moves toward that value: "
            "v_j - o, not o - v_j.",
        ),
        Mistake(
            "without the gradient of the output",
            lambda w, v, g: example.score_slopes(w, v).sum(axis=-1),
            "You added the components up as they are. The gradient says how much each counts: a "
            "dot product with g.",
        ),
        Mistake(
            "how the output moves",
            lambda w, v, g: example.score_slopes(w, v),
            "These are the ways in which the output moves, (m, d_v). How fast the error grows with "
            "them is one step more: the dot product of each with g.",
        ),
        Mistake(
            "only the diagonal of the softmax",
            lambda w, v, g: w * (1 - w) * (v @ g),
            "The slope w (1 - w) is that of a weight toward its own score. When a score rises, the "
            "other weights fall, and their values count as well.",
        ),
        Mistake(
            "the gradient toward the weights",
            lambda w, v, g: v @ g,
            "This is the gradient toward the weights. Go one step further back, through the "
            "softmax, to the scores.",
        ),
        Mistake(
            "the mean instead of the output",
            lambda w, v, g: w * ((v - v.mean(axis=0)) @ g),
            "You measured from the mean of the values. Measure from the output, where each value "
            "counts by its weight.",
        ),
    ),
)


def _from_corners(point: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.linalg.solve(np.vstack([v.T, np.ones(3)]), np.append(point, 1.0))


def _nearness(point: np.ndarray, v: np.ndarray) -> np.ndarray:
    near = 1 / np.linalg.norm(v - point, axis=-1)
    return near / near.sum()


def _least(point: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.linalg.lstsq(v.T, point, rcond=None)[0]


def _least_and_divided(point: np.ndarray, v: np.ndarray) -> np.ndarray:
    return _least(point, v) / _least(point, v).sum()


def _corner_case(says: str, w: tuple[float, ...], v: list[list[float]]) -> Case:
    points = np.array(v)
    return Case(says, (np.array(w) @ points, points))


check_weights_of_a_point = Exercise(
    name="weights of a point",
    reference=_from_corners,
    cases=(
        _corner_case("a point inside", (0.5, 0.3, 0.2), [[3.0, 2.0], [-3.0, -1.0], [2.0, -3.0]]),
        _corner_case(
            "a point near a corner", (0.9, 0.04, 0.06), [[0.0, 3.0], [4.0, 1.0], [1.0, 1.0]]
        ),
        _corner_case(
            "corners far away", (0.6, 0.1, 0.3), [[50.0, 9.0], [8.0, 70.0], [-60.0, -40.0]]
        ),
        _corner_case("a point on an edge", (0.25, 0.0, 0.75), [[1.0, 1.0], [5.0, 2.0], [2.0, 6.0]]),
    ),
    mistakes=(
        Mistake(
            "weights by nearness",
            _nearness,
            "You weighted each value by how near it is. Mix the values with these weights: the "
            "result is not the point. The weights must solve w @ V = point.",
        ),
        Mistake(
            "the sum of 1 left out",
            _least,
            "These mix to the point, but they do not sum to 1. That is a third equation: add a "
            "row of ones below V transposed, and a 1 below the point.",
        ),
        Mistake(
            "divided by the sum afterwards",
            _least_and_divided,
            "You divided by the sum afterwards. The weights now sum to 1, and no longer mix to "
            "the point. Solve for both at once.",
        ),
        Mistake(
            "weights in another order",
            lambda point, v: _from_corners(point, v)[::-1],
            "The right weights in the wrong order: weight i belongs to value i.",
        ),
        Mistake(
            "softmax of dot products",
            lambda point, v: softmax(v @ point),
            "A softmax of dot products gives weights, but not those that lead to this point. "
            "Solve three equations for three weights.",
        ),
        Mistake(
            "equal weights",
            lambda point, v: np.full(3, 1 / 3),
            "Equal weights lead to the middle of the triangle. This point lies elsewhere.",
        ),
        Mistake(
            "the mixture of the weights",
            lambda point, v: _from_corners(point, v) @ v,
            "This is the point again. The weights are asked: three numbers.",
        ),
    ),
)
