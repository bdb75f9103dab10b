"""The commands ``attend train`` and ``attend distill``: from sentence pairs to a translator.

What they read stands here, and needs no torch; what they do stands in `attend.training.run` and
`attend.training.distillation`.
"""

import argparse
import os
from dataclasses import fields
from pathlib import Path

from attend.config import course
from attend.text.stream import BUFFER
from attend.training.plan import SIZES, Plan

HELP = """Train a translator on sentence pairs. Interrupt it with Ctrl-C, or let the machine crash:
the same command goes on where it was. Arguments may stand in a file that is given as @FILE, one or
more on a line; one with a space or a # in it stands between quotation marks, and what follows a #
is a remark. Under torchrun several processes share the work."""

DISTILL = """Let a trained translator translate the sources that it was trained on, for another to
learn from: of what its beam finishes, the translation nearest to the reference, if it is near.
chosen.json in the folder is the result; `attend train --rough --chosen` reads it. Interrupt it; the
same command goes on."""


def arguments(commands: argparse._SubParsersAction, name: str) -> argparse.ArgumentParser:
    """Add the reader of ``attend train``."""
    parser = commands.add_parser(
        name,
        help="sentence pairs in, a translator out",
        description=HELP,
        fromfile_prefix_chars="@",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    _add_files(parser)
    _add_settings(parser)
    return parser


def _add_files(parser: argparse.ArgumentParser) -> None:
    """Add what names files, and says how they are read."""
    add = parser.add_argument
    add("--pairs", nargs="+", required=True, help="a zip or tsv file of pairs, or two files")
    add("--folder", type=Path, required=True, help="for checkpoints and history")
    add(
        "--begin-with",
        type=Path,
        nargs="+",
        help="earlier runs: the mean of their averaged weights, and the tokenizer of the first",
    )
    add("--without", type=Path, help="a file of pairs whose sentences are never trained on")
    add("--add", type=Path, help="a file of further pairs to train on, of which none is held out")
    add("--add-times", type=int, default=1, help="how often an epoch repeats them")
    add("--held-out", type=int, default=2000, help="pairs to validate on, and as many to test on")
    add("--validate", nargs="+", help="a file of pairs, or two, to validate on; none are held out")
    add(
        "--stream",
        type=int,
        nargs="?",
        const=BUFFER,
        metavar="PAIRS",
        help=f"read the pairs anew for each epoch, at most so many ({BUFFER:,} if none is given) "
        "in memory; needs --validate, as a stream cannot be split",
    )


def _add_settings(parser: argparse.ArgumentParser) -> None:
    """Add what decides how the run goes, and how large the model is."""
    add = parser.add_argument
    add("--rough", action="store_true", help="learn from sources as people type them, too")
    add("--chosen", type=Path, help="with --rough: chosen.json of attend distill")
    add("--frames", type=int, default=0, help="with --rough: pairs of our own in an epoch")
    add("--tokenize", default="13a", help="how sacrebleu cuts text; none where it is cut already")
    add("--vocabulary", type=int, default=4000, help="word pieces of both languages together")
    add("--threads", type=int, help="threads to compute with")
    add("--device", help="cpu or cuda; a GPU if there is one and nothing is said")
    for field in fields(Plan):
        name = "--" + field.name.replace("_", "-")
        add(name, type=type(field.default), default=field.default, help="see Plan")
    for name in SIZES:
        preset = getattr(course(), name)
        add(f"--{name}", type=type(preset), default=preset, help="see TransformerConfig")


def train(given: argparse.Namespace) -> int:
    """Train as the command line says."""
    # Threads that wait without spinning halve the time of training on a busy machine. This must be
    # said before torch starts its threads.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from attend.training.run import run

    run(given)
    return 0


def distill_arguments(commands: argparse._SubParsersAction, name: str) -> argparse.ArgumentParser:
    """Add the reader of ``attend distill``."""
    about = "a teacher's translations, to learn from"
    parser = commands.add_parser(name, help=about, description=DISTILL)
    add = parser.add_argument
    add("--pairs", nargs="+", required=True, help="a zip or tsv file of pairs, or two files")
    add("--model", type=Path, required=True, help="folder of the teacher")
    add("--folder", type=Path, required=True, help="where to write")
    add("--held-out", type=int, default=2000, help="pairs held out for validation, and for test")
    add("--beam", type=int, default=6, help="beginnings followed at once")
    return parser


def distill(given: argparse.Namespace) -> int:
    """Translate and choose as the command line says."""
    from attend.training.distillation import distill

    count, among = distill(given.pairs, given.model, given.folder, given.held_out, given.beam)
    print(f"{count:,} translations chosen for {among:,} pairs.")
    return 0
