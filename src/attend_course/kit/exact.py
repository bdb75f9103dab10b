"""The course's translator in double precision: a rounded number is the same on every machine."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from attend.models.array_transformer import ArrayTransformer
from attend.models.weights import Saved, read_model
from attend.translator.translator import SHIPPED

__all__ = ["model", "saved"]


@lru_cache(maxsize=1)
def saved() -> Saved:
    """Return the translator as it is stored: sizes, weights, tokenizer."""
    return read_model(SHIPPED)


@lru_cache(maxsize=1)
def model() -> ArrayTransformer:
    """Return its Transformer."""
    exact = {name: tensor.astype(np.float64) for name, tensor in saved().tensors.items()}
    return ArrayTransformer(saved().config, exact)
