"""The model card of the translator, written from what was measured and from the recipe."""

import json
from pathlib import Path
from textwrap import fill, indent
from typing import Any

from attend.text.corpus import load_pairs
from attend.translator.translator import SHIPPED
from attend.translator.typed import typed

OWN = SHIPPED.parent / "own_pairs.tsv"
CARD = """\
# The translator of the course

A Transformer as in Vaswani et al. 2017, English to German, trained by `attend.training.trainer`.

* **Data.** Trained on English-German sentence pairs from the Tatoeba Project (tatoeba.org), via
  manythings.org/anki, CC BY 2.0 FR; normalised and filtered. {kept:,} of {read:,} pairs were kept.
* **Split.** By connected components of sentences that share a translation, so that no test
  sentence was seen on either side: {train:,} pairs to train on, {validation:,} for validation and
  {test:,} for the test.
* **Sizes.** N = {N}, d_model = {d_model}, d_ff = {d_ff}, h = {h}, {vocabulary:,} joint word pieces,
  {parameters:,} parameters, stored as 8-bit whole numbers with one scale a row.
{training}

{stages}

{remarks}
* **Our own pairs.** The corpus does not hold the word "cinema". {own} pairs of our own
  (`own_pairs.tsv`) taught it to the translator that this one began with; they were not repeated.
  No everyday sentence has that word.
* **Quality.** BLEU {bleu:.2f} on the {test:,} test pairs, beam 4, one reference
  (`{signature}`); {bleu_float32:.2f} before the weights were rounded to 8 bits. chrF {chrf:.2f}.
  Reproduce it with `attend evaluate --pairs deu-eng.zip`.
* **Alignment.** The memory attention that comes nearest to our hand alignments has an alignment
  error rate of {error_rate:.2f} on sentences it was not chosen on ({uniform:.2f} if attention
  were spread evenly, {diagonal:.2f} along the diagonal).
* **Everyday sentences.** {right} of {everyday} sentences of our own, in no pair of the corpus, are
  right to a strict reader who read them twice (`everyday.json`).
* **What people type.** {phrases} phrases of our own in five forms, none in the corpus, and
  {numbers} sentences with numbers (`typed.json`). A sentence all in capitals is read in small
  letters, and what stands twice in a row is not written a third time at once
  (`attend.decoding.loops`), by the package and by the browser. chrF:

{table}

  {kept_digits} of {numbers} sentences keep their digits. The weights before, searched in the same
  way: chrF {old}, and {old_digits} of {numbers}.
{limits}
"""
TRAINING = """\
* **Training.** `make model PAIRS=deu-eng.zip` follows the recipe in `configs/translator.toml`. Its
stages are commands of `attend`; one that is done is not done again, and one that was interrupted
goes on. What ships is the mean of the weights of {ships}. Batches have at most {tokens:,} padded
tokens; Adam, label smoothing {epsilon_ls}; all on one core each of a busy machine. {steps:,} steps
and {hours:.1f} hours in all:"""


def card(folder: Path, recipe: dict[str, Any]) -> str:
    """Return the model card of a translator that was shipped into a folder."""
    measured, alignment, verdicts, config = (
        json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("measured", "alignment", "everyday", "config")
    )
    stages, report = measured["stages"], measured["typed"]
    rates = ("error_rate", "uniform", "diagonal")
    scores = ("bleu", "bleu_float32", "chrf", "signature", "parameters")
    return CARD.format(
        **measured["corpus"],
        **config,
        **{name: alignment[name] for name in rates},
        **{name: measured[name] for name in scores},
        training=training(recipe, stages, config["epsilon_ls"]),
        stages=stage_table(stages, [s.get("arguments", []) for s in recipe["stage"]]),
        remarks=point("  " + recipe["remarks"].strip()),
        limits=point("* **What it cannot do.** " + recipe["limits"].strip()),
        own=len(load_pairs(OWN)[0]),
        right=sum(bool(entry["right"]) for entry in verdicts),
        everyday=len(verdicts),
        phrases=len(typed().phrases),
        numbers=len(typed().numbers),
        table=form_table(report),
        kept_digits=kept(report),
        old=chrf_of_forms(measured["typed_before"]),
        old_digits=kept(measured["typed_before"]),
    )


def training(recipe: dict[str, Any], stages: list[dict[str, Any]], epsilon_ls: float) -> str:
    """Say how the recipe is followed, and what it costs."""
    text = TRAINING.format(
        ships=shares(recipe["ship"]),
        tokens=int(option(recipe["common"], "--tokens")),
        steps=sum(stage["steps"] for stage in stages),
        hours=sum(stage["hours"] for stage in stages),
        epsilon_ls=epsilon_ls,
    )
    return point(text)


def option(arguments: list[str], name: str) -> str:
    """Return what follows the name of an option."""
    return arguments[arguments.index(name) + 1]


def shares(runs: list[str]) -> str:
    """Say whose mean ships; a run that stands twice counts twice."""
    named = [f"{name} ({runs.count(name)} times)" for name in dict.fromkeys(runs)]
    return ", ".join(named).replace(" (1 times)", "").replace("(2 times)", "(twice)")


def point(text: str) -> str:
    """Lay a point of the card out in lines."""
    return fill(text, 100, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False)


def stage_table(stages: list[dict[str, Any]], arguments: list[list[str]]) -> str:
    """Return what each stage is, its dropout, and its cost."""
    rows = ["| stage | what it does | dropout | steps | hours |", "|---|---|---|---|---|"]
    for stage, words in zip(stages, arguments, strict=True):
        dropout = option(words, "--P_drop") if "--P_drop" in words else ""
        steps = f"{stage['steps']:,}" if stage["steps"] else ""
        cells = (stage["name"], stage["about"], dropout, steps, f"{stage['hours']:.1f}")
        rows.append(f"| {' | '.join(cells)} |")
    return indent("\n".join(rows), "  ")


def form_table(report: dict[str, Any]) -> str:
    """Return chrF and loops of every form as a table."""
    rows = [f"  | {name} | {x['chrf']:.1f} | {x['loops']} |" for name, x in report["forms"].items()]
    return "\n".join(["  | form | chrF | loops |", "  |---|---|---|", *rows])


def chrf_of_forms(report: dict[str, Any]) -> str:
    """Return chrF of every form in a line."""
    return ", ".join(f"{x['chrf']:.1f}" for x in report["forms"].values())


def kept(report: dict[str, Any]) -> int:
    """Return how many sentences keep their digits."""
    return sum(entry["kept"] for entry in report["numbers"])
