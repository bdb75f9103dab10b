"""The command ``attend-course``: grade. ``python -m attend_course`` is the same."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from attend import __version__
from attend.console import Command, Parser
from attend.files import write_atomically

SECONDS = 20.0


def make_parser() -> argparse.ArgumentParser:
    """Return the reader of the command line."""
    parser = Parser(prog="attend-course", description="Tools for those who teach with Attend.")
    parser.add_argument("--version", action="version", version=f"attend-course {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    command = commands.add_parser(
        "grade",
        help="run what students handed in, and write who passed what",
        description="Run every notebook of a folder apart, and write a CSV: a line for each "
        "student, a column for each exercise. FOLDER holds STUDENT.ipynb, or STUDENT/*.ipynb.",
    )
    command.add_argument("folder", type=Path, metavar="FOLDER")
    command.add_argument(
        "--seconds", type=float, default=SECONDS, help="for a cell or a check (%(default)s)"
    )
    command.add_argument("--output", type=Path, metavar="FILE", help="instead of the terminal")
    return parser


def grade(given: argparse.Namespace) -> int:
    """Grade a folder."""
    from attend_course.grading import collect

    if not given.seconds > 0:
        raise ValueError(f"--seconds must be above 0, got {given.seconds:g}")
    rows = []
    for row in collect.grade(given.folder, given.seconds):
        rows.append(row)
        passed = list(row[1].values()).count(collect.PASSED)
        sys.stderr.write(f"{row[0]}: {passed} passed{f' ({row[2]})' if row[2] else ''}\n")
    text = collect.table(rows, collect.asked(given.folder))
    if given.output:
        write_atomically(given.output, text.encode())
    else:
        sys.stdout.write(text)
    return 0


def main(words: Sequence[str] | None = None) -> int:
    """Do what the command line says; return the exit status."""
    given = make_parser().parse_args(words)
    return Command(f"attend-course {given.command}", partial(grade, given)).answer()


if __name__ == "__main__":
    sys.exit(main())
