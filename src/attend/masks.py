"""Masks: which query may attend to which key.

A mask is boolean, and **True means "may attend"**. This is said here once and holds everywhere.
Rows are queries, columns are keys, as in every picture of the course.
"""

import numpy as np
from jaxtyping import Bool, Integer, Shaped

from attend.arrays import Array, checked, namespace


@checked
def causal_mask(
    n: int, m: int | None = None, like: Shaped[Array, "..."] | None = None
) -> Bool[Array, "n m"]:
    """Let each query attend to its own position and to those before it (section 3.2.3).

    The two sequences are aligned at their ends: the last query sees every key. So the same line
    serves training (``n == m``) and decoding with ``m - n`` keys already cached.

    Parameters
    ----------
    n, m
        The number of queries, and of keys (as many as queries if not given).
    like
        An array whose library and device the mask shall have; NumPy if not given.

    Raises
    ------
    ValueError
        If a number is negative, or if there are more queries than keys.
    """
    m = n if m is None else m
    if not 0 <= n <= m:
        raise ValueError(
            f"a causal mask needs 0 <= n <= m; received n={n}, m={m}. "
            "n counts queries, m counts keys, cached ones included"
        )
    return causal(*places(n, m, np.empty(0) if like is None else like))


@checked
def causal(query: Integer[Array, "n 1"], key: Integer[Array, "1 m"]) -> Bool[Array, "n m"]:
    """Tell by their places which query may attend to which key: none looks ahead.

    This is the rule behind `causal_mask`. By itself it serves where a whole mask would be too
    large, in `chunked_attention`.
    """
    return key <= query


def places(n: int, m: int, like: Array) -> tuple[Integer[Array, "n 1"], Integer[Array, "1 m"]]:
    """Number keys from 0, and queries so that the last one stands where the last key does."""
    xp = namespace(like)
    query = xp.arange(m - n, m, device=like.device)[:, None]
    key = xp.arange(m, device=like.device)[None, :]
    return query, key


@checked
def padding_mask(tokens: Integer[Array, "... m"], pad: int = 0) -> Bool[Array, "... 1 m"]:
    """Forbid every query to attend to padding.

    Parameters
    ----------
    tokens
        Token numbers; the places that hold `pad` are filling, not text.
    pad
        The number that marks padding.

    Returns
    -------
    mask
        One row for all queries of a sentence: it broadcasts over the queries.
    """
    return (tokens != pad)[..., None, :]
