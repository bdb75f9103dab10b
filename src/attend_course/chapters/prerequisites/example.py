"""The few numbers of the self-test on the page about prerequisites."""

from __future__ import annotations

import numpy as np

__all__ = [
    "FIRST",
    "KEYS_SHAPE",
    "QUERIES_SHAPE",
    "SECOND",
    "TABLE",
    "all_products",
    "column_sums",
    "dot",
    "dot_without_signs",
    "exponentials",
    "products",
    "row_sums",
    "total",
]

FIRST = np.array([1, 2])
SECOND = np.array([3, -1])
QUERIES_SHAPE = (2, 3)
KEYS_SHAPE = (5, 3)
TABLE = np.array([[1, 2], [3, 4]])


def products() -> np.ndarray:
    """Return the products of the two vectors, component by component: shape (2,)."""
    return FIRST * SECOND


def dot() -> int:
    """Return the dot product of the two vectors."""
    return int(FIRST @ SECOND)


def dot_without_signs() -> int:
    """Return the dot product that someone gets who overlooks the minus."""
    return int(np.abs(FIRST) @ np.abs(SECOND))


def all_products() -> tuple[int, ...]:
    """Return the shape of a matrix times the transpose of another."""
    return (np.ones(QUERIES_SHAPE) @ np.ones(KEYS_SHAPE).T).shape


def exponentials() -> np.ndarray:
    """Return e to the powers −2, 0 and 2: shape (3,)."""
    return np.exp(np.array([-2.0, 0.0, 2.0]))


def row_sums() -> np.ndarray:
    """Return the sum of each row of the table: shape (2,)."""
    return TABLE.sum(axis=-1)


def column_sums() -> np.ndarray:
    """Return the sum of each column of the table: shape (2,)."""
    return TABLE.sum(axis=0)


def total() -> int:
    """Return the sum of all entries of the table."""
    return int(TABLE.sum())
