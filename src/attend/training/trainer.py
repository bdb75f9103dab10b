"""Training as in section 5 of the paper, on pairs of sentences, resumable at any moment.

``attend train --pairs deu-eng.zip --folder .training/course`` trains a model of the size of the
course's translator; how the one that ships was trained stands in its model card. Interrupt it, or
let the machine crash: the same command goes on where it was, and the result is the same, bit for
bit on a CPU.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from math import isfinite
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from attend.files import remove_half_written, write_atomically
from attend.models.torch_transformer import Transformer
from attend.text.corpus import Batch, batches
from attend.training.checkpoints import average, part, read_tensors, write_tensors
from attend.training.loss import smoothed_loss
from attend.training.plan import (
    Pairs,
    Plan,
    Progress,
    check_same_run,
    describe,
    falling_rate,
    learning_rate,
)

__all__ = ["Plan", "Progress", "Trainer", "average", "fit", "learning_rate", "smoothed_loss"]

WRITTEN = (
    r"(?:checkpoint|average|epoch-\d{3,})\.safetensors",
    r"history\.jsonl",
    r"tokenizer\.json",
)
"""The files of a run, as regular expressions."""

Group = tuple[Tensor, Tensor]
"""Sources (b, n) and targets (b, m) of about the same length; a batch has one or more of these."""


def optimizer_for(model: Transformer) -> torch.optim.Adam:
    """Return Adam with the constants of section 5.3."""
    return torch.optim.Adam(model.parameters(), lr=1.0, betas=(0.9, 0.98), eps=1e-9, fused=True)


class Trainer:
    """A model being trained, and all that is needed to go on after an interruption.

    Parameters
    ----------
    model
        What to train; its device decides where.
    pairs
        Encoded training pairs, or what makes them anew for each epoch.
    plan
        What to do.
    folder
        Where checkpoints and history go.

    Raises
    ------
    ValueError
        If there are no pairs, if they do not fit the model, if the folder holds a run with
        another plan or other sizes, or if its checkpoint is damaged.
    """

    def __init__(
        self,
        model: Transformer,
        pairs: Pairs,
        plan: Plan,
        folder: str | Path,
    ) -> None:
        self.model, self.pairs, self.plan, self.folder = model, pairs, plan, Path(folder)
        self.run = describe(model.config, pairs, plan)
        self.optimizer = optimizer_for(model)
        self.predict: Callable[[Tensor, Tensor], Tensor] = model
        self.progress = Progress()
        self.folder.mkdir(parents=True, exist_ok=True)
        remove_half_written(self.folder, WRITTEN)
        if self.checkpoint.exists():
            self.resume()

    @property
    def checkpoint(self) -> Path:
        """The file that an interrupted run goes on from."""
        return self.folder / "checkpoint.safetensors"

    def weights(self, epoch: int) -> Path:
        """Return the file with the weights as they were after an epoch, counted from 1."""
        return self.folder / f"epoch-{epoch:03d}.safetensors"

    @property
    def tokens_per_epoch(self) -> int | None:
        """How many target tokens an epoch has, the end of each sentence included.

        Nobody knows it of a stream before its end.
        """
        if hasattr(self.pairs, "batches"):
            return None
        return sum(len(pair.target) + 1 for pair in self.pairs)

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self.model.embedding.device

    def epoch(self) -> Iterator[dict[str, float]]:
        """Train for the rest of the present epoch; yield what each step did."""
        self.model.train()
        for batch in islice(self.order(), self.progress.batch, None):
            yield self.advance([self.tensors(group) for group in batch])

    def order(self) -> Iterator[list[Batch]]:
        """Return the batches of the present epoch, each in groups of similar length."""
        groups = self.groups()
        while batch := list(islice(groups, self.plan.groups)):
            yield batch

    def groups(self) -> Iterator[Batch]:
        """Return the groups of the present epoch; a batch is made of `plan.groups` of them."""
        plan = self.plan
        budget = plan.tokens // plan.groups
        if hasattr(self.pairs, "batches"):
            return self.pairs.batches(tokens=budget, seed=plan.seed, epoch=self.progress.epoch)
        return batches(self.pairs, tokens=budget, seed=plan.seed, epoch=self.progress.epoch)

    def tensors(self, group: Batch) -> Group:
        """Bring the two sides of a group to where the model is."""
        source, target = group
        return torch.from_numpy(source).to(self.device), torch.from_numpy(target).to(self.device)

    def advance(self, batch: Sequence[Group]) -> dict[str, float]:
        """Learn from one batch, and save a checkpoint when it is time."""
        began = time.perf_counter()
        loss = self.learn(batch)
        tokens = self.tokens_in(batch)
        now = self.progress
        self.progress = now._replace(
            batch=now.batch + 1,
            step=now.step + 1,
            seconds=now.seconds + time.perf_counter() - began,
            loss=now.loss + loss * tokens,
            tokens=now.tokens + tokens,
        )
        if self.progress.step % self.plan.save_every == 0:
            self.save_checkpoint()
        return {"step": self.progress.step, "loss": loss, "tokens": tokens}

    def learn(self, batch: Sequence[Group]) -> float:
        """Take one step of Adam down the gradient of the loss; return the loss."""
        self.set_rate()
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.descend(batch)
        if not isfinite(loss):
            raise FloatingPointError(
                f"the loss of step {self.progress.step + 1} is {loss}: training has gone "
                f"astray. Try a smaller rate than {self.plan.rate}, or more warm-up steps"
            )
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.plan.clip)
        self.optimizer.step()
        return loss

    def descend(self, batch: Sequence[Group]) -> float:
        """Add up the gradient of a batch piece by piece; return its loss.

        The loss is a mean over target tokens, so each piece counts by its tokens.
        """
        total, wanted = 0.0, self.tokens_in(batch)
        for source, target in self.in_pieces(batch):
            loss = self.loss(source, target) * (self.tokens_of(target) / wanted)
            loss.backward()
            total += loss.item()
        return total

    def in_pieces(self, batch: Sequence[Group]) -> Iterator[Group]:
        """Cut each group of a batch into `plan.pieces` pieces of whole sentences."""
        for source, target in batch:
            count = min(self.plan.pieces, len(source))
            yield from zip(source.tensor_split(count), target.tensor_split(count), strict=True)

    def tokens_in(self, batch: Sequence[Group]) -> int:
        """Return how many tokens the targets of a batch ask for."""
        return sum(self.tokens_of(target) for _, target in batch)

    def tokens_of(self, target: Tensor) -> int:
        """Return how many tokens a target, (b, m), asks for."""
        return int((target[:, 1:] != self.model.pad).sum())

    def set_rate(self) -> None:
        """Give Adam the learning rate of the step to come."""
        config, plan = self.model.config, self.plan
        rate = falling_rate(self.progress.step + 1, config.d_model, plan)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * plan.rate

    def loss(self, source: Tensor, target: Tensor) -> Tensor:
        """Return the loss of a batch: each target token is to be told from those before it."""
        config = self.model.config
        low = self.plan.precision == "bfloat16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=low):
            logits = self.predict(source, target[:, :-1])
        return smoothed_loss(logits, target[:, 1:], config.epsilon_ls, config.pad)

    def finish_epoch(self, results: dict[str, float]) -> None:
        """Keep the weights, write the history, and begin the next epoch.

        The checkpoint comes last: killed before it, a run repeats the end of the epoch and writes
        the same again.
        """
        now, epoch = self.progress, self.progress.epoch + 1
        self.save(self.weights(epoch), self.model.state_dict())
        summary = {
            "epoch": epoch,
            "step": now.step,
            "loss": now.loss / max(now.tokens, 1),
            "tokens_per_second": now.tokens / max(now.seconds - now.began, 1e-9),
            "seconds": now.seconds,
        }
        self.note(summary | results)
        self.progress = Progress(epoch, 0, now.step, now.seconds, began=now.seconds)
        self.save_checkpoint()

    def note(self, record: dict[str, float]) -> None:
        """Write what an epoch did into the history."""
        note(self.folder / "history.jsonl", record)

    def save_checkpoint(self) -> None:
        """Write all that decides the rest of the run."""
        tensors = {f"model.{name}": x for name, x in self.model.state_dict().items()}
        for number, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{name}": x for name, x in state.items()}
        self.save(self.checkpoint, tensors | self.random_state())

    def save(self, path: Path, tensors: dict[str, Tensor]) -> None:
        """Write tensors with what they belong to; the file is whole or is not there."""
        write_tensors(path, tensors, {"progress": self.progress, "run": self.run})

    def resume(self) -> None:
        """Go on where the checkpoint stands."""
        tensors, about = read_tensors(self.checkpoint)
        if not {"progress", "run"} <= about.keys():
            raise ValueError(f"{self.checkpoint} is not the checkpoint of a training run")
        check_same_run(self.folder, about["run"], self.run)
        self.progress = Progress(*about["progress"])
        self.model.load_state_dict(part(tensors, "model."))
        self._restore_optimizer(part(tensors, "optimizer."))
        self.restore_random(tensors)

    def random_state(self) -> dict[str, Tensor]:
        """Return what decides the dropout to come."""
        state = {"random": torch.get_rng_state()}
        if self.device.type == "cuda":
            state["random.cuda"] = torch.cuda.get_rng_state(self.device)
        return state

    def restore_random(self, tensors: dict[str, Tensor]) -> None:
        """Give dropout the state that `random_state` returned."""
        torch.set_rng_state(tensors["random"])
        if "random.cuda" in tensors and self.device.type == "cuda":
            torch.cuda.set_rng_state(tensors["random.cuda"], self.device)

    def _restore_optimizer(self, tensors: dict[str, Tensor]) -> None:
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            number, key = name.split(".")
            state.setdefault(int(number), {})[key] = tensor
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": state, "param_groups": groups})


def fit(
    trainer: Trainer,
    watch: Callable[[dict[str, float]], None] = lambda record: None,
    examine: Callable[[Transformer], dict[str, float]] = lambda model: {},
) -> dict[str, Tensor]:
    """Train to the end of the plan; return the average of the last checkpoints.

    Parameters
    ----------
    trainer
        The run. It may have been interrupted before.
    watch
        Receives what each step did.
    examine
        Measures the model after each epoch; what it returns goes into ``history.jsonl``.
    """
    while trainer.progress.epoch < trainer.plan.epochs:
        for record in trainer.epoch():
            watch(record)
        trainer.model.eval()
        trainer.finish_epoch(examine(trainer.model))
    last = trainer.progress.epoch
    first = max(1, last - trainer.plan.average + 1)
    return average([trainer.weights(epoch) for epoch in range(first, last + 1)])


def note(path: Path, record: dict[str, Any]) -> None:
    """Append a record to the history, once for each epoch even after an interruption."""
    known = path.read_text().splitlines() if path.exists() else []
    kept = [line for line in known if json.loads(line)["epoch"] < record["epoch"]]
    write_atomically(path, ("\n".join([*kept, json.dumps(record)]) + "\n").encode())
