"""Turn a training run into the folder that ships with the package, and measure it.

    python scripts/ship_translator.py --runs .training/first .training/second --pairs deu-eng.zip

Of several runs each began with the averaged weights of the one before; the last one ships.
Writes weights (8-bit), sizes, tokenizer, alignment, measurements, the translations of the
everyday sentences, and the model card.
"""

import argparse
import json
from pathlib import Path
from typing import NamedTuple

from numpy.typing import NDArray
from safetensors import safe_open

from attend.config import TransformerConfig
from attend.files import write_atomically
from attend.models.array_transformer import ArrayTransformer
from attend.models.weights import quantize, save_model
from attend.text.corpus import Report, Split, load_pairs, split_by_components
from attend.text.tokenizer import Tokenizer
from attend.training.checkpoints import average, epochs_of
from attend.translator.evaluation import HELD_OUT, bleu, choose_alignment, chrf, everyday
from attend.translator.translator import SHIPPED, Translator

OWN = SHIPPED.parent / "own_pairs.tsv"
EVERY = 20
"""Each such pair of the test part is translated again whenever the tests run."""
CARD = """\
# The translator of the course

A Transformer as in Vaswani et al. 2017, English to German, trained by `attend.training.trainer`.

* **Data.** Trained on English-German sentence pairs from the Tatoeba Project (tatoeba.org), via
  manythings.org/anki, CC BY 2.0 FR; normalised and filtered. {kept}
* **Split.** By connected components of sentences that share a translation, so that no test
  sentence was seen on either side: {train:,} pairs to train on, {held_out:,} for validation and
  {held_out:,} for the test.
* **Sizes.** N = {N}, d_model = {d_model}, d_ff = {d_ff}, h = {h}, {vocabulary:,} joint word pieces,
  {parameters:,} parameters, stored as 8-bit whole numbers with one scale a row.
* **Training.** {training}
  Batches have at most {tokens:,} padded tokens; Adam and the schedule of the paper, label smoothing
  {epsilon_ls}. {steps:,} steps and {hours:.1f} hours in all, on one or two cores of a
  busy machine.
* **Our own pairs.** The corpus does not hold the word "cinema". {own} pairs of our own
  (`own_pairs.tsv`) teach it. They were written after the everyday sentence with
  "cinema" had come out wrong, and some differ from it by a word: count that sentence as taught.
* **Quality.** BLEU {bleu:.2f} on the {held_out:,} test pairs, beam 4, one reference
  (`{signature}`); {bleu_float32:.2f} before the weights were rounded to 8 bits. chrF {chrf:.2f}.
  Reproduce it with `attend evaluate --pairs deu-eng.zip`.
* **Alignment.** The memory attention that comes nearest to our hand alignments has an alignment
  error rate of {error_rate:.2f} on sentences it was not chosen on ({uniform:.2f} if attention
  were spread evenly, {diagonal:.2f} along the diagonal).
* **What it cannot do.** It has read short everyday sentences and little else. It does not know
  names of places and people it has not seen, technical words, long sentences, or what was said
  before. It confuses "you" (du, ihr, Sie) where English does not tell. It can be fluent and
  wrong. Do not use it where a wrong translation does harm.
"""


class Run(NamedTuple):
    """What a training run left behind."""

    config: TransformerConfig
    tokenizer: Tokenizer
    plan: dict
    history: list[dict]
    tensors: dict[str, NDArray]


def read_run(folder: Path) -> Run:
    """Read a run, averaging as many of its last epochs as it planned."""
    with safe_open(folder / "checkpoint.safetensors", "pt") as file:
        about = json.loads(file.metadata()["run"])
    plan = about["plan"]
    epochs = epochs_of(folder)[-plan["average"] :]
    last = int(epochs[-1].stem.removeprefix("epoch-"))
    history = [json.loads(x) for x in (folder / "history.jsonl").read_text().splitlines()]
    return Run(
        TransformerConfig.from_dict(about["config"]),
        Tokenizer.load(folder / "tokenizer.json"),
        plan,
        [record for record in history if record["epoch"] <= last],
        {name: x.numpy() for name, x in average(epochs).items()},
    )


def measure(run: Run, folder: Path, split: Split) -> dict:
    """Translate the test part with full and with 8-bit weights, and compare."""
    sources = [pair.source for pair in split.test]
    references = [pair.target for pair in split.test]
    full = Translator(ArrayTransformer(run.config, run.tensors), run.tokenizer).batch(sources)
    found = Translator.load(folder).batch(sources)
    figure = bleu(found, references)
    return {
        "bleu": figure.score,
        "bleu_float32": bleu(full, references).score,
        "signature": figure.signature,
        "chrf": chrf(found, references).score,
        "pairs": len(found),
        "bleu_few": bleu(found[::EVERY], references[::EVERY]).score,
        "every": EVERY,
    }


def translate_everyday(folder: Path) -> float:
    """Write down the translations of the everyday sentences; return their chrF.

    What a reader of German said of a translation stays as long as the translation does.
    """
    sentences, path = everyday(), folder / "everyday.json"
    written = Translator.load(folder).batch([s.english for s in sentences])
    verdicts = known_verdicts(path)
    entries = [
        {"english": s.english, "translation": w, "right": verdicts.get((s.english, w))}
        for s, w in zip(sentences, written, strict=True)
    ]
    write(path, entries)
    return chrf(written, [s.german for s in sentences]).score


def describe(runs: list[Run]) -> str:
    """Say what each run did."""
    parts = [
        f"{run.history[-1]['epoch']} epochs (rate {run.plan['rate']:g} of the paper's, "
        f"{run.plan['warmup_steps']:,} warm-up\n  steps, dropout {run.config.P_drop:g})"
        for run in runs
    ]
    then = ",\n  then from the average of its last epochs ".join(parts)
    return f"{then}; average of the last\n  {runs[-1].plan['average']} epochs."


def card(runs: list[Run], split: Split, report: Report, measured: dict, alignment: dict) -> str:
    """Return the model card."""
    run = runs[-1]
    return CARD.format(
        kept=f"{report.kept:,} of {report.read:,} pairs were kept.",
        train=len(split.train),
        held_out=HELD_OUT,
        own=len(load_pairs(OWN)[0]),
        parameters=sum(x.size for x in run.tensors.values()),
        training=describe(runs),
        steps=sum(one.history[-1]["step"] for one in runs),
        hours=sum(one.history[-1]["seconds"] for one in runs) / 3600,
        error_rate=alignment["error_rate"],
        uniform=alignment["uniform"],
        diagonal=alignment["diagonal"],
        **{name: measured[name] for name in ("bleu", "bleu_float32", "chrf", "signature")},
        **run.config.as_dict(),
        tokens=run.plan["tokens"],
    )


def main() -> None:
    """Average, round, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, nargs="+", required=True, help="folders, in order")
    parser.add_argument("--pairs", nargs="+", required=True, help="what it was trained on")
    parser.add_argument("--folder", type=Path, default=SHIPPED, help="where to write")
    given = parser.parse_args()
    runs = [read_run(folder) for folder in given.runs]
    run = runs[-1]
    pairs, report = load_pairs(*given.pairs)
    split = split_by_components(pairs, HELD_OUT)
    save_model(given.folder, run.config, run.tokenizer, quantize(run.tensors))
    alignment = choose_alignment(Translator.load(given.folder))
    write(given.folder / "alignment.json", alignment)
    measured = measure(run, given.folder, split)
    measured["history"] = [one.history for one in runs]
    measured["chrf_everyday"] = translate_everyday(given.folder)
    write(given.folder / "measured.json", measured)
    text = card(runs, split, report, measured, alignment)
    write_atomically(given.folder / "README.md", text.encode())
    print(text)


def known_verdicts(path: Path) -> dict[tuple[str, str], bool]:
    """Return what a reader of German said of translations that may not have changed."""
    if not path.exists():
        return {}
    return {(e["english"], e["translation"]): e["right"] for e in json.loads(path.read_text())}


def write(path: Path, content: object) -> None:
    """Write JSON a person can read."""
    write_atomically(path, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())


if __name__ == "__main__":
    main()
