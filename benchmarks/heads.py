"""What each head of the translator is worth: every head removed, alone and then in turn.

    python benchmarks/heads.py --pairs deu-eng.zip

removes each of the heads by itself, and measures the loss and BLEU (greedy) on 200 pairs of the
course's test part. Then it prunes greedily: heads go one by one, each time the one without which
the loss on 50 pairs of the validation part is least, and loss and BLEU are measured on the same
200 pairs as before. The results are written into the folder of chapter 9, which shows them; the
sentences are not part of the course. It takes about a quarter of an hour on one processor.
"""

from __future__ import annotations

import argparse
import datetime
import json
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rounds import machine

from attend.decoding.writing import greedy
from attend.files import write_atomically
from attend.models.change_rules import Change
from attend.models.changes import changed
from attend.models.inspection import heads_of, mean_loss, prune
from attend.text.corpus import SentencePair, load_pairs, pad, split_by_components
from attend.translator.evaluation import HELD_OUT, bleu
from attend.translator.translator import SHIPPED, Translator

RESULTS = Path(__file__).parents[1] / "src/attend_course/chapters/looking_inside/heads.json"
MEASURED, CHOOSING = 200, 50
"""Pairs on which is measured, and pairs on which pruning chooses."""
BEYOND = 20
"""Pieces that a translation may have more than the longest source; a broken model never ends."""


class Sentences:
    """Some pairs as a model reads them."""

    def __init__(self, translator: Translator, pairs: Sequence[SentencePair], count: int) -> None:
        drawn = sorted(random.Random(0).sample(list(pairs), count), key=lambda pair: len(pair[0]))
        encode, self._decode = translator.tokenizer.encode, translator.tokenizer.decode
        self.references = [german for _, german in drawn]
        self.source = pad([encode(english) for english, _ in drawn])
        self.target = pad([[*encode(g), translator.tokenizer.END] for g in self.references])

    def measured(self, model: Any) -> dict[str, float]:
        """Return loss and BLEU of a model."""
        written = greedy(model, self.source, self.source.shape[1] + BEYOND)
        found = bleu([self._decode(tokens) for tokens in written], self.references)
        loss = mean_loss(model, self.source, self.target)
        return {"loss": round(loss, 4), "bleu": round(found.score, 2)}


def alone(model: Any, sentences: Sentences) -> Iterator[tuple[str, dict[str, float]]]:
    """Measure the model without each of its heads."""
    for head in heads_of(model.config):
        yield head.name, sentences.measured(changed(model, [head.off]))


def in_turn(model: Any, choosing: Sentences, sentences: Sentences) -> Iterator[dict[str, Any]]:
    """Prune greedily, and measure after each head that went."""
    gone: list[Change] = []
    for head, _ in prune(model, choosing.source, choosing.target, heads_of(model.config)):
        gone.append(head.off)
        yield {"head": head.name, **sentences.measured(changed(model, gone))}


def told(results: Iterator[Any]) -> Iterator[Any]:
    """Say how far it is."""
    for number, result in enumerate(results, start=1):
        print(number, result, file=sys.stderr, flush=True)
        yield result


def main(paths: list[Path]) -> None:
    """Measure, and write the results."""
    translator = Translator.load()
    split = split_by_components(load_pairs(*paths)[0], HELD_OUT)
    sentences = Sentences(translator, split.test, MEASURED)
    choosing = Sentences(translator, split.validation, CHOOSING)
    checksums = json.loads((SHIPPED / "checksums.json").read_text(encoding="utf-8"))
    report = {
        "command": f"python benchmarks/heads.py --pairs {' '.join(path.name for path in paths)}",
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "weights": checksums["weights.safetensors"],
        "pairs": {"measured": MEASURED, "choosing": CHOOSING},
        "whole": sentences.measured(translator.model),
        "alone": dict(told(alone(translator.model, sentences))),
        "pruned": list(told(in_turn(translator.model, choosing, sentences))),
    }
    write_atomically(RESULTS, (json.dumps(report, indent=1) + "\n").encode())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pairs", type=Path, nargs="+", required=True)
    main(parser.parse_args().pairs)
