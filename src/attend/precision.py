"""Half precision is computed in single."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np

from attend.arrays import is_torch, kind_of_number
from attend.signatures import like

Function = TypeVar("Function", bound=Callable[..., Any])


def in_single(function: Function) -> Function:
    """Let a function compute half precision in single, and give half back.

    What is added up on the way (products, exponentials, squares) leaves the range of half
    precision, which ends at 65,504, long before the result does. torch's fused kernels do the same.
    """

    def single(**named: Any) -> Any:
        types = {x.dtype for x in named.values() if _is_floating(x)}
        found = function(**{name: widened(x) for name, x in named.items()})
        return _of_type(found, types.pop()) if len(types) == 1 else found

    return cast(Function, like(function, _IN_SINGLE, _=function, _single=single))


_IN_SINGLE = """
    if {first}.itemsize > 2:
        return _({call})
    return _single({named})
"""


def widened(x: Any) -> Any:
    """Return an array of half precision in single, and anything else as it is."""
    if not _is_floating(x) or x.itemsize > 2:
        return x
    return x.float() if is_torch(x) else x.astype(np.float32)


def _is_floating(x: Any) -> bool:
    return hasattr(x, "dtype") and "float" in kind_of_number(x.dtype)


def _of_type(x: Any, dtype: Any) -> Any:
    """Return an array, or a tuple of them, with numbers of one type."""
    if isinstance(x, tuple):
        return tuple(None if part is None else _of_type(part, dtype) for part in x)
    if is_torch(x):
        return x.to(dtype)
    # What lies outside the range of the type is infinite there; NumPy need not say so.
    with np.errstate(over="ignore"):
        return x.astype(dtype)
