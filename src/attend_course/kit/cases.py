"""Arguments for the cases of checks: drawn from a seed, so that every run is the same."""

from __future__ import annotations

import numpy as np

from attend import softmax
from attend_course.kit.draws import normals


def arrays(seed: int, *shapes: int | tuple[int, ...]) -> tuple[np.ndarray, ...]:
    """Return an array of normal numbers for each shape, each with a seed of its own."""
    return tuple(normals(seed + place, shape) for place, shape in enumerate(shapes))


def weights(seed: int, n: int, m: int) -> np.ndarray:
    """Return attention weights, (n, m): rows of positive numbers that sum to 1."""
    return softmax(2 * normals(seed, (n, m)))
