"""Stacks of untrained layers: what residual connections and norms keep, by taking them away.

The layers are those of `attend`, on torch, which finds the gradients. Their matrices are drawn as
before a training (Glorot and Bengio 2010), from a seed, the same on every machine.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from math import sqrt
from typing import Any, NamedTuple

import numpy as np

from attend.attention import HeadProjections
from attend.layers import TAUGHT, EncoderParameters, Norm, Transform, encoder_layer, layer_norm
from attend.pre_norm import pre_norm_encoder_layer
from attend_course.kit.draws import normals

D_MODEL, D_FF, H, ROWS = 64, 256, 4, 8
SHALLOW, DEEP = 4, 24
"""Numbers of layers that are compared."""


def _sum_alone(x: Any, change: Any) -> Any:
    return change


def _as_it_is(x: Any, gain: Any, bias: Any) -> Any:
    return x


LAYERS: dict[str, Callable[..., Any]] = {
    "post-norm": encoder_layer,
    "pre-norm": pre_norm_encoder_layer,
    "no residuals": partial(encoder_layer, operations=TAUGHT._replace(add=_sum_alone)),
    "no norms": partial(encoder_layer, operations=TAUGHT._replace(normalise=_as_it_is)),
    "neither": partial(
        encoder_layer, operations=TAUGHT._replace(add=_sum_alone, normalise=_as_it_is)
    ),
}
"""One layer of each kind. The first is that of the paper."""
KINDS = tuple(LAYERS)


class Measured(NamedTuple):
    """What was found in a stack of N layers; place 0 is before the first.

    Attributes
    ----------
    sizes
        Size of a number: the root of the mean square, (N + 1,).
    apart
        How different the rows are: the length of what is left when their mean is taken away, as a
        share of their whole length, (N + 1,).
    gradients
        Length of the gradient toward the rows, (N + 1,).
    query_gradients, inner_gradients
        Length of the gradient toward W_Q and toward W_1 of each layer, (N,).
    """

    sizes: np.ndarray
    apart: np.ndarray
    gradients: np.ndarray
    query_gradients: np.ndarray
    inner_gradients: np.ndarray

    @property
    def reaches(self) -> float:
        """The gradient before the first layer, as a multiple of that behind the last."""
        return float(self.gradients[0] / self.gradients[-1])


@lru_cache(maxsize=64)
def measured(kind: str, layers: int = DEEP, seed: int = 0) -> Measured:
    """Run random rows through a stack of untrained layers, and find all gradients.

    Parameters
    ----------
    kind
        One of `KINDS`.
    layers
        How many layers.
    seed
        Of the rows, the matrices and the direction in which the outputs are added up.
    """
    stack = [_parameters(1000 * seed + 10 * number) for number in range(layers)]
    rows = [_tensor(normals(1000 * seed + 7, (ROWS, D_MODEL)))]
    for p in stack:
        rows.append(LAYERS[kind](rows[-1], p)[0])
        rows[-1].retain_grad()
    # The sum of a row that was normalised is a constant, so a random mixture of all numbers.
    direction = _tensor(normals(1000 * seed + 8, (ROWS, D_MODEL)), False)
    (_end(kind, rows[-1]) * direction).sum().backward()
    return _read(rows, stack)


def _end(kind: str, rows: Any) -> Any:
    """Give a stack of pre-norm layers the norm that it ends with."""
    if kind != "pre-norm":
        return rows
    return layer_norm(rows, _tensor(np.ones(D_MODEL), False), _tensor(np.zeros(D_MODEL), False))


def _read(rows: list[Any], stack: list[Any]) -> Measured:
    numbers = [x.detach().numpy() for x in rows]
    return Measured(
        np.array([sqrt((x**2).mean()) for x in numbers]),
        np.array([np.linalg.norm(x - x.mean(axis=0)) / np.linalg.norm(x) for x in numbers]),
        np.array([float(x.grad.norm()) for x in rows]),
        np.array([float(p.self_attention.W_Q.grad.norm()) for p in stack]),
        np.array([float(p.feed_forward.W_1.grad.norm()) for p in stack]),
    )


def _tensor(array: np.ndarray, learned: bool = True) -> Any:
    import torch

    return torch.tensor(array, requires_grad=learned)


def _drawn(seed: int, *shape: int) -> Any:
    """Draw a matrix that keeps the size of numbers, roughly, both ways (Glorot)."""
    return _tensor(sqrt(2 / sum(shape)) * normals(seed, shape))


def _parameters(seed: int) -> EncoderParameters:
    ones, zeros = (partial(_tensor, make(D_MODEL)) for make in (np.ones, np.zeros))
    q, k, v, o = (_drawn(seed + place, D_MODEL, D_MODEL) for place in range(4))
    inner = Transform(
        _drawn(seed + 4, D_MODEL, D_FF), _tensor(np.zeros(D_FF)),
        _drawn(seed + 5, D_FF, D_MODEL), zeros(),
    )  # fmt: skip
    norms = (Norm(ones(), zeros()) for _ in range(2))
    return EncoderParameters(HeadProjections(q, k, v, o, H), inner, *norms)


def size(kind: str, layers: int = DEEP) -> float:
    """Return the size of the numbers behind the last layer."""
    return float(measured(kind, layers).sizes[-1])


def apart(kind: str, layers: int = DEEP) -> float:
    """Return how different the rows are behind the last layer."""
    return float(measured(kind, layers).apart[-1])


ROUNDING = 1e-12
"""What is smaller is rounding, and differs between machines."""


def told(value: float) -> str:
    """Write a small share as a power of ten, or say that it is smaller than rounding."""
    return f"{value:.0e}" if value > ROUNDING else f"below {ROUNDING:.0e}"


def apart_told(kind: str, layers: int = DEEP) -> str:
    """Return how different the rows are in the end, as a page says it."""
    return told(apart(kind, layers))


def reaches(kind: str, layers: int = DEEP) -> float:
    """Return the gradient toward the input, as a multiple of that toward the output."""
    return measured(kind, layers).reaches


def last_inner(kind: str, layers: int = DEEP) -> float:
    """Return the length of the gradient toward W_1 in the last layer."""
    return float(measured(kind, layers).inner_gradients[-1])


def last_query(kind: str, layers: int = DEEP) -> float:
    """Return the gradient toward W_Q in the last layer, as a share of that in the first."""
    found = measured(kind, layers).query_gradients
    return float(found[-1] / found[0])
