"""The running example of chapter 9, "Looking inside": one sentence, and twenty pairs of our own.

The pairs lie in ``aligned.json``, with links drawn by hand and the rule by which they were drawn.
The model is computed in double precision here, so that a rounded number is the same on
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

from attend.models.inspection import Head, heads_of
from attend.models.recording import Recording, record_attention
from attend.text.tokenizer import SPACE_MARK
from attend.translator.alignment import Link
from attend.translator.translator import SHIPPED
from attend_course.kit.exact import model, saved

SENTENCE = "My friends want to eat in the garden."
TRANSLATION = "Meine Freunde wollen im Garten essen."
EVERYDAY = SHIPPED.parent / "everyday.json"
ALIGNED = Path(__file__).with_name("aligned.json")


# ------------------------------------------------------------------------ the trained model


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
