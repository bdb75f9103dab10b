"""What NumPy and torch arrays share, and the errors for shapes that do not fit.

Each equation of the course stands once and runs on either library. This works because NumPy (from
version 2) and torch spell nearly everything alike: ``@``, ``.mT``, ``.swapaxes``, ``.reshape``, and
the functions ``exp``, ``where``, ``amax``, ``sum``, ``arange``. Nothing here imports torch: a torch
array can only arrive after somebody else has imported it.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache, wraps
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np

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


def shapes(**arrays: Array) -> str:
    """Write names and shapes for an error message: ``q (3, 4), k (5, 6)``."""
    return ", ".join(f"{name} {tuple(array.shape)}" for name, array in arrays.items())


def require(holds: bool, rule: str, hint: str, **arrays: Array) -> None:
    """Raise a ValueError that names the rule, the shapes received and a hint, unless it holds."""
    if not holds:
        raise ValueError(f"{rule}; received {shapes(**arrays)}. {hint}")


_vouched: ContextVar[bool] = ContextVar("vouched", default=False)


@contextmanager
def vouched() -> Iterator[None]:
    """Leave the checks out inside the ``with`` block: somebody vouches for what is handed on.

    A model does so. Its weights were checked when it was built, so all that it multiplies with
    them fits, at every step. With one sentence the checks would take a quarter of a step.
    """
    before = _vouched.set(True)
    try:
        yield
    finally:
        _vouched.reset(before)


def unless_vouched(check: Callable[..., None]) -> Callable[..., None]:
    """Let a check be left out where somebody has `vouched` for the arrays."""

    @wraps(check)
    def ask(*arguments: Any, **named: Any) -> None:
        if not _vouched.get():
            check(*arguments, **named)

    return ask


@unless_vouched
def check_floating(name: str, array: Array) -> None:
    """Refuse integers where a result would be cut down to them."""
    kind = kind_of_number(array.dtype)
    if not kind.lstrip("b").startswith("float"):
        raise TypeError(
            f"{name} needs floating-point numbers; received {kind}. "
            "Write array.astype(float) or tensor.float()"
        )


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


@lru_cache(maxsize=1024)
def broadcast_together(*shapes: tuple[int, ...]) -> bool:
    """Tell whether arrays of these shapes can be repeated to one common shape."""
    try:
        np.broadcast_shapes(*(tuple(shape) for shape in shapes))
    except ValueError:
        return False
    return True


@lru_cache(maxsize=1024)
def broadcasts_to(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    """Tell whether an array of `shape` can be repeated to fill `target`."""
    try:
        return np.broadcast_shapes(tuple(shape), tuple(target)) == tuple(target)
    except ValueError:
        return False


def to_numpy(array: Array) -> np.ndarray:
    """Return the numbers as a NumPy array, from whichever library and device."""
    if not is_torch(array):
        return np.asarray(array)
    # NumPy has no bfloat16.
    wide = array.float() if array.dtype.is_floating_point and array.itemsize == 2 else array
    return wide.detach().cpu().numpy()
