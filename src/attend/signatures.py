"""What a signature says about its arrays, read once, and whether those of a call keep to it.

``q: Float[Array, "... n d_k"], k: Float[Array, "... m d_k"]`` is a rule: `q` holds floating-point
numbers and has at least two dimensions, and its last is as long as the last of `k`. What stands for
``...`` must broadcast over all arrays. ``#n`` is n, or 1. `attend.arrays.checked` asks for it.
"""

import inspect
from collections.abc import Callable, Iterator, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, NamedTuple, NoReturn, Union, get_args, get_origin

import numpy as np

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


class Expected(NamedTuple):
    """An array, or a number, that a signature asks for.

    Attributes
    ----------
    place
        Which argument of a call it is, or belongs to.
    path
        The name of the argument, and the attributes that lead from there: ``p``, ``W_Q``.
    leads
        Whether any dimensions may stand before the named ones: ``...``.
    letters
        The named dimensions.
    kind
        What is in it: ``Float``, ``Bool``, ``Integer``, ``Shaped`` (anything), ``int``, ``float``.
    types
        The types of number that are of this kind; empty if all are.
    optional
        Whether None may stand in its place.
    """

    place: int
    path: tuple[str, ...]
    leads: bool
    letters: tuple[str, ...]
    kind: str
    types: frozenset[str]
    optional: bool

    @property
    def name(self) -> str:
        """What an error calls it."""
        return ".".join(self.path)

    def __str__(self) -> str:
        words = ["..."] * self.leads + [letter.split("@")[0] for letter in self.letters]
        return f"{self.name} ({', '.join(words)}{',' * (len(words) == 1 and not self.leads)})"


Found = tuple[Expected, Any]
"""What is expected, and what a call gives for it."""


def read(function: Callable[..., Any]) -> tuple[Expected, ...]:
    """Read what a function's signature asks for."""
    parameters = inspect.signature(function).parameters
    shared = {letter for p in parameters.values() for letter in _letters(p.annotation)}
    return tuple(
        expected
        for place, (name, parameter) in enumerate(parameters.items())
        for expected in _read(place, (name,), parameter.annotation, shared, False)
    )


def _read(
    place: int, path: tuple[str, ...], annotation: Any, shared: set[str], optional: bool
) -> Iterator[Expected]:
    alternatives = _alternatives(annotation)
    optional = optional or NoneType in alternatives
    for said in alternatives:
        if hasattr(said, "dim_str"):
            kind, words = said.__name__.split("[")[0], said.dim_str.split()
            leads = words[:1] == ["..."]
            # A letter that only the attributes of an argument have is theirs alone.
            own = "@" + ".".join(path[:-1])
            letters = tuple(w if w.strip("#") in shared else w + own for w in words[leads:])
            types = frozenset(said.dtypes if kind in WORDS else ())
            yield Expected(place, path, leads, letters, kind, types, optional)
        elif said is int or said is float:
            yield Expected(place, path, False, (), said.__name__, frozenset(), optional)
        elif hasattr(said, "_fields"):
            for field, kind in inspect.get_annotations(said).items():
                yield from _read(place, (*path, field), kind, shared, optional)


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    """Take ``X | None`` apart. ``Annotated[Any, X]`` is anything with the attributes of X."""
    if get_origin(annotation) is Annotated:
        return annotation.__metadata__
    if get_origin(annotation) in (Union, UnionType):
        return tuple(said for one in get_args(annotation) for said in _alternatives(one))
    return (annotation,)


def _letters(annotation: Any) -> Iterator[str]:
    for said in _alternatives(annotation):
        yield from getattr(said, "dim_str", "").replace("#", "").split()


# ----------------------------------------------------------------------- what a call gives for it


def gather(
    function: str, rule: Sequence[Expected], given: Sequence[Any], named: dict[str, Any]
) -> list[Found]:
    """Pair what is expected with what a call gives; leave out what it leaves out."""
    arrays = []
    for expected in rule:
        place, path, _, _, kind, _, optional = expected
        if place < len(given):
            value = given[place]
        elif path[0] in named:
            value = named[path[0]]
        else:
            continue
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
        for letter, length in zip(letters, shape[before:]):  # noqa: B905
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
