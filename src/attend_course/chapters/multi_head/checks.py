"""Checks of chapter 6, "Multi-head attention"."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from attend import HeadProjections, attention, merge_heads, multi_head_attention, split_heads
from attend.attention import scores, softmax
from attend_course.kit.cases import arrays, weights
from attend_course.kit.checks import Case, Exercise, Mistake
from attend_course.kit.draws import normals
from attend_course.kit.rules import without


def _rows_cut(x: np.ndarray, h: int) -> np.ndarray:
    return x.reshape(*x.shape[:-2], h, x.shape[-2], -1)


def _cut_case(says: str, seed: int, shape: tuple[int, int, int], h: int) -> Case:
    return Case(says, (normals(seed, shape), h))


check_cut = Exercise(
    name="cut into heads",
    reference=lambda x, h: split_heads(x, h).copy(),
    cases=(
        _cut_case("two sentences of four words, rows of length 6, two heads", 201, (2, 4, 6), 2),
        _cut_case(
            "three sentences of two words, rows of length 12, three heads", 202, (3, 2, 12), 3
        ),
        _cut_case("one sentence of three words, rows of length 8, four heads", 203, (1, 3, 8), 4),
        _cut_case("two sentences of two words, rows of length 4, two heads", 204, (2, 2, 4), 2),
        _cut_case("four sentences of one word, rows of length 5, one head", 205, (4, 1, 5), 1),
    ),
    mistakes=(
        Mistake(
            "reshaped at once",
            _rows_cut,
            "You reshaped straight to (b, h, n, d). The shape is right, but pieces of different "
            "words ended up in one head. Reshape to (b, n, h, d) first, then let the middle two "
            "axes change places.",
        ),
        Mistake(
            "axes not changed",
            lambda x, h: x.reshape(*x.shape[:-1], h, -1),
            "These are the right pieces, with the words in front: (b, n, h, d). Let the middle two "
            "axes change places.",
        ),
        Mistake(
            "sentences and heads changed places",
            lambda x, h: split_heads(x, h).swapaxes(0, 1),
            "The heads stand in front of the sentences: (h, b, n, d). The first axis stays that of "
            "the sentences; the two after it change places.",
        ),
        Mistake(
            "sentences and words changed places",
            lambda x, h: x.reshape(*x.shape[:-1], h, -1).swapaxes(0, 1),
            "Sentences and words have changed places. Axis 0 stays; axes 1 and 2 change places.",
        ),
        Mistake(
            "every h-th column",
            lambda x, h: np.stack([x[..., head::h] for head in range(h)], axis=1),
            "You dealt the columns out in turn. A head takes a block of neighbouring columns: "
            "head 0 the first d of them.",
        ),
        Mistake(
            "length before words",
            lambda x, h: split_heads(x, h).swapaxes(-1, -2),
            "The last two axes are turned over. In each head a word is a row: (b, h, n, d).",
        ),
        Mistake(
            "heads in the other order",
            lambda x, h: split_heads(x, h)[:, ::-1],
            "The heads stand in the other order. Head 0 has the first d columns.",
        ),
        Mistake(
            "the whole row for each head",
            lambda x, h: np.stack([x] * h, axis=1),
            "Each head got the whole row. It gets one of h pieces: d is the length over h.",
        ),
        Mistake(
            "the first sentence",
            lambda x, h: split_heads(x[0], h),
            "This is the first sentence. Cut all of them: (b, h, n, d).",
        ),
    ),
    rules=(
        without(
            "That is right, and it leaves the work to `split_heads`. Write it with a reshape.",
            "split_heads",
        ),
    ),
)


Joined = Callable[[np.ndarray, np.ndarray, HeadProjections], np.ndarray]


def _of_matrices(answer: Joined) -> Callable[..., np.ndarray]:
    """Turn a function of x, memory and projections into one of the arguments that are asked."""
    return lambda x, memory, *given: answer(x, memory, HeadProjections(*given))


def _right(x: np.ndarray, memory: np.ndarray, p: HeadProjections) -> np.ndarray:
    return multi_head_attention(x, memory, memory, p)[0]


def _heads(x: np.ndarray, memory: np.ndarray, p: HeadProjections) -> tuple[np.ndarray, ...]:
    pairs = ((x, p.W_Q), (memory, p.W_K), (memory, p.W_V))
    return tuple(split_heads(rows @ w, p.h) for rows, w in pairs)


def _scaled_by(length: Callable[..., int]) -> Joined:
    def answer(x: np.ndarray, memory: np.ndarray, p: HeadProjections) -> np.ndarray:
        found, _ = attention(*_heads(x, memory, p), scale=length(x, p) ** -0.5)
        return merge_heads(found) @ p.W_O

    return answer


def _with_heads(join: Callable[[np.ndarray, HeadProjections], np.ndarray]) -> Joined:
    """Return multi-head attention that makes its output from what the heads found."""
    return lambda x, memory, p: join(attention(*_heads(x, memory, p))[0], p)


def _softmax_over_heads(x: np.ndarray, memory: np.ndarray, p: HeadProjections) -> np.ndarray:
    q, k, v = _heads(x, memory, p)
    return merge_heads(softmax(scores(q, k), axis=0) @ v) @ p.W_O


def _heads_averaged(found: np.ndarray, p: HeadProjections) -> np.ndarray:
    return merge_heads(np.broadcast_to(found.mean(axis=0), found.shape)) @ p.W_O


def _rows_cut_before(x: np.ndarray, memory: np.ndarray, p: HeadProjections) -> np.ndarray:
    pairs = ((x, p.W_Q), (memory, p.W_K), (memory, p.W_V))
    q, k, v = (_rows_cut(rows @ w, p.h) for rows, w in pairs)
    return merge_heads(attention(q, k, v)[0]) @ p.W_O


def _one_head(x: np.ndarray, memory: np.ndarray, p: HeadProjections) -> np.ndarray:
    return attention(x @ p.W_Q, memory @ p.W_K, memory @ p.W_V)[0] @ p.W_O


def _projections_case(says: str, seed: int, sizes: tuple[int, ...]) -> Case:
    n, m, d_model, h, d_k, d_v = sizes
    shapes = [(d_model, h * d_k), (d_model, h * d_k), (d_model, h * d_v), (h * d_v, d_model)]
    matrices = (0.7 * w for w in arrays(seed, *shapes))
    return Case(says, (*arrays(seed + 4, (n, d_model), (m, d_model)), *matrices, h))


check_multi_head = Exercise(
    name="multi-head attention",
    reference=_of_matrices(_right),
    cases=(
        _projections_case("four rows, four of the memory, d_model = 6", 211, (4, 4, 6, 2, 3, 3)),
        _projections_case("three rows, five of the memory, d_model = 8", 221, (3, 5, 8, 4, 2, 3)),
        _projections_case("five rows, two of the memory, d_model = 9", 231, (5, 2, 9, 3, 5, 2)),
        _projections_case("one row, six of the memory, d_model = 4", 271, (1, 6, 4, 1, 3, 2)),
    ),
    mistakes=(
        Mistake(
            "divided by the root of d_model",
            _of_matrices(_scaled_by(lambda x, p: x.shape[-1])),
            "You divided by the square root of d_model. Inside a head a key has length d_k: "
            "divide by the square root of that.",
        ),
        Mistake(
            "divided by the root of all heads' length",
            _of_matrices(_scaled_by(lambda x, p: p.W_Q.shape[1])),
            "You divided by the square root of h * d_k, the length of all heads' keys together. "
            "Inside a head a key has length d_k.",
        ),
        Mistake(
            "no scaling",
            _of_matrices(_scaled_by(lambda x, p: 1)),
            "The scores were not divided. Each head divides by the square root of its d_k.",
        ),
        Mistake(
            "self-attention",
            _of_matrices(lambda x, memory, p: _right(x, x, p)),
            "The memory was not used: keys and values were made from x. The rows that ask are "
            "those of x; what they ask is the memory.",
        ),
        Mistake(
            "x and memory swapped",
            _of_matrices(lambda x, memory, p: _right(memory, x, p)),
            "The memory asked, and x was asked. The queries come from x: there is one output for "
            "each row of x.",
        ),
        Mistake(
            "values from x",
            _of_matrices(lambda x, memory, p: multi_head_attention(x, memory, x, p)[0]),
            "The values were made from x. What is found in the memory is also taken from it.",
        ),
        Mistake(
            "queries from the memory",
            _of_matrices(lambda x, memory, p: _right(memory, memory, p)),
            "The queries were made from the memory. It is the rows of x that ask.",
        ),
        Mistake(
            "W_O left out",
            _of_matrices(_with_heads(lambda found, p: merge_heads(found))),
            "The heads are joined, and one step is missing: multiply by W_O, so that what follows "
            "can use what the heads found together.",
        ),
        Mistake(
            "joined by a reshape alone",
            _of_matrices(_with_heads(lambda found, p: found.reshape(found.shape[1], -1) @ p.W_O)),
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
            _of_matrices(_with_heads(_heads_averaged)),
            "You averaged the heads. They are put side by side, so that W_O can treat each in its "
            "own way.",
        ),
        Mistake(
            "heads in the other order",
            _of_matrices(_with_heads(lambda found, p: merge_heads(found[::-1]) @ p.W_O)),
            "The heads were joined in the other order. Head 0 comes first: it meets the first rows "
            "of W_O.",
        ),
        Mistake(
            "W_O transposed",
            _of_matrices(_with_heads(lambda found, p: merge_heads(found) @ p.W_O.T)),
            "W_O is transposed. Words are rows here, so it stands on the right as it is.",
        ),
    ),
    rules=(
        without(
            "That is right, and `multi_head_attention` did it. Write it with `attention`.",
            "multi_head_attention",
            "attend_with_heads",
            "MultiheadAttention",
        ),
    ),
)


def _on(heads: np.ndarray, off: list[int]) -> np.ndarray:
    return np.array([[[head not in off]] for head in range(len(heads))])


def _without(heads: np.ndarray, w_o: np.ndarray, off: list[int]) -> np.ndarray:
    return merge_heads(heads * _on(heads, off)) @ w_o


def _rows_of_w_o(heads: np.ndarray, w_o: np.ndarray, off: list[int]) -> np.ndarray:
    kept = w_o.copy()
    kept[off] = 0
    return merge_heads(heads) @ kept


def _first_rows(heads: np.ndarray, w_o: np.ndarray, off: list[int]) -> np.ndarray:
    kept = merge_heads(np.delete(heads, off, axis=0))
    return kept @ w_o[: kept.shape[-1]]


def _dealt(heads: np.ndarray, w_o: np.ndarray, off: list[int]) -> np.ndarray:
    joined = merge_heads(heads)
    for head in off:
        joined[:, head :: len(heads)] = 0
    return joined @ w_o


def _columns_of_w_o(heads: np.ndarray, w_o: np.ndarray, off: list[int]) -> np.ndarray:
    output, d_v = merge_heads(heads) @ w_o, heads.shape[-1]
    for head in off:
        output[:, head * d_v : (head + 1) * d_v] = 0
    return output


def _off_case(says: str, seed: int, sizes: tuple[int, ...], off: list[int]) -> Case:
    h, n, d_v, d_model = sizes
    return Case(says, (*arrays(seed, (h, n, d_v), (h * d_v, d_model)), off))


check_heads_off = Exercise(
    name="heads switched off",
    reference=_without,
    cases=(
        _off_case("two heads of length 3, d_model = 6, head 0 off", 241, (2, 3, 3, 6), [0]),
        _off_case(
            "four heads of length 3, d_model = 5, heads 1 and 2 off", 251, (4, 2, 3, 5), [1, 2]
        ),
        _off_case("three heads of length 1, d_model = 4, head 2 off", 261, (3, 1, 1, 4), [2]),
        _off_case("three heads of length 2, d_model = 6, none off", 281, (3, 4, 2, 6), []),
        _off_case("two heads of length 2, d_model = 3, both off", 291, (2, 3, 2, 3), [0, 1]),
    ),
    mistakes=(
        Mistake(
            "those heads alone",
            lambda heads, w_o, off: merge_heads(heads * ~_on(heads, off)) @ w_o,
            "You kept the heads that are off and lost the others. Those in `off` add nothing.",
        ),
        Mistake(
            "one row of W_O a head",
            _rows_of_w_o,
            "You took one row of W_O for each head. A head meets d_v rows: head i the rows "
            "i * d_v to (i + 1) * d_v.",
        ),
        Mistake(
            "the first rows of W_O for what is left",
            _first_rows,
            "The heads that are left met the first rows of W_O. Each head keeps the rows that are "
            "its own.",
        ),
        Mistake(
            "every h-th column",
            _dealt,
            "You took every h-th column of the joined rows for a head. Its columns are "
            "neighbours: i * d_v to (i + 1) * d_v.",
        ),
        Mistake(
            "columns of the output",
            _columns_of_w_o,
            "You emptied columns of the output. W_O mixes the heads into all columns: take a head "
            "away before.",
        ),
        Mistake(
            "the others made larger",
            lambda heads, w_o, off: (
                _without(heads, w_o, off) * len(heads) / max(1, len(heads) - len(off))
            ),
            "You made the other heads larger to replace those that are off. They stay as they are.",
        ),
        Mistake(
            "nothing switched off",
            lambda heads, w_o, off: merge_heads(heads) @ w_o,
            "This is the output with all heads on.",
        ),
        Mistake(
            "joined by a reshape alone",
            lambda heads, w_o, off: (heads * _on(heads, off)).reshape(heads.shape[1], -1) @ w_o,
            "The heads were joined by a reshape alone, which mixes words up. Let the first two "
            "axes change places first.",
        ),
        Mistake(
            "one part a head",
            lambda heads, w_o, off: (
                heads * _on(heads, off) @ w_o.reshape(len(heads), -1, w_o.shape[1])
            ),
            "These are the parts of the heads, one a head. The output is their sum: (n, d_model).",
        ),
        Mistake(
            "W_O left out",
            lambda heads, w_o, off: merge_heads(heads * _on(heads, off)),
            "The heads are joined, and one step is missing: multiply by W_O.",
        ),
    ),
)


def _entropy(weights: np.ndarray) -> np.ndarray:
    logs = np.log(np.where(weights > 0, weights, 1.0))
    return -(weights * logs).sum(axis=-1)


_MASKED = np.array([[1.0, 0.0, 0.0], [0.25, 0.75, 0.0], [0.5, 0.25, 0.25]])

check_keys_in_use = Exercise(
    name="keys in use",
    reference=lambda weights: np.exp(_entropy(weights)),
    cases=(
        Case("three queries and five keys", (weights(271, 3, 5),)),
        Case("four queries and four keys", (weights(272, 4, 4),)),
        Case("weights under a causal mask, some of them 0", (_MASKED,)),
        Case("one query and one key", (np.ones((1, 1)),)),
        Case("equal weights over four keys", (np.full((2, 4), 0.25),)),
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
            "one over the sum of squares",
            lambda weights: 1 / (weights**2).sum(axis=-1),
            "You took one over the sum of the squared weights. It measures the same thing in "
            "another way; here e to the power of the entropy is asked.",
        ),
        Mistake(
            "over the queries",
            lambda weights: np.exp(_entropy(weights.T)),
            "You summed over the queries, axis 0. A query has a row: axis=-1.",
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
