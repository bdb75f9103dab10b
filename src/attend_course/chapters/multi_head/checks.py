"""Checks of chapter 6, "Multi-head attention"."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from attend import HeadProjections, attention, merge_heads, multi_head_attention, split_heads
from attend.attention import scores, softmax
from attend_course.kit.checks import Case, Exercise, Mistake
from attend_course.kit.draws import normals


def _rows_cut(x: np.ndarray, h: int) -> np.ndarray:
    n, width = x.shape
    return x.reshape(h, n, width // h)


def _every_hth_column(x: np.ndarray, h: int) -> np.ndarray:
    return np.stack([x[:, head::h] for head in range(h)])


check_cut = Exercise(
    name="cut into heads",
    reference=lambda x, h: split_heads(x, h).copy(),
    cases=(
        Case("four rows of length 6, two heads", (normals(201, (4, 6)), 2)),
        Case("two rows of length 12, three heads", (normals(202, (2, 12)), 3)),
        Case("three rows of length 8, four heads", (normals(203, (3, 8)), 4)),
    ),
    mistakes=(
        Mistake(
            "reshaped at once",
            _rows_cut,
            "You reshaped straight to (h, n, d). The shape is right, but pieces of different words "
            "ended up in one head. Reshape to (n, h, d) first, then let the first two axes change "
            "places.",
        ),
        Mistake(
            "axes not changed",
            lambda x, h: x.reshape(len(x), h, -1),
            "These are the right pieces, with the words in front: (n, h, d). Let the first two "
            "axes change places.",
        ),
        Mistake(
            "every h-th column",
            _every_hth_column,
            "You dealt the columns out in turn. A head takes a block of neighbouring columns: "
            "head 0 the first d of them.",
        ),
        Mistake(
            "length before words",
            lambda x, h: split_heads(x, h).swapaxes(-1, -2),
            "The last two axes are turned over. In each head a word is a row: (h, n, d).",
        ),
        Mistake(
            "the whole row for each head",
            lambda x, h: np.stack([x] * h),
            "Each head got the whole row. It gets one of h pieces: d is the length over h.",
        ),
    ),
)


Joined = Callable[[np.ndarray, HeadProjections], np.ndarray]


def _of_matrices(answer: Joined) -> Callable[..., np.ndarray]:
    """Turn a function of x and projections into one of x, four matrices and h, as asked."""
    return lambda x, *given: answer(x, HeadProjections(*given))


def _right(x: np.ndarray, p: HeadProjections) -> np.ndarray:
    return multi_head_attention(x, x, x, p)[0]


def _heads(x: np.ndarray, p: HeadProjections) -> tuple[np.ndarray, ...]:
    return tuple(split_heads(x @ w, p.h) for w in (p.W_Q, p.W_K, p.W_V))


def _wrong_root(x: np.ndarray, p: HeadProjections) -> np.ndarray:
    found, _ = attention(*_heads(x, p), scale=p.W_Q.shape[1] ** -0.5)
    return merge_heads(found) @ p.W_O


def _without_w_o(x: np.ndarray, p: HeadProjections) -> np.ndarray:
    return merge_heads(attention(*_heads(x, p))[0])


def _joined_at_once(x: np.ndarray, p: HeadProjections) -> np.ndarray:
    return attention(*_heads(x, p))[0].reshape(len(x), -1) @ p.W_O


def _softmax_over_heads(x: np.ndarray, p: HeadProjections) -> np.ndarray:
    q, k, v = _heads(x, p)
    return merge_heads(softmax(scores(q, k), axis=0) @ v) @ p.W_O


def _heads_averaged(x: np.ndarray, p: HeadProjections) -> np.ndarray:
    found, _ = attention(*_heads(x, p))
    return merge_heads(np.broadcast_to(found.mean(axis=0), found.shape)) @ p.W_O


def _rows_cut_before(x: np.ndarray, p: HeadProjections) -> np.ndarray:
    q, k, v = (_rows_cut(x @ w, p.h) for w in (p.W_Q, p.W_K, p.W_V))
    return merge_heads(attention(q, k, v)[0]) @ p.W_O


def _one_head(x: np.ndarray, p: HeadProjections) -> np.ndarray:
    return attention(x @ p.W_Q, x @ p.W_K, x @ p.W_V)[0] @ p.W_O


def _projections_case(says: str, seed: int, sizes: tuple[int, int, int]) -> Case:
    n, d_model, h = sizes
    square = [0.7 * normals(seed + place, (d_model, d_model)) for place in range(4)]
    return Case(says, (normals(seed + 4, (n, d_model)), *square, h))


check_multi_head = Exercise(
    name="multi-head attention",
    reference=_of_matrices(_right),
    cases=(
        _projections_case("four words, d_model = 6, two heads", 211, (4, 6, 2)),
        _projections_case("three words, d_model = 8, four heads", 221, (3, 8, 4)),
        _projections_case("five words, d_model = 9, three heads", 231, (5, 9, 3)),
    ),
    mistakes=(
        Mistake(
            "divided by the root of d_model",
            _of_matrices(_wrong_root),
            "You divided by the square root of d_model. Inside a head a key has length "
            "d_k = d_model / h: divide by the square root of that.",
        ),
        Mistake(
            "W_O left out",
            _of_matrices(_without_w_o),
            "The heads are joined, and one step is missing: multiply by W_O, so that what follows "
            "can use what the heads found together.",
        ),
        Mistake(
            "joined by a reshape alone",
            _of_matrices(_joined_at_once),
            "The heads were joined by a reshape alone, which mixes words up. From (h, n, d_v) let "
            "the first two axes change places first, then reshape to (n, h * d_v).",
        ),
        Mistake(
            "cut by a reshape alone",
            _of_matrices(_rows_cut_before),
            "The rows were cut by a reshape alone, which mixes words up. Reshape to (n, h, d_k) "
            "first, then let the first two axes change places.",
        ),
        Mistake(
            "a softmax over the heads",
            _of_matrices(_softmax_over_heads),
            "The softmax ran over the heads. Each head chooses among the keys by itself: the last "
            "axis, in each head.",
        ),
        Mistake(
            "one head",
            _of_matrices(_one_head),
            "This is one wide head. Cut queries, keys and values into h pieces before they attend.",
        ),
        Mistake(
            "heads averaged",
            _of_matrices(_heads_averaged),
            "You averaged the heads. They are put side by side, so that W_O can treat each in its "
            "own way.",
        ),
        Mistake(
            "W_O transposed",
            _of_matrices(lambda x, p: _right(x, p._replace(W_O=p.W_O.T))),
            "W_O is transposed. Words are rows here, so it stands on the right as it is.",
        ),
    ),
)


def _parts(heads: np.ndarray, w_o: np.ndarray) -> np.ndarray:
    return heads @ w_o.reshape(len(heads), -1, w_o.shape[1])


def _by_columns(heads: np.ndarray, w_o: np.ndarray) -> np.ndarray:
    return heads @ w_o.T.reshape(len(heads), -1, len(w_o))


def _first_rows(heads: np.ndarray, w_o: np.ndarray) -> np.ndarray:
    return heads @ w_o[: heads.shape[-1]]


def _shares(heads: np.ndarray, w_o: np.ndarray) -> np.ndarray:
    return np.stack([merge_heads(heads) @ w_o / len(heads)] * len(heads))


def _parts_case(says: str, seed: int, sizes: tuple[int, int, int]) -> Case:
    h, n, d_v = sizes
    return Case(says, (normals(seed, (h, n, d_v)), normals(seed + 1, (h * d_v, h * d_v))))


check_parts = Exercise(
    name="what each head adds",
    reference=_parts,
    cases=(
        _parts_case("two heads, three words, d_v = 2", 241, (2, 3, 2)),
        _parts_case("four heads, two words, d_v = 3", 251, (4, 2, 3)),
        _parts_case("three heads, one word, d_v = 1", 261, (3, 1, 1)),
    ),
    mistakes=(
        Mistake(
            "columns of W_O",
            _by_columns,
            "You cut W_O by its columns. The columns of the concatenated heads meet its rows: head "
            "i has rows i * d_v to (i + 1) * d_v.",
        ),
        Mistake(
            "the same rows for all",
            _first_rows,
            "Every head met the first rows of W_O. Each head has rows of its own.",
        ),
        Mistake(
            "equal shares of the output",
            _shares,
            "You cut the finished output into equal shares. The parts of the heads differ; their "
            "sum is the output.",
        ),
        Mistake(
            "the sum",
            lambda heads, w_o: merge_heads(heads) @ w_o,
            "This is the sum of all parts, the output. The parts are asked, one a head: "
            "(h, n, d_model).",
        ),
        Mistake(
            "the heads themselves",
            lambda heads, w_o: heads,
            "These are the heads as they came in. Each still has to meet its rows of W_O.",
        ),
    ),
)


def _entropy(weights: np.ndarray) -> np.ndarray:
    logs = np.log(np.where(weights > 0, weights, 1.0))
    return -(weights * logs).sum(axis=-1)


def _map(seed: int, n: int, m: int) -> np.ndarray:
    return softmax(2 * normals(seed, (n, m)))


_MASKED = np.array([[1.0, 0.0, 0.0], [0.25, 0.75, 0.0], [0.5, 0.25, 0.25]])

check_keys_in_use = Exercise(
    name="keys in use",
    reference=lambda weights: np.exp(_entropy(weights)),
    cases=(
        Case("three queries and five keys", (_map(271, 3, 5),)),
        Case("four queries and four keys", (_map(272, 4, 4),)),
        Case("weights under a causal mask, some of them 0", (_MASKED,)),
    ),
    mistakes=(
        Mistake(
            "the entropy",
            _entropy,
            "This is the entropy. One step is missing: the exponential, so that r equal weights "
            "give r.",
        ),
        Mistake(
            "a power of 2",
            lambda weights: 2 ** _entropy(weights),
            "You took a power of 2 of an entropy with natural logarithms. Use the exponential, or "
            "logarithms to base 2: both must have the same base.",
        ),
        Mistake(
            "the sign",
            lambda weights: np.exp(-_entropy(weights)),
            "The sign is turned over. Logarithms of weights are negative; the entropy has a minus "
            "in front and is never below 0.",
        ),
        Mistake(
            "one over the largest weight",
            lambda weights: 1 / weights.max(axis=-1),
            "You looked only at the largest weight. The others count too: sum w log w over the "
            "whole row.",
        ),
        Mistake(
            "keys that have any weight",
            lambda weights: (weights > 0).sum(axis=-1).astype(float),
            "You counted keys that have any weight at all. A key with a tiny weight should hardly "
            "count.",
        ),
        Mistake(
            "0 times the logarithm of 0",
            lambda weights: np.exp(-(weights * np.log(weights)).sum(axis=-1)),
            "Where a weight is 0 its logarithm is minus infinity, and the product is not a number. "
            "A key without weight adds nothing: leave it out.",
        ),
        Mistake(
            "the mean over all queries",
            lambda weights: np.exp(_entropy(weights)).mean(),
            "You averaged over the queries. One number a query is asked: (n,).",
        ),
    ),
)
