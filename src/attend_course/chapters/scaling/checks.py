"""Checks of chapter 4, "Scaling and the softmax"."""

from __future__ import annotations

import numpy as np

from attend import causal_mask, masked_softmax, scores, softmax
from attend_course.kit.checks import Case, Exercise, Mistake
from attend_course.kit.draws import normals


def _words(seed: int, n: int, d_model: int, d_k: int) -> tuple[np.ndarray, ...]:
    shapes = ((n, d_model), (d_model, d_k), (d_model, d_k))
    return tuple(normals(seed + place, shape) for place, shape in enumerate(shapes))


def _dots(x: np.ndarray, w_q: np.ndarray, w_k: np.ndarray) -> np.ndarray:
    return (x @ w_q) @ (x @ w_k).T


check_scores_of_words = Exercise(
    name="scores of words",
    reference=lambda x, w_q, w_k: scores(x @ w_q, x @ w_k),
    cases=(
        Case("three words, d_model = 12, d_k = 4", _words(11, 3, 12, 4)),
        Case("five words, d_model = 32, d_k = 8", _words(21, 5, 32, 8)),
        Case("one word, d_model = 6, d_k = 2", _words(31, 1, 6, 2)),
    ),
    mistakes=(
        Mistake(
            "no scaling",
            _dots,
            "These are the bare dot products. Divide them by the square root of d_k, or their "
            "spread grows with d_k.",
        ),
        Mistake(
            "sqrt(d_model) for sqrt(d_k)",
            lambda x, w_q, w_k: _dots(x, w_q, w_k) / np.sqrt(x.shape[-1]),
            "You divided by the square root of d_model, the length of a row of x. The dot product "
            "is taken over the d_k components of a query and a key: that length counts.",
        ),
        Mistake(
            "dividing by d_k",
            lambda x, w_q, w_k: _dots(x, w_q, w_k) / w_q.shape[-1],
            "You divided by d_k. It is the variance of a score that grows like d_k; its spread "
            "grows like the square root. Dividing by d_k makes all keys look alike.",
        ),
        Mistake(
            "multiplying by sqrt(d_k)",
            lambda x, w_q, w_k: _dots(x, w_q, w_k) * np.sqrt(w_q.shape[-1]),
            "You multiplied by the square root of d_k. Divide by it: long vectors make scores too "
            "large, not too small.",
        ),
        Mistake(
            "sqrt(number of words)",
            lambda x, w_q, w_k: _dots(x, w_q, w_k) / np.sqrt(x.shape[0]),
            "You divided by the square root of the number of words. One dot product does not know "
            "how many words there are; its length is d_k.",
        ),
        Mistake(
            "queries and keys swapped",
            lambda x, w_q, w_k: scores(x @ w_k, x @ w_q),
            "Rows and columns have changed places. Queries stand on rows, keys on columns: the "
            "query matrix comes first, and the key matrix is transposed.",
        ),
        Mistake(
            "no projection",
            lambda x, w_q, w_k: x @ x.T / np.sqrt(w_q.shape[-1]),
            "You compared the rows of x with each other. Make queries with W_Q and keys with W_K "
            "first, then compare those.",
        ),
        Mistake(
            "weights instead of scores",
            lambda x, w_q, w_k: softmax(scores(x @ w_q, x @ w_k)),
            "These are weights: you have already applied the softmax. Scores are asked, the "
            "numbers before it.",
        ),
    ),
)


def _exp_shares(x: np.ndarray) -> np.ndarray:
    return np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)


def _shift_by_one_maximum(x: np.ndarray) -> np.ndarray:
    return _exp_shares(x - x.max())


def _plain_shares(x: np.ndarray) -> np.ndarray:
    return x / x.sum(axis=-1, keepdims=True)


def _hard_maximum(x: np.ndarray) -> np.ndarray:
    return (x == x.max(axis=-1, keepdims=True)).astype(float)


check_stable_softmax = Exercise(
    name="stable softmax",
    reference=softmax,
    cases=(
        Case("two rows of three scores", (np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 1.5]]),)),
        Case("a square of scores", (normals(41, (4, 4)),)),
        Case("scores as large as 1000", (np.array([[1000.0, 999.0, 0.0], [3.0, 1.0, 2.0]]),)),
        Case("one very high and one very low row", (np.array([[800.0, 801.0], [-800.0, -802.0]]),)),
    ),
    mistakes=(
        Mistake(
            "softmax over the wrong axis",
            lambda x: softmax(x, axis=0),
            "The columns sum to 1: you normalised over the queries. It is each query that shares "
            "out its attention, so each row must sum to 1: use axis=-1.",
        ),
        Mistake(
            "one sum for the whole matrix",
            lambda x: np.exp(x - x.max()) / np.exp(x - x.max()).sum(),
            "The whole matrix sums to 1. Every row is a choice of its own: sum over the last axis "
            "and keep it, axis=-1 and keepdims=True.",
        ),
        Mistake(
            "overflow",
            _exp_shares,
            "Small scores are right, but exp(1000) is too large for a number and the shares "
            "become nan. Subtract the largest score of each row first; the shares stay the same.",
        ),
        Mistake(
            "one maximum for the whole matrix",
            _shift_by_one_maximum,
            "You subtracted the largest score of the whole matrix. Beside it a row of low scores "
            "vanishes: all its exponentials are 0. Take the maximum of each row.",
        ),
        Mistake(
            "no exponential",
            _plain_shares,
            "You divided the scores themselves by their sum. Scores may be negative or sum to "
            "zero, so take the exponential first.",
        ),
        Mistake(
            "no normalising",
            lambda x: np.exp(x - x.max(axis=-1, keepdims=True)),
            "The largest entry of each row is 1, and the rows sum to more. Divide each row by its "
            "sum.",
        ),
        Mistake(
            "a hard maximum",
            _hard_maximum,
            "All weight went to the largest score. The softmax is softer: the others keep a "
            "share, in proportion to their exponentials.",
        ),
        Mistake(
            "the logarithm of the softmax",
            lambda x: np.log(softmax(x)),
            "These are logarithms of the weights: they are not positive. Return the shares "
            "themselves.",
        ),
    ),
)


def _mask_after(x: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return softmax(x) * mask


def _mask_with_zero(x: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return softmax(np.where(mask, x, 0.0))


def _mask_with_infinity(x: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return softmax(np.where(mask, x, -np.inf))


def _mask_with_lowest_only(x: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return softmax(np.where(mask, x, np.finfo(x.dtype).min))


_PADDED = np.array([[True, True, True, False]] * 4)
_ONE_ROW_EMPTY = np.array([[True, False, True], [False, False, False], [True, True, True]])

check_masked_weights = Exercise(
    name="masked weights",
    reference=masked_softmax,
    cases=(
        Case("a causal mask over four words", (2 * normals(51, (4, 4)), causal_mask(4))),
        Case("padding at the end", (2 * normals(52, (4, 4)), _PADDED)),
        Case("a query that may attend to nothing", (2 * normals(53, (3, 3)), _ONE_ROW_EMPTY)),
    ),
    mistakes=(
        Mistake(
            "mask after the softmax",
            _mask_after,
            "You masked the weights. What the forbidden keys had taken is lost, and the rows no "
            "longer sum to 1. Mask the scores, before the softmax shares out.",
        ),
        Mistake(
            "mask with 0 instead of the lowest score",
            _mask_with_zero,
            "You gave forbidden keys the score 0. That is an ordinary score: exp(0) is 1, and the "
            "key still gets weight. Give it the lowest finite number of the type.",
        ),
        Mistake(
            "mask with 0 before, zeros after",
            lambda x, mask: np.where(mask, _mask_with_zero(x, mask), 0.0),
            "You scored forbidden keys 0 and removed their weight later. They still took a share "
            "away from the others. Give them the lowest finite score before the softmax.",
        ),
        Mistake(
            "mask upside down",
            lambda x, mask: masked_softmax(x, ~mask),
            "You blocked the keys that may be attended to. Here True means: may attend.",
        ),
        Mistake(
            "minus infinity in an empty row",
            _mask_with_infinity,
            "Minus infinity works until a query may attend to nothing: then its row is nan. Use "
            "the lowest finite number, and put zeros where the mask is False after the softmax.",
        ),
        Mistake(
            "an empty row shares out evenly",
            _mask_with_lowest_only,
            "A query that may attend to nothing has shared its weight evenly over forbidden keys. "
            "After the softmax, set the weight to 0 wherever the mask is False.",
        ),
        Mistake(
            "softmax over the wrong axis",
            lambda x, mask: masked_softmax(x.T, mask.T).T,
            "The columns sum to 1. Queries stand on rows, so normalise along each row, axis=-1.",
        ),
        Mistake(
            "no mask",
            lambda x, mask: softmax(x),
            "The mask was not used: forbidden keys have weight.",
        ),
    ),
)


def _temperature_case(says: str, seed: int, temperature: float) -> Case:
    return Case(says, (2 * normals(seed, (3, 5)), temperature))


check_temperature = Exercise(
    name="temperature",
    reference=lambda x, temperature: softmax(x / temperature),
    cases=(
        _temperature_case("temperature 2", 61, 2.0),
        _temperature_case("temperature 0.5", 62, 0.5),
        _temperature_case("temperature 8", 63, 8.0),
    ),
    mistakes=(
        Mistake(
            "multiplying by the temperature",
            lambda x, temperature: softmax(x * temperature),
            "You multiplied. A high temperature must level the weights out, so divide the scores "
            "by it.",
        ),
        Mistake(
            "temperature after the softmax",
            lambda x, temperature: softmax(x) / temperature,
            "You divided the weights, and the rows sum to 1 / temperature. The temperature acts "
            "on the scores, before the softmax.",
        ),
        Mistake(
            "weights divided, then the softmax again",
            lambda x, temperature: softmax(softmax(x) / temperature),
            "You applied the softmax twice. Divide the scores by the temperature, then apply it "
            "once.",
        ),
        Mistake(
            "a square root too many",
            lambda x, temperature: softmax(x / np.sqrt(temperature)),
            "You took the square root of the temperature. The square root belongs to d_k; the "
            "temperature divides as it is.",
        ),
        Mistake(
            "no temperature",
            lambda x, temperature: softmax(x),
            "The temperature was not used: these are the weights at temperature 1.",
        ),
        Mistake(
            "softmax over the wrong axis",
            lambda x, temperature: softmax(x / temperature, axis=0),
            "The columns sum to 1, so the queries were compared with each other. Normalise along "
            "each row, axis=-1.",
        ),
    ),
)
