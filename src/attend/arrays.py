"""What NumPy and torch arrays share, and the errors for shapes that do not fit.

Each equation of the course stands once and runs on either library. This works because NumPy (from
version 2) and torch spell nearly everything alike: ``@``, ``.mT``, ``.swapaxes``, ``.reshape``, and
the functions ``exp``, ``where``, ``amax``, ``sum``, ``arange``. Nothing here imports torch: a torch
array can only arrive after somebody else has imported it.
"""

import sys
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
    kinds = {is_torch(array) for array in arrays}
    if kinds == {True}:
        return sys.modules["torch"]
    for array in arrays:
        if not is_torch(array) and not isinstance(array, (np.ndarray, np.generic)):
            raise TypeError(
                f"expected a NumPy array or a torch tensor, received {type(array).__name__}; "
                "wrap lists with numpy.array(...)"
            )
    if len(kinds) == 2:
        raise TypeError("NumPy arrays and torch tensors are mixed; convert all to one library")
    return np


def shapes(**arrays: Array) -> str:
    """Write names and shapes for an error message: ``q (3, 4), k (5, 6)``."""
    return ", ".join(f"{name} {tuple(array.shape)}" for name, array in arrays.items())


def require(holds: bool, rule: str, hint: str, **arrays: Array) -> None:
    """Raise a ValueError that names the rule, the shapes received and a hint, unless it holds."""
    if not holds:
        raise ValueError(f"{rule}; received {shapes(**arrays)}. {hint}")


def check_floating(name: str, array: Array) -> None:
    """Refuse integers where a result would be cut down to them."""
    kind = str(array.dtype).removeprefix("torch.")
    if not kind.lstrip("b").startswith("float"):
        raise TypeError(
            f"{name} needs floating-point numbers; received {kind}. "
            "Write array.astype(float) or tensor.float()"
        )


def lowest(array: Array) -> float:
    """Return the lowest finite number of the array's type: the score of a forbidden key."""
    return float(namespace(array).finfo(array.dtype).min)


def broadcast_together(*shapes: tuple[int, ...]) -> bool:
    """Tell whether arrays of these shapes can be repeated to one common shape."""
    try:
        np.broadcast_shapes(*(tuple(shape) for shape in shapes))
    except ValueError:
        return False
    return True


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
