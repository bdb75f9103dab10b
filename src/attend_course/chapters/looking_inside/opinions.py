"""Four opinions on which source pieces a written piece depends on, and how far they agree."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attend.models.changes import changed, shares
from attend.models.inspection import rank_correlation, rollout
from attend_course.chapters.looking_inside import example
from attend_course.chapters.looking_inside.example import Reading

ASKED = 5
"""On so many of our own pairs the opinions are compared."""


def layers() -> range:
    """Return the layers, counted from 0."""
    return range(example.saved().config.N)


def average(reading: Reading) -> NDArray:
    """Return the memory maps, averaged over all layers and heads: (n, m)."""
    return np.mean([reading.memory(layer).mean(axis=0) for layer in layers()], axis=0)


def encoder_maps(reading: Reading) -> NDArray:
    """Return the encoder's maps, averaged over the heads of each layer: (N, m, m)."""
    maps = [reading.recording.of("encoder", layer)[0].mean(axis=0) for layer in layers()]
    return np.array(maps)


def rolled_out(reading: Reading) -> NDArray:
    """Return the average, followed back through the encoder by attention rollout: (n, m)."""
    return average(reading) @ rollout(encoder_maps(reading))


@lru_cache(maxsize=1)
def torch_model() -> Any:
    """Return the translator in torch, in double precision; torch is imported when it is asked."""
    import torch

    from attend.models.torch_transformer import Transformer

    found = Transformer(example.saved().config).double()
    tensors = example.saved().tensors.items()
    found.load_state_dict({name: torch.tensor(w.astype(np.float64)) for name, w in tensors})
    return found.eval()


@lru_cache(maxsize=32)
def slopes(pair: example.Pair) -> NDArray:
    """Return gradient times input, with its signs: (n, m)."""
    import torch

    from attend.models.torch_gradients import gradient_times_input

    reading = example.read(pair)
    source, target = torch.tensor([reading.source]), torch.tensor([reading.target])
    return gradient_times_input(torch_model(), source, target).numpy()


def gradient(reading: Reading) -> NDArray:
    """Return the size of gradient times input: (n, m)."""
    return np.abs(slopes(reading.pair))


@lru_cache(maxsize=32)
def moved(pair: example.Pair) -> NDArray:
    """Hide each source piece in turn; return how far each prediction moves, 0 to 1: (n, m)."""
    reading, model = example.read(pair), example.model()
    source, target = np.array([reading.source]), np.array([reading.target])
    before, columns = shares(model, source, target), []
    for token in range(source.shape[1]):
        other = changed(model, [{"make": "hidden", "token": token}])
        columns.append(np.abs(shares(other, source, target) - before).sum(axis=-1) / 2)
    return np.array(columns).T


def hidden(reading: Reading) -> NDArray:
    """Return what hiding says: see `moved`."""
    return moved(reading.pair)


OPINIONS: dict[str, Callable[[Reading], NDArray]] = {
    "plain average": average,
    "rollout": rolled_out,
    "gradient times input": gradient,
}
"""What is compared with hiding."""


def rows(reading: Reading) -> int:
    """Return how many rows are words: the last two are the mark and the end."""
    return len(reading.target) - 2


@lru_cache(maxsize=8)
def agreement(name: str) -> float:
    """Return how the order of an opinion agrees with that of hiding, mean over rows of words."""
    found = []
    for pair in example.pairs()[:ASKED]:
        reading = example.read(pair)
        one, other = OPINIONS[name](reading), hidden(reading)
        found += [rank_correlation(one[i], other[i]) for i in range(rows(reading))]
    return float(np.mean(found))


@lru_cache(maxsize=8)
def hits(name: str) -> float:
    """Return how often an opinion names the same piece first as hiding does: a share of rows."""
    found: list[bool] = []
    for pair in example.pairs()[:ASKED]:
        reading = example.read(pair)
        one, other = (of(reading)[: rows(reading)] for of in (OPINIONS[name], hidden))
        found += (one.argmax(axis=-1) == other.argmax(axis=-1)).tolist()
    return float(np.mean(found))


def in_order() -> tuple[str, ...]:
    """Return the opinions, the one that agrees most with hiding first."""
    return tuple(sorted(OPINIONS, key=agreement, reverse=True))


def first() -> str:
    """Return the opinion that agrees most with hiding."""
    return in_order()[0]


HAND_MAPS = np.array([[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.0, 1.0]]])
"""Maps of two layers over two words: small enough to multiply by hand."""


def hand_rollout() -> NDArray:
    """Return their rollout, (2, 2)."""
    return rollout(HAND_MAPS)


def hand_average() -> NDArray:
    """Return their plain average, (2, 2)."""
    return HAND_MAPS.mean(axis=0)


def hand_mixed(layer: int) -> NDArray:
    """Return a layer's map with half of its own input, (2, 2)."""
    return 0.5 * HAND_MAPS[layer] + 0.5 * np.eye(2)
