"""Weights in a file: what numbers they may be, and what is refused although its checksum fits."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load

SCALE = ".scale"
"""Added to the name of a matrix of whole numbers: the name of its scales."""
FLOATS = ("float16", "float32", "float64")


def read_weights(path: Path) -> dict[str, NDArray]:
    """Read the weights in a safetensors file, as they are stored.

    Raises
    ------
    ValueError
        If the file is no safetensors file, or holds numbers that are no weights; it names the file,
        the rule and every tensor at fault.
    """
    try:
        tensors = load(path.read_bytes())
    # NumPy has no bfloat16: the reader stumbles over such a type in one way or another.
    except (SafetensorError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(
            f"{path} cannot be read as weights: {type(error).__name__}: {error}. It is damaged, or "
            f"holds a type that NumPy does not have; store {', '.join(FLOATS)} or int8"
        ) from error
    faults = [fault for name in tensors if (fault := _fault(name, tensors))]
    if faults:
        raise ValueError(
            f"{path}: weights are finite numbers of type {', '.join(FLOATS)}, or matrices of int8 "
            f"with one float for each row in NAME{SCALE}; " + "; ".join(faults)
        )
    return tensors


def _fault(name: str, tensors: Mapping[str, NDArray]) -> str | None:
    """Say what is wrong with a tensor among the others; None if nothing is."""
    tensor = tensors[name]
    scaled = name.endswith(SCALE)
    matrix = tensors.get(name.removesuffix(SCALE)) if scaled else tensor
    if matrix is None or (scaled and matrix.dtype != np.int8):
        return f"{name} belongs to no matrix of int8"
    if not scaled and tensor.dtype == np.int8:
        return None if name + SCALE in tensors else f"{name} is int8 and has no {name}{SCALE}"
    if str(tensor.dtype) not in FLOATS:
        return f"{name} is {tensor.dtype}"
    if scaled and (matrix.ndim != 2 or tensor.shape != matrix.shape[:1]):
        return f"{name} is {tensor.shape} for a matrix {matrix.shape}"
    if not scaled and name + SCALE in tensors:
        return None  # told at the scales
    return None if np.isfinite(tensor).all() else f"{name} holds numbers that are not finite"
