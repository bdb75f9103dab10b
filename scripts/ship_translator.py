"""Turn a training run into the folder that ships with the package, and measure it.

    python scripts/ship_translator.py --run .training/course --pairs deu-eng.zip

Writes weights (8-bit), sizes, tokenizer, alignment, measurements, the translations of the
everyday sentences, and the model card.
"""

import argparse
import json
from pathlib import Path

import torch
from safetensors import safe_open

from attend.config import TransformerConfig
from attend.corpus import load_pairs, split_by_components
from attend.evaluation import HELD_OUT, bleu, choose_alignment, chrf, everyday
from attend.files import write_atomically
from attend.tokenizer import Tokenizer
from attend.training import average
from attend.translate import SHIPPED, Translator
from attend.weights import quantize, save_model

EVERY = 20
"""Each such pair of the test part is translated again whenever the tests run."""
CARD = """\
# The translator of the course

A Transformer as in Vaswani et al. 2017, English to German, trained by `attend.training`.

* **Data.** Trained on English-German sentence pairs from the Tatoeba Project (tatoeba.org), via
  manythings.org/anki, CC BY 2.0 FR; normalised and filtered. {kept}
* **Split.** By connected components of sentences that share a translation, so that no test
  sentence was seen on either side: {train:,} pairs to train on, {held_out:,} for validation and
  {held_out:,} for the test.
* **Sizes.** N = {N}, d_model = {d_model}, d_ff = {d_ff}, h = {h}, {vocabulary:,} joint word pieces,
  {parameters:,} parameters, stored as 8-bit whole numbers with one scale a row.
* **Training.** {epochs} epochs, {steps:,} steps of at most {tokens:,} padded tokens, {hours:.1f}
  hours on {threads} CPU cores; Adam and the schedule of the paper with {warmup_steps:,} warm-up
  steps, dropout {P_drop}, label smoothing {epsilon_ls}; average of the last {average} epochs.
* **Quality.** BLEU {bleu:.2f} on the {held_out:,} test pairs, beam 4, one reference
  (`{signature}`); {float_bleu:.2f} before the weights were rounded to 8 bits. chrF {chrf:.2f}.
  Reproduce it with `python -m attend.evaluation --pairs deu-eng.zip`.
* **Alignment.** The memory attention that comes nearest to our hand alignments has an alignment
  error rate of {error_rate:.2f} on sentences it was not chosen on ({uniform:.2f} if attention
  were spread evenly, {diagonal:.2f} along the diagonal).
* **What it cannot do.** It has read short everyday sentences and little else. It does not know
  names of places and people it has not seen, technical words, long sentences, or what was said
  before. It confuses "you" (du, ihr, Sie) where English does not tell. It can be fluent and
  wrong. Do not use it where a wrong translation does harm.
"""


def read_run(run: Path) -> dict:
    """Return what the checkpoint says of its run."""
    with safe_open(run / "checkpoint.safetensors", "pt") as file:
        return {name: json.loads(value) for name, value in file.metadata().items()}


def main() -> None:
    """Average, round, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--pairs", nargs="+", required=True)
    parser.add_argument("--folder", type=Path, default=SHIPPED)
    parser.add_argument("--average", type=int, default=None)
    given = parser.parse_args()
    about = read_run(given.run)
    plan = about["run"]["plan"]
    count = given.average or plan["average"]
    epochs = sorted(given.run.glob("epoch-*.safetensors"))
    config = TransformerConfig.from_dict(about["run"]["config"])
    tokenizer = Tokenizer.load(given.run / "tokenizer.json")
    tensors = {name: x.numpy() for name, x in average(epochs[-count:]).items()}
    pairs, report = load_pairs(*given.pairs)
    split = split_by_components(pairs, HELD_OUT)
    sources = [pair.source for pair in split.test]
    references = [pair.target for pair in split.test]

    plain = given.run / "float32"
    save_model(plain, config, tokenizer, tensors)
    full = bleu(Translator.load(plain).batch(sources), references)
    save_model(given.folder, config, tokenizer, quantize(tensors))
    translator = Translator.load(given.folder)
    found = translator.batch(sources)
    figure, characters = bleu(found, references), chrf(found, references)
    few = bleu(found[::EVERY], references[::EVERY])

    alignment = choose_alignment(translator)
    write(given.folder / "alignment.json", alignment)
    sentences = everyday()
    written = translator.batch([s.english for s in sentences])
    ours = chrf(written, [s.german for s in sentences])
    verdicts = known_verdicts(given.folder / "everyday.json")
    history = [json.loads(x) for x in (given.run / "history.jsonl").read_text().splitlines()]
    last = [x for x in history if x["epoch"] <= int(epochs[-1].stem.split("-")[1])]
    measured = {
        "bleu": figure.score,
        "bleu_float32": full.score,
        "signature": figure.signature,
        "chrf": characters.score,
        "pairs": len(found),
        "bleu_few": few.score,
        "every": EVERY,
        "chrf_everyday": ours.score,
        "history": last,
    }
    write(given.folder / "measured.json", measured)
    write(
        given.folder / "everyday.json",
        [
            {"english": s.english, "translation": w, "right": verdicts.get((s.english, w))}
            for s, w in zip(sentences, written, strict=True)
        ],
    )
    card = CARD.format(
        kept=f"{report.kept:,} of {report.read:,} pairs were kept.",
        train=len(split.train),
        held_out=HELD_OUT,
        parameters=sum(x.size for x in tensors.values()),
        epochs=len(last),
        steps=last[-1]["step"],
        hours=last[-1]["seconds"] / 3600,
        threads=torch.get_num_threads(),
        bleu=figure.score,
        float_bleu=full.score,
        chrf=characters.score,
        signature=figure.signature,
        **{k: alignment[k] for k in ("error_rate", "uniform", "diagonal")},
        **config.as_dict(),
        **(plan | {"average": count}),
    )
    write_atomically(given.folder / "README.md", card.encode())
    print(card)


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
