"""Which source word a target word translates, read from the attention of the decoder.

Nobody tells the model which word translates which. Its memory attention must find out in order
to translate, so some of its maps come near to what a person would draw. Here the maps are
compared with hand alignments, by the alignment error rate of Och and Ney (2003).
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import regex
from numpy.typing import NDArray

from attend.arrays import to_numpy
from attend.config import TransformerConfig
from attend.files import read_json
from attend.models.recording import Recording
from attend.text.tokenizer import SPACE_MARK, SPECIALS

_LETTER = regex.compile(r"[\p{L}\p{M}\p{N}]")
Link = tuple[int, int]
"""A target word and the source word it translates, both counted from 0."""


class Source(NamedTuple):
    """Where in a model an alignment is read.

    Attributes
    ----------
    layers, heads
        The memory attentions that are averaged, counted from 0.
    shift
        0 to read the row of the step that writes a target piece; 1 to read the row of the step
        after it, which has just been given the piece.
    """

    layers: tuple[int, ...]
    heads: tuple[int, ...]
    shift: int


def read_source(path: Path, config: TransformerConfig) -> Source:
    """Read from ``alignment.json`` where a model aligns words.

    Raises
    ------
    ValueError
        If the file is damaged, or names no memory attention of a model of these sizes.
    """
    report = read_json(path)
    try:
        layers, heads, shift = (report["source"][name] for name in Source._fields)
        fits = _all_below(config.N, layers) and _all_below(config.h, heads) and shift in (0, 1)
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} does not say where to read: {error!r}") from error
    if not fits:
        raise ValueError(
            f"{path}: layers are below N = {config.N}, heads below h = {config.h}, the shift is "
            f"0 or 1; received layers {layers}, heads {heads}, shift {shift}"
        )
    return Source(tuple(layers), tuple(heads), int(shift))


def _all_below(count: int, numbers: Sequence[int]) -> bool:
    """Tell whether these are whole numbers from 0 that count something there are `count` of."""
    return bool(numbers) and all(type(n) is int and 0 <= n < count for n in numbers)


def candidates(N: int, h: int) -> list[Source]:
    """Return every head, every layer's average and the average of all, with either row."""
    every = tuple(range(h))
    places: list[tuple[tuple[int, ...], tuple[int, ...]]]
    places = [((layer,), (head,)) for layer in range(N) for head in range(h)]
    places += [((layer,), every) for layer in range(N)] + [(tuple(range(N)), every)]
    return [Source(layers, heads, shift) for shift in (0, 1) for layers, heads in places]


def alignment_map(recording: Recording, source: Source | None) -> NDArray:
    """Return one map (target pieces, source pieces) from a pass over one sentence.

    Parameters
    ----------
    recording
        What the model attended to.
    source
        Where to read; the average of all layers and heads if None.
    """
    layers = {m.layer for m in recording.maps if m.kind == "memory"}
    chosen = sorted(layers) if source is None else source.layers
    maps = np.stack([to_numpy(recording.of("memory", layer))[0] for layer in chosen])
    heads = maps if source is None else maps[:, list(source.heads)]
    average = heads.mean(axis=(0, 1))
    return average if source is None or not source.shift else _read_one_later(average)


def _read_one_later(rows: NDArray) -> NDArray:
    """Give each piece the row of the step after it; the last has only its own."""
    return np.concatenate([rows[1:], rows[-1:]])


def word_numbers(pieces: Sequence[str]) -> list[int]:
    """Return the number of the word that each piece belongs to; -1 for special tokens.

    A word begins with a space mark. Punctuation that hangs on a word counts as a word of its own,
    as in a hand alignment.
    """
    numbers, word, previous = [], -1, ""
    for piece in pieces:
        text = piece.removeprefix(SPACE_MARK)
        if piece in SPECIALS:
            numbers.append(-1)
            continue
        begins = piece.startswith(SPACE_MARK) or _is_mark(text) != _is_mark(previous)
        word, previous = word + begins, text
        numbers.append(word)
    return numbers


def _is_mark(text: str) -> bool:
    return bool(text) and not _LETTER.search(text)


def word_map(weights: NDArray, target: Sequence[int], source: Sequence[int]) -> NDArray:
    """Turn a map of pieces into one of words: add up source pieces, average target pieces.

    Parameters
    ----------
    weights
        Shape (target pieces, source pieces).
    target, source
        The word that each piece belongs to; see `word_numbers`.
    """
    words = np.zeros((max(target) + 1, max(source) + 1))
    for column, word in enumerate(source):
        for row, other in enumerate(target):
            if word >= 0 and other >= 0:
                words[other, word] += weights[row, column] / target.count(other)
    return words


def hard_links(words: NDArray) -> set[Link]:
    """Link each target word to the source word it attends to most."""
    return {(row, int(column)) for row, column in enumerate(words.argmax(axis=1))}


def alignment_error_rate(found: Iterable[set[Link]], drawn: Iterable[set[Link]]) -> float:
    """Return the share of links on which two alignments of the same sentences do not agree.

    ``1 - 2 |A and S| / (|A| + |S|)``, the alignment error rate where all drawn links are sure:
    0 if they are the same, 1 if they share no link.

    Raises
    ------
    ValueError
        If there are no links at all, or not as many sentences on both sides.
    """
    pairs = list(zip(found, drawn, strict=True))
    total = sum(len(a) + len(s) for a, s in pairs)
    if not total:
        raise ValueError("an error rate needs at least one link")
    return 1 - 2 * sum(len(a & s) for a, s in pairs) / total
