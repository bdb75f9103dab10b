"""Masks: which query may attend to which key.

A mask is boolean, and **True means "may attend"**. This is said here once and holds everywhere.
Rows are queries, columns are keys, as in every picture of the course.
"""

import numpy as np
from jaxtyping import Bool, Integer

from attend.arrays import Array, namespace


def causal_mask(n: int, m: int | None = None, like: Array | None = None) -> Bool[Array, "n m"]:
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
    like = np.empty(0) if like is None else like
    xp = namespace(like)
    query = xp.arange(m - n, m, device=like.device)[:, None]
    key = xp.arange(m, device=like.device)[None, :]
    return key <= query


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
    namespace(tokens)
    return (tokens != pad)[..., None, :]
