"""What training a Transformer costs: parameters, arithmetic, hours, memory.

    python scripts/cost.py

prints the tables of docs/scaling.md, for the base model of the paper on WMT14 English-German.
"""

import argparse
from typing import NamedTuple

import torch

from attend.config import TransformerConfig, base
from attend.models.torch_transformer import Transformer

PAPER_SECONDS = 12 * 3600
PAPER_GPUS = 8
PAPER_RATE = 9.5e12
"""The paper's own estimate: 12 hours on 8 P100, each taken to sustain 9.5 TFLOP/s."""

RATES = (1, 10, 50, 100, 200, 400)
"""Rates that the table is made for, in TFLOP/s of all devices together, as they are reached."""


class Workload(NamedTuple):
    """What is trained on, and for how long.

    Attributes
    ----------
    steps
        Steps of Adam.
    tokens
        Target tokens of a batch, and as many source tokens.
    length
        Tokens of a sentence, on average. It decides little: see `attention_flops`.
    pairs
        Sentence pairs in an epoch.
    """

    steps: int = 100_000
    tokens: int = 25_000
    length: int = 30
    pairs: int = 4_500_000


class Parameters(NamedTuple):
    """How many numbers the parts of a model have."""

    encoder: int
    decoder: int
    embedding: int

    @property
    def total(self) -> int:
        """All of them; the embedding is used three times and counts once."""
        return sum(self)


def parameters(config: TransformerConfig) -> Parameters:
    """Count the parameters of a model."""
    model = without_values(config)
    parts = (model.encoder, model.decoder)
    counts = (sum(x.numel() for x in part.parameters()) for part in parts)
    return Parameters(*counts, model.embedding.numel())


def matrices(config: TransformerConfig) -> int:
    """Count the parameters that stand in matrices: all but biases and the gains of norms."""
    return sum(x.numel() for x in without_values(config).parameters() if x.ndim > 1)


def without_values(config: TransformerConfig) -> Transformer:
    """Return a model that has shapes and takes no memory."""
    with torch.device("meta"):
        return Transformer(config)


def attention_flops(config: TransformerConfig, length: int) -> int:
    """Return the operations of one attention in a forward pass, for each query token.

    A query meets `length` keys: a product with each, and a sum over their values, a multiplication
    and an addition for each number.
    """
    return 2 * length * config.h * (config.d_k + config.d_v)


def step_flops(config: TransformerConfig, work: Workload) -> int:
    """Return the floating-point operations of a step, forward and backward.

    Only products of matrices count. Forward, each weight takes part in a multiplication and an
    addition for each token; backward, in twice as many. The encoder reads the source; the decoder
    and the last projection, which is the embedding, read the target.
    """
    weights = 2 * matrices(config)
    # Self-attention of encoder and decoder, and attention to the memory.
    maps = 3 * config.N * attention_flops(config, work.length)
    return 3 * work.tokens * (weights + maps)


def hours(flops: float, teraflops: float) -> float:
    """Return how long so many operations take at a rate in TFLOP/s."""
    return flops / (teraflops * 1e12) / 3600


def epochs(work: Workload) -> float:
    """Return how often every pair is seen, if batches are full."""
    return work.steps * work.tokens / (work.pairs * work.length)


def state_bytes(config: TransformerConfig) -> int:
    """Return the memory of weights, gradients and Adam's two averages, in single precision."""
    return 4 * 4 * parameters(config).total


def logits_bytes(config: TransformerConfig, work: Workload) -> int:
    """Return the memory of one table of logits in single precision."""
    return 4 * work.tokens * config.vocabulary


def report(config: TransformerConfig, work: Workload) -> str:
    """Return the tables as text."""
    count, step = parameters(config), step_flops(config, work)
    paper = PAPER_SECONDS * PAPER_GPUS * PAPER_RATE
    total = step * work.steps
    lines = [
        "| quantity | value |",
        "|---|---:|",
        f"| parameters | {count.total:,} |",
        f"| of them in the encoder, the decoder, the embedding | {count.encoder:,}, "
        f"{count.decoder:,}, {count.embedding:,} |",
        f"| tokens of a batch, source and target | {work.tokens:,} + {work.tokens:,} |",
        f"| steps | {work.steps:,} |",
        f"| target tokens in all | {work.steps * work.tokens:.2e} |",
        f"| epochs, at {work.pairs:,} pairs of {work.length} tokens | {epochs(work):.1f} |",
        f"| operations of a step | {step:.2e} |",
        f"| operations in all | {total:.2e} |",
        f"| the paper's estimate, time x GPUs x rate | {paper:.2e} |",
        f"| weights, gradients and Adam, GB | {state_bytes(config) / 1e9:.1f} |",
        f"| one table of logits, GB | {logits_bytes(config, work) / 1e9:.1f} |",
        "",
        "| TFLOP/s sustained | hours | hours, by the paper's estimate | tokens/s |",
        "|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {rate} | {hours(total, rate):.1f} | {hours(paper, rate):.1f} | "
        f"{work.tokens * rate * 1e12 / step:,.0f} |"
        for rate in RATES
    ]
    return "\n".join(lines)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, value in Workload()._asdict().items():
        parser.add_argument(f"--{name}", type=int, default=value)
    print(report(base(), Workload(**vars(parser.parse_args()))))


if __name__ == "__main__":
    main()
