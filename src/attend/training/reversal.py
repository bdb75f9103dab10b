"""A small Transformer that learns to read a sequence backwards: training, in seconds.

Nothing here is needed to train a translator. It shows on a toy what the parts of training are for,
by taking one away: the rise of the learning rate, or the shift of the target by one place.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from attend.config import TransformerConfig
from attend.decoding.writing import greedy
from attend.models.torch_transformer import Transformer
from attend.text.corpus import EncodedPair, pad_batch, reverse_task
from attend.training.loss import smoothed_loss
from attend.training.plan import learning_rate
from attend.training.trainer import optimizer_for

SIGNS = 10
"""How many different signs a sequence is made of."""
LENGTH = 5
"""The most signs of a sequence."""

Rate = Callable[[int], float]
"""The learning rate of a step, counted from 1."""
Given = Callable[[Tensor], Tensor]
"""What the decoder is given of targets (b, n + 1), from start to end: (b, n)."""


class Lesson(NamedTuple):
    """What a model learns from.

    Attributes
    ----------
    steps, pairs
        How many steps, and pairs of each.
    warmup_steps
        Of the learning rate, equation (3) of the paper.
    seed
        Decides the first weights and the pairs.
    """

    steps: int = 300
    pairs: int = 64
    warmup_steps: int = 60
    seed: int = 0


def small_model(seed: int = 0) -> Transformer:
    """Return an untrained Transformer of one layer for sequences of `SIGNS` signs."""
    torch.manual_seed(seed)
    config = TransformerConfig(SIGNS + 3, N=1, d_model=32, d_ff=64, h=4, P_drop=0.0)
    return Transformer(config)


def shifted(target: Tensor) -> Tensor:
    """Give the decoder all but the last token, so that each row predicts the next one."""
    return target[:, :-1]


def not_shifted(target: Tensor) -> Tensor:
    """Give the decoder the very tokens that it is asked for: a mistake, to see what it does."""
    return target[:, 1:]


def paper_rate(model: Transformer, lesson: Lesson) -> Rate:
    """Return the learning rate of the paper: it rises, then falls."""
    return lambda step: learning_rate(step, model.config.d_model, lesson.warmup_steps)


def rate_without_rise(model: Transformer, lesson: Lesson) -> Rate:
    """Return the same without warm-up: it begins at its peak, and then falls in the same way."""
    rate = paper_rate(model, lesson)
    return lambda step: rate(max(step, lesson.warmup_steps))


def learn(model: Transformer, lesson: Lesson, rate: Rate, given: Given = shifted) -> list[float]:
    """Let a model learn to read backwards; return the loss of each step."""
    optimizer, losses, config = optimizer_for(model), [], model.config
    pairs = reverse_task(lesson.steps * lesson.pairs, LENGTH, config.vocabulary, lesson.seed + 1)
    model.train()
    for step in range(1, lesson.steps + 1):
        batch = pairs[(step - 1) * lesson.pairs : step * lesson.pairs]
        source, target = map(torch.from_numpy, pad_batch(batch))
        logits = model(source, given(target))
        loss = smoothed_loss(logits, target[:, 1:], config.epsilon_ls, config.pad)
        optimizer.zero_grad()
        loss.backward()
        optimizer.param_groups[0]["lr"] = rate(step)
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    return losses


def new_pairs(count: int = 200) -> list[EncodedPair]:
    """Return sequences, each with its reversal, of another seed than any lesson's."""
    return reverse_task(count, LENGTH, SIGNS + 3, seed=10_000)


def share_right(model: Transformer, pairs: list[EncodedPair]) -> float:
    """Return how many of the pairs a model reverses without a mistake, as a share."""
    source = torch.from_numpy(pad_batch(pairs).source)
    written = greedy(model, source)
    return sum(w == list(p.target) for w, p in zip(written, pairs, strict=True)) / len(pairs)
