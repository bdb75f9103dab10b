"""What a training run does, how far it has come, and its learning rate (section 5 of the paper)."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from attend.config import TransformerConfig
from attend.text.corpus import Batch, EncodedPair
from attend.text.tokenizer import END, PAD, START

FREE = ("epochs", "save_every", "average", "pieces")
"""What may be changed when a run is resumed: a step does the same whatever they are.

With other pieces it does so to rounding, and without dropout: that draws other numbers.
"""

SIZES = ("N", "d_model", "d_ff", "h", "P_drop", "epsilon_ls")
"""The sizes of the model that can be given on the command line."""

COUNTS = ("epochs", "tokens", "warmup_steps", "save_every", "average", "groups", "pieces")


class PairSource(Protocol):
    """Pairs that make the batches of each epoch themselves, as a `PairStream` does."""

    def batches(self, *, tokens: int, seed: int, epoch: int) -> Iterator[Batch]:
        """Return the batches of an epoch."""

    def describe(self) -> dict[str, Any]:
        """Return what a run on these pairs is known by."""


Pairs = Sequence[EncodedPair] | PairSource
"""What a run learns from: pairs in memory, or what makes them anew for each epoch."""


@dataclass(frozen=True)
class Plan:
    """What a training run does.

    The defaults suit a model of the size of the course's translator. How the one that ships was
    trained stands in its model card.

    Attributes
    ----------
    epochs
        How often every pair is seen.
    tokens
        Padded tokens of a batch, on either side; its groups have equal shares of them.
    warmup_steps
        Steps in which the learning rate rises (section 5.3).
    rate
        Factor on the learning rate of equation (3).
    clip
        The largest norm of the gradient that is not shortened.
    seed
        Decides the order of the batches; for the command, the first weights and dropout too.
    save_every
        Steps between two checkpoints.
    average
        How many checkpoints, one an epoch, are averaged at the end (section 6.1).
    precision
        ``"float32"``, or ``"bfloat16"`` for the matrix products.
    groups
        Of how many groups a batch is made. Sentences of a group are about equally long (section
        5.1); with one group all sentences of a batch are, with more a batch has several lengths.
    pieces
        In how many pieces a group goes through the model, one after the other. Without dropout the
        step is the same; what grows with the batch takes the memory of one piece.
    falling
        The step at which the learning rate has fallen to zero, in a straight line from its peak;
        0 for the schedule of the paper, which never reaches it. A short run ends better so.

    Raises
    ------
    ValueError
        If a number is impossible.
    """

    epochs: int = 20
    tokens: int = 4096
    warmup_steps: int = 2000
    rate: float = 1.0
    clip: float = 1.0
    seed: int = 1
    save_every: int = 100
    average: int = 5
    precision: str = "float32"
    groups: int = 1
    pieces: int = 1
    falling: int = 0

    def __post_init__(self) -> None:
        for name in COUNTS:
            if not getattr(self, name) >= 1:
                raise ValueError(f"{name} must be at least 1; received {getattr(self, name)}")
        for name in ("rate", "clip"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ValueError(f"{name} must be a number above 0; received {getattr(self, name)}")
        if self.falling and self.falling <= self.warmup_steps:
            raise ValueError(
                f"the rate falls after it has risen for warmup_steps={self.warmup_steps}; received "
                f"falling={self.falling}, which must be more, or 0"
            )
        if self.seed < 0:
            raise ValueError(f"seed must be at least 0; received {self.seed}")
        if self.precision not in ("float32", "bfloat16"):
            raise ValueError(f"precision is 'float32' or 'bfloat16'; received {self.precision!r}")


class Progress(NamedTuple):
    """Where a run stands.

    Attributes
    ----------
    epoch, batch, step
        Finished epochs, batches of the present epoch, steps of all.
    seconds
        Time spent in steps.
    loss, tokens
        Of the present epoch: the loss summed over its target tokens, and their number.
    began
        What `seconds` was when the epoch began.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    seconds: float = 0.0
    loss: float = 0.0
    tokens: int = 0
    began: float = 0.0


def learning_rate(step: int, d_model: int, warmup_steps: int = 4000) -> float:
    """Return the learning rate of a step, equation (3) of the paper.

    It rises in a straight line for `warmup_steps` steps and then falls with the inverse square
    root of the step.

    Parameters
    ----------
    step
        The step, counted from 1.
    d_model
        Length of the vector of a token.
    warmup_steps
        Where the peak is.

    Raises
    ------
    ValueError
        If one of them is below 1.
    """
    if min(step, d_model, warmup_steps) < 1:
        raise ValueError(
            "learning_rate needs step, d_model and warmup_steps of at least 1; received "
            f"step={step}, d_model={d_model}, warmup_steps={warmup_steps}"
        )
    return float(d_model**-0.5 * min(step**-0.5, step * warmup_steps**-1.5))


def falling_rate(step: int, d_model: int, plan: Plan) -> float:
    """Return the learning rate of a step as a plan has it, without the factor `plan.rate`.

    It is that of the paper, or one that rises to the same peak and falls to zero from there in a
    straight line. After `plan.falling` it stays at a thousandth of the peak.
    """
    if not plan.falling:
        return learning_rate(step, d_model, plan.warmup_steps)
    peak = learning_rate(plan.warmup_steps, d_model, plan.warmup_steps)
    left = (plan.falling - step) / (plan.falling - plan.warmup_steps)
    return peak * max(1e-3, min(step / plan.warmup_steps, left))


def describe(config: TransformerConfig, pairs: Pairs, plan: Plan) -> dict[str, Any]:
    """Return what a run is known by: its settings, its sizes, and what it learns from.

    Raises
    ------
    ValueError
        If there are no pairs, or if their tokens are not those of the configuration.
    """
    settings = {name: value for name, value in asdict(plan).items() if name != "epochs"}
    if hasattr(pairs, "batches"):
        learned_from = _of_stream(config, pairs)
    else:
        learned_from = _of_pairs(config, pairs)
    return {"plan": settings, "config": config.as_dict()} | learned_from


def _of_pairs(config: TransformerConfig, pairs: Sequence[EncodedPair]) -> dict[str, Any]:
    tokens = np.fromiter(chain.from_iterable(chain.from_iterable(pairs)), np.int64)
    check_pairs(config, pairs, tokens)
    check_special(config)
    return {"pairs": len(pairs), "digest": f"{zlib.crc32(tokens.tobytes()):08x}"}


def _of_stream(config: TransformerConfig, stream: Any) -> dict[str, Any]:
    if len(stream.tokenizer) > config.vocabulary:
        raise ValueError(
            f"the model knows {config.vocabulary} tokens, and the tokenizer of the stream has "
            f"{len(stream.tokenizer)}; give the model the vocabulary of the tokenizer"
        )
    check_special(config)
    return stream.describe()


def check_pairs(config: TransformerConfig, pairs: Sequence[EncodedPair], tokens: Any) -> None:
    """Refuse pairs that a model of these sizes cannot learn from."""
    if not len(pairs):
        raise ValueError("there are no sentence pairs to train on")
    if not all(pair.source for pair in pairs):
        raise ValueError("a sentence pair has an empty source; leave such pairs out")
    if tokens.min() < 0 or tokens.max() >= config.vocabulary:
        raise ValueError(
            f"the model knows tokens from 0 to {config.vocabulary - 1}, and the pairs have tokens "
            f"from {tokens.min()} to {tokens.max()}; give it the vocabulary of the tokenizer"
        )


def check_special(config: TransformerConfig) -> None:
    """Refuse a model that means other tokens by padding, start and end than the batches do."""
    if (config.pad, config.start, config.end) != (PAD, START, END):
        raise ValueError(
            f"batches are made with pad={PAD}, start={START}, end={END}, and the configuration "
            f"has pad={config.pad}, start={config.start}, end={config.end}"
        )


def check_same_run(folder: Path, found: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Refuse to go on with a run that was begun with other settings, sizes or pairs."""
    there, here = dict(_flat(found)), dict(_flat(wanted))
    # A run of the first version does not tell its digest. All batches of its time were one group.
    there.setdefault("groups", 1)
    other = [name for name in there if name not in FREE and there[name] != here.get(name)]
    if other:
        difference = ", ".join(f"{n} was {there[n]} and is {here.get(n)}" for n in other)
        raise ValueError(
            f"{folder} holds another run: {difference}. "
            "Choose another folder, or the same settings and pairs"
        )


def _flat(run: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in run.items():
        if isinstance(value, dict):
            yield from value.items()
        else:
            yield name, value
