"""Sentence pairs: read them, clean them, split them honestly, and cut them into batches.

The path of a corpus is ``read_pairs`` -> ``clean`` -> ``split_by_components`` -> ``encode_pairs``
-> ``batches``; ``load_pairs`` takes the first two steps at once. Two toy tasks, `copy_task` and
`reverse_task`, give pairs without any file.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import unicodedata
import zipfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import IO, NamedTuple, TypeAlias, cast

import numpy as np
import regex
from numpy.typing import NDArray

from attend.text.tokenizer import END, FIRST_BYTE, PAD, START, Tokenizer

PathLike: TypeAlias = str | os.PathLike[str]


class SentencePair(NamedTuple):
    """A sentence and its translation."""

    source: str
    target: str


class EncodedPair(NamedTuple):
    """A sentence and its translation as token ids, without ``START`` and ``END``."""

    source: Sequence[int]
    target: Sequence[int]


class Split(NamedTuple):
    """Three lists of pairs that share no sentence."""

    train: list[SentencePair]
    validation: list[SentencePair]
    test: list[SentencePair]


class Batch(NamedTuple):
    """Padded token ids: source (b, n) and target (b, m), the target from START to END."""

    source: NDArray[np.int64]
    target: NDArray[np.int64]


# ---------------------------------------------------------------------------------------- reading


def read_pairs(*paths: PathLike) -> Iterator[SentencePair]:
    """Read sentence pairs as they stand, one at a time, so a file may be larger than memory.

    Parameters
    ----------
    *paths : path
        One file: a zip with one ``.txt`` or ``.tsv`` member, or such a file itself, with lines
        ``source<TAB>target`` (further columns are ignored). Or two files with a sentence per line:
        source, target. All but the zip may be gzipped (``.gz``).

    Yields
    ------
    SentencePair

    Raises
    ------
    ValueError
        For a file that does not hold pairs, with the number of the line.
    """
    if len(paths) == 1:
        return _read_columns(Path(paths[0]))
    if len(paths) == 2:
        return _read_side_by_side(Path(paths[0]), Path(paths[1]))
    raise ValueError(f"read_pairs takes one file of pairs or two parallel files; got {len(paths)}")


def _read_columns(path: Path) -> Iterator[SentencePair]:
    for number, line in enumerate(_lines(path), start=1):
        columns = line.split("\t")
        if len(columns) >= 2:
            yield SentencePair(columns[0], columns[1])
        elif line.strip():
            raise ValueError(
                f"{path}, line {number}: expected source<TAB>target, found no tab in {_short(line)}"
            )


def _read_side_by_side(source: Path, target: Path) -> Iterator[SentencePair]:
    for number, (left, right) in enumerate(zip_longest(_lines(source), _lines(target)), start=1):
        if left is None or right is None:
            ended = source if left is None else target
            raise ValueError(
                f"{source} and {target} must have the same number of lines; "
                f"{ended} has no line {number}"
            )
        yield SentencePair(left, right)


def _lines(path: Path) -> Iterator[str]:
    """The lines of a text file, without line ends; errors name file and line."""
    number = 0
    try:
        with _open(path) as file:
            for number, line in enumerate(file, start=1):
                yield line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}, line {number}: not UTF-8 text ({error.reason})") from error
    except (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError, RuntimeError) as error:
        raise ValueError(f"{path}, after line {number}: cannot unpack it ({error})") from error


@contextmanager
def _open(path: Path) -> Iterator[IO[bytes]]:
    """Open a plain, gzipped or zipped file for reading bytes."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive, archive.open(_member(path, archive)) as file:
            yield file
    else:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            yield cast(IO[bytes], file)


def _member(path: Path, archive: zipfile.ZipFile) -> str:
    """The one member of an archive that can hold pairs (``_about.txt`` tells about them)."""
    names = [
        name
        for name in archive.namelist()
        if name.endswith((".txt", ".tsv")) and not Path(name).name.startswith(("_", "."))
    ]
    if len(names) != 1:
        found = ", ".join(names) or "none"
        raise ValueError(f"{path} must hold one .txt or .tsv file with pairs; found {found}")
    return names[0]


def _short(line: str) -> str:
    return repr(line if len(line) <= 60 else line[:57] + "...")


# --------------------------------------------------------------------------------------- cleaning

_TYPOGRAPHIC = {"'": "’‘‛‚ʼ´`", '"': "“”„‟«»", "–": "—", "...": "…", "": "\u00ad\u200b\ufeff"}
_PLAIN = str.maketrans({old: new for new, olds in _TYPOGRAPHIC.items() for old in olds})


def normalize(text: str) -> str:
    """Write the same sentence the same way, so that a model sees one spelling of it.

    Unicode is composed (NFC); every kind of quotation mark becomes ``"`` or ``'``, a long dash
    ``–`` and an ellipsis ``...``; soft hyphens and zero-width spaces go; runs of white space
    become one space; space at both ends goes. Letters, case and all other signs stay.

    Parameters
    ----------
    text : str
        A sentence.

    Returns
    -------
    str
        Normalised again, it stays the same.
    """
    plain = unicodedata.normalize("NFC", text).translate(_PLAIN)
    return " ".join(unicodedata.normalize("NFC", plain).split())  # a mark may now have its letter


@dataclass(frozen=True)
class Limits:
    """Which pairs are too long to learn from, or too unequal to be translations.

    Parameters
    ----------
    words : int
        The most words a side may have.
    ratio, slack : float, int
        The longer side has at most ``ratio * shorter + slack`` characters. The slack is for short
        sentences: "Hi." is "Grüß Gott!".
    """

    words: int = 60
    ratio: float = 2.5
    slack: int = 15


@dataclass
class Report:
    """How many pairs were read, and why those that are not kept were dropped."""

    read: int = 0
    dropped: Counter[str] = field(default_factory=Counter)

    @property
    def kept(self) -> int:
        """The number of pairs that passed every filter."""
        return self.read - self.dropped.total()

    def __str__(self) -> str:
        reasons = ", ".join(f"{count:,} {why}" for why, count in self.dropped.most_common())
        return f"{self.kept:,} of {self.read:,} pairs kept; dropped: {reasons or 'none'}"


def clean(
    pairs: Iterable[SentencePair], limits: Limits | None = None, report: Report | None = None
) -> Iterator[SentencePair]:
    """Normalise pairs and leave out those that teach nothing.

    A pair is dropped as *empty* (a side has no text), *identical* (both sides are the same),
    *too long*, *unequal length* or *duplicate* (the pair was there before). The first reason that
    holds is counted.

    Parameters
    ----------
    pairs : iterable of SentencePair
        Pairs as read.
    limits : Limits, optional
        Where "too long" and "unequal length" begin.
    report : Report, optional
        Is brought up to date with every pair.

    Yields
    ------
    SentencePair
    """
    limits, report = limits or Limits(), report if report is not None else Report()
    seen: set[int] = set()
    for source, target in pairs:
        pair = SentencePair(normalize(source), normalize(target))
        report.read += 1
        # A hash per pair, not the pair: the memory of ten million pairs, not of their text.
        reason = flaw(pair, limits) or ("duplicate" if hash(pair) in seen else None)
        if reason:
            report.dropped[reason] += 1
        else:
            seen.add(hash(pair))
            yield pair


def flaw(pair: SentencePair, limits: Limits) -> str | None:
    """Say why a normalised pair is of no use by itself; None if it is of use."""
    shorter, longer = sorted(len(text) for text in pair)
    if shorter == 0:
        return "empty"
    if pair.source == pair.target:
        return "identical"
    if max(text.count(" ") + 1 for text in pair) > limits.words:
        return "too long"
    if longer > limits.ratio * shorter + limits.slack:
        return "unequal length"
    return None


def load_pairs(*paths: PathLike, limits: Limits | None = None) -> tuple[list[SentencePair], Report]:
    """Read and clean all pairs of a zip, a tab-separated file, or two parallel files.

    Parameters
    ----------
    *paths : path
        As for `read_pairs`.
    limits : Limits, optional
        As for `clean`.

    Returns
    -------
    pairs : list of SentencePair
    report : Report
        Counts of what was kept and why the rest was dropped.

    Raises
    ------
    ValueError
        For a file that does not hold pairs, with the number of the line.
    """
    report = Report()
    pairs = list(clean(read_pairs(*paths), limits, report))
    if not report.read:
        raise ValueError(f"no sentence pairs in {' and '.join(map(str, paths))}: nothing to read")
    return pairs, report


# -------------------------------------------------------------------------------------- splitting


# Combining marks are letters of a word: without them two words of Hindi would be one.
_KEY = regex.compile(r"[\p{L}\p{M}\p{N}_]+")


def sentence_key(text: str) -> str:
    """What two sentences share when only case, punctuation or spacing differ.

    Examples
    --------
    >>> sentence_key("Hello, Tom!") == sentence_key("hello Tom")
    True
    """
    return " ".join(_KEY.findall(normalize(text).casefold())) or text


def components(pairs: Sequence[SentencePair]) -> list[list[int]]:
    """Group pairs that share a sentence, directly or through other pairs.

    Sentences are the nodes of a graph, pairs its edges; the groups are its connected components,
    found by union-find. A sentence is one node on whichever side it stands.

    Parameters
    ----------
    pairs : sequence of SentencePair

    Returns
    -------
    list of list of int
        Positions in `pairs`, each in exactly one group.
    """
    parent: dict[str, str] = {}
    keys = [(sentence_key(source), sentence_key(target)) for source, target in pairs]
    for source, target in keys:
        parent[_root(parent, source)] = _root(parent, target)
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for position, (source, _) in enumerate(keys):
        groups[_root(parent, source)].append(position)
    return list(groups.values())


def _root(parent: dict[str, str], node: str) -> str:
    """The representative of a node's group; the path to it is halved on the way."""
    parent.setdefault(node, node)
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


def split_by_components(
    pairs: Sequence[SentencePair],
    held_out: int | tuple[int, int] = 2000,
    *,
    seed: int = 0,
) -> Split:
    """Split pairs so that no sentence held out was seen in training, on either side.

    Corpora are full of paraphrases: one English sentence with five German ones. Split by pairs,
    most test sentences would have been seen. Here whole components (see `components`) go to
    one part. They are drawn in a random order that depends on the seed and on the sentences, not
    on the order of the file, so the length of held-out sentences follows that of the components.

    Parameters
    ----------
    pairs : sequence of SentencePair
    held_out : int or (int, int)
        Pairs to hold out for validation and for test. Components of more than a hundredth of that
        (and more than 5 pairs) stay in training: a few sentences must not fill a held-out part.
    seed : int
        Another seed gives another split.

    Returns
    -------
    Split
        Train, validation and test; each keeps the order of `pairs`.

    Raises
    ------
    ValueError
        When there are too few small components to hold out that many pairs.
    """
    wanted = held_out if isinstance(held_out, tuple) else (held_out, held_out)
    if min(wanted) < 0:
        raise ValueError(f"held_out must be 0 or more pairs; got {held_out}")
    groups = _shuffled(pairs, components(pairs), seed)
    validation, groups = _draw(groups, wanted[0])
    test, groups = _draw(groups, wanted[1])
    train = [position for group in groups for position in group]
    return Split(*([pairs[i] for i in sorted(part)] for part in (train, validation, test)))


def without(pairs: Iterable[SentencePair], sentences: Iterable[str]) -> list[SentencePair]:
    """Leave out pairs that have one of some sentences on either side, as `sentence_key` compares.

    This keeps sentences of your own, on which a model will be judged, out of its training.

    Parameters
    ----------
    pairs : iterable of SentencePair
    sentences : iterable of str

    Returns
    -------
    list of SentencePair
    """
    unwanted = {sentence_key(sentence) for sentence in sentences}
    return [pair for pair in pairs if unwanted.isdisjoint(map(sentence_key, pair))]


def leaked(held_out: Sequence[SentencePair], trained_on: Iterable[SentencePair]) -> int:
    """Count the held-out pairs that have a sentence which a model is trained on.

    Parameters
    ----------
    held_out : sequence of SentencePair
    trained_on : iterable of SentencePair
        Is read once, and may be larger than memory.

    Returns
    -------
    int
        Sentences are compared as by `sentence_key`, on either side.
    """
    keys = [set(map(sentence_key, pair)) for pair in held_out]
    wanted = set().union(*keys)
    seen = {key for pair in trained_on for key in map(sentence_key, pair) if key in wanted}
    return sum(not seen.isdisjoint(pair) for pair in keys)


def _shuffled(pairs: Sequence[SentencePair], groups: list[list[int]], seed: int) -> list[list[int]]:
    """Groups in an order fixed by the seed and by the sentences in them."""

    def order(group: list[int]) -> bytes:
        name = min("\t".join(pairs[position]) for position in group)
        return hashlib.blake2b(f"{seed}\n{name}".encode()).digest()

    return sorted(groups, key=order)


def _draw(groups: list[list[int]], wanted: int) -> tuple[list[int], list[list[int]]]:
    """Take groups in turn until `wanted` pairs are there; return their positions and the rest."""
    largest = max(5, wanted // 100)
    drawn: list[int] = []
    rest: list[list[int]] = []
    for group in groups:
        fits = len(group) <= min(largest, wanted - len(drawn))
        if fits:
            drawn.extend(group)
        else:
            rest.append(group)
    if len(drawn) < wanted:
        raise ValueError(
            f"cannot hold out {wanted} pairs: groups of at most {largest} pairs that share "
            f"sentences have {len(drawn)}; hold out fewer"
        )
    return drawn, rest


# --------------------------------------------------------------------------------------- batching


def encode_pairs(pairs: Iterable[SentencePair], tokenizer: Tokenizer) -> list[EncodedPair]:
    """Encode both sides of pairs with one tokenizer."""
    return [EncodedPair(tokenizer.encode(s), tokenizer.encode(t)) for s, t in pairs]


def batches(
    encoded: Sequence[EncodedPair], *, tokens: int = 4096, seed: int = 0, epoch: int = 0
) -> Iterator[Batch]:
    """Cut pairs into batches of similar length, in a new random order each epoch.

    Section 5.1 of the paper: sentence pairs are batched by approximate length, and a batch has
    about so many source and so many target tokens. Padding counts, because it is computed too.

    Parameters
    ----------
    encoded : sequence of EncodedPair
        Ids without START and END.
    tokens : int
        The most tokens a batch has on either side, padding, START and END included.
    seed, epoch : int
        The same two give the same batches in the same order. Every epoch has as many batches.

    Yields
    ------
    Batch
        ``source`` (b, n) and ``target`` (b, m), int64, padded with ``PAD`` on the right.

    Raises
    ------
    ValueError
        When a single pair is longer than `tokens`.
    """
    for group in grouped(encoded, tokens, np.random.default_rng((seed, epoch))):
        yield pad_batch(group)


def grouped(
    encoded: Sequence[EncodedPair], tokens: int, generator: np.random.Generator
) -> list[list[EncodedPair]]:
    """Sort pairs into groups for `batches`, which see; the generator decides their order."""
    shapes = np.array([(len(t) + 2, len(s)) for s, t in encoded], dtype=np.int64).reshape(-1, 2)
    shuffled = generator.permutation(len(encoded))
    ordered = shuffled[np.lexsort((shapes[shuffled, 1], shapes[shuffled, 0]))]
    groups = _cut(ordered, shapes, tokens)
    order = generator.permutation(len(groups))
    return [[encoded[position] for position in groups[group]] for group in order]


def _cut(ordered: NDArray[np.int64], shapes: NDArray[np.int64], tokens: int) -> list[list[int]]:
    """Cut positions, ordered by length, into groups that stay within the budget when padded."""
    groups: list[list[int]] = []
    widest = 0
    for position in ordered.tolist():
        length = int(shapes[position].max())
        if length > tokens:
            raise ValueError(
                f"pair {position} has {length} tokens on one side, more than a batch may have "
                f"(tokens={tokens}); drop it or raise the budget"
            )
        widest = max(widest, length)
        if not groups or widest * (len(groups[-1]) + 1) > tokens:
            groups.append([])
            widest = length
        groups[-1].append(position)
    return groups


def pad_batch(encoded: Sequence[EncodedPair]) -> Batch:
    """Put pairs into two arrays, the targets between START and END, padded on the right."""
    targets = [[START, *target, END] for _, target in encoded]
    return Batch(pad([source for source, _ in encoded]), pad(targets))


def pad(sequences: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    """Put token ids into one array (b, n), padded with ``PAD`` on the right."""
    width = max((len(sequence) for sequence in sequences), default=0)
    padded = np.full((len(sequences), width), PAD, dtype=np.int64)
    for row, sequence in zip(padded, sequences, strict=True):
        row[: len(sequence)] = sequence
    return padded


# -------------------------------------------------------------------------------------- toy tasks


def copy_task(n: int, length: int, vocabulary: int, seed: int = 0) -> list[EncodedPair]:
    """Pairs whose target is the source: the first thing a Transformer should learn.

    Parameters
    ----------
    n : int
        Number of pairs.
    length : int
        The longest sentence, in tokens; lengths are uniform from 1 to it.
    vocabulary : int
        Ids are below it, and above the three special ones: at least 4.
    seed : int
        The same seed gives the same pairs.

    Returns
    -------
    list of EncodedPair
    """
    return _toy_task(n, length, vocabulary, seed, answer=lambda source: source)


def reverse_task(n: int, length: int, vocabulary: int, seed: int = 0) -> list[EncodedPair]:
    """Pairs whose target is the source read backwards; parameters as for `copy_task`."""
    return _toy_task(n, length, vocabulary, seed, answer=lambda source: source[::-1])


def _toy_task(
    n: int, length: int, vocabulary: int, seed: int, *, answer: Callable[[list[int]], list[int]]
) -> list[EncodedPair]:
    if n < 0 or length < 1 or vocabulary <= FIRST_BYTE:
        raise ValueError(
            f"a toy task needs n >= 0, length >= 1 and vocabulary > {FIRST_BYTE}; "
            f"got n={n}, length={length}, vocabulary={vocabulary}"
        )
    generator = np.random.default_rng(seed)
    lengths = generator.integers(1, length, size=n, endpoint=True)
    sources = [generator.integers(FIRST_BYTE, vocabulary, size=size).tolist() for size in lengths]
    return [EncodedPair(source, answer(source)) for source in sources]
