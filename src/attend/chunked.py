"""Attention in chunks: exact, with memory that grows like n instead of n².

`attention` holds all its scores at once, n of them for each of n queries. Here a few queries meet
a few keys at a time. What they took from those keys is a `Part`: an output like that of
`attention`, as if there were no other keys, and how much stands behind it. Two parts join to one,
and the parts of all keys join to the output of `attention` itself.

That a softmax can be had piece by piece, with a running maximum and a running sum, is due to
Milakov and Gimelshein (2018, https://arxiv.org/abs/1805.02867). Rabe and Staats (2021,
https://arxiv.org/abs/2112.05682) made attention of it whose memory does not grow like n²;
FlashAttention (Dao et al. 2022, https://arxiv.org/abs/2205.14135) made the fast kernels that
`fused_attention` calls.
"""

from collections.abc import Callable, Iterator
from functools import partial, reduce
from typing import NamedTuple, TypeAlias

import numpy as np
from jaxtyping import Bool, Float

from attend.arrays import Array, checked, compare, lowest, namespace
from attend.attention import require_fit, require_length, scores, shape_of_scores
from attend.masks import places
from attend.precision import in_single
from attend.signatures import read

Rule: TypeAlias = Callable[[Array, Array], Array]
"""Tells by the places of queries (n, 1) and keys (1, m) which may attend, as `causal` does."""

ChunkMask: TypeAlias = Callable[[slice, slice], Array | None]
"""Gives the mask of the queries and keys of a chunk; None if all may attend."""


ANSWER = read(require_fit)
"""What the answer of a rule must be: scores, and a mask of them."""


class Part(NamedTuple):
    """What some queries took from some of the keys.

    Attributes
    ----------
    output
        The mixture of the values of these keys alone, (..., n, d_v).
    maximum
        The largest score of each query, (..., n, 1).
    total
        The sum of exp(score - maximum) over the keys: what the softmax divides by, (..., n, 1).
    """

    output: Array
    maximum: Array
    total: Array


@checked
@in_single
def chunked_attention(
    q: Float[Array, "... n d_k"],
    k: Float[Array, "... m d_k"],
    v: Float[Array, "... m d_v"],
    mask: Bool[Array, "..."] | Rule | None = None,
    *,
    scale: float | None = None,
    rows: int = 256,
    columns: int = 256,
) -> tuple[Float[Array, "... n d_v"], None]:
    """Compute what `attention` computes, a chunk of queries and keys at a time.

    Beyond the arrays it is given and the output, it needs memory for a few chunks of `rows` times
    `columns` scores in each batch, however long the sequences are. Only gradients change that:
    torch keeps every chunk until it has gone back through it.

    Parameters
    ----------
    q, k, v
        Queries, keys and values, one a row, as in `attention`.
    mask
        True where a query may attend to a key; everywhere if None. A mask of n times m would be
        as large as what is saved here, so a rule will do as well: a function of the places of
        some queries (n, 1) and some keys (1, m) that returns their mask. `causal` is one;
        ``lambda query, key: abs(query - key) < 100`` lets neighbours attend. Keys are numbered
        from 0, and the last query stands at the last key.
    scale
        The factor on the scores; 1 / sqrt(d_k) if None.
    rows, columns
        How many queries, and how many keys, are in a chunk.

    Returns
    -------
    output
        The mixtures, equal to those of `attention` up to rounding.
    weights
        None: together they are the n times m numbers that are never held at once.

    Raises
    ------
    ValueError
        If shapes do not fit, if there is no key, or if a chunk is empty.
    TypeError
        If numbers are not floating-point, the mask is not boolean, or libraries are mixed.
    """
    xp = namespace(q, k, v)
    require_sizes(rows=rows, columns=columns)
    require_length(q, k)
    require_fit(shape_of_scores(q, k), None)
    mask_of = chunk_masks(q, k, mask)
    outputs = []
    for r in chunks(q.shape[-2], rows):
        parts = (
            take(q[..., r, :], k[..., c, :], v[..., c, :], may, scale)
            for c, may in visible(mask_of, r, chunks(k.shape[-2], columns))
        )
        outputs.append(reduce(join, parts).output)
    return xp.concatenate(outputs, axis=-2), None


def take(
    q: Float[Array, "... n d_k"],
    k: Float[Array, "... m d_k"],
    v: Float[Array, "... m d_v"],
    may: Bool[Array, "..."] | None = None,
    scale: float | None = None,
) -> Part:
    """Let queries attend to these keys as if there were no others."""
    x = scores(q, k, scale)
    xp = namespace(x)
    if may is not None:
        x = xp.where(may, x, lowest(x))
    maximum = xp.amax(x, axis=-1, keepdims=True)
    powers = lowered_exp(x, maximum)
    if may is not None:
        # Where a query may attend to nothing here, all its scores are equally low.
        powers = xp.where(may, powers, 0.0)
    total = xp.sum(powers, axis=-1, keepdims=True)
    return Part((powers / or_one(total)) @ v, maximum, total)


def join(one: Part, other: Part) -> Part:
    """Make one part of two: each output counts by its share of the sum.

    The two sums were taken below different maxima. Below the larger one they can be added.
    """
    maximum = namespace(one.maximum).maximum(one.maximum, other.maximum)
    of_one = one.total * lowered_exp(one.maximum, maximum)
    of_other = other.total * lowered_exp(other.maximum, maximum)
    total = of_one + of_other
    share, rest = of_one / or_one(total), of_other / or_one(total)
    return Part(share * one.output + rest * other.output, maximum, total)


def lowered_exp(x: Float[Array, "..."], maximum: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return the exponential of what `x` lies below `maximum`: never more than 1."""
    # A difference below the smallest number is -inf, and its exponential the right 0.
    with np.errstate(over="ignore"):
        return namespace(x).exp(x - maximum)


def or_one(total: Float[Array, "..."]) -> Float[Array, "..."]:
    """Replace 0 by 1: where nothing was taken, shares of nothing are 0."""
    return namespace(total).where(total > 0, total, 1.0)


def visible(
    mask_of: ChunkMask, rows: slice, among: Iterator[slice]
) -> Iterator[tuple[slice, Array | None]]:
    """Yield the chunks of keys that any of these queries may attend to, with their masks."""
    for columns in among:
        may = mask_of(rows, columns)
        # Below the diagonal of a causal mask all may attend, above it nobody; few chunks are mixed.
        if may is None or may.all():
            yield columns, None
        # The first part is what the others are joined to, even if it is empty.
        elif columns.start == 0 or may.any():
            yield columns, may


def chunks(length: int, size: int) -> Iterator[slice]:
    """Cut a sequence into slices of `size`, the last of them shorter; nothing into one."""
    for start in range(0, max(length, 1), size):
        yield slice(start, min(start + size, length))


def chunk_masks(q: Array, k: Array, mask: Array | Rule | None) -> ChunkMask:
    """Return what gives the mask of any chunk, without building the masks of others."""
    if mask is None:
        return lambda rows, columns: None
    shape = shape_of_scores(q, k)
    if callable(mask):
        return partial(ask, mask, places(q.shape[-2], k.shape[-2], q), shape)
    require_fit(shape, mask)
    wide = namespace(mask).broadcast_to(mask, shape.shape)
    return lambda rows, columns: wide[..., rows, columns]


def ask(
    rule: Rule, at: tuple[Array, Array], shape: Array, rows: slice, columns: slice
) -> Bool[Array, "..."]:
    """Ask a rule for the mask of a chunk."""
    query, key = at
    may, part = rule(query[rows], key[:, columns]), shape[..., rows, columns]
    # The answer comes from outside: it is looked at as the arguments of a call are.
    compare("chunked_attention", ANSWER, (part, may))
    require_fit(part, may)
    return may


def require_sizes(**sizes: int) -> None:
    """Refuse chunks of no size."""
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(
                f"a chunk needs at least one of the {name}; received {name}={size}. "
                "Give a few hundred, or leave it out"
            )
