"""Turn training runs into the folder that ships with the package, and measure it.

The mean of the weights of the runs that the recipe names ships, in 8 bits. `ship` writes weights,
sizes, tokenizer, alignment, measurements, how it takes what people type, and the translations of
the everyday sentences. ``scripts/model.py`` calls it.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from attend.config import TransformerConfig
from attend.files import write_atomically
from attend.models.array_transformer import ArrayTransformer
from attend.models.weights import FILES, quantize, save_model, write_checksums
from attend.text.corpus import SentencePair, load_pairs, split_by_components
from attend.text.tokenizer import Tokenizer
from attend.training.checkpoints import mean, read_tensors
from attend.translator.evaluation import bleu, choose_alignment, chrf, everyday
from attend.translator.translator import Translator
from attend.translator.typed import measure as measure_typed

EVERY = 20
"""Each such pair of the test part is translated again whenever the tests run."""


class Run(NamedTuple):
    """What the training runs left behind."""

    config: TransformerConfig
    tokenizer: Tokenizer
    tensors: dict[str, NDArray]


def ship(recipe: dict[str, Any], runs: Path, pairs: Sequence[str], folder: Path) -> None:
    """Write the translator of a recipe into a folder, and measure it.

    Parameters
    ----------
    recipe
        Its stages, and whose mean ships.
    runs
        Where the stages lie, and "begin", the translator that they began with.
    pairs
        The files that were trained on.
    folder
        What ships.
    """
    run = read_runs([runs / name for name in recipe["ship"]], runs / "begin")
    read, report = load_pairs(*pairs)
    split = split_by_components(read, recipe["held_out"])
    save_model(folder, run.config, run.tokenizer, quantize(run.tensors))
    write(folder / "alignment.json", choose_alignment(Translator.load(folder)))
    write_checksums(folder, (*FILES, "alignment.json"))
    measured = measure(run, folder, split.test)
    measured["corpus"] = {"read": report.read, "kept": report.kept} | {
        name: len(part) for name, part in split._asdict().items()
    }
    measured |= histories(recipe, runs)
    measured["chrf_everyday"] = translate_everyday(folder)
    measured["typed"] = measure_typed(Translator.load(folder))
    measured["typed_before"] = measure_typed(Translator.load(runs / "begin"))
    write(folder / "measured.json", measured)


def read_runs(folders: Sequence[Path], begin: Path) -> Run:
    """Read runs, and take the mean of their averaged weights."""
    tensors = mean([read_tensors(folder / "average.safetensors")[0] for folder in folders], folders)
    tokenizer = Tokenizer.load(begin / "tokenizer.json")
    config = TransformerConfig.from_dict(json.loads((begin / "config.json").read_text()))
    return Run(config, tokenizer, {name: x.numpy() for name, x in tensors.items()})


def measure(run: Run, folder: Path, test: Sequence[SentencePair]) -> dict[str, Any]:
    """Translate the test part with full and with 8-bit weights, and compare."""
    sources = [pair.source for pair in test]
    references = [pair.target for pair in test]
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
        "parameters": sum(x.size for x in run.tensors.values()),
    }


def histories(recipe: dict[str, Any], runs: Path) -> dict[str, Any]:
    """Return what the epochs of all runs did, those before the recipe too, and what stages cost."""
    before = json.loads((runs / "begin" / "histories.json").read_text())
    found = {stage["name"]: history(runs / stage["name"]) for stage in recipe["stage"]}
    costs = {name: cost([one] if one else []) for name, one in found.items()}
    costs["begin"] = cost(before)
    return {
        "history_before": before,
        "history": [one for one in found.values() if one],
        # What was not counted, the recipe tells.
        "stages": [
            {name: stage.get(name, default) for name, default in costs[stage["name"]].items()}
            | {"name": stage["name"], "about": stage["about"]}
            for stage in recipe["stage"]
        ],
    }


def history(folder: Path) -> list[dict[str, Any]]:
    """Read what the epochs of a run did; empty for what was not trained."""
    path = folder / "history.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def cost(runs: Sequence[Sequence[dict[str, Any]]]) -> dict[str, Any]:
    """Return the steps and hours of several runs, by their histories."""
    last = [run[-1] for run in runs]
    return {
        "steps": sum(record["step"] for record in last),
        "hours": sum(record["seconds"] for record in last) / 3600,
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
