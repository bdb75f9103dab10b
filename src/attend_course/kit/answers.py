"""What an answer to an exercise returned, and how that differs from what was asked."""

from __future__ import annotations

import copy
import inspect
import linecache
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

RTOL = 1e-4
ATOL = 1e-6
"""Of the largest entry. An answer may compute in single precision: its rounding is no mistake."""

_KINDS = {
    "b": ("b", "True and False"),
    "i": ("iu", "whole numbers"),
    "f": ("fiu", "numbers"),
}


@dataclass(frozen=True)
class Outcome:
    """What came of running a function once.

    Parameters
    ----------
    result
        What it returned.
    error
        What it raised, if it did; then there is no result.
    changed
        The places of the arguments that it wrote into.
    """

    result: Any = None
    error: Exception | None = None
    changed: tuple[int, ...] = ()


def run(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Outcome:
    """Call a function with copies of the arguments, so that it cannot spoil them."""
    given = copy.deepcopy(arguments)
    # Infinities and overflows are judged by what comes out, so their warnings would only distract.
    with np.errstate(all="ignore"):
        try:
            result = function(*given)
        except Exception as error:
            return Outcome(error=error)
    pairs = enumerate(zip(given, arguments, strict=True))
    return Outcome(result, changed=tuple(place for place, pair in pairs if not _untouched(*pair)))


def _untouched(one: Any, other: Any) -> bool:
    if not isinstance(one, np.ndarray):
        return True
    return one.shape == other.shape and np.array_equal(one, other, equal_nan=one.dtype.kind == "f")


def agree(one: Outcome, other: Outcome) -> bool:
    """Tell whether two outcomes are the same: equal results, or errors of one type."""
    if one.error is not None or other.error is not None:
        return type(one.error) is type(other.error)
    return same(one.result, other.result)


def same(result: Any, wanted: Any) -> bool:
    """Tell whether a result is the wanted one up to rounding: arrays, numbers, tuples of them.

    The kind counts: where True and False are wanted 1 and 0 will not do, and complex numbers or
    objects never do. Lists of numbers count as arrays, for nothing is lost in them.
    """
    if isinstance(wanted, tuple):
        fits = isinstance(result, (tuple, list)) and len(result) == len(wanted)
        return fits and all(map(same, result, wanted))
    try:
        one, other = _array(result), _array(wanted)
    except (TypeError, ValueError):
        return False
    return _fits(one, other) and one.shape == other.shape and bool(_close(one, other).all())


def difference(result: Any, wanted: Any) -> str:
    """Say in words how a result differs from the wanted one, such as "the shape is (2,); ..."."""
    if isinstance(wanted, tuple):
        return _difference_in_tuple(result, wanted)
    right = _array(wanted)
    asked = _KINDS[right.dtype.kind][1]
    try:
        got = _array(result)
    except (TypeError, ValueError):
        return f"it returned {type(result).__name__}; an array of {asked} is asked."
    if got.dtype.kind not in "biufc":
        return f"it returned {type(result).__name__}; an array of {asked} is asked."
    if not _fits(got, right):
        return f"it returned {_named(got)}; {asked} are asked."
    if got.shape != right.shape:
        return f"the shape is {got.shape}; it should be {right.shape}."
    if not np.isfinite(got).all() and np.isfinite(right).all():
        return "some results are infinite or not a number."
    place = tuple(map(int, np.argwhere(~_close(got, right))[0]))
    entry = f"entry {list(place)}" if place else "the result"
    return "{} is {}; it should be {}.".format(entry, *_told_apart(got[place], right[place]))


def _difference_in_tuple(result: Any, wanted: tuple) -> str:
    if not isinstance(result, (tuple, list)) or len(result) != len(wanted):
        return f"return {len(wanted)} results, separated by commas."
    place = [same(*pair) for pair in zip(result, wanted, strict=True)].index(False)
    told = difference(result[place], wanted[place])
    return f"result {place + 1} of {len(wanted)}: {told}"


def _array(result: Any) -> np.ndarray:
    if hasattr(result, "detach"):
        result = result.detach().cpu()
    return np.asarray(result)


def _fits(one: np.ndarray, wanted: np.ndarray) -> bool:
    # An empty list says nothing about the kind of what would stand in it.
    return one.dtype.kind in _KINDS[wanted.dtype.kind][0] or one.size == wanted.size == 0


def _named(array: np.ndarray) -> str:
    return {"c": "complex numbers", "b": "True and False", "f": "fractions"}.get(
        array.dtype.kind, "whole numbers"
    )


def _close(one: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    if wanted.size == 0 or wanted.dtype.kind in "bi":
        return one == wanted
    finite = np.abs(wanted[np.isfinite(wanted)])
    atol = ATOL * max(1.0, finite.max(initial=0.0))
    # As doubles: a result in half or single precision must not set the precision of the judge.
    return np.isclose(one.astype(float), wanted, rtol=RTOL, atol=atol, equal_nan=True)


def _told_apart(one: Any, other: Any) -> tuple[str, str]:
    """Write two numbers with as many digits as it takes to see that they differ."""
    if one.dtype.kind == "b":
        return str(one), str(other)
    pairs = ((f"{one:.{digits}g}", f"{other:.{digits}g}") for digits in range(4, 18))
    return next((pair for pair in pairs if pair[0] != pair[1]), (repr(one), repr(other)))


def place_of(error: Exception, function: Callable[..., Any]) -> str:
    """Return the last line of the reader's own code that an error came through, as " (line 2: x)".

    Own is what stands in the same notebook or module as the function.
    """
    own = getattr(function, "__globals__", None)
    lines = [
        (number, linecache.getline(frame.f_code.co_filename, number, frame.f_globals).strip())
        for frame, number in traceback.walk_tb(error.__traceback__)
        if frame.f_globals is own
    ]
    if not lines:
        return ""
    number, text = lines[-1]
    return f" (line {number}: {text})" if text else f" (line {number})"


def argument_name(function: Callable[..., Any], place: int) -> str:
    """Return what a function calls the argument at a place, counted from 0."""
    try:
        return list(inspect.signature(function).parameters)[place]
    except (IndexError, TypeError, ValueError):
        return f"number {place + 1}"
