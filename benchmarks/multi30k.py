"""The paper's method on a published figure: English to German on Multi30k, without the pictures.

    attend train @configs/multi30k_tiny.args --folder RUN \\
        --pairs DATA/train.lc.norm.tok.en.gz DATA/train.lc.norm.tok.de.gz \\
        --validate DATA/val.lc.norm.tok.en.gz DATA/val.lc.norm.tok.de.gz
    python benchmarks/multi30k.py --data DATA --runs RUN

trains and then measures: the averaged weights of the last epochs translate the 1,000 sentences of
test_2016_flickr with a beam of 5, and sacrebleu compares them with the references, which are cut
into words already. The strength alpha of the length penalty is the paper's, 0.6; beside it stands
what is reached with the alpha that is best on the validation sentences. It writes
``multi30k.json`` and ``multi30k.svg``.

A run may have been continued in another folder (``--begin-with``); then name all of them, in order.
The text is for research and education only: neither it nor weights trained on it are part of the
course.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from rounds import draw, machine, write
from sacrebleu.metrics import BLEU

from attend.config import TransformerConfig
from attend.decoding.writing import beam_search
from attend.models.torch_transformer import Transformer
from attend.text.corpus import SentencePair, pad, read_pairs
from attend.text.tokenizer import Tokenizer
from attend.training.checkpoints import average, epochs_of, read_tensors

PUBLISHED = {"BLEU": 41.02, "parameters": 2_568_192, "updates": 8000, "million tokens": 65.5}
"""The text-only Transformer-Tiny of Wu et al. (2021): at most 8,000 updates of 8,192 tokens."""
TEST, VALIDATION = "test_2016_flickr.lc.norm.tok", "val.lc.norm.tok"
ALPHA = 0.6
"""The length penalty of the paper (section 6.1)."""
ALPHAS = (ALPHA, 1.0, 1.4, 1.8, 2.2)
METRIC = BLEU(tokenize="none", force=True)  # which is not told again that full stops stand alone


def settings(run: Path) -> dict[str, Any]:
    """Return what a run is known by: plan, sizes, pairs."""
    return read_tensors(epochs_of(run)[-1])[1]["run"]


def load(run: Path, count: int) -> tuple[Transformer, Tokenizer]:
    """Return the average of a run's last epochs, and its tokenizer."""
    model = Transformer(TransformerConfig.from_dict(settings(run)["config"]))
    model.load_state_dict(average(epochs_of(run)[-count:]))
    return model.eval(), Tokenizer.load(run / "tokenizer.json")


def translate(
    model: Transformer, tokenizer: Tokenizer, pairs: list[SentencePair], alpha: float
) -> list[str]:
    """Translate with a beam of 5, sentences of like length together."""
    tokens = [tokenizer.encode(pair.source) for pair in pairs]
    order = sorted(range(len(tokens)), key=lambda i: len(tokens[i]))
    found = {}
    for first in range(0, len(order), 50):
        rows = order[first : first + 50]
        source = torch.from_numpy(pad([tokens[i] for i in rows]))
        written = beam_search(model, source, beam=5, alpha=alpha)
        found |= {i: tokenizer.decode(w) for i, w in zip(rows, written, strict=True)}
    return [found[i] for i in range(len(tokens))]


def read(data: Path, name: str) -> list[SentencePair]:
    """Read a part of the corpus."""
    return list(read_pairs(data / f"{name}.en.gz", data / f"{name}.de.gz"))


def score(
    model: Transformer, tokenizer: Tokenizer, pairs: list[SentencePair], alpha: float
) -> float:
    """Return the BLEU of the model's translations."""
    found = translate(model, tokenizer, pairs, alpha)
    return round(METRIC.corpus_score(found, [[pair.target for pair in pairs]]).score, 2)


def history(runs: list[Path]) -> list[dict[str, Any]]:
    """Return the records of all epochs, numbered through."""
    records: list[dict[str, Any]] = []
    for run in runs:
        epochs, steps = len(records), records[-1]["step"] if records else 0
        for line in (run / "history.jsonl").read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            moved = {"epoch": record["epoch"] + epochs, "step": record["step"] + steps}
            records.append(record | moved)
    return records


def last_record(run: Path) -> dict[str, Any]:
    """Return what a run noted after its last epoch."""
    return json.loads((run / "history.jsonl").read_text(encoding="utf-8").splitlines()[-1])


def tokens_of(run: Path) -> int:
    """Return how many target tokens the updates of a run had room for."""
    return last_record(run)["step"] * settings(run)["plan"]["tokens"]


def hours(runs: list[Path]) -> float:
    """Return how long the training took."""
    return sum(last_record(run)["seconds"] for run in runs) / 3600


def measure(given: argparse.Namespace) -> dict[str, Any]:
    """Translate the test sentences and compare."""
    model, tokenizer = load(given.runs[-1], given.average)
    validation, records = read(given.data, VALIDATION), history(given.runs)
    of_alpha = {alpha: score(model, tokenizer, validation, alpha) for alpha in ALPHAS}
    best = max(of_alpha, key=lambda alpha: of_alpha[alpha])
    test = read(given.data, TEST)
    parts = [settings(run) for run in given.runs]
    reached = {
        "BLEU": score(model, tokenizer, test, ALPHA),
        "parameters": sum(x.numel() for x in model.parameters()),
        "updates": records[-1]["step"],
        "million tokens": round(sum(map(tokens_of, given.runs)) / 1e6, 1),
    }
    return {
        "compared": {
            "attend": reached,
            f"attend, alpha {best}": reached | {"BLEU": score(model, tokenizer, test, best)},
            "published": PUBLISHED,
        },
        "signature": str(METRIC.get_signature()),
        "beam": 5,
        "alpha": ALPHA,
        "validation BLEU by alpha": of_alpha,
        "averaged epochs": given.average,
        "hours of training": round(hours(given.runs), 2),
        "settings of each part": parts,
        "history": records,
    }


def main() -> None:
    """Measure a finished run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder of the corpus")
    parser.add_argument("--runs", type=Path, nargs="+", required=True, help="folders of the run")
    parser.add_argument("--average", type=int, default=10, help="how many epochs are averaged")
    given = parser.parse_args()
    torch.set_num_threads(1)
    found = measure(given)
    command = f"python benchmarks/multi30k.py --data DATA --runs RUN --average {given.average}"
    write("multi30k", {"command": command, "machine": machine()} | found)
    reached = found["compared"]["attend"]
    draw("multi30k")
    print(f"BLEU {reached['BLEU']} ({found['signature']}) after {reached['updates']} updates")


if __name__ == "__main__":
    main()
