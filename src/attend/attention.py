"""Attention: scores, softmax, weighted sum, and several heads of it (section 3.2 of the paper).

The words of the course are kept apart here too: *scores* are what stands before the softmax,
*weights* what comes out of it. Shapes that do not fit are refused by `checked`, which reads the
signatures; what no signature can say stands in the function, in one line.
"""

from collections.abc import Callable
from math import prod, sqrt
from typing import Annotated, Any, NamedTuple, TypeAlias

import numpy as np
from jaxtyping import Bool, Float

from attend.arrays import (
    Array,
    checked,
    highest,
    is_torch,
    lowest,
    namespace,
    project,
    refuse,
)
from attend.comparison import broadcasts_to
from attend.precision import in_single
from attend.state import KeyValues

Attend: TypeAlias = Callable[..., tuple[Array, Array | None]]
"""A function with the signature of `attention`."""


@checked
@in_single
def softmax(x: Float[Array, "..."], axis: int = -1) -> Float[Array, "..."]:
    """Turn numbers into shares of one: none is negative, and along `axis` they sum to 1.

    The largest number is subtracted first. This changes nothing in exact arithmetic, and keeps
    the exponential from overflowing. What lies far enough below it gets a share that is rounded
    to 0.

    Raises
    ------
    ValueError
        If there is no such axis, or nothing along it.
    TypeError
        If the numbers are not floating-point.
    """
    xp = namespace(x)
    if not (-x.ndim <= axis < x.ndim and x.shape[axis]):
        refuse(
            f"softmax needs at least one number along axis {axis}",
            "Axes are counted from 0, or from the end with -1 for the last.",
            x=x,
        )
    # A difference below the smallest number is -inf, and its exponential the right 0.
    with np.errstate(over="ignore"):
        powers = xp.exp(x - highest(x, axis))
    return powers / powers.sum(axis=axis, keepdims=True)


@checked
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
    require_length(q, k)
    scale = 1 / sqrt(q.shape[-1]) if scale is None else scale
    return (q * scale) @ k.mT


def require_length(q: Float[Array, "... n d_k"], k: Float[Array, "... m d_k"]) -> None:
    """Refuse queries and keys of no numbers: there would be nothing to compare."""
    if not q.shape[-1]:
        rule = "queries and keys need a length d_k of at least 1"
        refuse(rule, "One query or key is a row.", q=q, k=k)


@checked
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
    require_fit(x, mask)
    if mask is None:
        return softmax(x)
    xp = namespace(x)
    return xp.where(mask, softmax(xp.where(mask, x, lowest(x))), 0.0)


def require_fit(x: Float[Array, "... n m"], mask: Bool[Array, "..."] | None) -> None:
    """Refuse scores of no keys, and a mask that does not fit the scores."""
    if not x.shape[-1]:
        refuse(
            "attention needs at least one key",
            "Scores are (..., n, m), with queries (n) on rows and keys (m) on columns.",
            scores=x,
        )
    if mask is not None and not broadcasts_to(mask.shape, x.shape):
        refuse(
            "a mask needs one entry for each query and key, or a shape that broadcasts to that",
            "Rows are queries (n), columns are keys (m).",
            mask=mask,
            scores=x,
        )


@checked
@in_single
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
        If the mask is not boolean, if numbers are not floating-point, or if libraries are mixed.
    """
    weights = masked_softmax(scores(q, k, scale), mask)
    return weights @ v, weights


@checked
def fused_attention(
    q: Float[Array, "... n d_k"],
    k: Float[Array, "... m d_k"],
    v: Float[Array, "... m d_v"],
    mask: Bool[Array, "..."] | None = None,
    *,
    scale: float | None = None,
) -> tuple[Float[Array, "... n d_v"], None]:
    """Compute what `attention` computes with torch's kernel, which returns no weights.

    Use it where nobody looks at the weights: in training. A query that may attend to nothing
    gets zeros here too.

    On a CPU torch has a fused kernel, which never holds all the weights, for arrays
    (batch, h, n, d) with ``d_v == d_k`` and masks of two or four dimensions. Other numbers of
    dimensions are brought to this form here. With another `d_v`, or none of one of them, torch
    computes the explicit form: the same numbers, with all the weights in memory meanwhile.

    Raises
    ------
    TypeError
        If the rows are no torch tensors, and whenever `attention` raises it.
    ValueError
        If shapes do not fit.
    """
    if not is_torch(q):
        raise TypeError(f"the fused kernel takes torch tensors, received {type(q).__name__}")
    require_length(q, k)
    require_fit(shape_of_scores(q, k), mask)
    batch = np.broadcast_shapes(q.shape[:-2], k.shape[:-2], v.shape[:-2])
    rows = (four_dimensions(x, batch) for x in (q, k, v))
    attend = namespace(q).nn.functional.scaled_dot_product_attention
    output = attend(*rows, attn_mask=mask_of_four(mask, batch), scale=scale)
    return output.reshape(*batch, q.shape[-2], v.shape[-1]), None


def shape_of_scores(q: Float[Array, "... n d_k"], k: Float[Array, "... m d_k"]) -> Array:
    """Return an array of the scores' shape that takes no room: one column, seen m times."""
    batch = np.broadcast_shapes(q.shape[:-2], k.shape[:-2])
    return namespace(q).broadcast_to(q[..., :1], (*batch, q.shape[-2], k.shape[-2]))


def four_dimensions(x: Float[Array, "... n d"], batch: tuple[int, ...]) -> Float[Array, "b h n d"]:
    """Repeat rows over a batch of any number of dimensions, and make two of them."""
    if x.ndim == 4 and x.shape[:-2] == batch:
        return x
    two = (prod(batch[:-1]), *(batch[-1:] or (1,)))
    return x.expand(*batch, *x.shape[-2:]).reshape(*two, *x.shape[-2:])


def mask_of_four(
    mask: Bool[Array, "..."] | None, batch: tuple[int, ...]
) -> Bool[Array, "..."] | None:
    """Give a mask the dimensions that `four_dimensions` gives to rows."""
    if mask is None or mask.ndim == 2:
        return mask
    if len(batch) > 2 and mask.ndim > 3:
        return four_dimensions(mask, batch)
    return mask[(None,) * (4 - mask.ndim)]


@checked
def split_heads(x: Float[Array, "... n h_d"], h: int) -> Float[Array, "... h n d"]:
    """Cut each row into `h` equal pieces, one for each head.

    Raises
    ------
    ValueError
        If the last dimension is not divisible by `h`.
    """
    if h < 1 or x.shape[-1] % h:
        rule = f"the last dimension must split into h = {h} equal heads"
        refuse(rule, "It is h * d, with the same d for every head.", x=x)
    return x.reshape(*x.shape[:-1], h, x.shape[-1] // h).swapaxes(-2, -3)


@checked
def merge_heads(x: Float[Array, "... h n d"]) -> Float[Array, "... n h_d"]:
    """Put the heads' pieces of each row side by side again: the paper's Concat."""
    rows = x.swapaxes(-2, -3)
    return rows.reshape(*rows.shape[:-2], rows.shape[-2] * rows.shape[-1])


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

    W_Q: Float[Array, "d_model h_d_k"]
    W_K: Float[Array, "d_model h_d_k"]
    W_V: Float[Array, "d_model h_d_v"]
    W_O: Float[Array, "h_d_v d_out"]
    h: int


Projections: TypeAlias = Annotated[Any, HeadProjections]
"""Anything with the attributes of `HeadProjections`: a torch module has them too."""


@checked
def keys_values(
    x_k: Float[Array, "... m d_model"], x_v: Float[Array, "... m d_model"], p: Projections
) -> KeyValues:
    """Project rows to the keys and values of every head."""
    return KeyValues(split_heads(project(x_k, p.W_K), p.h), split_heads(project(x_v, p.W_V), p.h))


@checked
def attend_with_heads(
    x: Float[Array, "... n d_model"],
    memory: KeyValues,
    p: Projections,
    mask: Bool[Array, "... #n #m"] | None = None,
    *,
    attend: Attend = attention,
) -> tuple[Float[Array, "... n d_model"], Float[Array, "... h n m"] | None]:
    """Let the queries of `x` meet keys and values that are already projected."""
    q = split_heads(project(x, p.W_Q), p.h)
    if q.shape[-1] != memory.k.shape[-1]:
        rule = "each head needs queries as long as its keys"
        refuse(rule, "Project both with matrices of the same size.", queries=q, keys=memory.k)
    heads, weights = attend(q, memory.k, memory.v, None if mask is None else over_heads(mask))
    return project(merge_heads(heads), p.W_O), weights


@checked
def over_heads(mask: Bool[Array, "... n m"]) -> Bool[Array, "... 1 n m"]:
    """Give a mask an axis of length 1 where the heads stand: it is the same for each."""
    return mask[..., None, :, :]


@checked
def multi_head_attention(
    q: Float[Array, "... n d_model"],
    k: Float[Array, "... m d_model"],
    v: Float[Array, "... m d_model"],
    p: Projections,
    mask: Bool[Array, "... #n #m"] | None = None,
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
