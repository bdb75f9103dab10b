"""Compare means of training runs, on validation pairs only.

For each mean that the recipe names under `candidates`: BLEU on the validation part; of its
sentences with digits, each five times with other numbers, how many keep them; and how many
translations would go round in a loop. ``scripts/model.py --steps choose`` prints the table.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import ship_translator

from attend.models.array_transformer import ArrayTransformer
from attend.models.weights import dequantize, quantize
from attend.text.corpus import SentencePair, load_pairs, split_by_components
from attend.training.variety import DIGITS, other_numbers
from attend.translator.evaluation import bleu
from attend.translator.translator import Translator
from attend.translator.typed import keeps_numbers, loops

TIMES = 5
"""How often a sentence with digits is translated, each time with other numbers."""


class Found(NamedTuple):
    """How a mean of runs does: BLEU, sentences that keep their digits, of how many, and loops."""

    runs: Sequence[str]
    bleu: float
    kept: int
    among: int
    loops: int


def compare(recipe: dict[str, Any], runs: Path, pairs: Sequence[str]) -> list[Found]:
    """Measure every candidate, in 8 bits as it would ship."""
    validation = split_by_components(load_pairs(*pairs)[0], recipe["held_out"]).validation
    numbers = with_numbers(validation)
    return [
        measure(names, translator_of(names, runs), validation, numbers)
        for names in recipe["candidates"]
    ]


def with_numbers(pairs: Sequence[SentencePair]) -> list[str]:
    """Return the sources with digits, each several times with other numbers."""
    draw = np.random.default_rng(0)
    some = [pair for pair in pairs if DIGITS.search(pair.source)]
    return [other_numbers(pair, draw).source for pair in some for _ in range(TIMES)]


def translator_of(names: Sequence[str], runs: Path) -> Translator:
    """Return the translator that the mean of some runs would be."""
    run = ship_translator.read_runs([runs / name for name in names], runs / "begin")
    tensors = dequantize(quantize(run.tensors))
    return Translator(ArrayTransformer(run.config, tensors), run.tokenizer)


def measure(
    names: Sequence[str],
    translator: Translator,
    pairs: Sequence[SentencePair],
    numbers: Sequence[str],
) -> Found:
    """Translate validation pairs and sentences with numbers."""
    found = translator.batch([pair.source for pair in pairs])
    copied = zip(numbers, translator.batch(numbers), strict=True)
    kept = sum(keeps_numbers(source, text) for source, text in copied)
    score = bleu(found, [pair.target for pair in pairs]).score
    return Found(names, score, kept, len(numbers), sum(map(loops, found)))


def table(found: Sequence[Found]) -> str:
    """Return what was measured, a candidate a line."""
    return "\n".join(
        f"BLEU {one.bleu:.2f}, digits {one.kept} of {one.among}, {one.loops} loops: "
        + ", ".join(one.runs)
        for one in found
    )
