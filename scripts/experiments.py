"""Make the experiments of the chapter on training, and store what they gave.

    python scripts/experiments.py

A small model learns to read backwards in three ways, and the translator writes with and without
what it remembers. It takes a minute; curves and times go into the chapter's folder.
"""

from __future__ import annotations

import datetime
import json
import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from attend.files import write_atomically
from attend.models.array_transformer import ArrayTransformer
from attend.models.torch_transformer import Transformer
from attend.models.weights import read_model
from attend.training import reversal
from attend.translator.translator import SHIPPED

PLACE = Path(__file__).resolve().parents[1] / "src/attend_course/chapters/training/experiments.json"
LESSON = reversal.Lesson()
SMOOTHED = 20
"""Steps over which a curve is averaged."""
LENGTHS = (5, 10, 20, 40)
SOURCE = 10
"""Pieces of the source that is translated with and without the cache."""
ROUNDS = 7


def curve(rate: Callable[..., reversal.Rate], given: reversal.Given) -> dict[str, Any]:
    """Train a small model; return its curve, and how many new sequences it gets right."""
    model = reversal.small_model(LESSON.seed)
    losses = reversal.learn(model, LESSON, rate(model, LESSON), given)
    means = np.reshape(losses, (-1, SMOOTHED)).mean(axis=1)
    right = reversal.share_right(model, reversal.new_pairs())
    return {"losses": means.round(3).tolist(), "right": round(right, 3)}


def with_memory(model: Any, source: Any, tokens: Any) -> None:
    """Let a model read tokens one by one, keys and values kept."""
    state = model.start(source)
    for place in range(tokens.shape[1]):
        _, state = model.step(tokens[:, place : place + 1], state)


def without_memory(model: Any, source: Any, tokens: Any) -> None:
    """Let it read all that is written anew at each step; the source is read once."""
    state = model.start(source)
    for place in range(tokens.shape[1]):
        model.step(tokens[:, : place + 1], state)


def products(write: Callable, model: Transformer, source: Any, tokens: Any) -> int:
    """Count the multiply-adds of all matrix products, as torch counts them."""
    with FlopCounterMode(display=False) as counter:
        write(model, torch.from_numpy(source), torch.from_numpy(tokens))
    return counter.get_total_flops() // 2


def seconds(write: Callable, model: ArrayTransformer, source: Any, tokens: Any) -> float:
    """Return the processor time of writing, the least of several rounds."""
    times = []
    for _ in range(ROUNDS):
        began = time.process_time()
        write(model, source, tokens)
        times.append(time.process_time() - began)
    return round(min(times), 5)


def cache() -> list[dict[str, Any]]:
    """Count and measure the work of writing, for several lengths."""
    saved = read_model(SHIPPED)
    ours = ArrayTransformer(saved.config, saved.tensors)
    theirs = Transformer(saved.config).eval()
    source = np.arange(10, 10 + SOURCE)[None]
    found = []
    for n in LENGTHS:
        tokens = np.arange(50, 50 + n)[None]
        record: dict[str, Any] = {"n": n}
        for name, write in (("with", with_memory), ("without", without_memory)):
            record[name] = {
                "multiply_adds": products(write, theirs, source, tokens),
                "seconds": seconds(write, ours, source, tokens),
            }
        found.append(record)
    return found


def main() -> None:
    """Run everything, and store it with where it comes from."""
    torch.set_num_threads(1)
    report = {
        "command": "python scripts/experiments.py",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": f"{platform.system()} {platform.machine()}, one thread",
        "versions": {name: version(name) for name in ("numpy", "torch")},
        "lesson": LESSON._asdict(),
        "smoothed": SMOOTHED,
        "with warm-up": curve(reversal.paper_rate, reversal.shifted),
        "without warm-up": curve(reversal.rate_without_rise, reversal.shifted),
        "not shifted": curve(reversal.paper_rate, reversal.not_shifted),
        "cache": cache(),
    }
    write_atomically(PLACE, (json.dumps(report, indent=1) + "\n").encode())
    print(f"wrote {PLACE.name}")


if __name__ == "__main__":
    main()
