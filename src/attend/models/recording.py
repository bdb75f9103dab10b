"""See every attention map of a model: in a forward pass, and while it decodes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from attend.arrays import Array, namespace


class Map(NamedTuple):
    """One attention map and where it arose.

    Attributes
    ----------
    kind
        ``"encoder"`` (self-attention of the source), ``"decoder"`` (of the target) or
        ``"memory"`` (of the target over the source).
    layer
        The layer, counted from 0.
    weights
        Shape (batch, h, n, m): queries on rows, keys on columns.
    """

    kind: str
    layer: int
    weights: Array


class Recording:
    """The maps of what ran while it was open, in the order in which they arose."""

    def __init__(self) -> None:
        self.maps: list[Map] = []

    def __repr__(self) -> str:
        return f"Recording({len(self.maps)} maps)"

    def add(self, kind: str, layer: int, weights: Array) -> None:
        """Keep a map; torch's are cut loose from the gradient."""
        self.maps.append(Map(kind, layer, getattr(weights, "detach", lambda: weights)()))

    def of(self, kind: str, layer: int) -> Array:
        """Join the maps of one layer along its queries: as many rows as tokens were read.

        Maps of successive decoder steps see ever more keys; the places of keys that did not yet
        exist hold 0.

        Raises
        ------
        KeyError
            If there is no such map.
        ValueError
            If the number of sentences changed meanwhile, as in a beam search.
        """
        maps = [m.weights for m in self.maps if m.kind == kind and m.layer == layer]
        if not maps:
            known = sorted({(m.kind, m.layer) for m in self.maps})
            raise KeyError(f"no map of {kind!r}, layer {layer}; recorded are {known}")
        if len({m.shape[0] for m in maps}) > 1:
            raise ValueError(
                f"the maps of {kind!r}, layer {layer} are of different numbers of sentences: "
                f"{[m.shape[0] for m in maps]}. Read them one by one from .maps, or record "
                "a single pass over the finished translation"
            )
        xp = namespace(*maps)
        widest = max(m.shape[-1] for m in maps)
        return xp.concatenate([_widen(m, widest) for m in maps], axis=-2)


def _widen(weights: Array, keys: int) -> Array:
    """Add columns of zeros until there are `keys`."""
    xp = namespace(weights)
    shape = (*weights.shape[:-1], keys - weights.shape[-1])
    zeros = xp.zeros(shape, dtype=weights.dtype, device=weights.device)
    return xp.concatenate([weights, zeros], axis=-1)


@contextmanager
def record_attention(model: Any) -> Iterator[Recording]:
    """Collect every map that `model` computes inside the ``with`` block.

    Parameters
    ----------
    model
        A `attend.models.torch_transformer.Transformer`, or the NumPy one of
        `attend.models.weights`. It computes with the taught attention while somebody looks, since
        the fused kernel keeps no weights.

    Yields
    ------
    recording
        Fills while the model runs. Nothing is stored on the model.
    """
    recording, before = Recording(), model.see
    model.see = recording.add
    try:
        yield recording
    finally:
        model.see = before
