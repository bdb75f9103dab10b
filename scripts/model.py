"""Train the translator by its recipe, and bring what depends on it up to date.

    python scripts/model.py --pairs deu-eng.zip                  # train what is not trained, ship
    python scripts/model.py --pairs deu-eng.zip --steps train    # train only
    python scripts/model.py --pairs deu-eng.zip --steps choose   # compare means on validation pairs
    python scripts/model.py --steps card                         # write the model card anew

The recipe is ``configs/translator.toml``. Runs lie in ``~/.cache/attend/model`` (or below
``XDG_CACHE_HOME``). Interrupt it at any moment; the same command goes on.
"""

import argparse
import json
import os
import shutil
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import choose_mean
import model_card
import ship_translator
import torch

import notebooks
from attend.__main__ import main as attend
from attend.files import write_atomically
from attend.models.weights import read_model, save_model
from attend.training.checkpoints import write_tensors
from attend.translator.translator import SHIPPED

ROOT = Path(__file__).resolve().parents[1]
RECIPE = ROOT / "configs" / "translator.toml"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "attend" / "model"
RESULT = {"train": "average.safetensors", "distill": "chosen.json"}
"""The file that says that a stage is done."""
STEPS = ("train", "choose", "ship", "card", "show")


def remember_beginning(shipped: Path, folder: Path) -> None:
    """Keep the translator that stands in the repository as the run that all others begin with.

    With it go the histories of the runs that led to it.
    """
    if (folder / "average.safetensors").exists():
        return
    known = shipped / "measured.json"
    before = json.loads(known.read_text(encoding="utf-8")) if known.exists() else {}
    histories = before.get("history_before", []) + before.get("history", [])
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "histories.json", json.dumps(histories).encode())
    saved = read_model(shipped)
    save_model(folder, saved.config, saved.tokenizer, saved.tensors)
    tensors = {name: torch.from_numpy(x) for name, x in saved.tensors.items()}
    for name in ("epoch-001", "average"):
        write_tensors(folder / f"{name}.safetensors", tensors, {})


def command(recipe: dict[str, Any], stage: dict[str, Any], pairs: list[str], runs: Path) -> list:
    """Return the words of ``attend`` that do a stage."""
    given = [stage["command"], "--pairs", *pairs, "--folder", runs / stage["name"]]
    given += ["--held-out", recipe["held_out"]]
    if stage["command"] == "distill":
        given += ["--model", runs / stage["model"]]
    else:
        given += [*recipe["common"], "--begin-with", *(runs / name for name in stage["begin"])]
    if "chosen" in stage:
        given += ["--chosen", runs / stage["chosen"] / "chosen.json"]
    return [*map(str, given), *stage["arguments"]]


def train(recipe: dict[str, Any], pairs: list[str], runs: Path, shipped: Path) -> int:
    """Do the stages that are not done, one after the other; return the exit status."""
    remember_beginning(shipped, runs / "begin")
    for stage in recipe["stage"]:
        if "command" not in stage:
            continue
        if (runs / stage["name"] / RESULT[stage["command"]]).exists():
            print(f"{stage['name']}: done before", flush=True)
            continue
        print(f"{stage['name']}:", flush=True)
        if status := attend(command(recipe, stage, pairs, runs)):
            return status
    return 0


def show() -> None:
    """Run anew what shows the translator's numbers."""
    notebooks.main([])
    # The site is built from what the package computes; a stored build must not hide that.
    shutil.rmtree(ROOT / "_build" / ".jupyter_cache", ignore_errors=True)
    print("Now read everyday.json twice and fill in `right`, and run this with --steps card;")
    print("`make test` tells which sentences of the course no longer hold.")


def write_card(recipe: dict[str, Any], shipped: Path) -> None:
    """Write the model card from what was measured, and from the verdicts."""
    write_atomically(shipped / "README.md", model_card.card(shipped, recipe).encode())


def reader() -> argparse.ArgumentParser:
    """Return the reader of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--pairs", nargs="+", help="zip, tsv, or two files")
    add("--steps", nargs="+", choices=STEPS, help="all but choose, if nothing is said")
    add("--recipe", type=Path, default=RECIPE, help="the stages")
    add("--folder", type=Path, default=CACHE, help="where the runs lie")
    add("--into", type=Path, default=SHIPPED, help="the folder that ships")
    return parser


def main(words: Sequence[str] | None = None) -> int:
    """Follow the recipe."""
    given = reader().parse_args(words)
    steps = set(given.steps or STEPS) - ({"choose"} if not given.steps else set())
    if steps & {"train", "choose", "ship"} and not given.pairs:
        reader().error("training and measuring need --pairs: the zip or tsv file, or two files")
    recipe = tomllib.loads(given.recipe.read_text(encoding="utf-8"))
    if "train" in steps and (status := train(recipe, given.pairs, given.folder, given.into)):
        return status
    if "choose" in steps:
        print(choose_mean.table(choose_mean.compare(recipe, given.folder, given.pairs)))
    if "ship" in steps:
        ship_translator.ship(recipe, given.folder, given.pairs, given.into)
    if steps & {"ship", "card"}:
        write_card(recipe, given.into)
    if "show" in steps:
        show()
    return 0


if __name__ == "__main__":
    sys.exit(main())
