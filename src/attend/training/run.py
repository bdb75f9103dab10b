"""A whole training run as ``attend train`` asks for it: read, build, train, examine, write."""

import argparse
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import fields
from pathlib import Path

import torch
from tqdm import tqdm

from attend.config import TransformerConfig
from attend.models.torch_transformer import Transformer
from attend.text.corpus import (
    SentencePair,
    Split,
    encode_pairs,
    leaked,
    load_pairs,
    read_pairs,
    split_by_components,
    without,
)
from attend.text.stream import PairStream, TextStream
from attend.text.tokenizer import Tokenizer
from attend.training.checkpoints import average, epochs_of, mean
from attend.training.distillation import load_chosen
from attend.training.distributed import Worker, first_worker_first, joined, own_device, rank, size
from attend.training.examiner import Examiner
from attend.training.plan import SIZES, Pairs, Plan
from attend.training.rough_pairs import RoughPairs
from attend.training.trainer import Trainer, fit


class Stopped(Exception):  # noqa: N818
    """Somebody asked to stop, between two steps."""


def run(given: argparse.Namespace) -> None:
    """Train as the command line says, alone or as one of several workers."""
    given.device = given.device or ("cuda" if torch.cuda.is_available() else "cpu")
    with joined(given.device):
        train(given)


def train(given: argparse.Namespace) -> None:
    """Train with a bar that shows the speed and the time left."""
    trainer, examine = prepare(given)
    # Workers that stop politely would stop at different steps, and wait for each other forever.
    interrupts = _polite_interrupts() if size() == 1 else nullcontext(lambda: None)
    with _progress_bar(trainer) as bar, interrupts as check:

        def watch(record: dict[str, float]) -> None:
            bar.update(record["tokens"])
            bar.set_postfix(epoch=trainer.progress.epoch + 1, loss=f"{record['loss']:.3f}")
            check()

        try:
            weights = fit(trainer, watch, examine if rank() == 0 else lambda model: {})
        except Stopped:
            trainer.save_checkpoint()
            bar.close()
            tqdm.write(f"Stopped after step {trainer.progress.step}. {_how_to_go_on(trainer)}")
            raise KeyboardInterrupt from None
        except KeyboardInterrupt:
            bar.close()
            tqdm.write(f"Stopped at once. {_how_to_go_on(trainer)}")
            raise
    trainer.save(given.folder / "average.safetensors", weights)
    _say(f"The averaged weights are in {given.folder / 'average.safetensors'}.")


def _say(message: str) -> None:
    """Tell how it goes; of several workers the first one speaks."""
    if rank() == 0:
        tqdm.write(message)


def _how_to_go_on(trainer: Trainer) -> str:
    if not trainer.checkpoint.exists():
        return "There is no checkpoint yet; the same command begins again."
    return f"The same command goes on from {trainer.checkpoint}."


def _progress_bar(trainer: Trainer) -> tqdm:
    """Return a bar that counts target tokens, and knows what was done before an interruption."""
    plan, now, tokens = trainer.plan, trainer.progress, trainer.tokens_per_epoch
    # Of a stream nobody knows the length: then the bar counts, and tells no time left.
    done = now.epoch * (tokens or 0) + now.tokens
    total = plan.epochs * tokens if tokens else None
    return tqdm(total=total, initial=done, unit="tok", unit_scale=True, disable=rank() > 0)


@contextmanager
def _polite_interrupts() -> Iterator[Callable[[], None]]:
    """Turn the first Ctrl-C into a `Stopped` at the next check; the second one stops at once.

    A step that is cut in half cannot be saved: some weights would have moved and others not.
    """
    asked = False

    def check() -> None:
        if asked:
            raise Stopped

    def ask(number: int, frame: object) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        tqdm.write("Stopping after this step. Press Ctrl-C again to stop at once.")

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)


def prepare(given: argparse.Namespace) -> tuple[Trainer, Examiner]:
    """Read the pairs, and build what trains on one part of them and is examined on another."""
    plan = Plan(**{field.name: getattr(given, field.name) for field in fields(Plan)})
    device = choose_device(own_device(given.device), given.threads)
    train, validation = read_stream(given) if given.stream is not None else read_all(given)
    with first_worker_first():
        if given.begin_with:
            adopt_tokenizer(given.begin_with[0], given.folder)
        tokenizer = tokenizer_of(given.folder, train, given.vocabulary)
    torch.manual_seed(plan.seed)
    config = TransformerConfig(len(tokenizer), **{name: getattr(given, name) for name in SIZES})
    model = Transformer(config).to(device)
    if given.begin_with:
        adopt_weights(given.begin_with, model, plan.average)
    pairs = pairs_to_learn(given, train, tokenizer)
    trainer = (Trainer if size() == 1 else Worker)(model, pairs, plan, given.folder)
    return trainer, Examiner(validation, tokenizer, given.tokenize)


def pairs_to_learn(
    given: argparse.Namespace, train: list[SentencePair] | TextStream, tokenizer: Tokenizer
) -> Pairs:
    """Return pairs in the way that was asked for: from disk, made anew each epoch, or as they are.

    Raises
    ------
    ValueError
        If options do not go together.
    """
    for name in ("chosen", "frames"):
        if getattr(given, name) and not given.rough:
            raise ValueError(f"--{name} is used together with --rough; give both, or neither")
    if isinstance(train, TextStream):
        if given.rough:
            raise ValueError("--rough works on pairs in memory; leave --stream out")
        return PairStream(train, tokenizer, given.stream)
    if given.rough:
        chosen = load_chosen(given.chosen) if given.chosen else None
        return RoughPairs(train, tokenizer, chosen, given.frames)
    return encode_pairs(train, tokenizer)


def read_all(given: argparse.Namespace) -> tuple[list[SentencePair], list[SentencePair]]:
    """Return the pairs to train on and those to validate on."""
    pairs, report = load_pairs(*given.pairs)
    _say(str(report))
    split = parts(pairs, given)
    further = keep_out(further_pairs(given.add, given.add_times), given.without)
    train = keep_out(split.train, given.without)
    # The parts of a split share no sentence. Pairs from other files may.
    tell_of_leaks(split.validation + split.test, train + further if given.validate else further)
    return train + further, split.validation


def parts(pairs: list[SentencePair], given: argparse.Namespace) -> Split:
    """Split pairs, or take a file of its own to validate on."""
    if given.validate:
        return Split(pairs, load_pairs(*given.validate)[0], [])
    return split_by_components(pairs, given.held_out)


def tell_of_leaks(held_out: list[SentencePair], trained_on: Iterable[SentencePair]) -> None:
    """Warn of held-out pairs with a sentence that is trained on, and count them."""
    count = leaked(held_out, trained_on) if rank() == 0 else 0
    if count:
        tqdm.write(
            f"attend train: {count:,} of {len(held_out):,} pairs held out have a sentence that is "
            "trained on: what is measured on them is too good. Take other pairs, or keep the "
            "sentences out of training with --without",
            file=sys.stderr,
        )


def read_stream(given: argparse.Namespace) -> tuple[TextStream, list[SentencePair]]:
    """Return the pairs to train on, which stay on disk, and those to validate on.

    Raises
    ------
    ValueError
        If something is asked for that needs all pairs at once.
    """
    if not given.validate:
        raise ValueError(
            "a stream cannot be split, as nobody sees all of its pairs at once: give --stream a "
            "file to validate on with --validate, or leave --stream out"
        )
    if given.without or given.add:
        raise ValueError(
            "--without and --add work on pairs in memory: change the file that is streamed "
            "instead, or leave --stream out"
        )
    train, validation = TextStream(*given.pairs), load_pairs(*given.validate)[0]
    tell_of_leaks(validation, train)
    return train, validation


def further_pairs(path: Path | None, times: int) -> list[SentencePair]:
    """Return the pairs of a file, repeated: they teach what a large corpus does not hold."""
    return [] if path is None else load_pairs(path)[0] * times


def adopt_tokenizer(run: Path, folder: Path) -> None:
    """Give a new run the tokenizer of an earlier one."""
    folder.mkdir(parents=True, exist_ok=True)
    Tokenizer.load(run / "tokenizer.json").save(folder / "tokenizer.json")


def adopt_weights(runs: Sequence[Path], model: Transformer, count: int) -> None:
    """Begin with the average of the last epochs of an earlier run, or the mean of several runs'.

    Raises
    ------
    ValueError
        If there is none, or if its model has other sizes.
    """
    weights = mean([average(epochs_of(run)[-count:]) for run in runs])
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        first = str(error).splitlines()[1].strip()
        raise ValueError(f"{runs[0]} holds a model of other sizes: {first}") from error


def choose_device(name: str, threads: int | None) -> torch.device:
    """Return the device of a name, after saying how many threads may compute.

    Raises
    ------
    ValueError
        If there is no such device here, or fewer than one thread is given.
    """
    if threads is not None:
        if threads < 1:
            raise ValueError(f"threads must be at least 1; received {threads}")
        torch.set_num_threads(threads)
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"there is no device {name!r} here ({reason}); try cpu") from error


def keep_out(pairs: list[SentencePair], path: Path | None) -> list[SentencePair]:
    """Leave out every pair that shares a sentence with the pairs of a file."""
    if path is None:
        return pairs
    return without(pairs, (side for pair in read_pairs(path) for side in pair))


def tokenizer_of(folder: Path, pairs: Iterable[SentencePair], vocabulary: int) -> Tokenizer:
    """Return the tokenizer of a run: the one in its folder, or one trained on `pairs`.

    Raises
    ------
    ValueError
        If the one in the folder is larger than asked for, or damaged.
    """
    path = folder / "tokenizer.json"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        Tokenizer.train((side for pair in pairs for side in pair), vocabulary=vocabulary).save(path)
    tokenizer = Tokenizer.load(path)
    if len(tokenizer) > vocabulary:
        raise ValueError(
            f"{folder} holds another run: its tokenizer has {len(tokenizer)} word pieces, and "
            f"vocabulary={vocabulary} are asked for. Choose another folder, or the same settings"
        )
    return tokenizer
