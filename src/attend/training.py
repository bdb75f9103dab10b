"""Training as in section 5 of the paper, on pairs of sentences, resumable at any moment.

``python -m attend.training --pairs deu-eng.zip --folder .training/course`` trains the translator
of the course. Interrupt it, or let the machine crash: the same command goes on where it was, and
the result is the same, bit for bit on a CPU.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

# Threads that wait without spinning halve the time of training on a busy machine. This must be
# said before torch starts its threads.
if __name__ == "__main__":
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from sacrebleu import corpus_bleu
from safetensors import safe_open
from safetensors.torch import load_file, save
from torch import Tensor
from tqdm import tqdm

from attend.config import TransformerConfig, course
from attend.corpus import (
    EncodedPair,
    SentencePair,
    batches,
    encode_pairs,
    load_pairs,
    pad,
    split_by_components,
)
from attend.decoding import greedy
from attend.files import write_atomically
from attend.tokenizer import Tokenizer
from attend.transformer import Transformer

FLOAT = torch.float32


@dataclass(frozen=True)
class Plan:
    """What a training run does; the defaults are those of the course's translator.

    Attributes
    ----------
    epochs
        How often every pair is seen.
    tokens
        Padded tokens of a batch, on either side.
    warmup_steps
        Steps in which the learning rate rises (section 5.3).
    rate
        Factor on the learning rate of equation (3).
    clip
        The largest norm of the gradient that is not shortened.
    seed
        Decides the first weights, the order of the batches and the dropout.
    save_every
        Steps between two checkpoints.
    average
        How many checkpoints, one an epoch, are averaged at the end (section 6.1).
    precision
        ``"float32"``, or ``"bfloat16"`` for the matrix products.
    """

    epochs: int = 20
    tokens: int = 4096
    warmup_steps: int = 2000
    rate: float = 1.0
    clip: float = 1.0
    seed: int = 1
    save_every: int = 100
    average: int = 5
    precision: str = "float32"

    def __post_init__(self) -> None:
        for name in ("epochs", "tokens", "warmup_steps", "save_every", "average"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1; received {getattr(self, name)}")
        if self.precision not in ("float32", "bfloat16"):
            raise ValueError(f"precision is 'float32' or 'bfloat16'; received {self.precision!r}")


class Progress(NamedTuple):
    """Where a run stands: finished epochs, batches of the present one, steps, seconds."""

    epoch: int = 0
    batch: int = 0
    step: int = 0
    seconds: float = 0.0


def learning_rate(step: int, d_model: int, warmup_steps: int = 4000) -> float:
    """Return the learning rate of a step, equation (3) of the paper.

    It rises in a straight line for `warmup_steps` steps and then falls with the inverse square
    root of the step.

    Parameters
    ----------
    step
        The step, counted from 1.
    d_model
        Length of the vector of a token.
    warmup_steps
        Where the peak is.

    Raises
    ------
    ValueError
        If one of them is below 1.
    """
    if min(step, d_model, warmup_steps) < 1:
        raise ValueError(
            "learning_rate needs step, d_model and warmup_steps of at least 1; received "
            f"step={step}, d_model={d_model}, warmup_steps={warmup_steps}"
        )
    return d_model**-0.5 * min(step**-0.5, step * warmup_steps**-1.5)


class SmoothedCrossEntropy(torch.autograd.Function):
    """Cross-entropy against softened labels, summed, with its gradient written by hand.

    The gradient is the softmax minus the labels. Torch's own loss is the same number, and a test
    keeps it so; but it fills a table of the size of the logits three times more often, and over a
    vocabulary of thousands that is a fifth of the training time.
    """

    @staticmethod
    def forward(
        ctx: Any, logits: Tensor, target: Tensor, text: Tensor, epsilon_ls: float
    ) -> Tensor:
        """Return the sum of the cross-entropy over the rows where `text` is True."""
        log_p = torch.log_softmax(logits, dim=-1, dtype=torch.promote_types(logits.dtype, FLOAT))
        ctx.epsilon_ls, ctx.dtype = epsilon_ls, logits.dtype
        ctx.save_for_backward(log_p, target, text)
        right, mean = log_p.gather(1, target[:, None])[:, 0], log_p.mean(dim=1)
        return -((1 - epsilon_ls) * right + epsilon_ls * mean)[text].sum()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        """Return softmax minus labels, and nothing for padding."""
        log_p, target, text = ctx.saved_tensors
        change = log_p.exp().sub_(ctx.epsilon_ls / log_p.shape[1])
        label = change.new_full((len(target), 1), 1 - ctx.epsilon_ls)
        change.scatter_add_(1, target[:, None], -label)
        return change.mul_((text * gradient)[:, None]).to(ctx.dtype), None, None, None


def smoothed_loss(logits: Tensor, target: Tensor, epsilon_ls: float, pad: int) -> Tensor:
    """Return the mean cross-entropy against labels softened by `epsilon_ls` (section 5.4).

    The right token gets the share ``1 - epsilon_ls``, and all tokens together the rest in equal
    parts. Padding does not count.

    Parameters
    ----------
    logits
        Shape (batch, n, vocabulary).
    target
        The right token of each place, (batch, n).
    epsilon_ls
        The share given away.
    pad
        The number of the padding token.
    """
    flat = target.flatten()
    text = flat != pad
    return SmoothedCrossEntropy.apply(logits.flatten(0, 1), flat, text, epsilon_ls) / text.sum()


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
        Encoded training pairs.
    plan
        What to do.
    folder
        Where checkpoints and history go.

    Raises
    ------
    ValueError
        If the folder holds a run with another plan or other sizes.
    """

    def __init__(
        self, model: Transformer, pairs: Sequence[EncodedPair], plan: Plan, folder: str | Path
    ) -> None:
        self.model, self.pairs, self.plan, self.folder = model, pairs, plan, Path(folder)
        self.optimizer = optimizer_for(model)
        self.progress = Progress()
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.checkpoint.exists():
            self.resume()

    @property
    def checkpoint(self) -> Path:
        """The file that an interrupted run goes on from."""
        return self.folder / "checkpoint.safetensors"

    @property
    def tokens_per_epoch(self) -> int:
        """How many target tokens an epoch has, the end of each sentence included."""
        return sum(len(pair.target) + 1 for pair in self.pairs)

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self.model.embedding.device

    def epoch(self) -> Iterator[dict[str, float]]:
        """Train for the rest of the present epoch; yield what each step did."""
        self.model.train()
        done = self.progress.batch
        order = batches(
            self.pairs, tokens=self.plan.tokens, seed=self.plan.seed, epoch=self.progress.epoch
        )
        for number, batch in enumerate(order):
            if number < done:
                continue
            yield self.advance(*(torch.from_numpy(side).to(self.device) for side in batch))
        finished = self.progress._replace(epoch=self.progress.epoch + 1, batch=0)
        self.progress = finished
        self.save(self.folder / f"epoch-{finished.epoch:03d}.safetensors", self.model.state_dict())
        self.save_checkpoint()

    def advance(self, source: Tensor, target: Tensor) -> dict[str, float]:
        """Learn from one batch, and save a checkpoint when it is time."""
        began = time.perf_counter()
        loss = self.learn(source, target)
        seconds = self.progress.seconds + time.perf_counter() - began
        step = self.progress.step + 1
        self.progress = Progress(self.progress.epoch, self.progress.batch + 1, step, seconds)
        if step % self.plan.save_every == 0:
            self.save_checkpoint()
        return {"step": step, "loss": loss, "tokens": int((target[:, 1:] != self.model.pad).sum())}

    def learn(self, source: Tensor, target: Tensor) -> float:
        """Take one step of Adam down the gradient of the loss; return the loss."""
        self.set_rate()
        loss = self.loss(source, target)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.plan.clip)
        self.optimizer.step()
        return loss.item()

    def set_rate(self) -> None:
        """Give Adam the learning rate of the step to come."""
        config, plan = self.model.config, self.plan
        rate = learning_rate(self.progress.step + 1, config.d_model, plan.warmup_steps)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * plan.rate

    def loss(self, source: Tensor, target: Tensor) -> Tensor:
        """Return the loss of a batch: each target token is to be told from those before it."""
        config = self.model.config
        low = self.plan.precision == "bfloat16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=low):
            logits = self.model(source, target[:, :-1])
        return smoothed_loss(logits, target[:, 1:], config.epsilon_ls, config.pad)

    def fingerprint(self) -> dict[str, Any]:
        """Return what must be the same for a run to be resumed."""
        plan = {name: value for name, value in asdict(self.plan).items() if name != "epochs"}
        return {"plan": plan, "config": self.model.config.as_dict(), "pairs": len(self.pairs)}

    def save_checkpoint(self) -> None:
        """Write all that decides the rest of the run."""
        tensors = {f"model.{name}": x for name, x in self.model.state_dict().items()}
        for number, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{name}": x for name, x in state.items()}
        tensors["random"] = torch.get_rng_state()
        if self.device.type == "cuda":
            tensors["random.cuda"] = torch.cuda.get_rng_state(self.device)
        self.save(self.checkpoint, tensors)

    def save(self, path: Path, tensors: dict[str, Tensor]) -> None:
        """Write tensors with progress and fingerprint; the file is whole or is not there."""
        about = {"progress": json.dumps(self.progress), "run": json.dumps(self.fingerprint())}
        write_atomically(path, save({name: x.cpu() for name, x in tensors.items()}, about))

    def resume(self) -> None:
        """Go on where the checkpoint stands."""
        with safe_open(self.checkpoint, "pt") as file:
            about = file.metadata()
        if json.loads(about["run"]) != self.fingerprint():
            raise ValueError(
                f"{self.folder} holds another run: {about['run']}, and this one is "
                f"{json.dumps(self.fingerprint())}. Choose another folder, or the same settings"
            )
        tensors = load_file(self.checkpoint)
        self.progress = Progress(*json.loads(about["progress"]))
        self.model.load_state_dict(_part(tensors, "model."))
        self._restore_optimizer(_part(tensors, "optimizer."))
        torch.set_rng_state(tensors["random"])
        if "random.cuda" in tensors:
            torch.cuda.set_rng_state(tensors["random.cuda"], self.device)

    def _restore_optimizer(self, tensors: dict[str, Tensor]) -> None:
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            number, key = name.split(".")
            state.setdefault(int(number), {})[key] = tensor
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": state, "param_groups": groups})


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): x for n, x in tensors.items() if n.startswith(prefix)}


def average(paths: Sequence[Path]) -> dict[str, Tensor]:
    """Return the mean of the weights in several files (section 6.1).

    Raises
    ------
    ValueError
        If there is no file.
    """
    if not paths:
        raise ValueError("there is no checkpoint to average; train for at least one epoch")
    total: dict[str, Tensor] = {}
    for path in paths:
        for name, tensor in load_file(path).items():
            total[name] = total.get(name, 0) + tensor.double()
    return {name: (x / len(paths)).float() for name, x in total.items()}


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
        began, total, count = time.perf_counter(), 0.0, 0
        for record in trainer.epoch():
            watch(record)
            total, count = total + record["loss"] * record["tokens"], count + record["tokens"]
        trainer.model.eval()
        summary = {
            "epoch": trainer.progress.epoch,
            "step": trainer.progress.step,
            "loss": total / max(count, 1),
            "tokens_per_second": count / (time.perf_counter() - began),
            "seconds": trainer.progress.seconds,
        }
        note(trainer.folder / "history.jsonl", summary | examine(trainer.model))
    names = sorted(trainer.folder.glob("epoch-*.safetensors"))
    return average(names[-trainer.plan.average :])


def note(path: Path, record: dict[str, Any]) -> None:
    """Append a record to the history, once for each epoch even after an interruption."""
    known = path.read_text().splitlines() if path.exists() else []
    kept = [line for line in known if json.loads(line)["epoch"] != record["epoch"]]
    write_atomically(path, ("\n".join([*kept, json.dumps(record)]) + "\n").encode())


class Examiner:
    """Measures a model on pairs it is not trained on, after each epoch.

    Parameters
    ----------
    pairs
        Sentence pairs held out.
    tokenizer
        Turns them into tokens and back.
    translated
        How many of them are translated for BLEU; the loss is taken over all.
    """

    def __init__(
        self, pairs: Sequence[SentencePair], tokenizer: Tokenizer, translated: int = 500
    ) -> None:
        self.encoded = encode_pairs(pairs, tokenizer)
        self.pairs, self.tokenizer = pairs[:: max(1, len(pairs) // translated)], tokenizer

    def __call__(self, model: Transformer) -> dict[str, float]:
        """Return the loss without label smoothing, and BLEU of greedy translations."""
        return {"validation_loss": self.loss(model), "validation_bleu": self.bleu(model)}

    @torch.no_grad()
    def loss(self, model: Transformer) -> float:
        """Return the mean cross-entropy of a target token, in nats."""
        total, count = 0.0, 0
        for batch in batches(self.encoded, tokens=4096):
            source, target = (torch.from_numpy(x).to(model.embedding.device) for x in batch)
            tokens = int((target[:, 1:] != model.pad).sum())
            loss = smoothed_loss(model(source, target[:, :-1]), target[:, 1:], 0.0, model.pad)
            total, count = total + loss.item() * tokens, count + tokens
        return total / count

    def bleu(self, model: Transformer) -> float:
        """Return BLEU of greedy translations against one reference."""
        device = model.embedding.device
        sources = [self.tokenizer.encode(pair.source) for pair in self.pairs]
        found: list[str] = []
        for first in range(0, len(sources), 100):
            batch = torch.from_numpy(pad(sources[first : first + 100])).to(device)
            found += [self.tokenizer.decode(tokens) for tokens in greedy(model, batch)]
        return corpus_bleu(found, [[pair.target for pair in self.pairs]]).score


def prepare(folder: Path, pairs: Sequence[SentencePair], vocabulary: int) -> Tokenizer:
    """Return the tokenizer of a run: the one in its folder, or one trained on `pairs`."""
    path = folder / "tokenizer.json"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        Tokenizer.train((side for pair in pairs for side in pair), vocabulary=vocabulary).save(path)
    return Tokenizer.load(path)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="attend.training", description=__doc__)
    parser.add_argument("--pairs", nargs="+", required=True, help="zip, tsv, or two files")
    parser.add_argument("--folder", type=Path, required=True, help="checkpoints and history")
    parser.add_argument("--held-out", type=int, default=2000, help="pairs, for each of two parts")
    parser.add_argument("--vocabulary", type=int, default=4000)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    for field in fields(Plan):
        name = "--" + field.name.replace("_", "-")
        parser.add_argument(name, type=type(field.default), default=field.default)
    for field in fields(TransformerConfig):
        if field.name in ("N", "d_model", "d_ff", "h", "P_drop", "epsilon_ls"):
            preset = getattr(course(), field.name)
            parser.add_argument(f"--{field.name}", type=type(preset), default=preset)
    return parser.parse_args()


def main() -> None:
    """Train a translator; see the command's help."""
    given = arguments()
    if given.threads:
        torch.set_num_threads(given.threads)
    pairs, report = load_pairs(*given.pairs)
    print(report)
    split = split_by_components(pairs, given.held_out)
    tokenizer = prepare(given.folder, split.train, given.vocabulary)
    plan = Plan(**{field.name: getattr(given, field.name) for field in fields(Plan)})
    torch.manual_seed(plan.seed)
    sizes = {name: getattr(given, name) for name in ("N", "d_model", "d_ff", "h")}
    shares = {"P_drop": given.P_drop, "epsilon_ls": given.epsilon_ls}
    model = Transformer(TransformerConfig(len(tokenizer), **sizes, **shares)).to(given.device)
    trainer = Trainer(model, encode_pairs(split.train, tokenizer), plan, given.folder)
    with tqdm(total=plan.epochs * trainer.tokens_per_epoch, unit="tok", unit_scale=True) as bar:
        bar.update(int(trainer.progress.epoch * trainer.tokens_per_epoch))

        def watch(record: dict[str, float]) -> None:
            bar.update(record["tokens"])
            bar.set_postfix(epoch=trainer.progress.epoch + 1, loss=f"{record['loss']:.3f}")

        weights = fit(trainer, watch, Examiner(split.validation, tokenizer))
    trainer.save(given.folder / "average.safetensors", weights)


if __name__ == "__main__":
    main()
