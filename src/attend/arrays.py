"""What NumPy and torch arrays share, and `checked`: a signature is its own check.

Each equation of the course stands once and runs on either library. This works because NumPy (from
version 2) and torch spell nearly everything alike: ``@``, ``.mT``, ``.swapaxes``, ``.reshape``, and
the functions ``exp``, ``where``, ``amax``, ``sum``, ``arange``. Nothing here imports torch: a torch
array can only arrive after somebody else has imported it.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar, Token
from functools import lru_cache
from types import ModuleType
from typing import Any, NoReturn, TypeAlias, TypeVar, cast

import numpy as np

from attend.comparison import Found, check, gather, shapes
from attend.signatures import Expected, like, read

Array: TypeAlias = Any
"""A NumPy array or a torch tensor."""


def is_torch(array: Array) -> bool:
    """Tell whether `array` is a torch tensor, without importing torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(array, torch.Tensor)


def namespace(*arrays: Array) -> ModuleType:
    """Return the library that `arrays` belong to.

    Raises
    ------
    TypeError
        If one of them is neither a NumPy array nor a torch tensor, or if they are mixed.
    """
    return _library(*map(type, arrays))


# While a model decodes, the same few questions come thousands of times: their answers are kept.
@lru_cache(maxsize=256)
def _library(*kinds: type) -> ModuleType:
    torch = sys.modules.get("torch")
    of_torch = [torch is not None and issubclass(kind, torch.Tensor) for kind in kinds]
    if kinds and all(of_torch):
        return sys.modules["torch"]
    for kind, known in zip(kinds, of_torch, strict=True):
        if not known and not issubclass(kind, (np.ndarray, np.generic)):
            raise TypeError(
                f"expected a NumPy array or a torch tensor, received {kind.__name__}; "
                "wrap lists with numpy.array(...)"
            )
    if any(of_torch):
        raise TypeError("NumPy arrays and torch tensors are mixed; convert all to one library")
    return np


def project(x: Array, W: Array) -> Array:
    """Multiply every row of `x`, (..., n, d), by a matrix (d, e): what ``x @ W`` says.

    The rows of all sentences stand under each other meanwhile, and `W` is gone through once. NumPy
    would go through it anew for each sentence.
    """
    if x.ndim < 3 or x.shape[0] == 1:
        return x @ W
    return (x.reshape(-1, x.shape[-1]) @ W).reshape(*x.shape[:-1], W.shape[-1])


SHORT = 64
"""How long a row may be that `highest` turns."""


def highest(x: Array, axis: int) -> Array:
    """Return the largest number along an axis, which stays, with length 1."""
    if is_torch(x):
        return x.amax(axis, keepdim=True)
    if x.shape[axis] > SHORT:
        return x.max(axis, keepdims=True)
    # NumPy goes through short rows one by one, but through columns many numbers at a time: with
    # the copy it takes a fifth of the time. Of long rows, a copy would only take time and memory.
    turned = x.swapaxes(0, axis).copy()
    return turned.max(axis=0, keepdims=True).swapaxes(0, axis)


def require(holds: bool, rule: str, hint: str, **arrays: Array) -> None:
    """Raise a ValueError that names the rule, the shapes received and a hint, unless it holds."""
    if not holds:
        refuse(rule, hint, **arrays)


def refuse(rule: str, hint: str, **arrays: Array) -> NoReturn:
    """Raise a ValueError that names the rule, the shapes received and a hint."""
    asked = _asked.get()
    rule = f"{asked}: {rule}" if asked else rule
    raise ValueError(f"{rule}; received {shapes(**arrays)}. {hint}")


# -------------------------------------------------------------------- the signature is the check

_asked: ContextVar[str | None] = ContextVar("asked", default=None)
"""Which checked function is at work; empty where somebody vouches, None where there is none."""

Function = TypeVar("Function", bound=Callable[..., Any])


def checked(function: Function) -> Function:
    """Let a function refuse arrays that its own signature does not allow.

    The annotations are read once. A call from outside is compared with them: the same letter is
    the same number, ``...`` broadcasts, numbers are of the kind that is named, and all arrays are
    of one library. What it calls in turn works with arrays that were compared already, so there
    nothing is asked again; nor where somebody has `vouched`.

    Raises
    ------
    TypeError
        From the function: for what is no array or number, for another kind of number, or for
        mixed libraries.
    ValueError
        From the function: for shapes that do not fit.
    """
    admit = _admission(function.__name__, read(function))
    return cast(Function, like(function, _CHECKED, _=function, _asked=_asked, _admit=admit))


_CHECKED = """
    if _asked.get() is not None:
        return _({call})
    _before = _admit({names})
    try:
        return _({call})
    finally:
        _asked.reset(_before)
"""

MOST_LOOKS = 256
"""How many looks of calls a function keeps in mind."""


def _admission(name: str, rule: Sequence[Expected]) -> Callable[..., Token]:
    """Return what compares a call with a rule; of calls that look alike only the first."""
    known: set[Any] = set()

    def admit(*given: Any) -> Token:
        look = tuple(map(_look, given))
        if look not in known:
            compare(name, rule, given)
            if len(known) == MOST_LOOKS:
                known.clear()
            known.add(look)
        return _asked.set(name)

    def admit_parts(*given: Any) -> Token:
        compare(name, rule, given)
        return _asked.set(name)

    return admit if all(len(expected.path) == 1 for expected in rule) else admit_parts


def _look(x: Any) -> Any:
    """Return all that a comparison asks of an argument: type, type of number, shape."""
    is_array = isinstance(x, np.ndarray) or is_torch(x)
    return (type(x), x.dtype, x.shape) if is_array else type(x)


def compare(function: str, rule: Sequence[Expected], given: Sequence[Any]) -> None:
    """Compare a call with the signature of a function; raise what `checked` says.

    Parameters
    ----------
    function
        Its name.
    rule
        What `attend.signatures.read` read from it.
    given
        All arguments, in the order of the signature.
    """
    found = gather(function, rule, given)
    same_library(function, found)
    check(function, found, [kind_of_number(array.dtype) for _, array in found])


def same_library(function: str, found: Sequence[Found]) -> None:
    """Refuse what is no array, and arrays of two libraries, by the names of the arguments."""
    try:
        namespace(*(array for _, array in found))
    except TypeError as error:
        received = ", ".join(f"{e.name} {type(array).__name__}" for e, array in found)
        raise TypeError(f"{function}: {error} ({received})") from None


@contextmanager
def vouched() -> Iterator[None]:
    """Leave the checks out inside the ``with`` block: somebody vouches for what is handed on.

    A model does so. Its weights were checked when it was built, so all that it multiplies with
    them fits, at every step.
    """
    before = _asked.set("")
    try:
        yield
    finally:
        _asked.reset(before)


@lru_cache(maxsize=256)
def kind_of_number(dtype: Any) -> str:
    """Name the type of an array's numbers alike for both libraries: ``float32``, ``bool``."""
    return str(dtype).removeprefix("torch.")


def lowest(array: Array) -> float:
    """Return the lowest finite number of the array's type: the score of a forbidden key."""
    return _lowest(namespace(array), array.dtype)


@lru_cache(maxsize=256)
def _lowest(xp: ModuleType, dtype: Any) -> float:
    return float(xp.finfo(dtype).min)


def to_numpy(array: Array) -> np.ndarray:
    """Return the numbers as a NumPy array, from whichever library and device."""
    if not is_torch(array):
        return np.asarray(array)
    # NumPy has no bfloat16.
    wide = array.float() if array.dtype.is_floating_point and array.itemsize == 2 else array
    return wide.detach().cpu().numpy()
