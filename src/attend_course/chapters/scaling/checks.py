"""Checks of chapter 4, "Scaling and the softmax"."""

from __future__ import annotations

import numpy as np

from attend import causal_mask, masked_softmax, scores, softmax
from attend_course.kit.cases import arrays
from attend_course.kit.checks import Case, Exercise, Mistake
from attend_course.kit.draws import normals
from attend_course.kit.rules import without


def _words(seed: int, n: int, d_model: int, d_k: int) -> tuple[np.ndarray, ...]:
    return arrays(seed, (n, d_model), (d_model, d_k), (d_model, d_k))


def _dots(x: np.ndarray, w_q: np.ndarray, w_k: np.ndarray) -> np.ndarray:
    return (x @ w_q) @ (x @ w_k).T


check_scores_of_words = Exercise(
    name="scores of words",
    reference=lambda x, w_q, w_k: scores(x @ w_q, x @ w_k),
    cases=(
        Case("three words, d_model = 12, d_k = 4", _words(11, 3, 12, 4)),
        Case("five words, d_model = 32, d_k = 8", _words(21, 5, 32, 8)),
        Case("one word, d_model = 6, d_k = 2", _words(31, 1, 6, 2)),
        Case("seven words, d_model = 3, d_k = 5", _words(71, 7, 3, 5)),
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


def _shift_by_the_first(x: np.ndarray) -> np.ndarray:
    return _exp_shares(x - x[:, :1])


def _shift_by_the_mean(x: np.ndarray) -> np.ndarray:
    return _exp_shares(x - x.mean(axis=-1, keepdims=True))


def _shift_by_the_median(x: np.ndarray) -> np.ndarray:
    return _exp_shares(x - np.median(x, axis=-1, keepdims=True))


def _shift_by_the_lowest(x: np.ndarray) -> np.ndarray:
    return _exp_shares(x - x.min(axis=-1, keepdims=True))


def _shift_by_the_size(x: np.ndarray) -> np.ndarray:
    return _exp_shares(x - np.abs(x).max(axis=-1, keepdims=True))


def _shift_by_the_last(x: np.ndarray) -> np.ndarray:
    return _exp_shares(x - x[:, -1:])


def _clipped(x: np.ndarray) -> np.ndarray:
    return _exp_shares(np.clip(x, -700, 700))


def _maximum_over_columns(x: np.ndarray) -> np.ndarray:
    return softmax(x - x.max(axis=-1))


def _sums_over_columns(x: np.ndarray) -> np.ndarray:
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1)


def _plain_shares(x: np.ndarray) -> np.ndarray:
    return x / x.sum(axis=-1, keepdims=True)


def _hard_maximum(x: np.ndarray) -> np.ndarray:
    return (x == x.max(axis=-1, keepdims=True)).astype(float)


check_stable_softmax = Exercise(
    name="stable softmax",
    reference=softmax,
    cases=(
        Case("a square of scores", (normals(41, (4, 4)),)),
        Case("two rows of three scores", (np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 1.5]]),)),
        Case("scores as large as 1000", (np.array([[1000.0, 999.0, 0.0], [3.0, 1.0, 2.0]]),)),
        Case("one very high and one very low row", (np.array([[800.0, 801.0], [-800.0, -802.0]]),)),
        Case("the largest score at the end", (np.array([[0.0, 10.0, 1000.0]]),)),
        Case("the largest score first", (np.array([[2000.0, 1999.0, 0.0, -1000.0, 0.0]]),)),
        Case("scores as large as 100,000", (np.array([[1e5, -1e5, 1e5], [-1e5, 0.0, -1e5]]),)),
        Case("a single score", (np.array([[-3000.0]]),)),
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
            "the first score subtracted",
            _shift_by_the_first,
            "You subtracted the first score of each row. That helps only where it is the largest: "
            "on 0 and 1000 the exponential overflows as before. Subtract the largest.",
        ),
        Mistake(
            "the last score subtracted",
            _shift_by_the_last,
            "You subtracted the last score of each row. That helps only where it is the largest. "
            "Subtract the largest, wherever it stands.",
        ),
        Mistake(
            "the mean subtracted",
            _shift_by_the_mean,
            "You subtracted the mean of each row. One score far above the mean still overflows: "
            "after the subtraction nothing may be above 0. Subtract the largest.",
        ),
        Mistake(
            "the median subtracted",
            _shift_by_the_median,
            "You subtracted the median of each row. A score far above it still overflows. Subtract "
            "the largest, so that no exponent is above 0.",
        ),
        Mistake(
            "the lowest score subtracted",
            _shift_by_the_lowest,
            "You subtracted the lowest score of each row. That makes the others larger, and they "
            "overflow. Subtract the largest.",
        ),
        Mistake(
            "the largest size subtracted",
            _shift_by_the_size,
            "You subtracted the largest size, without signs. In a row of low scores all "
            "exponentials become 0, and 0 / 0 is no number. Subtract the largest score.",
        ),
        Mistake(
            "scores cut off",
            _clipped,
            "You cut high scores off. Then 1000 and 999 become equal, and get equal shares. "
            "Subtract the largest score of the row instead: it changes no share.",
        ),
        Mistake(
            "the maximum over the columns",
            _maximum_over_columns,
            "The largest score of row 0 was subtracted from column 0. Keep the axis, with "
            "keepdims=True, so that each row meets its own.",
        ),
        Mistake(
            "the sums over the columns",
            _sums_over_columns,
            "The sum of row 0 divides column 0. Keep the axis, with keepdims=True, so that each "
            "row is divided by its own sum.",
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
    rules=(
        without(
            "That is right, and a ready softmax did it. Write it with np.exp.",
            "softmax",
            "masked_softmax",
            "log_softmax",
        ),
    ),
)


def _mask_after(x: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return softmax(x) * mask


def _mask_with_zero(x: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return softmax(np.where(mask, x, 0.0))


def _mask_with_infinity(x: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return softmax(np.where(mask, x, -np.inf))


def _renormalised(x: np.ndarray, mask: np.ndarray) -> np.ndarray:
    weights = softmax(x) * mask
    return weights / weights.sum(axis=-1, keepdims=True)


def _renormalised_with_care(x: np.ndarray, mask: np.ndarray) -> np.ndarray:
    weights = softmax(x) * mask
    sums = weights.sum(axis=-1, keepdims=True)
    return np.divide(weights, sums, out=np.zeros_like(weights), where=sums > 0)


def _mask_with_ten(x: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return np.where(mask, softmax(np.where(mask, x, -10.0)), 0.0)


def _mask_with_lowest_only(x: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return softmax(np.where(mask, x, np.finfo(x.dtype).min))


def _pushed_down(x: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return np.where(mask, softmax(np.where(mask, x, x - 10.0)), 0.0)


_PADDED = np.array([[True, True, True, False]] * 4)
_ONE_ROW_EMPTY = np.array([[True, False, True], [False, False, False], [True, True, True]])
_HIGH = np.array([[1000.0, 2.0, 1.0], [3.0, 1.0, 1000.0]])

check_masked_weights = Exercise(
    name="masked weights",
    reference=masked_softmax,
    cases=(
        Case("a causal mask over four words", (2 * normals(51, (4, 4)), causal_mask(4))),
        Case("padding at the end", (2 * normals(52, (4, 4)), _PADDED)),
        Case("a query that may attend to nothing", (2 * normals(53, (3, 3)), _ONE_ROW_EMPTY)),
        Case("two queries and five keys", (2 * normals(54, (2, 5)), normals(55, (2, 5)) < 0.3)),
        Case("a forbidden key with the score 1000", (_HIGH, _HIGH < 1000)),
        Case("allowed scores that are low", (normals(56, (3, 4)) - 60, causal_mask(3, 4))),
    ),
    mistakes=(
        Mistake(
            "mask after the softmax",
            _mask_after,
            "You masked the weights. What the forbidden keys had taken is lost, and the rows no "
            "longer sum to 1. Mask the scores, before the softmax shares out.",
        ),
        Mistake(
            "divided once more after the mask",
            _renormalised,
            "You masked the weights and divided by what was left. Where a forbidden key had taken "
            "everything, or a query may attend to nothing, that is 0 / 0. Mask the scores, before "
            "the softmax shares out.",
        ),
        Mistake(
            "divided once more, but not by 0",
            _renormalised_with_care,
            "You masked the weights and divided by what was left. A forbidden key with the score "
            "1000 takes all weight: nothing is left for the others, though they were allowed. Mask "
            "the scores, before the softmax shares out.",
        ),
        Mistake(
            "mask with a score that is not low enough",
            _mask_with_ten,
            "The score of forbidden keys is not low enough: where allowed ones are lower still, "
            "forbidden keys take a share. Give them the lowest finite number of the type.",
        ),
        Mistake(
            "something taken off forbidden scores",
            _pushed_down,
            "You took a fixed amount off forbidden scores. From 1000 that is not enough: replace "
            "them by the lowest finite number of the type.",
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
    rules=(
        without(
            "That is right, and it leaves the work to `masked_softmax`. Write it with `softmax` or "
            "your answer to exercise 2, and `np.where`.",
            "masked_softmax",
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
        _temperature_case("temperature 1", 64, 1.0),
        Case("three words, temperature 3", (2 * normals(65, (3, 3)), 3.0)),
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
            "weights to the power of the temperature",
            lambda x, temperature: softmax(x) ** (1 / temperature),
            "You took a power of the weights, and the rows no longer sum to 1. Divide the scores, "
            "before the softmax.",
        ),
        Mistake(
            "scaled by sqrt(d_k) as well",
            lambda x, temperature: softmax(x / temperature / np.sqrt(x.shape[-1])),
            "You divided by a square root as well. Only the temperature is asked.",
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
