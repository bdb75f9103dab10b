"""Ask a trained Transformer what its heads are good for, and what its maps can tell.

A map says where a head looks. What the model loses without the head is another question
(`damages`, `prune`), and so is how much of a token a layer takes (`carried_lengths`), where it came
from in the end (`rollout`), and whether other weights would have done as well (`free_directions`).
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Integer
from numpy.typing import NDArray

from attend.arrays import Array, checked, namespace, refuse
from attend.config import TransformerConfig
from attend.models.change_rules import KINDS, Change
from attend.models.changes import changed

ROUNDING = 1e-9
"""A share of the largest number below which a number counts as 0."""


class Head(NamedTuple):
    """One head of a model: its kind of attention, its layer and its number, from 0."""

    kind: str
    layer: int
    head: int

    @property
    def off(self) -> Change:
        """The change that removes it; see `attend.models.changes`."""
        return {"make": "off", **self._asdict()}

    @property
    def name(self) -> str:
        """What a reader is told, counted from 1."""
        return f"{self.kind}, layer {self.layer + 1}, head {self.head + 1}"


def heads_of(config: TransformerConfig, kinds: Sequence[str] = KINDS) -> list[Head]:
    """List the heads of a model, kind by kind and layer by layer."""
    layers, heads = range(config.N), range(config.h)
    return [Head(kind, layer, head) for kind in kinds for layer in layers for head in heads]


# ----------------------------------------------------------------------------- what a head is worth


def mean_loss(
    model: Any, source: Integer[Array, "batch m"], target: Integer[Array, "batch n"]
) -> float:
    """Return how badly a model predicts given translations: nats for each piece.

    The mean of ``-ln p`` of the right piece, each predicted from the right ones before it, without
    label smoothing. Padding does not count.

    Parameters
    ----------
    model
        A model on NumPy; it may be changed.
    source, target
        Sentences and their translations, filled up with padding; each target ends with the end.
    """
    c = model.config
    given = np.concatenate([np.full_like(target[:, :1], c.start), target[:, :-1]], axis=1)
    logits = model.forward(source, given)
    right = np.take_along_axis(logits, target[..., None], axis=-1)[..., 0]
    highest = logits.max(axis=-1, keepdims=True)
    log_sum = highest[..., 0] + np.log(np.exp(logits - highest).sum(axis=-1))
    return float((log_sum - right)[target != c.pad].mean())


def damages(model: Any, source: NDArray, target: NDArray, heads: Sequence[Head]) -> NDArray:
    """Remove each head by itself; return by how much the loss grows, one number a head."""
    before = mean_loss(model, source, target)
    after = [mean_loss(changed(model, [head.off]), source, target) for head in heads]
    return np.array(after) - before


def prune(
    model: Any, source: NDArray, target: NDArray, heads: Sequence[Head]
) -> Iterator[tuple[Head, float]]:
    """Remove head after head, each time the one without which the loss is least.

    Yields
    ------
    head, loss
        What went, and the loss without it and all that went before.
    """
    left, gone = list(heads), list[Change]()
    while left:
        losses = [mean_loss(changed(model, [*gone, one.off]), source, target) for one in left]
        best = int(np.argmin(losses))
        gone.append(left[best].off)
        yield left.pop(best), losses[best]


# -------------------------------------------------------------------------------- what a map tells


@checked
def rollout(maps: Float[Array, "N n n"]) -> Float[Array, "n n"]:
    """Follow weights through the layers of an encoder: attention rollout.

    Half of what leaves a layer counts as its own input, for the residual connection, and half as
    the mixture; a path through the layers counts with the product of its shares (Abnar and
    Zuidema, 2020).

    Parameters
    ----------
    maps
        One map a layer, the first layer first: usually the mean over its heads.

    Returns
    -------
    shares
        Row i says from which tokens of the input the last layer's row i was made.
    """
    xp = namespace(maps)
    itself = xp.eye(maps.shape[-1], dtype=maps.dtype, device=maps.device)
    shares = itself
    for weights in maps:
        shares = (0.5 * weights + 0.5 * itself) @ shares
    return shares


@checked
def rank_correlation(a: Float[Array, " n"], b: Float[Array, " n"]) -> float:
    """Compare the order of two lists: 1 for the same order, -1 for the opposite (Spearman).

    The correlation of their ranks; equal numbers share the mean of their ranks.

    Raises
    ------
    ValueError
        If all numbers of a list are equal: it has no order.
    """
    ranks = [(x[:, None] > x).sum(axis=-1) + (x[:, None] == x).sum(axis=-1) / 2 for x in (a, b)]
    centred = [rank - rank.mean() for rank in ranks]
    sizes = [float(np.sqrt(rank @ rank)) for rank in centred]
    if not all(sizes):
        refuse("a list whose numbers are all equal has no order", "Compare others.", a=a, b=b)
    return float(centred[0] @ centred[1]) / (sizes[0] * sizes[1])


@checked
def carried_lengths(
    weights: Float[Array, "... h n m"],
    v: Float[Array, "... h m d_v"],
    w_o: Float[Array, "h_d_v d_model"],
) -> Float[Array, "... h n m"]:
    """Return how long what a query takes from each key is: the weight times the value's length.

    The value is measured behind the head's own rows of W_O, where it enters the output (Kobayashi
    et al., 2020).
    """
    carried = v @ w_o.reshape(v.shape[-3], v.shape[-1], -1)
    xp = namespace(v)
    return weights * xp.sqrt((carried * carried).sum(axis=-1))[..., None, :]


# ------------------------------------------------------------------------------ weights that differ


@checked
def free_directions(v: Float[Array, "m d_v"]) -> Float[Array, "free m"]:
    """Return the directions in which weights can move while their sum and their mixture stay.

    They span the left null space of V with a column of ones beside it. There is one for each
    value beyond ``d_v + 1``, and more if values are mixtures of each other.

    Returns
    -------
    directions
        Rows at right angles, each of length 1: none if every mixture has weights of its own.
    """
    beside = np.concatenate([v, np.ones((len(v), 1))], axis=1)
    left, sizes, _ = np.linalg.svd(beside)
    rank = int((sizes > ROUNDING * sizes[0]).sum())
    return left[:, rank:].T


@checked
def room(weights: Float[Array, " m"], direction: Float[Array, " m"]) -> tuple[float, float]:
    """Return how far weights can move along a direction, back and forth, before one is negative.

    Raises
    ------
    ValueError
        If the direction does not keep the sum: some weight must then grow without end.
    """
    if not direction.max() > 0 > direction.min():
        refuse("weights need a direction that lowers one of them and raises another",
               "It is one of those that free_directions returns.", direction=direction)  # fmt: skip
    forth = (weights[direction < 0] / -direction[direction < 0]).min()
    back = (weights[direction > 0] / direction[direction > 0]).min()
    return -float(back), float(forth)
