"""Checks of chapter 5, "The weighted sum"."""

from __future__ import annotations

import numpy as np

from attend import attention, scores, softmax
from attend_course.chapters.weighted_sum import example
from attend_course.kit.checks import Case, Exercise, Mistake
from attend_course.kit.draws import normals


def _weights(seed: int, n: int, m: int) -> np.ndarray:
    return softmax(normals(seed, (n, m)))


def _hard_choice(a: np.ndarray, v: np.ndarray) -> np.ndarray:
    return v[a.argmax(axis=-1)]


check_mixture = Exercise(
    name="the weighted sum",
    reference=lambda a, v: a @ v,
    cases=(
        Case("three queries and three values, d_v = 2", (_weights(71, 3, 3), normals(72, (3, 2)))),
        Case("four queries and four values, d_v = 5", (_weights(73, 4, 4), normals(74, (4, 5)))),
        Case("two queries and two values, d_v = 1", (_weights(75, 2, 2), normals(76, (2, 1)))),
    ),
    mistakes=(
        Mistake(
            "weights turned over",
            lambda a, v: a.T @ v,
            "You mixed with the columns of the weights, and a column need not sum to 1. A query "
            "is a row: output i uses row i.",
        ),
        Mistake(
            "softmax of the weights",
            lambda a, v: softmax(a) @ v,
            "You applied the softmax once more. These numbers are weights already: their rows sum "
            "to 1. A second softmax makes them nearly equal.",
        ),
        Mistake(
            "the value with the largest weight",
            _hard_choice,
            "You took one value for each query, the one with the largest weight. The others have "
            "a part too: multiply every value by its weight and add up.",
        ),
        Mistake(
            "the mean of the values",
            lambda a, v: np.tile(v.mean(axis=0), (len(a), 1)),
            "Every query got the mean of all values. Let each value count by its weight.",
        ),
        Mistake(
            "divided by the number of values",
            lambda a, v: a @ v / len(v),
            "You divided by the number of values. The weights of a query sum to 1: nothing is "
            "left to divide.",
        ),
        Mistake(
            "weights instead of outputs",
            lambda a, v: a,
            "These are the weights that came in. Multiply the values by them: an output has d_v "
            "components, as a value has.",
        ),
    ),
)


def _triple(seed: int, sizes: tuple[int, int, int]) -> tuple[np.ndarray, ...]:
    n, d_k, d_v = sizes
    shapes = ((n, d_k), (n, d_k), (n, d_v))
    return tuple(1.5 * normals(seed + place, shape) for place, shape in enumerate(shapes))


def _softmax_of_columns(q: np.ndarray, k: np.ndarray, v: np.ndarray) -> np.ndarray:
    return softmax(scores(q, k), axis=0) @ v


check_attention = Exercise(
    name="attention",
    reference=lambda q, k, v: attention(q, k, v)[0],
    cases=(
        Case("four words, d_k = 3, d_v = 2", _triple(81, (4, 3, 2))),
        Case("five words, d_k = 8, d_v = 3", _triple(91, (5, 8, 3))),
        Case("two words, d_k = 2, d_v = 4", _triple(101, (2, 2, 4))),
    ),
    mistakes=(
        Mistake(
            "no scaling",
            lambda q, k, v: attention(q, k, v, scale=1.0)[0],
            "The scores were not divided. Divide them by the square root of d_k before the "
            "softmax.",
        ),
        Mistake(
            "sqrt(d_v) for sqrt(d_k)",
            lambda q, k, v: attention(q, k, v, scale=v.shape[-1] ** -0.5)[0],
            "You divided by the square root of d_v. A score is a sum over the d_k components of "
            "a key; values take no part in it.",
        ),
        Mistake(
            "no softmax",
            lambda q, k, v: scores(q, k) @ v,
            "You mixed the values with scores. Scores may be negative, and their rows sum to "
            "nothing in particular: apply the softmax to each row first.",
        ),
        Mistake(
            "softmax over the wrong axis",
            _softmax_of_columns,
            "The softmax ran over the queries. Each query shares out its own attention: normalise "
            "along each row, axis=-1.",
        ),
        Mistake(
            "queries and keys swapped",
            lambda q, k, v: attention(k, q, v)[0],
            "Queries and keys have changed places. Row i of the output belongs to query i, so Q "
            "comes first and K is transposed.",
        ),
        Mistake(
            "keys as values",
            lambda q, k, v: attention(q, k, k)[0],
            "You mixed the keys. A key is for being found; what is handed over is the value.",
        ),
        Mistake(
            "weights instead of outputs",
            lambda q, k, v: attention(q, k, v)[1],
            "These are the weights. One step is missing: multiply them by the values.",
        ),
        Mistake(
            "scaled after the softmax",
            lambda q, k, v: softmax(q @ k.T) / np.sqrt(q.shape[-1]) @ v,
            "You divided the weights, so their rows no longer sum to 1. Divide the scores, before "
            "the softmax.",
        ),
    ),
)


def _gradient_case(says: str, seed: int, sizes: tuple[int, int]) -> Case:
    m, d_v = sizes
    return Case(
        says, (_weights(seed, 1, m)[0], normals(seed + 1, (m, d_v)), normals(seed + 2, d_v))
    )


check_score_gradient = Exercise(
    name="gradient toward the scores",
    reference=lambda w, v, g: example.score_slopes(w, v) @ g,
    cases=(
        _gradient_case("four keys, d_v = 3", 111, (4, 3)),
        _gradient_case("two keys, d_v = 2", 121, (2, 2)),
        _gradient_case("six keys, d_v = 1", 131, (6, 1)),
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
