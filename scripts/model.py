"""Train the translator by its recipe, and bring what depends on it up to date.

    python scripts/model.py --pairs deu-eng.zip            # train what is not trained, then ship
    python scripts/model.py --pairs deu-eng.zip --train    # train only

The recipe is ``configs/translator.toml``. Runs lie in ``~/.cache/attend/model`` (or below
``XDG_CACHE_HOME``). Interrupt it at any moment; the same command goes on.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import torch

from attend.models.weights import read_model, save_model
from attend.training.checkpoints import write_tensors
from attend.translator.translator import SHIPPED

ROOT = Path(__file__).resolve().parents[1]
RECIPE = ROOT / "configs" / "translator.toml"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "attend" / "model"


def remember_beginning(folder: Path) -> None:
    """Keep the translator that stands in the repository as the run that all others begin with."""
    if (folder / "epoch-001.safetensors").exists():
        return
    saved = read_model(SHIPPED)
    save_model(folder, saved.config, saved.tokenizer, saved.tensors)
    tensors = {name: torch.from_numpy(x) for name, x in saved.tensors.items()}
    write_tensors(folder / "epoch-001.safetensors", tensors, {})


def is_done(stage: dict[str, Any], folder: Path) -> bool:
    """Tell whether a stage has left its result."""
    result = "chosen.json" if stage["command"] == "distillation" else "average.safetensors"
    return (folder / stage["name"] / result).exists()


def command(stage: dict[str, Any], common: list[str], pairs: list[str], folder: Path) -> list[str]:
    """Return the command line of a stage."""
    module = f"attend.training.{stage['command']}"
    given = [sys.executable, "-m", module, "--pairs", *pairs, "--folder", folder / stage["name"]]
    if stage["command"] == "distillation":
        given += ["--model", folder / "begin"]
    else:
        given += [*common, "--begin-with", *(folder / name for name in stage["begin"])]
    if "chosen" in stage:
        given += ["--chosen", folder / stage["chosen"] / "chosen.json"]
    return [*map(str, given), *stage["arguments"]]


def train(recipe: dict[str, Any], pairs: list[str], folder: Path) -> None:
    """Do the stages that are not done, one after the other."""
    remember_beginning(folder / "begin")
    for stage in recipe["stage"]:
        if is_done(stage, folder):
            print(f"{stage['name']}: done before", flush=True)
            continue
        print(f"{stage['name']}:", flush=True)
        subprocess.run(command(stage, recipe["common"], pairs, folder), check=True)


def ship(recipe: dict[str, Any], pairs: list[str], folder: Path) -> None:
    """Write the translator's folder, and run anew what shows its numbers."""
    runs = [str(folder / name) for name in recipe["ship"]]
    scripts = ROOT / "scripts"
    python = [sys.executable, str(scripts / "ship_translator.py")]
    on_the_way = [str(folder / name) for name in recipe["on_the_way"]]
    given = ["--runs", *runs, "--on-the-way", *on_the_way, "--pairs", *pairs]
    given += ["--before", str(folder / "begin")]
    given += ["--chosen", str(folder / "taught" / "chosen.json")]
    subprocess.run([*python, *given], check=True)
    subprocess.run([sys.executable, str(scripts / "notebooks.py")], check=True)
    # The site is built from what the package computes; a stored build must not hide that.
    shutil.rmtree(ROOT / "_build" / ".jupyter_cache", ignore_errors=True)
    print("Now read everyday.json twice and fill in `right`, and run this with --card; `make test`")
    print("tells which sentences of the course no longer hold.")


def write_card(recipe: dict[str, Any], pairs: list[str], folder: Path) -> None:
    """Write the model card from what was measured, after the verdicts have been filled in."""
    runs = [str(folder / name) for name in recipe["ship"]]
    script = str(ROOT / "scripts" / "ship_translator.py")
    given = ["--runs", *runs, "--pairs", *pairs, "--card"]
    subprocess.run([sys.executable, script, *given], check=True)


def main() -> int:
    """Follow the recipe."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", nargs="+", required=True, help="zip, tsv, or two files")
    parser.add_argument("--folder", type=Path, default=CACHE, help="where the runs lie")
    parser.add_argument("--train", action="store_true", help="do not ship")
    parser.add_argument("--card", action="store_true", help="write the model card anew, no more")
    given = parser.parse_args()
    recipe = tomllib.loads(RECIPE.read_text(encoding="utf-8"))
    try:
        if given.card:
            write_card(recipe, given.pairs, given.folder)
            return 0
        train(recipe, given.pairs, given.folder)
        if not given.train:
            ship(recipe, given.pairs, given.folder)
    except subprocess.CalledProcessError as error:
        return error.returncode
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
