"""Checks of chapter 7, "The whole Transformer"."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from attend import attention, layer_norm, positional_encoding, scores, softmax
from attend.config import TransformerConfig
from attend_course.chapters.whole_transformer.sizes import count
from attend_course.kit.cases import arrays
from attend_course.kit.checks import Case, Exercise, Mistake
from attend_course.kit.rules import without

Asked = Callable[..., np.ndarray]


# ------------------------------------------------------------------------ the memory is asked


def _asked(rows: np.ndarray, memory: np.ndarray, filled: np.ndarray, *ws: np.ndarray) -> np.ndarray:
    return attention(rows @ ws[0], memory @ ws[1], memory @ ws[2], ~filled)[0]


def _of_matrices(answer: Asked) -> Asked:
    """Turn a function of rows, memory, filling and matrices into one of the arguments asked."""
    return lambda D, M, W_Q, W_K, W_V, filled: answer(D, M, filled, W_Q, W_K, W_V)


def _weighed(weigh: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Asked:
    """Return a memory attention that makes its weights from scaled scores and the filling."""

    def answer(D: np.ndarray, M: np.ndarray, filled: np.ndarray, *ws: np.ndarray) -> np.ndarray:
        return weigh(scores(D @ ws[0], M @ ws[1]), filled) @ (M @ ws[2])

    return _of_matrices(answer)


def _scaled(factor: Callable[[np.ndarray, np.ndarray], float]) -> Asked:
    def answer(D: np.ndarray, M: np.ndarray, filled: np.ndarray, *ws: np.ndarray) -> np.ndarray:
        q, k, v = D @ ws[0], M @ ws[1], M @ ws[2]
        return attention(q, k, v, ~filled, scale=factor(D, k))[0]

    return _of_matrices(answer)


def _without_filled_rows(
    D: np.ndarray, M: np.ndarray, filled: np.ndarray, *ws: np.ndarray
) -> np.ndarray:
    return _asked(D, np.where(filled[:, None], 0.0, M), np.zeros_like(filled), *ws)


def _causal(D: np.ndarray, M: np.ndarray, filled: np.ndarray, *ws: np.ndarray) -> np.ndarray:
    look = np.tril(np.ones((len(D), len(M)), bool))
    return attention(D @ ws[0], M @ ws[1], M @ ws[2], look)[0]


def _memory_case(says: str, seed: int, sizes: tuple[int, ...], filled: list[bool]) -> Case:
    n, d_model, d_k, d_v = sizes
    shapes = [(n, d_model), (len(filled), d_model), (d_model, d_k), (d_model, d_k), (d_model, d_v)]
    return Case(says, (*arrays(seed, *shapes), np.array(filled)))


check_memory = Exercise(
    name="memory attention",
    reference=_of_matrices(_asked),
    cases=(
        _memory_case(
            "four rows and four of the memory, the last one filling",
            401,
            (4, 3, 3, 3),
            [False, False, False, True],
        ),
        _memory_case(
            "three rows and five of the memory, two of them filling",
            411,
            (3, 4, 2, 5),
            [False, False, False, True, True],
        ),
        _memory_case("five rows and two of the memory, no filling", 421, (5, 6, 3, 2), [False] * 2),
        _memory_case("one row and three of the memory", 431, (1, 4, 5, 3), [False, True, True]),
    ),
    mistakes=(
        Mistake(
            "the filling ignored",
            _weighed(lambda s, filled: softmax(s)),
            "The filling got weight as if it were a word. Close its columns before the softmax.",
        ),
        Mistake(
            "only the filling seen",
            _of_matrices(lambda D, M, filled, *ws: _asked(D, M, ~filled, *ws)),
            "You looked at the filling and hid the words. A mask says True where a row *may* "
            "attend, and `filled` says True where it may not.",
        ),
        Mistake(
            "masked after the softmax",
            _weighed(lambda s, filled: np.where(filled, 0.0, softmax(s))),
            "You set weights to 0 after the softmax. Then the rows no longer sum to 1: the filling "
            "has taken its share first.",
        ),
        Mistake(
            "scores of the filling set to 0",
            _weighed(lambda s, filled: softmax(np.where(filled, 0.0, s))),
            "A score of 0 is an ordinary score, and gets weight. Use the lowest number, or a mask.",
        ),
        Mistake(
            "rows of the filling emptied",
            _of_matrices(_without_filled_rows),
            "You set the memory's rows of filling to 0. Their scores are then 0, and a score of 0 "
            "gets weight: mask the scores.",
        ),
        Mistake(
            "a causal mask",
            _of_matrices(_causal),
            "That is a causal mask. It belongs to the decoder's self-attention: the source is "
            "there as a whole, and only its filling is hidden.",
        ),
        Mistake(
            "keys and values from the rows that ask",
            _of_matrices(lambda D, M, filled, *ws: _asked(D, D, filled, *ws)),
            "This is self-attention: keys and values were made from D. What is asked is the "
            "memory, M.",
        ),
        Mistake(
            "queries from the memory",
            _of_matrices(lambda D, M, filled, *ws: _asked(M, M, filled, *ws)),
            "The queries were made from M. It is the rows of D that ask: one output for each.",
        ),
        Mistake(
            "values from the rows that ask",
            _of_matrices(
                lambda D, M, filled, *ws: attention(D @ ws[0], M @ ws[1], D @ ws[2], ~filled)[0]
            ),
            "The values were made from D. What is found in the memory is also taken from it.",
        ),
        Mistake(
            "keys from the rows that ask",
            _of_matrices(
                lambda D, M, filled, *ws: attention(D @ ws[0], D @ ws[1], M @ ws[2], ~filled)[0]
            ),
            "The keys were made from D. It is the memory that is compared with the queries.",
        ),
        Mistake(
            "no scaling",
            _scaled(lambda D, k: 1.0),
            "The scores were not divided by the square root of d_k.",
        ),
        Mistake(
            "divided by the root of d_model",
            _scaled(lambda D, k: D.shape[-1] ** -0.5),
            "You divided by the square root of d_model. It is the length of a key that counts, "
            "d_k.",
        ),
        Mistake(
            "a softmax over the queries",
            _weighed(lambda s, filled: softmax(np.where(filled, -1e30, s), axis=0)),
            "The softmax ran over the queries. Each row of D makes its own choice: axis=-1.",
        ),
    ),
    rules=(
        without(
            "That is right, and it leaves the work to the course's multi-head attention. Write one "
            "head, with `attention` or in your own lines.",
            "multi_head_attention",
            "attend_with_heads",
        ),
    ),
)


# ------------------------------------------------------------------------ positions


Exponent = Callable[[np.ndarray, int], np.ndarray]


def _angles(
    n: int, d_model: int, exponent: Exponent = lambda i, d: 2 * i / d, base: float = 1e4
) -> np.ndarray:
    """Return the angles of all hands, (n, d_model / 2), with an exponent of one's own."""
    return np.arange(n)[:, None] / base ** exponent(np.arange(d_model // 2), d_model)


def _woven(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.stack([first, second], axis=-1).reshape(len(first), -1)


def _hands(angles: np.ndarray) -> np.ndarray:
    return _woven(np.sin(angles), np.cos(angles))


def _by_column(n: int, d_model: int) -> np.ndarray:
    column = np.arange(d_model)
    angle = np.arange(n)[:, None] / 10_000.0 ** (column / d_model)
    return np.where(column % 2, np.cos(angle), np.sin(angle))


check_encoding = Exercise(
    name="positional encodings",
    reference=lambda n, d_model: positional_encoding(n, d_model),
    cases=(
        Case("four places, d_model = 4", (4, 4)),
        Case("seven places, d_model = 6", (7, 6)),
        Case("three places, d_model = 10", (3, 10)),
        Case("a single place, d_model = 8", (1, 8)),
        Case("five places, d_model = 2", (5, 2)),
        Case("forty places, d_model = 12", (40, 12)),
    ),
    mistakes=(
        Mistake(
            "all sines first",
            lambda n, d: np.hstack([np.sin(_angles(n, d)), np.cos(_angles(n, d))]),
            "All sines stand first and all cosines behind them. In the paper they come in pairs: "
            "the columns 2i and 2i + 1 belong to hand i.",
        ),
        Mistake(
            "cosine before sine",
            lambda n, d: _woven(np.cos(_angles(n, d)), np.sin(_angles(n, d))),
            "The cosine stands before the sine. Column 2i is the sine, column 2i + 1 the cosine.",
        ),
        Mistake(
            "places counted from 1",
            lambda n, d: positional_encoding(n, d, start=1),
            "Your first place is 1. Places are counted from 0, so the first row is 0, 1, 0, 1, ...",
        ),
        Mistake(
            "the exponent halved",
            lambda n, d: _hands(_angles(n, d, lambda i, d: i / d)),
            "The exponent of hand i is 2i / d_model, and you have i / d_model. The slowest hand "
            "then turns a hundred times too fast.",
        ),
        Mistake(
            "each column its own speed",
            _by_column,
            "Sine and cosine of a pair must have the same angle: the exponent of both columns 2i "
            "and 2i + 1 is 2i / d_model.",
        ),
        Mistake(
            "multiplied instead of divided",
            lambda n, d: _hands(_angles(n, d, lambda i, d: -2 * i / d)),
            "You multiplied by the power of 10000. Divide by it, so that later hands are slower.",
        ),
        Mistake(
            "degrees",
            lambda n, d: _hands(np.deg2rad(_angles(n, d))),
            "Your angles are degrees. NumPy's sine takes radians, and the paper's formula means "
            "them too: no conversion.",
        ),
        Mistake(
            "sines alone",
            lambda n, d: _woven(np.sin(_angles(n, d)), np.sin(_angles(n, d))),
            "Both columns of a pair are sines. With a sine alone, a hand does not tell up from "
            "down: the second is the cosine.",
        ),
        Mistake(
            "transposed",
            lambda n, d: positional_encoding(n, d).T,
            "Rows and columns have changed places. A place is a row: (n, d_model).",
        ),
        Mistake(
            "a base of 1000",
            lambda n, d: _hands(_angles(n, d, base=1e3)),
            "The number under the exponent is 10000, with four zeros.",
        ),
        Mistake(
            "the same for every place",
            lambda n, d: np.repeat(positional_encoding(1, d), n, axis=0),
            "Every row is the same. The angle grows with the place: multiply by t.",
        ),
    ),
    rules=(
        without(
            "That is right, and it leaves the work to `attend`. Write the sines and cosines.",
            "positional_encoding",
            "positions_like",
        ),
    ),
)


# ------------------------------------------------------------------------ the norm

EPSILON = 1e-5


def _centred(x: np.ndarray, axis: int | None = -1) -> np.ndarray:
    return x - x.mean(axis=axis, keepdims=True)


def _normed(x: np.ndarray, axis: int | None = -1, ddof: int = 0) -> np.ndarray:
    return _centred(x, axis) / np.sqrt(x.var(axis=axis, keepdims=True, ddof=ddof) + EPSILON)


def _norm_case(says: str, seed: int, n: int, d: int) -> Case:
    x, gain, bias = arrays(seed, (n, d), (d,), (d,))
    return Case(says, (3 * x + 2, 1 + gain / 2, bias))


check_norm = Exercise(
    name="layer norm",
    reference=lambda x, gain, bias: layer_norm(x, gain, bias),
    cases=(
        _norm_case("four rows of four", 441, 4, 4),
        _norm_case("three rows of six", 451, 3, 6),
        _norm_case("a single row of five", 461, 1, 5),
        _norm_case("five rows of two", 471, 5, 2),
        Case("two rows of equal numbers", (np.full((2, 4), 3.0), *arrays(481, (4,), (4,)))),
        Case("rows of small numbers", (arrays(491, (2, 5))[0] / 200, *arrays(492, (5,), (5,)))),
    ),
    mistakes=(
        Mistake(
            "over the words",
            lambda x, gain, bias: _normed(x, 0) * gain + bias,
            "You normalised each column, over the words. A layer norm works on one row at a time: "
            "axis=-1.",
        ),
        Mistake(
            "over everything",
            lambda x, gain, bias: _normed(x, None) * gain + bias,
            "You took one mean and one variance for all rows. Each row has its own: axis=-1, "
            "keepdims=True.",
        ),
        Mistake(
            "divided by the variance",
            lambda x, gain, bias: _centred(x) / (x.var(-1, keepdims=True) + EPSILON) * gain + bias,
            "You divided by the variance. Divide by its square root, the spread.",
        ),
        Mistake(
            "the variance of a sample",
            lambda x, gain, bias: _normed(x, ddof=1) * gain + bias,
            "You divided the squares by d - 1, as one does for a sample. Here it is their mean: "
            "divided by d.",
        ),
        Mistake(
            "the mean left in",
            lambda x, gain, bias: x / np.sqrt(x.var(-1, keepdims=True) + EPSILON) * gain + bias,
            "The mean was not taken away. First x minus its mean, then the division.",
        ),
        Mistake(
            "the mean of the squares",
            lambda x, gain, bias: (
                _centred(x) / np.sqrt((x * x).mean(-1, keepdims=True) + EPSILON) * gain + bias
            ),
            "You divided by the root of the mean square of x itself. The variance is measured from "
            "the mean: use the centred row.",
        ),
        Mistake(
            "gain and bias left out",
            lambda x, gain, bias: _normed(x),
            "Gain and bias are missing: multiply by the one, add the other.",
        ),
        Mistake(
            "the bias left out",
            lambda x, gain, bias: _normed(x) * gain,
            "The bias is missing: add it at the end.",
        ),
        Mistake(
            "the gain left out",
            lambda x, gain, bias: _normed(x) + bias,
            "The gain is missing: multiply by it before the bias is added.",
        ),
        Mistake(
            "the bias before the gain",
            lambda x, gain, bias: (_normed(x) + bias) * gain,
            "You added the bias before you multiplied by the gain, so the bias was multiplied too.",
        ),
        Mistake(
            "gain and bias exchanged",
            lambda x, gain, bias: _normed(x) * bias + gain,
            "Gain and bias have changed places: the gain multiplies, the bias is added.",
        ),
        Mistake(
            "no epsilon",
            lambda x, gain, bias: _centred(x) / x.std(-1, keepdims=True) * gain + bias,
            "A row of equal numbers has variance 0, and you divided by it. Add 1e-5 under the "
            "root.",
        ),
        Mistake(
            "epsilon added to the spread",
            lambda x, gain, bias: _centred(x) / (x.std(-1, keepdims=True) + EPSILON) * gain + bias,
            "You added 1e-5 to the spread. It is added to the variance, under the root; where "
            "numbers are small one sees the difference.",
        ),
    ),
    rules=(
        without("That is right, and it leaves the work to `layer_norm`. Write it.", "layer_norm"),
    ),
)


# ------------------------------------------------------------------------ parameters


def _attention(d_model: int, h: int, d_k: int, d_v: int) -> int:
    return 2 * d_model * h * d_k + 2 * d_model * h * d_v


def _inner(d_model: int, d_ff: int) -> int:
    return 2 * d_model * d_ff + d_ff + d_model


Counted = Callable[[int, int, int], int]


def _built(
    layers: Counted = lambda attention, inner, norm: 3 * attention + 2 * inner + 5 * norm,
    tables: int = 1,
    attention: Callable[..., int] = _attention,
    inner: Callable[..., int] = _inner,
) -> Callable[..., int]:
    """Return a count that is right but for what is handed in."""

    def answer(vocabulary, N, d_model, d_ff, h, d_k, d_v):  # type: ignore[no-untyped-def]
        parts = attention(d_model, h, d_k, d_v), inner(d_model, d_ff), 2 * d_model
        return tables * vocabulary * d_model + N * layers(*parts)

    return answer


def _counted(vocabulary, N, d_model, d_ff, h, d_k, d_v):  # type: ignore[no-untyped-def]
    return count(TransformerConfig(vocabulary, N, d_model, d_ff, h, d_k, d_v))


NAMES = ("vocabulary", "N", "d_model", "d_ff", "h", "d_k", "d_v")


def _count_case(*sizes: int) -> Case:
    pairs = zip(NAMES, sizes, strict=True)
    return Case(", ".join(f"{name} = {size}" for name, size in pairs), sizes)


check_count = Exercise(
    name="parameters",
    reference=_counted,
    cases=(
        _count_case(20, 1, 4, 16, 2, 2, 2),
        _count_case(11, 2, 6, 5, 3, 2, 1),
        _count_case(7, 3, 2, 3, 1, 4, 5),
        _count_case(37_000, 6, 512, 2048, 8, 64, 64),
    ),
    mistakes=(
        Mistake(
            "the table counted thrice",
            _built(tables=3),
            "You counted the table three times. It is used three times, and learned once.",
        ),
        Mistake(
            "the table left out",
            _built(tables=0),
            "The table of the pieces is missing: vocabulary times d_model.",
        ),
        Mistake(
            "one attention in the decoder",
            _built(lambda attention, inner, norm: 2 * attention + 2 * inner + 5 * norm),
            "You counted one attention in a decoder layer. It has two: over the target and over "
            "the memory.",
        ),
        Mistake(
            "two norms in the decoder",
            _built(lambda attention, inner, norm: 3 * attention + 2 * inner + 4 * norm),
            "A decoder layer has three sub-layers, so three norms; you counted two.",
        ),
        Mistake(
            "the norms left out",
            _built(lambda attention, inner, norm: 3 * attention + 2 * inner),
            "The norms are missing: each has a gain and a bias of length d_model.",
        ),
        Mistake(
            "a norm without bias",
            _built(lambda attention, inner, norm: 3 * attention + 2 * inner + 5 * norm // 2),
            "A norm has a gain and a bias: 2 d_model numbers.",
        ),
        Mistake(
            "the short rows of the feed-forward left out",
            _built(inner=lambda d_model, d_ff: 2 * d_model * d_ff),
            "The rows b_1 and b_2 are missing: d_ff and d_model numbers in each feed-forward.",
        ),
        Mistake(
            "one matrix in the feed-forward",
            _built(inner=lambda d_model, d_ff: d_model * d_ff + d_ff + d_model),
            "A feed-forward has two matrices, W_1 and W_2.",
        ),
        Mistake(
            "W_O left out",
            _built(attention=lambda d, h, d_k, d_v: 2 * d * h * d_k + d * h * d_v),
            "W_O is missing in each attention: (h d_v, d_model).",
        ),
        Mistake(
            "four square matrices",
            _built(attention=lambda d, h, d_k, d_v: 4 * d * d),
            "You counted four matrices of d_model by d_model. That holds where h d_k and h d_v "
            "equal d_model; here they need not.",
        ),
        Mistake(
            "one head",
            _built(attention=lambda d, h, d_k, d_v: 2 * d * d_k + 2 * d * d_v),
            "You counted the projections of one head. Each of the h heads has its own.",
        ),
        Mistake(
            "biases in the attention",
            _built(
                attention=lambda d, h, d_k, d_v: (
                    _attention(d, h, d_k, d_v) + 2 * h * d_k + h * d_v + d
                )
            ),
            "You gave each projection of the attention a row to add. The paper's formulas have "
            "none there.",
        ),
        Mistake(
            "one encoder and one decoder layer",
            lambda vocabulary, N, *sizes: _built()(vocabulary, 1, *sizes),
            "You counted one layer of each stack. There are N of each.",
        ),
        Mistake(
            "the encoder alone",
            _built(lambda attention, inner, norm: attention + inner + 2 * norm),
            "You counted the encoder. The decoder has N layers too.",
        ),
    ),
)
