"""What the laboratory shows of a model: a translation with all that led to it, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any

import numpy as np
import regex
from numpy.typing import NDArray

from attend.arrays import Array, is_torch, to_numpy
from attend.decoding.loops import spoken
from attend.decoding.writing import beam_search
from attend.models.change_rules import Change
from attend.models.changes import changed, shares
from attend.models.recording import record_attention
from attend.text.corpus import normalize
from attend.text.tokenizer import END, START, Tokenizer
from attend.translator.alignment import word_numbers

SENTENCE = "The children are playing in the garden behind the school."
KINDS = ("encoder", "decoder", "memory")
NEXT = 5
"""How many likely pieces are named for each place."""
DIGITS = 4
"""Decimals of what is sent: a picture shows two."""
Replacement = tuple[int, str]
"""The number of a word in a sentence, and what stands there instead."""
WORD = regex.compile(r"[\p{L}\p{M}\p{N}](?:['’-]?[\p{L}\p{M}\p{N}])*")


def replaced(sentence: str, instead: Sequence[Replacement]) -> str:
    """Return a sentence with other words in it; what names no word of it changes nothing."""
    texts, number = dict(instead), count()
    return WORD.sub(lambda word: texts.get(next(number), word[0]), sentence)


def look(
    model: Any,
    tokenizer: Tokenizer,
    source: Array,
    changes: Sequence[Change],
    beam: int,
    alpha: float,
) -> dict[str, Any]:
    """Translate one sentence with a changed model; return what the browser's engine returns.

    Parameters
    ----------
    model, tokenizer
        The model, and what cuts text into the pieces that it knows.
    source
        The sentence, (1, m).
    changes
        See `attend.models.changes`.
    beam, alpha
        See `attend.decoding.writing.beam_search`.
    """
    other = changed(model, changes)
    # What a change does to the model is shown as it is, loops and all.
    rule = None if changes else spoken(tokenizer)
    written = beam_search(other, source, beam, alpha, spoken=rule)[0]
    finished = len(written) < source.shape[1] + 50
    target = [*written, END] if finished else written
    p = to_numpy(shares(other, source, _like(source, [target])))
    return {
        "text": tokenizer.decode(target),
        "source": [tokenizer.piece(int(token)) for token in source[0]],
        "target": [tokenizer.piece(token) for token in target],
        "tokens": {"source": [int(token) for token in source[0]], "target": target},
        "finished": finished,
        "p": _rounded(p[range(len(target)), target]),
        "next": [_likeliest(row, tokenizer) for row in p],
        **reading(other, source, target),
    }


def reading(model: Any, source: Array, target: Sequence[int]) -> dict[str, Any]:
    """Return all maps of a model while it reads a translation, by their kind."""
    given = _like(source, [[START, *target[:-1]]])
    with record_attention(model) as recording:
        model.step(given, model.start(source))
    layers = range(model.config.N)
    return {kind: [_map(to_numpy(recording.of(kind, i))[0]) for i in layers] for kind in KINDS}


def damage(
    model: Any,
    tokenizer: Tokenizer,
    source: Array,
    target: Sequence[int],
    changes: Sequence[Change],
) -> dict[str, list]:
    """Remove every head in turn, then hide every word; return how far each moves the model.

    ``heads`` is ordered by kind, layer and head. See `attend.models.changes.distance`: the share of
    the probability that goes to other pieces. The changes that are made already stay.
    """
    c, given = model.config, _like(source, [list(target)])
    before = changed(model, changes)
    untouched = shares(before, source, given)

    def without(more: Sequence[Change]) -> float:
        return _apart(untouched, shares(changed(before, more), source, given))

    def off(kind: str, layer: int, head: int) -> float:
        return without([{"make": "off", "kind": kind, "layer": layer, "head": head}])

    heads, layers = range(c.h), range(c.N)
    hidden = [[{"make": "hidden", "token": i} for i in word] for word in _words(source, tokenizer)]
    return {
        "heads": [[[off(kind, layer, h) for h in heads] for layer in layers] for kind in KINDS],
        "words": [without(word) for word in hidden],
    }


def moved(model: Any, other: Any, sources: tuple[Array, Array], target: Sequence[int]) -> float:
    """Return how far two models are apart on a translation, each with a source of its own."""
    given = _like(sources[0], [list(target)])
    return _apart(shares(model, sources[0], given), shares(other, sources[1], given))


def _apart(one: Array, other: Array) -> float:
    return round(float(abs(one - other).sum(axis=-1).mean()) / 2, DIGITS)


def _words(source: Array, tokenizer: Tokenizer) -> list[list[int]]:
    """Return the places of the pieces of each word."""
    numbers = word_numbers([tokenizer.piece(int(token)) for token in source[0]])
    places = range(len(numbers))
    return [[i for i in places if numbers[i] == word] for word in range(max(numbers) + 1)]


def source_tokens(model: Any, tokenizer: Tokenizer, sentence: str) -> Array:
    """Cut any sentence into pieces, (1, m), in the library of the model.

    Raises
    ------
    ValueError
        If there is nothing in it.
    """
    tokens = tokenizer.encode(normalize(sentence))
    if not tokens:
        raise ValueError("There is nothing to translate. Type an English sentence.")
    try:
        weight = next(model.parameters())
    except TypeError:  # the parameters of the NumPy model are a tree
        return np.array([tokens])
    return weight.new_tensor([tokens]).long()


def _like(source: Array, rows: list[list[int]]) -> Array:
    return source.new_tensor(rows) if is_torch(source) else np.array(rows)


def _likeliest(row: NDArray, tokenizer: Tokenizer) -> list[dict[str, Any]]:
    best = np.argsort(-row, kind="stable")[:NEXT]
    return [{"piece": tokenizer.piece(int(i)), "p": round(float(row[i]), DIGITS)} for i in best]


def _map(weights: NDArray) -> dict[str, Any]:
    h, n, m = weights.shape
    return {"h": h, "n": n, "m": m, "weights": _rounded(weights.reshape(-1))}


def _rounded(numbers: NDArray) -> list[float]:
    return [round(float(x), DIGITS) for x in numbers]
