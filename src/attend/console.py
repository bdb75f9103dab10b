"""What every command does at a terminal or in a pipe: one line for a fault, and an exit status."""

import argparse
import os
import re
import shlex
import sys
from collections.abc import Callable
from typing import NamedTuple, TextIO

BAD_INPUT, INTERRUPTED, NOBODY_READS = 2, 130, 141
"""Exit statuses. The last two are what a shell says of a program that Ctrl-C or a pipe ended."""

EXTRAS = {"torch": "train", "tqdm": "train", "sacrebleu": "train"}
"""Which extra of this package brings a library that a command may miss."""


_WORD = re.compile(r"""(?:"[^"]*"|'[^']*'|[^\s"'])+""")


class Parser(argparse.ArgumentParser):
    """A reader of command lines whose files of arguments are laid out for people."""

    def convert_arg_line_to_args(self, line: str) -> list[str]:
        """Split a line of a file as `words_of` does."""
        try:
            return words_of(line)
        except ValueError as error:
            self.error(f"in a file of arguments, {str(error).lower()}: {line.strip()}")


def words_of(line: str) -> list[str]:
    """Split a line of arguments at its spaces.

    What stands between quotation marks of either kind is one argument, or a part of one. From a
    word that begins with # on, it is a remark. A backslash is a letter like any other: there are
    paths with it.

    Raises
    ------
    ValueError
        If a quotation mark is not closed.
    """
    remark = next((w.start() for w in _WORD.finditer(line) if w[0].startswith("#")), len(line))
    reader = shlex.shlex(line[:remark], posix=True)
    reader.whitespace_split, reader.commenters, reader.escape = True, "", ""
    return list(reader)


class Command(NamedTuple):
    """A command as it was asked for.

    Attributes
    ----------
    name
        What stands before its messages, "attend translate".
    run
        Does the work; returns the exit status.
    """

    name: str
    run: Callable[[], int]

    def say(self, message: object) -> None:
        """Write one line to where faults are told."""
        line = " ".join(str(message).split("\n"))
        sys.stderr.write(f"{self.name}: {line}\n")

    def answer(self) -> int:
        """Run, and tell in one line what went wrong; return the exit status."""
        try:
            _write_utf8()
            status = self.run()
            sys.stdout.flush()
        except BrokenPipeError:
            _write_no_more()
            return NOBODY_READS
        except KeyboardInterrupt:
            self.say("interrupted")
            return INTERRUPTED
        except (ValueError, FloatingPointError, OSError, ModuleNotFoundError) as error:
            self.say(told(error))
            _write_no_more()
            return BAD_INPUT
        return status


def told(error: Exception) -> str:
    """Return what a person can do something with; an error of ours raises itself again."""
    if isinstance(error, ModuleNotFoundError):
        missing = (error.name or "").partition(".")[0]
        if missing not in EXTRAS:
            raise error
        extra = f'pip install "attend[{EXTRAS[missing]}]"'
        return f"this needs {missing}, which is not installed; {extra} brings it"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


def standard_input() -> TextIO:
    """Return the standard input.

    Raises
    ------
    ValueError
        If it is closed.
    """
    if sys.stdin is None:
        raise ValueError("there is nothing to read: the standard input is closed")
    return sys.stdin


def _write_utf8() -> None:
    """Write as we read, whatever the terminal is set to; refuse where nothing can be written."""
    if sys.stdout is None:
        raise ValueError("there is nowhere to write: the standard output is closed")
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8")


def _write_no_more() -> None:
    """Drop what could not be written, or Python would try again at its end, with a traceback."""
    real = sys.__stdout__
    if real is not None and real is sys.stdout:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, real.fileno())
        os.close(nowhere)
