"""Which attention of the translator to show: all layers, one, or one head.

A place is named like the reader counts: ``all``, layers ``4``, single heads ``4.1``.
"""

from __future__ import annotations

import json
from functools import lru_cache

import numpy as np

from attend.translator.translator import SHIPPED

__all__ = ["at_place", "best_place"]


@lru_cache(maxsize=1)
def best_place() -> str:
    """Return the memory attention that comes closest to alignments drawn by people.

    Only rows of the step that writes a piece are considered, since these are what is shown.
    """
    measured = json.loads((SHIPPED / "alignment.json").read_text())["candidates"]
    best = min((c for c in measured if not c["shift"]), key=lambda c: c["chosen_on"])
    if len(best["layers"]) > 1:
        return "all"
    layer = str(best["layers"][0] + 1)
    return layer if len(best["heads"]) > 1 else f"{layer}.{best['heads'][0] + 1}"


def at_place(kept: np.ndarray, place: str) -> np.ndarray:
    """Return the layers and heads, (layers, heads, n, m), of what one of `places` names."""
    layer, _, head = place.partition(".")
    layers = slice(None) if layer == "all" else slice(int(layer) - 1, int(layer))
    return kept[layers, slice(int(head) - 1, int(head)) if head else slice(None)]
