"""Training runs by several processes, compared with runs by one.

``python distributed_runs.py FOLDER`` trains the same tiny model alone and in groups, and writes
what each step did to ``FOLDER/steps.json``. One process imports torch; the workers are forks of
it, with the environment that torchrun would give them.

``torchrun ... distributed_runs.py FOLDER STEP`` is ``attend train`` by
several, of which the last one kills itself in a step, the first time that it gets there.
"""

import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import torch
import torch._dynamo  # DistributedDataParallel would import it in every fork

from attend.__main__ import main as attend
from attend.config import TransformerConfig
from attend.models.torch_transformer import Transformer
from attend.text.corpus import EncodedPair, copy_task
from attend.training.distributed import Worker, joined, rank, size
from attend.training.trainer import Group, Plan, Trainer, fit

CONFIG = TransformerConfig(12, N=1, d_model=16, d_ff=24, h=2, P_drop=0.0)
# Clipping bites in every step: what is clipped must be the sum, not the workers' parts.
PLAN = Plan(epochs=2, tokens=96, warmup_steps=10, save_every=4, average=2, clip=0.1)
LONG = [EncodedPair([3 + i % 9] * 60, [4 + i % 8] * (50 + i)) for i in range(3)]
PAIRS = copy_task(40, 12, 12) + LONG
"""Batches of the three long pairs have one row: a second worker has nothing to learn from."""

WORDS = ["red", "blue", "green", "old", "new", "big", "small", "house", "tree", "car", "dog"]
OPTIONS = """
--held-out 10 --vocabulary 300 --epochs 2 --tokens 200 --device cpu --threads 1 --save-every 3
--N 1 --d_model 8 --d_ff 8 --h 2 --P_drop 0.2
"""


class Break(Exception):  # noqa: N818
    """Stands for an interruption."""


def train(
    folder: Path, config: TransformerConfig = CONFIG, until: int = 10**9, plan: Plan = PLAN
) -> list[dict]:
    """Train in double precision to the end or to a step; return what each step did."""
    records: list[dict] = []

    def watch(record: dict) -> None:
        records.append(record | {"dropout": torch.get_rng_state().sum().item(), "rank": rank()})
        if record["step"] == until:
            raise Break

    with joined("cpu"), suppress(Break):
        torch.manual_seed(plan.seed)
        model = Transformer(config).double()
        run = (Trainer if size() == 1 else Worker)(model, PAIRS, plan, folder)
        fit(run, watch, lambda model: {"size": model.embedding.norm().item()})
    return records


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def group(workers: int, work: Callable[[], list[dict]], notes: Path) -> list[list[dict]]:
    """Let forks do the same work as one group; return what each of them returned."""
    port, children = free_port(), []
    for number in range(workers):
        child = os.fork()
        if child == 0:
            os.environ |= {
                "RANK": str(number), "WORLD_SIZE": str(workers), "LOCAL_RANK": str(number),
                "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
            }  # fmt: skip
            try:
                (notes / f"{number}.json").write_text(json.dumps(work()))
                os._exit(0)
            except BaseException as error:
                sys.stderr.write(f"{error!r}\n")
                os._exit(1)
        children.append(child)
    ended = [os.waitpid(child, 0)[1] for child in children]
    if any(ended):
        raise SystemExit(f"workers ended with {ended}")
    return [json.loads((notes / f"{number}.json").read_text()) for number in range(workers)]


def compare(root: Path) -> None:
    """Train alone and together, with dropout and without, whole, in pieces and in groups."""
    dropout = replace(CONFIG, P_drop=0.2)
    steps: dict[str, list[list[dict]]] = {}
    steps["alone"] = group(1, lambda: train(root / "alone"), root)
    steps["two"] = group(2, lambda: train(root / "two"), root)
    steps["three"] = group(3, lambda: train(root / "three"), root)
    in_pieces = replace(PLAN, pieces=3)
    steps["pieces"] = group(2, lambda: train(root / "pieces", plan=in_pieces), root)
    in_groups = replace(PLAN, epochs=4, tokens=3 * PLAN.tokens, groups=3)
    steps["groups alone"] = group(1, lambda: train(root / "groups alone", plan=in_groups), root)
    steps["groups"] = group(2, lambda: train(root / "groups", plan=in_groups), root)
    steps["dropout"] = group(2, lambda: train(root / "dropout", dropout), root)
    steps["broken"] = group(2, lambda: train(root / "broken", dropout, until=5), root)
    steps["mended"] = group(2, lambda: train(root / "broken", dropout), root)
    # The number of workers may change: alone for a while, then by two, then by three.
    group(1, lambda: train(root / "changing", until=5), root)
    group(2, lambda: train(root / "changing", until=10), root)
    steps["changing"] = group(3, lambda: train(root / "changing"), root)
    write_pairs(root / "pairs.tsv")
    group(2, lambda: command(root / "command"), root)
    (root / "steps.json").write_text(json.dumps(steps))


def command(folder: Path) -> list[dict]:
    """Run the command on a small corpus."""
    pairs = folder.with_name("pairs.tsv")
    attend(["train", *OPTIONS.split(), "--pairs", str(pairs), "--folder", str(folder)])
    return []


def write_pairs(path: Path) -> None:
    """Write a small corpus: three words, and the same backwards with a number."""
    sentences = [f"{a} {b} {c}" for a in WORDS[:4] for b in WORDS[3:8] for c in WORDS[5:]]
    lines = [f"{s}\t{' '.join(s.split()[::-1])} {i}\n" for i, s in enumerate(sentences)]
    path.write_text("".join(lines))


def die_once(folder: Path, step: int) -> None:
    """Arrange that the last worker is killed after a step, unless it was before."""
    learn, mark = Trainer.learn, folder.with_name(f"died-{step}")

    def doomed(self: Trainer, batch: Sequence[Group]) -> float:
        loss = learn(self, batch)
        if self.progress.step + 1 == step and rank() == size() - 1 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return loss

    Trainer.learn = doomed  # type: ignore[method-assign]


def main(folder: Path, step: int | None = None) -> None:
    """Do what the command line says."""
    torch.set_num_threads(1)
    if step is None:
        compare(folder)
    else:
        die_once(folder, step)
        command(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
