"""Turn training runs into the folder that ships with the package, and measure it.

    python scripts/ship_translator.py --runs .training/first .training/second --pairs deu-eng.zip

The mean of the runs' averaged weights ships. Writes weights (8-bit), sizes, tokenizer, alignment,
measurements, how it takes what people type, the translations of the everyday sentences, and the
model card. `make model` runs it; the card tells of the recipe in configs/translator.toml.
"""

import argparse
import json
from pathlib import Path
from typing import NamedTuple

from numpy.typing import NDArray

from attend.config import TransformerConfig
from attend.files import write_atomically
from attend.models.array_transformer import ArrayTransformer
from attend.models.weights import FILES, quantize, save_model, write_checksums
from attend.text.corpus import Report, Split, load_pairs, split_by_components
from attend.text.tokenizer import Tokenizer
from attend.training.checkpoints import mean, read_tensors
from attend.translator.evaluation import HELD_OUT, bleu, choose_alignment, chrf, everyday
from attend.translator.translator import SHIPPED, Translator
from attend.translator.typed import measure as measure_typed
from attend.translator.typed import typed

OWN = SHIPPED.parent / "own_pairs.tsv"
EVERY = 20
"""Each such pair of the test part is translated again whenever the tests run."""
CARD = """\
# The translator of the course

A Transformer as in Vaswani et al. 2017, English to German, trained by `attend.training.trainer`.

* **Data.** Trained on English-German sentence pairs from the Tatoeba Project (tatoeba.org), via
  manythings.org/anki, CC BY 2.0 FR; normalised and filtered. {kept_pairs}
* **Split.** By connected components of sentences that share a translation, so that no test
  sentence was seen on either side: {train:,} pairs to train on, {held_out:,} for validation and
  {held_out:,} for the test.
* **Sizes.** N = {N}, d_model = {d_model}, d_ff = {d_ff}, h = {h}, {vocabulary:,} joint word pieces,
  {parameters:,} parameters, stored as 8-bit whole numbers with one scale a row.
* **Training.** `make model PAIRS=deu-eng.zip` follows the recipe in `configs/translator.toml`. It
  began with the translator that shipped before, in its 8 bits: 29 epochs on the printed pairs,
  {before_steps:,} steps and {before_hours:.1f} hours. That one translated the sources of the
  training part (beam 6, 25 minutes; the longest, nearly a quarter, were left out). Where its beam
  held a translation near the reference, not the reference itself, that one was learned from in 7
  of 10 epochs: {chosen:,} pairs. Then {steps:,} steps and {hours:.1f} hours on what people
  type: no mark at the end, in small letters, without apostrophes, with other numbers and
  names, words cut more finely. One run of that kind brought the new forms; from its mean with the
  beginning two runs went on, with a rate that fell to zero. The mean of these two and the beginning
  ships; its share was chosen on validation pairs. Batches have at most {tokens:,} padded tokens;
  Adam, label smoothing {epsilon_ls}, dropout 0.12 and 0.1. All on one core each of a busy machine.
  What the recipe does not repeat: the first of these runs also read sentences in capitals, and was
  stopped by hand at step 1,200; the other two at step 2,600 of 2,769.
* **Our own pairs.** The corpus does not hold the word "cinema". {own} pairs of our own
  (`own_pairs.tsv`) taught it to the translator that this one began with; they were not repeated.
  No everyday sentence has that word.
* **Quality.** BLEU {bleu:.2f} on the {held_out:,} test pairs, beam 4, one reference
  (`{signature}`); {bleu_float32:.2f} before the weights were rounded to 8 bits. chrF {chrf:.2f}.
  Reproduce it with `attend evaluate --pairs deu-eng.zip`.
* **Alignment.** The memory attention that comes nearest to our hand alignments has an alignment
  error rate of {error_rate:.2f} on sentences it was not chosen on ({uniform:.2f} if attention
  were spread evenly, {diagonal:.2f} along the diagonal).
* **Everyday sentences.** {right} of {everyday} sentences of our own, in no pair of the corpus, are
  right to a strict reader who read them twice (`everyday.json`).
* **What people type.** {phrases} phrases of our own in five forms, none in the corpus, and
  {numbers} sentences with numbers (`typed.json`). A sentence all in capitals is read in small
  letters, by the package and by the browser. chrF:

{table}

  {kept} of {numbers} sentences keep their digits. The translator before: chrF {old}, and
  {old_kept} of {numbers}.
* **What it cannot do.** It has read short everyday sentences and little else. It does not know
  names of places and people it has not seen, technical words, long sentences, or what was said
  before. It confuses "you" (du, ihr, Sie) where English does not tell. It can be fluent and
  wrong. It copies most numbers and not all, and stumbles over a single word in quotation marks.
  Do not use it where a wrong translation does harm.
"""


class Run(NamedTuple):
    """What the training runs left behind."""

    config: TransformerConfig
    tokenizer: Tokenizer
    tensors: dict[str, NDArray]


def read_runs(folders: list[Path]) -> Run:
    """Read runs, and take the mean of their averaged weights."""
    tensors = mean([read_tensors(folder / "average.safetensors")[0] for folder in folders], folders)
    tokenizer = Tokenizer.load(folders[0] / "tokenizer.json")
    config = TransformerConfig.from_dict(json.loads((SHIPPED / "config.json").read_text()))
    return Run(config, tokenizer, {name: x.numpy() for name, x in tensors.items()})


def read_history(folder: Path) -> list[dict]:
    """Read what the epochs of a run did; empty for what was not trained here."""
    path = folder / "history.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


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
        verdicts.get((s.english, w), {"english": s.english, "translation": w, "right": None})
        for s, w in zip(sentences, written, strict=True)
    ]
    write(path, entries)
    return chrf(written, [s.german for s in sentences]).score


def table(report: dict) -> str:
    """Return chrF and loops of every form as a table."""
    rows = [f"  | {name} | {x['chrf']:.1f} | {x['loops']} |" for name, x in report["forms"].items()]
    return "\n".join(["  | form | chrF | loops |", "  |---|---|---|", *rows])


def scores(report: dict) -> str:
    """Return chrF of every form in a line."""
    return ", ".join(f"{x['chrf']:.1f}" for x in report["forms"].values())


def kept(report: dict) -> int:
    """Return how many sentences keep their digits."""
    return sum(entry["kept"] for entry in report["numbers"])


def card(run: Run, split: Split, report: Report, measured: dict, alignment: dict) -> str:
    """Return the model card."""
    before, new = measured["history_before"], measured["history"]
    verdicts = [entry["right"] for entry in json.loads((SHIPPED / "everyday.json").read_text())]
    return CARD.format(
        kept_pairs=f"{report.kept:,} of {report.read:,} pairs were kept.",
        train=len(split.train),
        held_out=HELD_OUT,
        own=len(load_pairs(OWN)[0]),
        parameters=sum(x.size for x in run.tensors.values()),
        **{f"before_{name}": value for name, value in cost(before).items()},
        **cost(new),
        error_rate=alignment["error_rate"],
        uniform=alignment["uniform"],
        diagonal=alignment["diagonal"],
        **{name: measured[name] for name in ("bleu", "bleu_float32", "chrf", "signature")},
        **run.config.as_dict(),
        tokens=2560,
        chosen=measured["chosen"],
        right=sum(bool(verdict) for verdict in verdicts),
        everyday=len(verdicts),
        phrases=len(typed().phrases),
        numbers=len(typed().numbers),
        table=table(measured["typed"]),
        kept=kept(measured["typed"]),
        old=scores(measured["typed_before"]),
        old_kept=kept(measured["typed_before"]),
    )


def cost(history: list[list[dict]]) -> dict[str, float]:
    """Return the steps and hours of several runs."""
    last = [run[-1] for run in history]
    return {
        "steps": sum(record["step"] for record in last),
        "hours": sum(record["seconds"] for record in last) / 3600,
    }


def main() -> None:
    """Average, round, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, nargs="+", required=True, help="whose mean ships")
    parser.add_argument("--on-the-way", type=Path, nargs="*", default=[], help="runs before them")
    parser.add_argument("--pairs", nargs="+", required=True, help="what it was trained on")
    parser.add_argument("--before", type=Path, help="folder of the translator it began with")
    parser.add_argument("--chosen", type=Path, help="chosen.json of the teacher")
    parser.add_argument("--card", action="store_true", help="write the card anew, nothing else")
    given = parser.parse_args()
    run, folder = read_runs(given.runs), SHIPPED
    pairs, report = load_pairs(*given.pairs)
    split = split_by_components(pairs, HELD_OUT)
    if not given.card:
        before = json.loads((folder / "measured.json").read_text())
        save_model(folder, run.config, run.tokenizer, quantize(run.tensors))
        write(folder / "alignment.json", choose_alignment(Translator.load(folder)))
        write_checksums(folder, (*FILES, "alignment.json"))
        measured = measure(run, folder, split)
        measured["history_before"] = before.get("history_before", before["history"])
        found = map(read_history, [*given.on_the_way, *given.runs])
        measured["history"] = [history for history in found if history]
        measured["chosen"] = len(json.loads(given.chosen.read_text()))
        measured["chrf_everyday"] = translate_everyday(folder)
        measured["typed"] = measure_typed(Translator.load(folder))
        measured["typed_before"] = measure_typed(Translator.load(given.before))
        write(folder / "measured.json", measured)
    measured = json.loads((folder / "measured.json").read_text())
    alignment = json.loads((folder / "alignment.json").read_text())
    text = card(run, split, report, measured, alignment)
    write_atomically(folder / "README.md", text.encode())
    print(text)


def known_verdicts(path: Path) -> dict[tuple[str, str], dict]:
    """Return the entries of translations that may not have changed.

    ``right`` is what a reader of German said in the end, ``readings`` what each reading gave.
    """
    if not path.exists():
        return {}
    return {(e["english"], e["translation"]): e for e in json.loads(path.read_text())}


def write(path: Path, content: object) -> None:
    """Write JSON a person can read."""
    write_atomically(path, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())


if __name__ == "__main__":
    main()
