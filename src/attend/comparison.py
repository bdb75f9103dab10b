"""Whether what a call gives keeps to what a signature says; see `attend.signatures`."""

from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np

from attend.signatures import Expected

WORDS = {
    "Float": ("floating-point numbers", "Write {0}.astype(float) or {0}.float()"),
    "Bool": (
        "True and False: a mask is boolean, True = may attend",
        "Write {0}.astype(bool) or {0}.bool() if its ones mean 'may attend'",
    ),
    "Integer": ("whole numbers", "Tokens and places are counted: write {0}.astype(int)"),
    "int": ("a whole number", "It counts something"),
    "float": ("a number", "Give a float, or leave it out"),
}

Found = tuple[Expected, Any]
"""What is expected, and what a call gives for it."""


def gather(function: str, rule: Sequence[Expected], given: Sequence[Any]) -> list[Found]:
    """Pair what is expected with what a call gives; leave out what it leaves out."""
    arrays = []
    for expected in rule:
        place, path, _, _, kind, _, optional = expected
        value = given[place]
        if len(path) > 1:
            value = _follow(function, expected, value)
        if value is None and optional:
            continue
        if kind == "int" or kind == "float":
            _require_number(function, expected, value)
        # Where a mask is expected there may be a function that gives one, and is asked later.
        elif hasattr(value, "shape") or not callable(value):
            arrays.append((expected, value))
    return arrays


def _follow(function: str, expected: Expected, value: Any) -> Any:
    for depth, attribute in enumerate(expected.path[1:], start=1):
        if value is None and expected.optional:
            return None
        try:
            value = getattr(value, attribute)
        except AttributeError:
            raise TypeError(
                f"{function} needs {'.'.join(expected.path[:depth])} with the attribute "
                f"{attribute}; received {type(value).__name__} without it"
            ) from None
    return value


def _require_number(function: str, expected: Expected, value: Any) -> None:
    # Where torch follows a function for any length, a length has a type of its own.
    fits = isinstance(value, int | np.integer) or type(value).__name__ == "SymInt"
    if expected.kind == "float":
        fits = fits or isinstance(value, float | np.floating) or getattr(value, "ndim", 1) == 0
    if isinstance(value, bool) or not fits:
        what, hint = WORDS[expected.kind]
        raise TypeError(
            f"{function}: {expected.name} must be {what}; "
            f"received {type(value).__name__} {value!r}. {hint}"
        )


def check(function: str, found: Sequence[Found], types: Sequence[str]) -> None:
    """Compare the arrays of a call with the rule, and each with the others.

    Raises
    ------
    TypeError
        If an array holds another kind of number.
    ValueError
        If dimensions are missing, or a letter would be two numbers.
    """
    lengths, batches = {"1": 1}, []
    for (expected, array), held in zip(found, types, strict=True):
        _, _, leads, letters, _, meant, _ = expected
        if meant and held not in meant:
            _refuse_type(function, expected, array, held)
        shape = array.shape
        before = len(shape) - len(letters)
        if before < 0 or (before and not leads):
            _refuse_dimensions(function, expected, array)
        for letter, length in zip(letters, shape[before:], strict=True):
            if letter[0] == "#":
                if length == 1:
                    continue
                letter = letter[1:]
            if lengths.setdefault(letter, length) != length:
                _refuse_length(function, expected, array, letter, found)
        if before and letters:
            batches.append(shape[:before])
    if len(batches) > 1 and not broadcast_together(*batches):
        _refuse_batches(function, found)


def broadcast_together(*shapes: Sequence[int]) -> bool:
    """Tell whether arrays of these shapes can be repeated to one common shape."""
    first = shapes[0]
    if all(shape == first for shape in shapes):
        return True
    common: list[int] = []
    for shape in shapes:
        for i, length in enumerate(reversed(shape)):
            if i == len(common):
                common.append(length)
            elif common[i] == 1:
                common[i] = length
            elif length not in (1, common[i]):
                return False
    return True


def broadcasts_to(shape: Sequence[int], target: Sequence[int]) -> bool:
    """Tell whether an array of `shape` can be repeated to fill `target`."""
    missing = len(target) - len(shape)
    return missing >= 0 and all(
        length in (1, wanted) for length, wanted in zip(shape, target[missing:], strict=True)
    )


def shapes(**arrays: Any) -> str:
    """Write names and shapes for an error message: ``q (3, 4), k (5, 6)``."""
    return ", ".join(f"{name} {tuple(array.shape)}" for name, array in arrays.items())


def _refuse(function: str, rule: str, hint: str, *found: Found) -> NoReturn:
    received = shapes(**{expected.name: array for expected, array in found})
    raise ValueError(f"{function} needs {rule}; received {received}. {hint}")


def _refuse_type(function: str, expected: Expected, array: Any, held: str) -> NoReturn:
    what, hint = WORDS[expected.kind]
    raise TypeError(
        f"{function} needs {expected} of {what}; received "
        f"{shapes(**{expected.name: array})} of {held}. {hint.format(expected.name)}"
    )


def _refuse_dimensions(function: str, expected: Expected, array: Any) -> NoReturn:
    few = len(array.shape) < len(expected.letters)
    hint = (
        "A dimension is missing: a single row stands in brackets, x[None, :]"
        if few
        else "That is a dimension more than it has"
    )
    _refuse(function, str(expected), hint, (expected, array))


def _refuse_length(
    function: str, expected: Expected, array: Any, letter: str, found: Sequence[Found]
) -> NoReturn:
    if letter.isdigit():
        _refuse(function, str(expected), "A number stands for itself.", (expected, array))
    other = next((e, a) for e, a in found if letter in e.letters)
    plain = letter.split("@")[0]
    if other[0] is expected:
        _refuse(function, f"{expected} with one {plain}", "One letter, one number.", other)
    _refuse(
        function,
        f"{other[0]} and {expected} with the same {plain}",
        "The same letter is the same number in every shape.",
        other,
        (expected, array),
    )


def _refuse_batches(function: str, found: Sequence[Found]) -> NoReturn:
    led = [(e, a) for e, a in found if e.leads and e.letters]
    _refuse(
        function,
        f"{', '.join(str(e) for e, _ in led)} whose dimensions ... broadcast",
        "They stand before the named ones; each pair must be equal, or one of them 1 or missing.",
        *led,
    )
