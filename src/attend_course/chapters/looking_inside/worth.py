"""What a head of the translator is worth: what is lost without it.

What was measured on sentences that may not be shipped lies in ``heads.json``, which
``benchmarks/heads.py`` wrote. On our own pairs the same is computed here.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attend.models.changes import changed
from attend.models.inspection import (
    Head,
    carried_lengths,
    damages,
    heads_of,
    mean_loss,
    rank_correlation,
)
from attend.text.corpus import pad
from attend_course.chapters.looking_inside import aligning, example

MEASURED = Path(__file__).with_name("heads.json")


# ------------------------------------------------------------------------ weights, and behind them


@lru_cache(maxsize=8)
def value_lengths(layer: int) -> NDArray:
    """Return how long each piece's value is behind W_O, in the memory attention: (h, m)."""
    config, ones = example.saved().config, np.ones
    reading, parameters = (
        example.running(),
        example.model().parameters.decoder[layer].memory_attention,
    )
    v = example.model().start(np.array([reading.source])).layers[layer].memory.v[0]
    return carried_lengths(ones((config.h, 1, v.shape[-2])), v, parameters.W_O)[:, 0]


def stop_shares() -> NDArray:
    """Return of the full stop, in each layer: its mean weight, and its part of the lengths, (N, 2).

    The first is what a map shows. The second is the weight times the length of the value, as a
    share of what that makes for all pieces together.
    """
    found = []
    for layer in range(example.saved().config.N):
        weights = example.running().memory(layer)
        carried = weights * value_lengths(layer)[:, None, :]
        shares = carried / carried.sum(axis=-1, keepdims=True)
        found.append([weights[..., -1].mean(), shares[..., -1].mean()])
    return np.array(found)


def stop_weight() -> float:
    """Return the mean weight on the full stop, over all layers, heads and rows."""
    return float(stop_shares()[:, 0].mean())


def stop_part() -> float:
    """Return the mean share of the full stop in the lengths of what is taken."""
    return float(stop_shares()[:, 1].mean())


# ------------------------------------------------------------------------ what a head is worth


@lru_cache(maxsize=1)
def batch() -> tuple[NDArray, NDArray]:
    """Return our own pairs as one batch: sources and targets, filled up with padding."""
    readings = [example.read(pair) for pair in example.pairs()]
    return pad([r.source for r in readings]), pad([r.target for r in readings])


@lru_cache(maxsize=1)
def own_loss() -> float:
    """Return the loss on our own pairs, in nats for each piece."""
    return mean_loss(example.model(), *batch())


@lru_cache(maxsize=1)
def own_damages() -> NDArray:
    """Return by how much the loss on our own pairs grows without each memory head, (N, h)."""
    found = damages(example.model(), *batch(), example.memory_heads())
    return found.reshape(example.saved().config.N, example.saved().config.h)


@lru_cache(maxsize=8)
def loss_with(make: str, layer: int | None = None) -> float:
    """Return the loss on our own pairs with every memory head changed, or those of one layer."""
    where = {} if layer is None else {"layer": layer}
    return mean_loss(
        changed(example.model(), [{"make": make, "kind": "memory", **where}]), *batch()
    )


def last_layer() -> int:
    """Return the last layer, counted from 0."""
    return example.saved().config.N - 1


def sum_of_damages() -> float:
    """Return the damages of the last layer's memory heads, one by one, added up."""
    return float(own_damages()[-1].sum())


def damage_together() -> float:
    """Return the damage when all of them are off at once."""
    return loss_with("off", last_layer()) - own_loss()


def promise_kept() -> float:
    """Return how the order of the error rates agrees with that of the damages, memory heads.

    The error rate as the rows stand: -1 if the better a head aligns, the more is lost without it.
    """
    return rank_correlation(aligning.error_rates().ravel(), own_damages().ravel())


# ------------------------------------------------------------------------ measured beforehand


@lru_cache(maxsize=1)
def measured() -> dict[str, Any]:
    """Return what ``benchmarks/heads.py`` wrote."""
    return json.loads(MEASURED.read_text(encoding="utf-8"))


def measured_pairs() -> int:
    """Return on how many held-out pairs it was measured."""
    return measured()["pairs"]["measured"]


def choosing_pairs() -> int:
    """Return on how many other pairs the heads were chosen that went first."""
    return measured()["pairs"]["choosing"]


def measured_date() -> str:
    """Return the day of the measurement."""
    return measured()["date"]


@lru_cache(maxsize=4)
def measured_losses(of: str = "loss") -> NDArray:
    """Return what is lost without each head, on held-out pairs: (3, N, h), encoder first.

    ``"loss"``: by how much the loss grows. ``"bleu"``: by how much BLEU falls.
    """
    config, whole = example.saved().config, measured()["whole"][of]
    found = [measured()["alone"][head.name][of] - whole for head in heads_of(config)]
    return np.array(found).reshape(3, config.N, config.h) * (-1 if of == "bleu" else 1)


def cheap_heads(most: float = 1.0) -> int:
    """Return how many heads can each be removed alone for less than so much BLEU."""
    return int((measured_losses("bleu") < most).sum())


def dearest() -> Head:
    """Return the head whose removal costs most BLEU."""
    return heads_of(example.saved().config)[int(measured_losses("bleu").argmax())]


def dearest_cost() -> float:
    """Return how much BLEU that is."""
    return float(measured_losses("bleu").max())


def pruned_bleu() -> NDArray:
    """Return BLEU with 0, 1, 2, ... heads pruned, greedily."""
    return np.array([measured()["whole"]["bleu"], *(step["bleu"] for step in measured()["pruned"])])


def pruned_loss() -> NDArray:
    """Return the loss with 0, 1, 2, ... heads pruned, greedily."""
    return np.array([measured()["whole"]["loss"], *(step["loss"] for step in measured()["pruned"])])


def free_until(lost: float = 1.0) -> int:
    """Return how many heads went before BLEU had first fallen by more than `lost`."""
    below = pruned_bleu() < pruned_bleu()[0] - lost
    return int(below.argmax()) - 1


def gone() -> list[Head]:
    """Return the heads that went, in their order."""
    by_name = {head.name: head for head in heads_of(example.saved().config)}
    return [by_name[step["head"]] for step in measured()["pruned"]]


def gone_count() -> int:
    """Return how many heads went until a fifth of BLEU was lost."""
    return len(gone())


def gone_of(kind: str) -> int:
    """Return how many of them were of one kind: encoder, decoder or memory."""
    return sum(head.kind == kind for head in gone())


def gone_in_last_memory() -> int:
    """Return how many of them were memory heads of the last layer."""
    return sum(head.kind == "memory" and head.layer == last_layer() for head in gone())


def added_up() -> float:
    """Return the BLEU lost without each of the heads that went, one at a time, added up."""
    alone = measured()["alone"]
    return float(sum(measured()["whole"]["bleu"] - alone[head.name]["bleu"] for head in gone()))


def lost_together() -> float:
    """Return the BLEU that is lost with all of them gone."""
    return float(pruned_bleu()[0] - pruned_bleu()[-1])
