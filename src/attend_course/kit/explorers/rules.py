"""What the settings of explorers may be. Each rule that is broken is told in a sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from traitlets import TraitError


def require(holds: Any, message: str) -> None:
    """Refuse a setting unless the rule holds."""
    if not holds:
        raise TraitError(message)


def between(name: str, value: Any, lowest: float, highest: float) -> Any:
    """Return a number that lies between two others."""
    require(lowest <= value <= highest, f"{name} must be {lowest} to {highest}, got {value}")
    return value


def one_of(name: str, value: str, options: Sequence[str]) -> str:
    """Return a text that is one of several."""
    require(value in options, f"{name} must be one of {', '.join(options)}, got {value!r}")
    return value


def place(given: Any, most: int) -> list[int]:
    """Return row and column of a cell, both below ``most``."""
    cell = list(given)
    fits = len(cell) == 2 and all(is_index(index, most) for index in cell)
    require(fits, f"cell is [row, column], both 0 to {most - 1}, got {cell}")
    return cell


def names(given: Any, most: int, longest: int) -> list[str]:
    """Return 1 to ``most`` words of 1 to ``longest`` characters."""
    words = list(given)
    require(1 <= len(words) <= most, f"words: 1 to {most}, got {len(words)}")
    fit = all(isinstance(word, str) and 0 < len(word) <= longest for word in words)
    require(fit, f"a word is a text of 1 to {longest} characters")
    return words


def is_index(value: Any, most: int) -> bool:
    """Tell whether this is a whole number from 0 that stays below ``most``."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < most


def is_number(value: Any, most: float = math.inf) -> bool:
    """Tell whether this is a finite number of at most this size."""
    real = isinstance(value, int | float) and not isinstance(value, bool)
    return real and math.isfinite(value) and abs(value) <= most


def rows(name: str, given: Any, most: float) -> np.ndarray:
    """Return rows of numbers, all equally long, each of at most this size."""
    try:
        found = np.array(given, dtype=float)
    except (TypeError, ValueError):
        raise TraitError(f"{name} must be rows of numbers, all equally long") from None
    fit = np.isfinite(found).all() and (np.abs(found) <= most).all()
    require(fit, f"{name} must be -{most:g} to {most:g}")
    return found
