"""Attention: scores, softmax, weighted sum, and several heads of it (section 3.2 of the paper).

The words of the course are kept apart here too: *scores* are what stands before the softmax,
*weights* what comes out of it.
"""

from collections.abc import Callable
from math import sqrt
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from jaxtyping import Bool, Float

from attend.arrays import (
    Array,
    broadcast_together,
    broadcasts_to,
    check_floating,
    highest,
    is_torch,
    kind_of_number,
    lowest,
    namespace,
    project,
    require,
    unless_vouched,
)
from attend.state import KeyValues

Attend: TypeAlias = Callable[..., tuple[Array, Array | None]]
"""A function with the signature of `attention`."""


def softmax(x: Float[Array, "..."], axis: int = -1) -> Float[Array, "..."]:
    """Turn numbers into shares of one: positive, and summing to 1 along `axis`.

    The largest number is subtracted first. This changes nothing in exact arithmetic, and keeps
    the exponential from overflowing.

    Raises
    ------
    ValueError
        If there is no such axis, or nothing along it.
    """
    xp = namespace(x)
    check_axis(x, axis)
    # A difference below the smallest number is -inf, and its exponential the right 0.
    with np.errstate(over="ignore"):
        powers = xp.exp(x - highest(x, axis))
    return powers / powers.sum(axis=axis, keepdims=True)


@unless_vouched
def check_axis(x: Array, axis: int) -> None:
    """Refuse an axis that is not there or has nothing along it."""
    require(
        -x.ndim <= axis < x.ndim and x.shape[axis] > 0,
        f"softmax needs at least one number along axis {axis}",
        "Axes are counted from 0, or from the end with -1 for the last.",
        x=x,
    )


def scores(
    q: Float[Array, "... n d_k"], k: Float[Array, "... m d_k"], scale: float | None = None
) -> Float[Array, "... n m"]:
    """Compare every query with every key: their dot products times `scale`.

    Parameters
    ----------
    q, k
        Queries and keys, one a row.
    scale
        The factor; 1 / sqrt(d_k) if None, as the paper has it (section 3.2.1). Give 1.0 for the
        bare dot products.

    Raises
    ------
    ValueError
        If queries and keys have different lengths d_k, or batches that do not fit.
    """
    check_queries_keys(q, k)
    scale = 1 / sqrt(q.shape[-1]) if scale is None else scale
    return (q @ k.mT) * scale


@unless_vouched
def check_queries_keys(q: Array, k: Array) -> None:
    """Refuse queries and keys that cannot be compared."""
    namespace(q, k)
    require(
        q.ndim >= 2 and k.ndim >= 2 and q.shape[-1] == k.shape[-1] > 0,
        "queries and keys need the same last dimension d_k, at least 1",
        "q is (..., n, d_k) and k is (..., m, d_k): one query or key a row.",
        q=q,
        k=k,
    )
    check_batches(q=q, k=k)


@unless_vouched
def check_keys_values(k: Array, v: Array) -> None:
    """Refuse keys and values that do not come in pairs."""
    require(
        v.ndim >= 2 and k.ndim >= 2 and k.shape[-2] == v.shape[-2],
        "each key needs one value",
        "k is (..., m, d_k) and v is (..., m, d_v), with the same m.",
        k=k,
        v=v,
    )


@unless_vouched
def check_batches(**rows: Array) -> None:
    """Refuse arrays whose dimensions before the last two do not broadcast."""
    require(
        broadcast_together(*(x.shape[:-2] for x in rows.values())),
        f"the batch dimensions of {', '.join(rows)} must broadcast",
        "They stand before the last two; each pair must be equal, or one of them 1 or missing.",
        **rows,
    )


def masked_softmax(
    x: Float[Array, "... n m"], mask: Bool[Array, "..."] | None = None
) -> Float[Array, "... n m"]:
    """Turn scores into weights, row by row, giving forbidden keys none.

    The mask is applied twice: a forbidden score becomes the lowest finite number before the
    softmax, and its weight becomes 0 after it. So a query that may attend to nothing gets a row
    of zeros, with finite gradients, and half precision is safe.

    Parameters
    ----------
    x
        Scores, queries on rows, keys on columns.
    mask
        True where a query may attend; must broadcast to the shape of the scores.

    Raises
    ------
    TypeError
        If the mask is not boolean, or the scores are whole numbers.
    ValueError
        If its shape does not fit.
    """
    if mask is None:
        return softmax(x)
    check_mask(mask, x)
    check_floating("a masked softmax", x)
    xp = namespace(x)
    return xp.where(mask, softmax(xp.where(mask, x, lowest(x))), 0.0)


@unless_vouched
def check_mask(mask: Array, x: Array) -> None:
    """Refuse a mask that is not boolean or does not fit the scores `x`."""
    namespace(mask, x)
    check_boolean(mask)
    require(
        broadcasts_to(mask.shape, x.shape),
        "a mask needs one entry for each query and key, or a shape that broadcasts to that",
        "Rows are queries (n), columns are keys (m).",
        mask=mask,
        scores=x,
    )


@unless_vouched
def check_boolean(mask: Array) -> None:
    """Refuse numbers: some libraries would add them to the scores."""
    if kind_of_number(mask.dtype) != "bool":
        raise TypeError(
            f"a mask is boolean, True = may attend; received {mask.dtype}. "
            "Write mask.astype(bool) or mask.bool() if its ones mean 'may attend'"
        )


def attention(
    q: Float[Array, "... n d_k"],
    k: Float[Array, "... m d_k"],
    v: Float[Array, "... m d_v"],
    mask: Bool[Array, "..."] | None = None,
    *,
    scale: float | None = None,
) -> tuple[Float[Array, "... n d_v"], Float[Array, "... n m"]]:
    """Scaled dot-product attention, equation (1) of the paper.

    Each output row is a mixture of the rows of `v`. How much of each goes into it is decided by
    how well the query of that row agrees with the keys.

    Parameters
    ----------
    q, k, v
        Queries, keys and values, one a row. Each key has a value; `d_v` may differ from `d_k`,
        and `n` from `m`. Any leading batch dimensions.
    mask
        True where a query may attend to a key; everywhere if None.
    scale
        The factor on the scores; 1 / sqrt(d_k) if None.

    Returns
    -------
    output
        The mixtures.
    weights
        Their shares: each row sums to 1, or to 0 where a query may attend to nothing.

    Raises
    ------
    ValueError
        If shapes do not fit.
    TypeError
        If the mask is not boolean, or if libraries are mixed.
    """
    check_attention(q, k, v)
    weights = masked_softmax(scores(q, k, scale), mask)
    return weights @ v, weights


@unless_vouched
def check_attention(q: Array, k: Array, v: Array) -> None:
    """Refuse queries, keys and values that do not fit; `scores` compares queries and keys."""
    namespace(q, k, v)
    check_keys_values(k, v)
    check_batches(q=q, k=k, v=v)


def fused_attention(
    q: Float[Array, "... n d_k"],
    k: Float[Array, "... m d_k"],
    v: Float[Array, "... m d_v"],
    mask: Bool[Array, "..."] | None = None,
    *,
    scale: float | None = None,
) -> tuple[Float[Array, "... n d_v"], None]:
    """Compute what `attention` computes with torch's fused kernel, which keeps no weights.

    Use it where nobody looks at the weights: in training. A query that may attend to nothing
    gets zeros here too.

    Raises
    ------
    TypeError
        If the rows are no torch tensors, or the mask is not boolean.
    ValueError
        If shapes do not fit.
    """
    if not is_torch(q):
        raise TypeError(f"the fused kernel takes torch tensors, received {type(q).__name__}")
    attend = namespace(q, k, v).nn.functional.scaled_dot_product_attention
    check_queries_keys(q, k)
    check_keys_values(k, v)
    if mask is not None:
        check_boolean(mask)
    return attend(q, k, v, attn_mask=mask, scale=scale), None


def split_heads(x: Float[Array, "... n h_d"], h: int) -> Float[Array, "... h n d"]:
    """Cut each row into `h` equal pieces, one for each head.

    Raises
    ------
    ValueError
        If the last dimension is not divisible by `h`.
    """
    check_splits(x, h)
    return x.reshape(*x.shape[:-1], h, x.shape[-1] // h).swapaxes(-2, -3)


@unless_vouched
def check_splits(x: Array, h: int) -> None:
    """Refuse rows that cannot be cut into `h` equal pieces."""
    namespace(x)
    require(
        h >= 1 and x.ndim >= 2 and x.shape[-1] % h == 0,
        f"the last dimension must split into h = {h} equal heads",
        "It is h * d, with the same d for every head.",
        x=x,
    )


def merge_heads(x: Float[Array, "... h n d"]) -> Float[Array, "... n h_d"]:
    """Put the heads' pieces of each row side by side again: the paper's Concat."""
    check_heads(x)
    rows = x.swapaxes(-2, -3)
    return rows.reshape(*rows.shape[:-2], rows.shape[-2] * rows.shape[-1])


@unless_vouched
def check_heads(x: Array) -> None:
    """Refuse an array without an axis of heads."""
    namespace(x)
    require(x.ndim >= 3, "heads stand on the third axis from the end", "x is (..., h, n, d).", x=x)


class HeadProjections(NamedTuple):
    """The matrices of multi-head attention, of all heads side by side (section 3.2.2).

    Attributes
    ----------
    W_Q, W_K
        Shape (d_model, h * d_k).
    W_V
        Shape (d_model, h * d_v).
    W_O
        Shape (h * d_v, d_model).
    h
        The number of heads.
    """

    W_Q: Array
    W_K: Array
    W_V: Array
    W_O: Array
    h: int


def keys_values(
    x_k: Float[Array, "... m d_model"], x_v: Float[Array, "... m d_model"], p: Any
) -> KeyValues:
    """Project rows to the keys and values of every head."""
    check_projections(p, x_k=x_k, x_v=x_v)
    return KeyValues(split_heads(project(x_k, p.W_K), p.h), split_heads(project(x_v, p.W_V), p.h))


def attend_with_heads(
    x: Float[Array, "... n d_model"],
    memory: KeyValues,
    p: Any,
    mask: Bool[Array, "..."] | None = None,
    *,
    attend: Attend = attention,
) -> tuple[Float[Array, "... n d_model"], Float[Array, "... h n m"] | None]:
    """Let the queries of `x` meet keys and values that are already projected."""
    check_projections(p, x=x)
    q = split_heads(project(x, p.W_Q), p.h)
    heads, weights = attend(q, memory.k, memory.v, None if mask is None else over_heads(mask))
    return project(merge_heads(heads), p.W_O), weights


def over_heads(mask: Bool[Array, "... n m"]) -> Bool[Array, "... 1 n m"]:
    """Give a mask an axis of length 1 where the heads stand: it is the same for each."""
    namespace(mask)
    require(
        mask.ndim >= 2,
        "a mask for several heads needs the axes of queries and keys",
        "It is (..., n, m), or (..., 1, m) if it is the same for every query.",
        mask=mask,
    )
    return mask[..., None, :, :]


def multi_head_attention(
    q: Float[Array, "... n d_model"],
    k: Float[Array, "... m d_model"],
    v: Float[Array, "... m d_model"],
    p: Any,
    mask: Bool[Array, "..."] | None = None,
    *,
    attend: Attend = attention,
) -> tuple[Float[Array, "... n d_model"], Float[Array, "... h n m"] | None]:
    """Attend with `h` heads side by side, then join them (section 3.2.2 of the paper).

    Parameters
    ----------
    q, k, v
        The rows that ask, the rows that are compared, the rows that are taken from. In
        self-attention all three are the same x.
    p
        Anything with the attributes ``W_Q`` and ``W_K`` of shape (d_model, h * d_k), ``W_V``
        (d_model, h * d_v), ``W_O`` (h * d_v, d_model), and the number of heads ``h``.
        `HeadProjections` will do.
    mask
        True where a query may attend to a key; the same for every head, so without a head axis.
    attend
        The attention function of a single head.

    Returns
    -------
    output
        One row for each query.
    weights
        One map a head; None if `attend` keeps none.

    Raises
    ------
    ValueError
        If rows, projections or mask do not fit together.
    TypeError
        If the mask is not boolean, or if libraries are mixed.
    """
    return attend_with_heads(q, keys_values(k, v, p), p, mask, attend=attend)


@unless_vouched
def check_projections(p: Any, **rows: Array) -> None:
    """Refuse projections that do not fit together, and rows that are not d_model long."""
    W_Q, W_K, W_V, W_O = p.W_Q, p.W_K, p.W_V, p.W_O
    namespace(*rows.values(), W_Q, W_K, W_V, W_O)
    d_model = W_Q.shape[0]
    require(
        W_Q.shape == W_K.shape and d_model == W_V.shape[0] and W_V.shape[1] == W_O.shape[0],
        "the projections of the heads must fit together",
        "W_Q and W_K are (d_model, h * d_k), W_V (d_model, h * d_v), W_O (h * d_v, d_model).",
        W_Q=W_Q,
        W_K=W_K,
        W_V=W_V,
        W_O=W_O,
    )
    for name, x in rows.items():
        require(
            x.ndim >= 2 and x.shape[-1] == d_model,
            f"{name} needs rows of length d_model, the first dimension of W_Q",
            "Rows are tokens: (..., n, d_model).",
            **{name: x, "W_Q": W_Q},
        )
