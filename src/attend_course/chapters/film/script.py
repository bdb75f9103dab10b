"""The script of the film: its scenes in their order, how long each is seen, and what is said.

`attend_course.chapters.film.scenes` draws them.
"""

from __future__ import annotations

from typing import NamedTuple

from attend_course.chapters.film import scenes
from attend_course.chapters.film.canvas import Draw
from attend_course.chapters.film.example import SENTENCE, WORD, story


class Scene(NamedTuple):
    """A scene.

    Attributes
    ----------
    name
        What a list of chapters calls it.
    page
        The page of the book that explains it.
    seconds, moving
        How long it is seen, and how much of that something moves.
    says
        What the captions say, one after the other, in equal shares of the time.
    draw
        Draws it when a share of `moving`, from 0 to 1, is over.
    """

    name: str
    page: str
    seconds: float
    moving: float
    says: tuple[str, ...]
    draw: Draw


def all_scenes() -> tuple[Scene, ...]:
    """Return the scenes in their order."""
    return (*_rows_for_words(), *_one_head(), *_many_heads(), *_german())


def _rows_for_words() -> tuple[Scene, ...]:
    told = story()
    d_model, d_k = told.embedded.shape[1], told.q.shape[1]
    return (
        Scene("A sentence", "01-encoder-decoder", 9, 6, (
            f"Here is a sentence: {SENTENCE}",
            f"The translator cuts it into {len(told.words)} pieces. Here, each word is one.",
        ), scenes.words),
        Scene("Rows of numbers", "07-whole-transformer", 13, 9, (
            f"For each piece it looks up a row of {d_model} numbers: "
            "blue is positive, orange negative.",
            "To each row it adds a second one, which says at which place the piece stands.",
        ), scenes.vectors),
        Scene("Queries, keys, values", "02-queries-keys-values", 17, 12, (
            f"Three matrices, found by training, make three rows of {d_k} numbers from each.",
            "A query: what the word looks for. A key: what it is found by.",
            "And a value: what it gives to those who look at it.",
        ), scenes.projections),
    )  # fmt: skip


def _one_head() -> tuple[Scene, ...]:
    told = story()
    d_k, most = told.q.shape[1], int(told.weights.argmax())
    return (
        Scene("Scores", "03-scores", 17, 13, (
            f"Follow one word, “{WORD}”. Its query is held against the key of every word.",
            "Multiply number by number, and add: the dot product. The larger, the better they fit.",
            f"Divided by the square root of {d_k}, it is the score. "
            f"For “{told.words[most]}” it is {told.scores[most]:.2f}.",
        ), scenes.scoring),
        Scene("Weights", "04-scaling-softmax", 13, 8, (
            "The softmax turns the scores into weights: none is negative, and they sum to 1.",
            f"In this head, “{WORD}” gives {told.weights[most]:.2f} to “{told.words[most]}”.",
        ), scenes.weighing),
        Scene("The mixture", "05-weighted-sum", 13, 10, (
            "Each value is multiplied by its weight. Small weights leave little of it.",
            f"Their sum is what this head tells “{WORD}” about its neighbours.",
        ), scenes.mixing),
    )  # fmt: skip


def _many_heads() -> tuple[Scene, ...]:
    layers, count = story().maps.shape[:2]
    return (
        Scene("Heads and layers", "06-multi-head", 14, 11, (
            "All words ask at once, each with its own query. A row of this map is one of them.",
            f"{count} heads in each of {layers} layers: {layers * count} maps, each its own look.",
        ), scenes.heads),
    )  # fmt: skip


def _german() -> tuple[Scene, ...]:
    german = "".join(_joined(step.piece) for step in story().steps[:-1]).strip()
    return (
        Scene("German", "08-training", 26, 23, (
            "The decoder writes German. Before each piece it looks back at the English words.",
            "A row of this map: where one step looked. Right: the pieces that it found likeliest.",
            "The order changes. The verb, in the middle in English, comes last in German.",
            f"It has written: {german}",
        ), scenes.writing),
        Scene("Both together", "09-looking-inside", 10, 6, (
            "Every number that you saw was computed by the translator of this course.",
            "In the chapters you take it apart, step by step.",
        ), scenes.ending),
    )  # fmt: skip


def _joined(piece: str) -> str:
    return piece if piece in ".,?!" else f" {piece}"
