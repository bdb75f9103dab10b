"""Checks of chapter 1, "Encoder and decoder"."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from attend import causal_mask, softmax
from attend_course.chapters.encoder_decoder.example import distance
from attend_course.kit.cases import weights
from attend_course.kit.checks import Case, Exercise, Mistake
from attend_course.kit.draws import normals
from attend_course.kit.rules import without

START, END = 1, 2

check_mask = Exercise(
    name="the causal mask",
    reference=lambda n: causal_mask(n),
    cases=(Case("four pieces", (4,)), Case("seven pieces", (7,)), Case("a single piece", (1,))),
    mistakes=(
        Mistake(
            "True for hidden",
            lambda n: ~causal_mask(n),
            "You marked what is hidden. In this course True means 'may look': the diagonal and "
            "what lies below it.",
        ),
        Mistake(
            "the past hidden",
            lambda n: causal_mask(n).T,
            "Your first row may look at everything and your last row only at itself. Rows and "
            "columns have changed places: row i may look at columns j <= i.",
        ),
        Mistake(
            "not at itself",
            lambda n: np.tril(np.ones((n, n), dtype=bool), -1),
            "No row may look at itself, and the first may look at nothing. The newest piece is "
            "known when the step begins: j <= i, not j < i.",
        ),
        Mistake(
            "one piece too far",
            lambda n: np.tril(np.ones((n, n), dtype=bool), 1),
            "Each row sees one piece of the future, and that is the very one it has to predict.",
        ),
        Mistake(
            "nothing hidden",
            lambda n: np.ones((n, n), dtype=bool),
            "Every row may look at every piece: nothing is masked.",
        ),
        Mistake(
            "ones and zeros",
            lambda n: causal_mask(n).astype(int),
            "The places are right, but these are ones and zeros. A mask says True and False: where "
            "NumPy picks entries by a mask, 1 and 0 would be the numbers of rows.",
        ),
        Mistake(
            "numbers to add",
            lambda n: np.where(causal_mask(n), 0.0, -np.inf),
            "These are numbers to add to scores, as torch has them. Here a mask is boolean: True "
            "where a row may look.",
        ),
    ),
    rules=(
        without(
            "That is right, and it leaves the work to `causal_mask`. Write it without: compare the "
            "numbers of rows and columns.",
            "causal_mask",
            "causal",
        ),
    ),
)


def _model(seed: int, vocabulary: int) -> Callable[[list[int]], np.ndarray]:
    """Return a made-up model: numbers that depend on all pieces so far, and on their order."""
    tables = normals(seed, (2, vocabulary, vocabulary))

    def ask(pieces: list[int]) -> np.ndarray:
        ways = np.cos(np.arange(1, len(pieces)))
        before = sum(way * tables[0, piece] for way, piece in zip(ways, pieces, strict=False))
        numbers = tables[1, pieces[-1]] + before
        # The longer the text, the likelier its end.
        numbers[END] += 0.8 * (len(pieces) - 3)
        numbers[START] = -np.inf
        return numbers

    return ask


def _written(choose: Callable, read: Callable = lambda pieces: pieces) -> Callable:
    """Return a greedy loop; `choose` takes numbers, `read` says what the model is shown."""

    def write(ask: Callable, limit: int) -> list[int]:
        pieces = [START]
        while len(pieces) <= limit:
            piece = int(choose(ask(read(pieces))))
            if piece == END:
                break
            pieces.append(piece)
        return pieces[1:]

    return write


def _and_the_end(ask: Callable, limit: int) -> list[int]:
    found = _greedy(ask, limit)
    return [*found, END] if len(found) < limit else found


def _and_the_start(ask: Callable, limit: int) -> list[int]:
    return [START, *_greedy(ask, limit)]


def _never_ending(ask: Callable, limit: int) -> list[int]:
    pieces = [START]
    for _ in range(limit):
        pieces.append(int(np.argmax(ask(pieces))))
    return pieces[1:]


def _one_too_few(ask: Callable, limit: int) -> list[int]:
    return _greedy(ask, limit - 1)


def _one_too_many(ask: Callable, limit: int) -> list[int]:
    return _greedy(ask, limit + 1)


def _in_order(pieces: list[int]) -> list[int]:
    return [*sorted(pieces[:-1]), *pieces[-1:]]


def _second(numbers: np.ndarray) -> int:
    return int(np.argsort(numbers)[-2])


_greedy = _written(np.argmax)

check_greedy = Exercise(
    name="greedy writing",
    reference=_greedy,
    cases=(
        Case("a model of 9 pieces", (_model(11, 9), 20)),
        Case("another, of 12 pieces", (_model(14, 12), 20)),
        Case("a limit of 3 pieces", (_model(17, 15), 3)),
        Case("a model that writes some pieces several times", (_model(359, 12), 20)),
        Case("a model with nothing to say", (_model(202, 6), 20)),
        Case("a limit of 1 piece", (_model(17, 15), 1)),
    ),
    mistakes=(
        Mistake(
            "the end kept",
            _and_the_end,
            "The end mark is among the pieces you return. It says that the text is over; it is "
            "no part of it.",
        ),
        Mistake(
            "the start kept",
            _and_the_start,
            "The start mark is among the pieces you return. The model has to read it, but nobody "
            "wrote it: leave it out.",
        ),
        Mistake(
            "the end not heeded",
            _never_ending,
            "You went on after the end mark. When the likeliest piece is END, stop.",
        ),
        Mistake(
            "only the newest piece",
            _written(np.argmax, lambda pieces: pieces[-1:]),
            "You showed the model only the newest piece. It needs all pieces so far, START "
            "included.",
        ),
        Mistake(
            "the start forgotten",
            _written(np.argmax, lambda pieces: pieces[1:] or pieces),
            "After the first step you left START out. The model reads START and all pieces "
            "written, at every step.",
        ),
        Mistake(
            "the least likely",
            _written(np.argmin),
            "You took the smallest number. The likeliest piece has the largest one: argmax.",
        ),
        Mistake(
            "the second best",
            _written(_second),
            "You took the second largest number. Greedy means the largest.",
        ),
        Mistake(
            "one piece too few",
            _one_too_few,
            "You stop one piece before the limit. The list that the model reads holds START too, "
            "and START is not written: it does not count.",
        ),
        Mistake(
            "one piece too many",
            _one_too_many,
            "You write one piece more than the limit. Count what is written, and stop when the "
            "count has reached `limit`.",
        ),
        Mistake(
            "the order lost",
            _written(np.argmax, _in_order),
            "You showed the model the pieces in another order than they were written in. Give it "
            "the list as it grew.",
        ),
        Mistake(
            "the last two pieces",
            _written(np.argmax, lambda pieces: pieces[-2:]),
            "You showed the model the last two pieces. It needs all pieces so far, from START on.",
        ),
    ),
)


def _words(weights: np.ndarray, words: np.ndarray) -> np.ndarray:
    columns = [weights[:, words == word].sum(axis=1) for word in range(words.max() + 1)]
    return np.stack(columns, axis=1)


def _words_by(join: Callable, axis: int = 1) -> Callable:
    def answer(weights: np.ndarray, words: np.ndarray) -> np.ndarray:
        kept = range(words.max() + 1)
        return np.stack([join(weights[:, words == word], axis=axis) for word in kept], axis=1)

    return answer


check_words = Exercise(
    name="a map of words",
    reference=_words,
    cases=(
        Case("three steps, five pieces", (weights(21, 3, 5), np.array([0, 1, 1, 2, 2]))),
        Case("four steps, six pieces", (weights(22, 4, 6), np.array([0, 1, 2, 2, 2, 3]))),
        Case("one step, four pieces of one word", (weights(23, 1, 4), np.array([0, 0, 0, 0]))),
        Case("two steps, each piece a word", (weights(24, 2, 3), np.array([0, 1, 2]))),
    ),
    mistakes=(
        Mistake(
            "the mean of the pieces",
            _words_by(np.mean),
            "You took the mean over a word's pieces, so rows no longer sum to 1. A step's whole "
            "share of a word is the sum over its pieces.",
        ),
        Mistake(
            "the largest piece",
            _words_by(np.max),
            "You kept the largest piece of each word and lost the rest: rows no longer sum to 1.",
        ),
        Mistake(
            "the first piece",
            lambda weights, words: weights[:, np.unique(words, return_index=True)[1]],
            "You kept the first piece of each word. The shares of its other pieces belong to the "
            "word as well.",
        ),
        Mistake(
            "the last piece",
            lambda weights, words: weights[:, np.append(np.flatnonzero(np.diff(words)), -1)],
            "You kept the last piece of each word. The shares of the pieces before it belong to "
            "the word as well.",
        ),
        Mistake(
            "turned over",
            lambda weights, words: _words(weights, words).T,
            "Rows and columns have changed places. Queries, the steps, stand on rows: (n, words).",
        ),
        Mistake(
            "normalised again",
            lambda weights, words: softmax(_words(weights, words)),
            "You applied a softmax. These are shares already; adding them up is all there is to "
            "do.",
        ),
    ),
)


check_change = Exercise(
    name="how far predictions move",
    reference=distance,
    cases=(
        Case("three steps, five pieces", (weights(31, 3, 5), weights(32, 3, 5))),
        Case("four steps, four pieces", (weights(33, 4, 4), weights(34, 4, 4))),
        Case("one step, six pieces", (weights(35, 1, 6), weights(36, 1, 6))),
        Case("everything has moved", (np.eye(3, 4), np.eye(3, 4, 1))),
    ),
    mistakes=(
        Mistake(
            "not halved",
            lambda p, q: 2 * distance(p, q),
            "Twice too large: what one piece loses another wins, and you counted both. Halve it, "
            "and 1 means that everything has moved.",
        ),
        Mistake(
            "signs kept",
            lambda p, q: (p - q).sum(axis=-1) / 2,
            "Always zero: gains and losses cancel, since both rows sum to 1. Take the sizes of "
            "the differences first.",
        ),
        Mistake(
            "over the steps",
            lambda p, q: np.abs(p - q).sum(axis=0) / 2,
            "You summed over the steps, axis 0. There should be one number for each step: sum "
            "along its row, axis=-1.",
        ),
        Mistake(
            "the mean over pieces",
            lambda p, q: np.abs(p - q).mean(axis=-1) / 2,
            "You took the mean over the pieces, so the result shrinks the more pieces there are. "
            "Take the sum.",
        ),
        Mistake(
            "the root of squares",
            lambda p, q: np.sqrt(((p - q) ** 2).sum(axis=-1)) / 2,
            "You took the root of the sum of squares, a length. Sizes are asked: np.abs, and their "
            "sum.",
        ),
        Mistake(
            "one number for all steps",
            lambda p, q: distance(p, q).sum(),
            "This is one number for all steps together. Each step has its own: axis=-1.",
        ),
        Mistake(
            "the largest difference",
            lambda p, q: np.abs(p - q).max(axis=-1),
            "That is the piece that moved most. Count all pieces: the sum of the sizes, halved.",
        ),
    ),
)
