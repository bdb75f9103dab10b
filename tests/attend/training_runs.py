"""Training runs that are killed with SIGKILL, each in a process of its own.

``python training_runs.py FOLDER`` trains the same tiny model with dropout once without a break
and once for each way to die, goes on until it is finished, and writes how often it was killed to
``FOLDER/kills.json``. One process imports torch; the runs are forks of it.
"""

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import torch

from attend import files
from attend.config import TransformerConfig
from attend.models.torch_transformer import Transformer
from attend.text.corpus import copy_task
from attend.training.trainer import Plan, Trainer, fit

CONFIG = TransformerConfig(12, N=1, d_model=16, d_ff=24, h=2, P_drop=0.2)
PLAN = Plan(epochs=2, tokens=128, warmup_steps=10, save_every=4, average=2)
PAIRS = copy_task(120, 6, 12)
PLACES = ("write", "replace", "replaced")


def die() -> None:
    """End like a machine that loses its power: nothing is tidied up."""
    os.kill(os.getpid(), signal.SIGKILL)


def train(folder: Path, watch: Callable[[dict], None] = lambda record: None) -> None:
    """Train to the end, from wherever the folder stands."""
    torch.manual_seed(PLAN.seed)
    trainer = Trainer(Transformer(CONFIG), PAIRS, PLAN, folder)
    weights = fit(trainer, watch, lambda model: {"size": model.embedding.norm().item()})
    trainer.save(folder / "average.safetensors", weights)


def die_after(step: int) -> Callable[[dict], None]:
    """Return a watcher that kills its process after a step."""
    return lambda record: die() if record["step"] == step else None


def die_in_write(number: int, place: str) -> None:
    """Arrange to be killed in the write of this number: before, amid or after its moments."""
    writes, fsync, replace = count(1), os.fsync, os.replace
    current = 0

    def doomed_fsync(descriptor: int) -> None:
        nonlocal current
        current = next(writes)
        if current == number and place == "write":
            os.ftruncate(descriptor, os.fstat(descriptor).st_size // 2)
            die()
        fsync(descriptor)

    def doomed_replace(old: str, new: str) -> None:
        if current == number and place == "replace":
            die()
        replace(old, new)
        if current == number and place == "replaced":
            die()

    files.os.fsync, files.os.replace = doomed_fsync, doomed_replace


def fork(work: Callable[[], None], patience: float | None = None) -> bool:
    """Work in a fork; kill it when patience ends. Return whether it was killed."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException as error:
            sys.stderr.write(f"{error!r}\n")
            os._exit(1)
        os._exit(0)
    if patience is not None:
        time.sleep(patience)
        os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise SystemExit("a training run failed")
    return os.WIFSIGNALED(status)


def mid_epoch(folder: Path) -> int:
    """Die before the first checkpoint, after one, and in the middle of the second epoch."""
    return sum(fork(lambda s=s: train(folder, die_after(s))) for s in (2, 5, 10))


def in_each_write(folder: Path, place: str) -> int:
    """Die in the first write of a run, in the second of the run that goes on, and so forth."""

    def work(number: int) -> None:
        die_in_write(number, place)
        train(folder)

    return sum(fork(lambda n=n: work(n)) for n in (1, 2, 3))


def at_any_time(folder: Path, seconds: float) -> int:
    """Be killed from outside, at times that nobody chose."""
    generator = random.Random(0)
    return sum(fork(lambda: train(folder), generator.uniform(0.1, 0.6) * seconds) for _ in range(3))


def main(root: Path) -> None:
    """Run all."""
    torch.set_num_threads(1)
    began = time.monotonic()
    fork(lambda: train(root / "whole"))
    seconds = time.monotonic() - began
    kills = {"mid_epoch": mid_epoch(root / "mid_epoch")}
    for place in PLACES:
        kills[place] = in_each_write(root / place, place)
    kills["any_time"] = at_any_time(root / "any_time", seconds)
    for name in kills:
        fork(lambda name=name: train(root / name))
    (root / "kills.json").write_text(json.dumps(kills))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
