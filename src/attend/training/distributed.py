"""Training by several processes that share the work, as ``torchrun`` starts them.

``torchrun --nproc-per-node 2 -m attend train --pairs deu-eng.zip --folder
.training/course`` is the command of `attend.training.trainer`, done by two. Every worker holds the
whole model and makes every batch, but learns from rows of its own. PyTorch's
DistributedDataParallel adds the gradients up before Adam moves, so all workers take the same step.
Without dropout it is the step that one alone takes; with it, every worker drops other entries.
"""

import json
import os
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, distributed
from torch.nn.parallel import DistributedDataParallel

from attend.models.torch_transformer import Transformer
from attend.training.checkpoints import part
from attend.training.plan import Pairs, Plan
from attend.training.trainer import Trainer

PATIENCE = timedelta(hours=4)
"""How long workers wait for the first one, which trains the tokenizer and examines the model."""


def rank() -> int:
    """Return the number of this worker, from 0; 0 for a process that works alone."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def size() -> int:
    """Return how many workers there are; 1 for a process that works alone."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


@contextmanager
def joined(device: str) -> Iterator[None]:
    """Belong to the group that torchrun started; without torchrun, stay alone.

    Parameters
    ----------
    device
        Where the model will be. Sums over GPUs go through NCCL, all others through gloo.

    Raises
    ------
    ValueError
        If torchrun has started the workers again in a way that would let them wait forever.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    _check_restart()
    backend = "cpu:gloo,cuda:nccl" if device.startswith("cuda") else "gloo"
    distributed.init_process_group(backend, timeout=PATIENCE)
    yield
    # After an error the others may never come: then the process just ends, and torchrun sees it.
    _meet()
    # Gloo's threads put their last work away under Python's lock, and the end of the group, which
    # holds that lock, would wait for them forever (torch 2.13). Let them finish.
    time.sleep(0.5)
    distributed.destroy_process_group()


def _check_restart() -> None:
    """Refuse to meet where the workers before this one met: their addresses still stand there."""
    again = int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0
    if again and os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True":
        raise ValueError(
            "restarted workers would wait for those that have died. Run the same command again, "
            "or set TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 for torchrun with --max-restarts"
        )


def own_device(name: str) -> str:
    """Return the device of this worker: of the GPUs of a host, each worker takes one."""
    return f"cuda:{os.environ['LOCAL_RANK']}" if name == "cuda" and size() > 1 else name


@contextmanager
def first_worker_first() -> Iterator[None]:
    """Let the first worker do something before all others do it: they find its files."""
    if rank() > 0:
        _meet()
    yield
    if rank() == 0 and size() > 1:
        _meet()


def _meet() -> None:
    """Wait until every worker is here. (Torch's barrier would need a GPU where there are some.)"""
    distributed.all_reduce(torch.zeros(1))


def gather(tensor: Tensor) -> list[Tensor]:
    """Collect a tensor of the same shape from every worker; it must not be on a GPU."""
    found = [torch.empty_like(tensor) for _ in range(size())]
    distributed.all_gather(found, tensor)
    return found


class SumOverWorkers(torch.autograd.Function):
    """The sum of what every worker has, with its gradient."""

    @staticmethod
    def forward(ctx: Any, mine: Tensor) -> Tensor:
        """Return the sum; every worker gets the same."""
        total = mine.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """Return the gradient for `mine`, as many times as there are workers.

        DistributedDataParallel takes the mean of the workers' gradients. The gradient of a sum is
        the sum of the gradients.
        """
        return gradient * size()


class Worker(Trainer):
    """A trainer that is one of several; see `attend.training.trainer.Trainer`.

    Only the first one writes files. All of them read the checkpoint, so the folder must be one
    that all hosts share.

    Raises
    ------
    ValueError
        As a `Trainer` does, and if the workers have different pairs or stand at different steps.
    """

    def __init__(
        self,
        model: Transformer,
        pairs: Pairs,
        plan: Plan,
        folder: str | Path,
    ) -> None:
        super().__init__(model, pairs, plan, folder)
        self._check_together()
        if not self.checkpoint.exists():
            self.seed_anew()
        self.predict = DistributedDataParallel(model)

    def _check_together(self) -> None:
        run = zlib.crc32(json.dumps(self.run, sort_keys=True).encode())
        all_here = gather(torch.tensor([run, self.progress.step]))
        if any(not torch.equal(here, all_here[0]) for here in all_here):
            raise ValueError(
                "the workers do not do the same: settings, pairs and checkpoint must be equal on "
                "all hosts. Use one folder that all of them share; (digest, step) of each are "
                f"{[tuple(here.tolist()) for here in all_here]}"
            )

    def loss(self, source: Tensor, target: Tensor) -> Tensor:
        """Return the loss of the whole batch; its gradient here is that of this worker's rows.

        The loss is a mean over target tokens, and workers have different numbers of them.
        """
        own = slice(rank(), None, size())
        rows = (source[own], target[own])
        if not len(rows[0]):
            # Fewer rows than workers. DistributedDataParallel waits for all: read, learn nothing.
            return SumOverWorkers.apply(0 * super().loss(source[:1], target[:1]))
        share = self.tokens_of(rows[1]) / self.tokens_of(target)
        return SumOverWorkers.apply(share * super().loss(*rows))

    def random_state(self) -> dict[str, Tensor]:
        """Return what decides the dropout of every worker; the first one's as if it were alone."""
        found = {}
        for name, tensor in super().random_state().items():
            first, *others = gather(tensor)
            found[name] = first
            found |= {f"worker.{i}.{name}": other for i, other in enumerate(others, start=1)}
        return found

    def restore_random(self, tensors: dict[str, Tensor]) -> None:
        """Take this worker's own state; one that was not there before begins a new one."""
        own = part(tensors, f"worker.{rank()}.") if rank() else tensors
        if own:
            super().restore_random(own)
        else:
            self.seed_anew()

    def seed_anew(self) -> None:
        """Give every worker but the first random numbers of its own."""
        if rank():
            name = (self.plan.seed, rank(), self.progress.step)
            torch.manual_seed(int(np.random.SeedSequence(name).generate_state(1)[0]))

    def save(self, path: Path, tensors: dict[str, Tensor]) -> None:
        """Write tensors, if this is the first worker."""
        if rank() == 0:
            super().save(path, tensors)

    def note(self, record: dict[str, float]) -> None:
        """Write what an epoch did, if this is the first worker."""
        if rank() == 0:
            super().note(record)
