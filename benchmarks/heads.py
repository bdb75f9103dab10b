"""What each head of the translator is worth: every head removed, alone and then in turn.

    python benchmarks/heads.py --pairs deu-eng.zip

removes each of the heads by itself, and measures the loss and BLEU (greedy) on 200 pairs of the
course's test part. Then it prunes greedily: heads go one by one, each time the one without which
the loss on 50 pairs of the validation part is least, and loss and BLEU are measured on the same
200 pairs as before, until a fifth of BLEU is lost. The results are written into the folder of
chapter 9, which shows them; the sentences are not part of the course. It takes about ten minutes on
an idle processor; if it is interrupted, the same command goes on.
"""

from __future__ import annotations

import argparse
import datetime
import json
import random
import sys
from collections.abc import Sequence
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
PARTIAL = RESULTS.with_suffix(".partial.json")
MEASURED, CHOOSING = 200, 50
"""Pairs on which is measured, and pairs on which pruning chooses."""
BROKEN = 0.8
"""Pruning ends where BLEU is below this share of what it was."""
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


class Progress:
    """What is measured so far, kept in a file, so that an interrupted run goes on.

    Parameters
    ----------
    weights
        The checksum of the weights; what was measured with others is not taken up.
    """

    def __init__(self, weights: str) -> None:
        self.found: dict[str, Any] = {"weights": weights, "alone": {}, "pruned": []}
        if PARTIAL.exists():
            before = json.loads(PARTIAL.read_text(encoding="utf-8"))
            self.found = before if before["weights"] == weights else self.found

    def keep(self, says: Any) -> None:
        """Write what is there, and say how far it is."""
        write_atomically(PARTIAL, json.dumps(self.found).encode())
        print(says, file=sys.stderr, flush=True)


def measure_alone(model: Any, sentences: Sentences, progress: Progress) -> None:
    """Measure the model without each of its heads."""
    for head in heads_of(model.config):
        if head.name not in progress.found["alone"]:
            progress.found["alone"][head.name] = sentences.measured(changed(model, [head.off]))
            progress.keep(head.name)


def measure_in_turn(
    model: Any, choosing: Sentences, sentences: Sentences, least: float, progress: Progress
) -> None:
    """Prune greedily until BLEU is below `least`, and measure after each head that went."""
    steps, heads = progress.found["pruned"], heads_of(model.config)
    names = [step["head"] for step in steps]
    gone: list[Change] = [head.off for head in heads if head.name in names]
    left = [head for head in heads if head.name not in names]
    if steps and steps[-1]["bleu"] < least:
        return
    for head, _ in prune(changed(model, gone), choosing.source, choosing.target, left):
        gone.append(head.off)
        steps.append({"head": head.name, **sentences.measured(changed(model, gone))})
        progress.keep(steps[-1])
        if steps[-1]["bleu"] < least:
            return


def main(paths: list[Path]) -> None:
    """Measure, and write the results."""
    translator = Translator.load()
    split = split_by_components(load_pairs(*paths)[0], HELD_OUT)
    sentences = Sentences(translator, split.test, MEASURED)
    choosing = Sentences(translator, split.validation, CHOOSING)
    checksums = json.loads((SHIPPED / "checksums.json").read_text(encoding="utf-8"))
    progress = Progress(checksums["weights.safetensors"])
    whole = sentences.measured(translator.model)
    measure_alone(translator.model, sentences, progress)
    measure_in_turn(translator.model, choosing, sentences, BROKEN * whole["bleu"], progress)
    report = {
        "command": f"python benchmarks/heads.py --pairs {' '.join(path.name for path in paths)}",
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "pairs": {"measured": MEASURED, "choosing": CHOOSING},
        "whole": whole,
        **progress.found,
    }
    write_atomically(RESULTS, (json.dumps(report, indent=1) + "\n").encode())
    PARTIAL.unlink(missing_ok=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pairs", type=Path, nargs="+", required=True)
    main(parser.parse_args().pairs)
