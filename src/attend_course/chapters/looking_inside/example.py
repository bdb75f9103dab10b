"""The running example of chapter 9, "Looking inside": one sentence, and twenty pairs of our own.

The pairs lie in ``aligned.json``, with links drawn by hand and the rule by which they were drawn.
What was measured on sentences that may not be shipped lies in ``heads.json``; ``benchmarks/heads.py``
wrote it. The model is computed in double precision here, so that a rounded number is the same on
every machine. Layers and heads are counted from 0, as in the code; pages count them from 1.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from attend.models.array_transformer import ArrayTransformer
from attend.models.changes import changed
from attend.models.inspection import (
    Head,
    carried_lengths,
    damages,
    heads_of,
    mean_loss,
    rank_correlation,
)
from attend.models.recording import Recording, record_attention
from attend.models.weights import Saved, read_model
from attend.text.corpus import pad
from attend.text.tokenizer import SPACE_MARK
from attend.translator.alignment import (
    Link,
    Source,
    alignment_error_rate,
    alignment_map,
    hard_links,
    word_map,
    word_numbers,
)
from attend.translator.translator import SHIPPED

SENTENCE = "My friends want to eat in the garden."
TRANSLATION = "Meine Freunde wollen im Garten essen."
EVERYDAY = SHIPPED.parent / "everyday.json"
ALIGNED = Path(__file__).with_name("aligned.json")
MEASURED = Path(__file__).with_name("heads.json")


# ------------------------------------------------------------------------ the trained model


@lru_cache(maxsize=1)
def saved() -> Saved:
    """Return the translator as it is stored: sizes, weights, tokenizer."""
    return read_model(SHIPPED)


@lru_cache(maxsize=1)
def model() -> ArrayTransformer:
    """Return the translator's Transformer in double precision."""
    exact = {name: tensor.astype(np.float64) for name, tensor in saved().tensors.items()}
    return ArrayTransformer(saved().config, exact)


def memory_heads() -> list[Head]:
    """Return the heads of the memory attention, layer by layer."""
    return heads_of(saved().config, ["memory"])


class Pair(NamedTuple):
    """A sentence, its translation, and the links that were drawn by hand."""

    english: str
    german: str
    links: frozenset[Link]


class Reading(NamedTuple):
    """A pair as the model reads it: tokens, and every map of one pass over both."""

    pair: Pair
    source: list[int]
    target: list[int]
    recording: Recording

    @property
    def source_names(self) -> list[str]:
        """The pieces of the sentence."""
        return names(self.source)

    @property
    def target_names(self) -> list[str]:
        """The pieces of the translation, the end included."""
        return names(self.target)

    def memory(self, layer: int) -> NDArray:
        """Return the maps of a layer's memory attention: (h, target pieces, source pieces)."""
        return self.recording.of("memory", layer)[0]


def names(tokens: Sequence[int]) -> list[str]:
    """Return pieces as a reader sees them."""
    tokenizer = saved().tokenizer
    assert tokenizer is not None
    return [tokenizer.piece(token).strip(SPACE_MARK) for token in tokens]


@lru_cache(maxsize=128)
def read(pair: Pair) -> Reading:
    """Let the model read a sentence and a translation, and keep its maps."""
    tokenizer = saved().tokenizer
    assert tokenizer is not None
    source, target = tokenizer.encode(pair.english), [*tokenizer.encode(pair.german), tokenizer.END]
    with record_attention(model()) as recording:
        model().forward(np.array([source]), np.array([[tokenizer.START, *target[:-1]]]))
    return Reading(pair, source, target, recording)


def _pairs(entries: Sequence[dict[str, Any]]) -> tuple[Pair, ...]:
    return tuple(
        Pair(e["english"], e["german"], frozenset((i, j) for i, j in e["links"]))
        for e in entries
        if "links" in e
    )


@lru_cache(maxsize=1)
def pairs() -> tuple[Pair, ...]:
    """Return our own pairs, with links; the first is the running sentence."""
    return _pairs(json.loads(ALIGNED.read_text(encoding="utf-8"))["pairs"])


@lru_cache(maxsize=1)
def everyday() -> tuple[Pair, ...]:
    """Return the everyday pairs that have links; others than ours, and no part of the training."""
    return _pairs(json.loads(EVERYDAY.read_text(encoding="utf-8")))


def running() -> Reading:
    """Return the running sentence as the model reads it."""
    return read(pairs()[0])


def pair_count() -> int:
    """Return how many pairs of our own there are."""
    return len(pairs())


def everyday_count() -> int:
    """Return on how many other pairs the head that aligns is chosen."""
    return len(everyday())


def head_count() -> int:
    """Return how many heads the translator has in all."""
    return len(heads_of(saved().config))


def memory_head_count() -> int:
    """Return how many of them look at the source."""
    return len(memory_heads())


def d_v() -> int:
    """Return the length of a head's values."""
    return saved().config.d_v


def source_count() -> int:
    """Return how many pieces the running sentence has."""
    return len(running().source)


def even_share() -> float:
    """Return the weight of each piece if all had the same."""
    return 1 / source_count()


# ------------------------------------------------------------------------ which head aligns words


def words_of(weights: NDArray, reading: Reading) -> NDArray:
    """Turn a map of pieces into one of words, (German words, English words)."""
    tokenizer = saved().tokenizer
    assert tokenizer is not None
    german, english = (
        word_numbers([tokenizer.piece(token) for token in tokens])
        for tokens in (reading.target, reading.source)
    )
    return word_map(weights, german, english)


def error_rate(source: Source, of: Sequence[Pair]) -> float:
    """Return the alignment error rate of a place in the model over pairs."""
    found = [
        hard_links(words_of(alignment_map(read(pair).recording, source), read(pair))) for pair in of
    ]
    return alignment_error_rate(found, [set(pair.links) for pair in of])


def place(head: Head, shift: int = 0) -> Source:
    """Return a head as a place where an alignment is read."""
    return Source((head.layer,), (head.head,), shift)


@lru_cache(maxsize=4)
def error_rates(shift: int = 0) -> NDArray:
    """Return the error rate of each memory head on our own pairs, (N, h).

    With a shift of 1, each piece is given the row of the step after it.
    """
    rates = [error_rate(place(head, shift), pairs()) for head in memory_heads()]
    return np.array(rates).reshape(saved().config.N, saved().config.h)


@lru_cache(maxsize=1)
def aligner() -> Head:
    """Return the memory head that aligns best on the everyday pairs: ours are kept for the test."""
    return min(memory_heads(), key=lambda head: error_rate(place(head), everyday()))


def aligner_error() -> float:
    """Return its error rate on our own pairs, which had no part in the choice."""
    return float(error_rates()[aligner().layer, aligner().head])


def aligner_share() -> float:
    """Return which share of its links and ours agree: one minus the error rate."""
    return 1 - aligner_error()


def diagonal_error() -> float:
    """Return the error rate of linking each word to the one at the same place of the sentence."""
    found = []
    for pair in pairs():
        rows, columns = words_of(read(pair).memory(0)[0], read(pair)).shape
        found.append({(row, row * columns // rows) for row in range(rows)})
    return alignment_error_rate(found, [set(pair.links) for pair in pairs()])


def late_heads() -> tuple[Head, ...]:
    """Return heads that align well, but one step late: their map looks wrong until it is moved."""
    now, late = error_rates(0), error_rates(1)
    return tuple(
        head
        for head in memory_heads()
        if late[head.layer, head.head] < 0.4 < 0.6 < now[head.layer, head.head]
    )


def late_head() -> Head:
    """Return the one of them that aligns best."""
    return min(late_heads(), key=lambda head: error_rates(1)[head.layer, head.head])


def late_errors() -> NDArray:
    """Return its error rates, as its rows stand and one step late: (2,)."""
    head = late_head()
    return np.array([error_rates(shift)[head.layer, head.head] for shift in (0, 1)])


HAND_DRAWN = frozenset({(0, 0), (1, 2), (2, 1), (2, 2)})
HAND_FOUND = frozenset({(0, 0), (1, 2), (2, 0)})
"""Links of three words, drawn and found, small enough to count."""


def hand_drawn_count() -> int:
    """Return how many links were drawn."""
    return len(HAND_DRAWN)


def hand_found_count() -> int:
    """Return how many links were found."""
    return len(HAND_FOUND)


def hand_common_count() -> int:
    """Return how many links were both found and drawn."""
    return len(HAND_FOUND & HAND_DRAWN)


def hand_error() -> float:
    """Return the error rate of that small case."""
    return alignment_error_rate([set(HAND_FOUND)], [set(HAND_DRAWN)])


# ------------------------------------------------------------------------ weights with little behind


@lru_cache(maxsize=8)
def value_lengths(layer: int) -> NDArray:
    """Return how long each piece's value is behind W_O, in the memory attention: (h, m)."""
    config, ones = saved().config, np.ones
    reading, parameters = running(), model().parameters.decoder[layer].memory_attention
    v = model().start(np.array([reading.source])).layers[layer].memory.v[0]
    return carried_lengths(ones((config.h, 1, v.shape[-2])), v, parameters.W_O)[:, 0]


def stop_shares() -> NDArray:
    """Return of the full stop, in each layer: its mean weight, and its part of the lengths, (N, 2).

    The first is what a map shows. The second is the weight times the length of the value, as a
    share of what that makes for all pieces together.
    """
    found = []
    for layer in range(saved().config.N):
        weights = running().memory(layer)
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
    readings = [read(pair) for pair in pairs()]
    return pad([r.source for r in readings]), pad([r.target for r in readings])


@lru_cache(maxsize=1)
def own_loss() -> float:
    """Return the loss on our own pairs, in nats for each piece."""
    return mean_loss(model(), *batch())


@lru_cache(maxsize=1)
def own_damages() -> NDArray:
    """Return by how much the loss on our own pairs grows without each memory head, (N, h)."""
    found = damages(model(), *batch(), memory_heads())
    return found.reshape(saved().config.N, saved().config.h)


@lru_cache(maxsize=8)
def loss_with(make: str, layer: int | None = None) -> float:
    """Return the loss on our own pairs with every memory head changed, or those of one layer."""
    where = {} if layer is None else {"layer": layer}
    return mean_loss(changed(model(), [{"make": make, "kind": "memory", **where}]), *batch())


def last_layer() -> int:
    """Return the last layer, counted from 0."""
    return saved().config.N - 1


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
    return rank_correlation(error_rates().ravel(), own_damages().ravel())


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
    config, whole = saved().config, measured()["whole"][of]
    found = [measured()["alone"][head.name][of] - whole for head in heads_of(config)]
    return np.array(found).reshape(3, config.N, config.h) * (-1 if of == "bleu" else 1)


def cheap_heads(most: float = 0.5) -> int:
    """Return how many heads can each be removed alone for less than so much BLEU."""
    return int((measured_losses("bleu") < most).sum())


def dearest() -> Head:
    """Return the head whose removal costs most BLEU."""
    return heads_of(saved().config)[int(measured_losses("bleu").argmax())]


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


def half_gone() -> int:
    """Return with how many heads gone BLEU is first below half of what it was."""
    return int((pruned_bleu() < pruned_bleu()[0] / 2).argmax())


def last_standing(count: int = 4) -> tuple[str, ...]:
    """Return the names of the heads that go last."""
    return tuple(step["head"] for step in measured()["pruned"][-count:])
