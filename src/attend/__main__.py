"""The command ``attend``: translate, train, distill, evaluate. ``python -m attend`` is the same."""

import argparse
import sys
from collections.abc import Sequence
from functools import partial

from attend import __version__
from attend.console import Command, Parser
from attend.training import command as training
from attend.translator import command as translator

COMMANDS = {
    "translate": (translator.translate_arguments, translator.translate),
    "train": (training.arguments, training.train),
    "distill": (training.distill_arguments, training.distill),
    "evaluate": (translator.evaluate_arguments, translator.evaluate),
}
"""What each command reads, and what it does."""


def make_parser() -> argparse.ArgumentParser:
    """Return the reader of the command line."""
    parser = Parser(prog="attend", description="The Transformer from its parts.")
    parser.add_argument("--version", action="version", version=f"attend {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (arguments, run) in COMMANDS.items():
        arguments(commands, name).set_defaults(run=run)
    return parser


def main(words: Sequence[str] | None = None) -> int:
    """Do what the command line says; return the exit status."""
    given = make_parser().parse_args(words)
    return Command(f"attend {given.command}", partial(given.run, given)).answer()


if __name__ == "__main__":
    sys.exit(main())
