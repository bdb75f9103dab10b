"""The commands ``attend translate`` and ``attend evaluate``."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from attend.console import BAD_INPUT, standard_input
from attend.translator.translator import SHIPPED, Translator

TRANSLATE = """Translate English into German: what stands on the command line, or each line of the
standard input. A line that cannot be translated leaves an empty line; what is wrong with it is told
on the standard error, and the exit status is 2."""

EVALUATE = """Measure a translator on the pairs that were held out from its training: BLEU, chrF and
their signatures."""


def translate_arguments(commands: argparse._SubParsersAction, name: str) -> argparse.ArgumentParser:
    """Add the reader of ``attend translate``."""
    parser = commands.add_parser(name, help="English in, German out", description=TRANSLATE)
    add = parser.add_argument
    add("text", nargs="*", help="English; read from the standard input if left out")
    add("--beam", type=int, default=4, help="beginnings followed at once")
    add("--model", type=Path, default=SHIPPED, help="folder of a trained model")
    return parser


def translate(given: argparse.Namespace) -> int:
    """Translate as the command line says."""
    translator = Translator.load(given.model)
    if given.text:
        print(translator(" ".join(given.text), given.beam))
        return 0
    return translate_lines(translator, standard_input().buffer, given.beam)


def translate_lines(translator: Translator, file: BinaryIO, beam: int) -> int:
    """Print a line for each line of a file; return the exit status."""
    number = status = 0
    for lines in blocks(file):
        for found in translate_block(translator, lines, beam):
            number += 1
            if isinstance(found, ValueError):
                status = BAD_INPUT
                sys.stderr.write(f"attend translate: line {number}: {found}\n")
            print("" if isinstance(found, ValueError) else found)
        sys.stdout.flush()
    return status


def blocks(file: BinaryIO) -> Iterator[list[bytes]]:
    """Read the lines of a file as they come: all that are there, and one at least.

    So a pipe that is full is translated many lines at a time, and who types a line has its
    translation before the next.
    """
    rest = b""
    while piece := file.read1(1 << 16):  # type: ignore[attr-defined]  # any buffered reader
        *lines, rest = (rest + piece).split(b"\n")
        if lines:
            yield lines
    if rest:
        yield [rest]


def translate_block(
    translator: Translator, lines: Sequence[bytes], beam: int
) -> list[str | ValueError]:
    """Translate lines together; in place of one that cannot be translated stands the error."""
    read = [_sentences(translator, line) for line in lines]
    sentences = [s for found in read if not isinstance(found, ValueError) for s in found]
    written = iter(translator.batch(sentences, beam))
    return [
        found if isinstance(found, ValueError) else " ".join(next(written) for _ in found)
        for found in read
    ]


def _sentences(translator: Translator, line: bytes) -> list[str] | ValueError:
    try:
        return translator.sentences(line.decode())
    except UnicodeDecodeError as error:
        return ValueError(f"this is not UTF-8 text (byte {error.start + 1}: {error.reason})")
    except ValueError as error:
        return error


def evaluate_arguments(commands: argparse._SubParsersAction, name: str) -> argparse.ArgumentParser:
    """Add the reader of ``attend evaluate``."""
    about = "BLEU and chrF on pairs held out"
    parser = commands.add_parser(name, help=about, description=EVALUATE)
    add = parser.add_argument
    add("--pairs", nargs="+", required=True, help="the zip or tsv file, or the two files, that the "
        "translator was trained on")  # fmt: skip
    add("--model", type=Path, default=SHIPPED, help="folder of a trained model")
    add("--every", type=int, default=1, metavar="K", help="take only each K-th pair")
    add("--beam", type=int, default=4, help="beginnings followed at once")
    return parser


def evaluate(given: argparse.Namespace) -> int:
    """Translate held-out pairs and print BLEU, chrF and their signatures."""
    # sacrebleu is not among what `pip install attend` brings.
    from attend.translator.evaluation import bleu, chrf, test_pairs

    if given.every < 1:
        raise ValueError(f"--every takes each K-th pair, K of at least 1; received {given.every}")
    translator = Translator.load(given.model)
    pairs = test_pairs(given.pairs)[:: given.every]
    found = translator.batch([pair.source for pair in pairs], given.beam)
    references = [pair.target for pair in pairs]
    for name, figure in (("BLEU", bleu(found, references)), ("chrF", chrf(found, references))):
        print(f"{name} {figure.score:.2f} on {len(pairs)} pairs ({figure.signature})")
    return 0
