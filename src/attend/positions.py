"""Where a token stands, written as a vector (section 3.5 of the paper)."""

from functools import lru_cache

import numpy as np
from jaxtyping import Float

from attend.arrays import Array, checked, is_torch, namespace


@checked
def positional_encoding(
    n: int, d_model: int, start: int = 0, like: Float[Array, "..."] | None = None
) -> Float[Array, "n d_model"]:
    """Return sines and cosines of geometrically spaced wavelengths, one row a position.

    Entry ``[pos, 2i]`` is ``sin(pos / 10000^(2i / d_model))``, and ``[pos, 2i + 1]`` the cosine of
    the same angle. Attention itself does not know the order of its rows; adding these does.

    Parameters
    ----------
    n
        How many positions.
    d_model
        How many numbers for each; even, as they come in pairs.
    start
        The first position, counted from 0.
    like
        An array whose library, device and type the result shall have; NumPy float64 if None.

    Raises
    ------
    ValueError
        If `d_model` is odd or a number is negative.
    TypeError
        If `like` holds whole numbers, which would cut every sine down to 0 or 1.
    """
    if d_model < 0 or d_model % 2 or n < 0 or start < 0:
        raise ValueError(
            "positions need n >= 0, start >= 0 and an even d_model (sines and cosines come in "
            f"pairs); received n={n}, start={start}, d_model={d_model}"
        )
    like = np.empty(0) if like is None else like
    xp = namespace(like)
    # In float64 until the end: single precision loses digits of the angle of a late position.
    position = xp.arange(start, start + n, dtype=xp.float64, device=like.device)[:, None]
    pair = xp.arange(0, d_model, 2, dtype=xp.float64, device=like.device)[None, :]
    angle = position / 10_000 ** (pair / d_model)
    both = xp.stack([xp.sin(angle), xp.cos(angle)], axis=-1)
    return xp.asarray(both.reshape(n, d_model), dtype=like.dtype)


@checked
def positions_like(x: Float[Array, "... n d_model"], start: int = 0) -> Float[Array, "n d_model"]:
    """Return the `positional_encoding` of the rows of `x`, cut from a table that is kept.

    The table is as long as the next power of two: a translation written token by token asks for
    one row after the other, and few of them need a new table. Do not write into the result.
    """
    last = start + x.shape[-2]
    length = max(64, 1 << (last - 1).bit_length())
    if not is_torch(x):
        return _table(length, x.shape[-1], x.dtype)[start:last]
    # A tensor made while torch follows a program, or in inference mode, is of use nowhere else: the
    # table that is kept is NumPy's.
    rows = _table(length, x.shape[-1], np.dtype(np.float64))[start:last]
    return namespace(x).as_tensor(rows, dtype=x.dtype, device=x.device)


@lru_cache(maxsize=8)
def _table(n: int, d_model: int, dtype: np.dtype) -> np.ndarray:
    return positional_encoding(n, d_model, like=np.empty(0, dtype))


def step_angles(d_model: int) -> Float[Array, " pairs"]:
    """Return by how much each pair of sine and cosine turns from one position to the next.

    The angle of pair i, counted from 0, is ``1 / 10000^(2i / d_model)``, in radians: the first
    pair turns fastest.

    Raises
    ------
    ValueError
        If `d_model` is odd or negative.
    """
    if d_model < 0 or d_model % 2:
        raise ValueError(
            "positions need an even d_model (sines and cosines come in pairs); "
            f"received d_model={d_model}"
        )
    return 10_000 ** (-np.arange(0, d_model, 2) / max(d_model, 1))


def wavelengths(d_model: int) -> Float[Array, " pairs"]:
    """Return after how many positions each pair of sine and cosine begins anew."""
    return 2 * np.pi / step_angles(d_model)


def shift(k: int, d_model: int) -> Float[Array, "d_model d_model"]:
    """Return the matrix that moves every positional encoding k positions on (section 3.5).

    ``positional_encoding(1, d_model, pos) @ shift(k, d_model)`` is the encoding of ``pos + k``,
    whatever ``pos`` is. Each pair is turned by an angle of its own, so the matrix is a rotation:
    its transpose moves k positions back.
    """
    angle = k * step_angles(d_model)
    moved = np.zeros((d_model, d_model))
    first, second = np.arange(0, d_model, 2), np.arange(1, d_model, 2)
    moved[first, first] = moved[second, second] = np.cos(angle)
    moved[first, second], moved[second, first] = -np.sin(angle), np.sin(angle)
    return moved
