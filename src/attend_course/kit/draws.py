"""Random numbers that are the same in Python and in the browser.

The course shows random draws where randomness is the argument. Section 3.2.1 of Vaswani et al.
(2017) divides scores by sqrt(d_k) because a dot product of d_k independent components with mean 0
and variance 1 has variance d_k. To see that happen you need such components, and a page and a
notebook must show the same ones. So the generator is a few lines that any language can repeat:

1. a counter times a constant, added to the seed (modulo 2**32),
2. a mixing step that turns neighbouring counters into unrelated integers,
3. Box-Muller, which turns two uniform numbers into two normal ones.

``widgets/static/draws.js`` holds the same steps; a test compares the two.

Draws have the prefix property: the first n of ``normals(seed, m)`` are ``normals(seed, n)``. A
larger d_k therefore lengthens every vector and changes no component that was there.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["normals", "token_seed", "token_vectors", "uniforms"]

_STEP = np.uint32(0x9E3779B9)
_FNV_OFFSET, _FNV_PRIME, _WORD = 0x811C9DC5, 0x01000193, 0xFFFFFFFF


def uniforms(seed: int, n: int) -> np.ndarray:
    """Draw n numbers, uniform between 0 and 1, both excluded.

    Parameters
    ----------
    seed : int
        0 <= seed < 2**32. The same seed gives the same numbers on every machine.
    n : int
        How many, at least 0.

    Returns
    -------
    numpy.ndarray
        Shape (n,), float64.

    Raises
    ------
    ValueError
        If the seed or n is out of range.
    TypeError
        If either is not an integer.
    """
    start = np.uint32(_whole("seed", seed, _WORD))
    count = np.arange(1, _whole("n", n, _WORD) + 1, dtype=np.uint32)
    return (_mix(count * _STEP + start) + 0.5) / 2.0**32


def normals(seed: int, shape: int | Sequence[int]) -> np.ndarray:
    """Draw normal numbers with mean 0 and variance 1 (Box-Muller).

    Parameters
    ----------
    seed : int
        0 <= seed < 2**32.
    shape : int or sequence of int
        The shape to fill, in row order.

    Returns
    -------
    numpy.ndarray
        The given shape, float64.

    Raises
    ------
    ValueError
        If the seed or a length is out of range.
    TypeError
        If either is not an integer.
    """
    lengths = tuple(shape) if isinstance(shape, Sequence) else (shape,)
    n = math.prod(_whole("shape", length, _WORD) for length in lengths)
    pairs = uniforms(seed, n + n % 2).reshape(-1, 2)
    radius, angle = np.sqrt(-2.0 * np.log(pairs[:, 0])), 2.0 * np.pi * pairs[:, 1]
    both = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return both.reshape(-1)[:n].reshape(lengths)


def token_seed(token: str, role: str, seed: int) -> int:
    """Turn a word, its role and a seed that the reader sees into the seed of its own vector.

    Parameters
    ----------
    token : str
        The word, exactly as it is written.
    role : str
        ``"q"`` for its query, ``"k"`` for its key: the two must differ.
    seed : int
        The seed shown to the reader, 0 <= seed < 2**32.

    Returns
    -------
    int
        FNV-1a over the UTF-8 bytes of ``"seed/role/token"``, 0 <= result < 2**32.
    """
    text = f"{_whole('seed', seed, _WORD)}/{role}/{token}"
    # A browser writes U+FFFD for half of a character pair; going through UTF-16 does the same here.
    clean = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    value = _FNV_OFFSET
    for byte in clean.encode("utf-8"):
        value = ((value ^ byte) * _FNV_PRIME) & _WORD
    return value


def token_vectors(tokens: Sequence[str], role: str, d_k: int, seed: int) -> np.ndarray:
    """Give every token a vector of independent normal components.

    The same word always gets the same vector, wherever it stands.

    Parameters
    ----------
    tokens : sequence of str
        n words.
    role : str
        ``"q"`` or ``"k"``.
    d_k : int
        Length of each vector.
    seed : int
        The seed shown to the reader.

    Returns
    -------
    numpy.ndarray
        Shape (n, d_k), float64; one row per token.
    """
    rows = [normals(token_seed(token, role, seed), d_k) for token in tokens]
    return np.array(rows).reshape(len(rows), d_k)


def _mix(x: np.ndarray) -> np.ndarray:
    """Scramble 32-bit integers, one to one, so that neighbours land far apart."""
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x21F0AAAD)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x735A2D97)
    return x ^ (x >> np.uint32(15))


def _whole(name: str, value: Any, largest: int) -> int:
    """Return value as an int from 0 to largest, or say what is wrong with it."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, got {value!r}") from None
    if not 0 <= number <= largest:
        raise ValueError(f"{name} must be from 0 to {largest}, got {number}")
    return number
