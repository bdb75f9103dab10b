"""The explorer of the home page: English in, German out, and where the translator looked."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import traitlets

from attend.translator.translator import Look, shipped
from attend_course.kit.explorers import drawing, rules
from attend_course.kit.explorers.base import Explorer, as_lists
from attend_course.kit.places import at_place, best_place

__all__ = ["TranslatorExplorer"]

SENTENCE = "The children are playing in the garden behind the school."
DIGITS = 4


class TranslatorExplorer(Explorer):
    """A translation, and the memory attention behind it: German on rows, English on columns.

    Of all heads those are averaged that come closest to alignments drawn by people, as in chapter
    1. The row of a piece is the attention of the step that wrote it; the end mark is left out.

    Parameters
    ----------
    **traits
        Values of the traits below.

    Attributes
    ----------
    sentence : str
        One English sentence.
    cell : list of two int
        The German piece and the English one that are looked at, counted from 0.
    locked : bool
        Whether they stay while the pointer moves.

    Examples
    --------
    >>> TranslatorExplorer(sentence="I am happy.").results["text"]
    'Ich bin glücklich.'
    """

    module = "home"
    title = "Translator: type English, get German"
    takes_function = False
    examples: ClassVar[list[dict[str, Any]]] = [
        {"sentence": "I am <b>happy</b>.", "cell": [0, 2], "locked": True},
    ]

    sentence = traitlets.Unicode(SENTENCE).tag(sync=True, state="input")
    cell: traitlets.List = traitlets.List([2, 3]).tag(sync=True, state="view")
    locked = traitlets.Bool(False).tag(sync=True, state="view")

    def __init__(self, **traits: Any) -> None:
        if callable(traits.get("compute")):
            raise TypeError("this explorer computes with the translator alone")
        super().__init__(**traits)

    @property
    def page_state(self) -> dict[str, Any]:
        """The settings and their results: a page has no translator before it has fetched it."""
        return {**self.state, "results": self.results}

    def _results(self) -> dict[str, Any]:
        try:
            return _shown(self.sentence, shipped().look(self.sentence))
        except ValueError as error:
            if not self.results:
                raise traitlets.TraitError(f"sentence: {error}") from error
            return {**self.results, "fault": str(error)}

    @traitlets.validate("cell")
    def _check_cell(self, proposal: Any) -> list[int]:
        return rules.place(proposal["value"], 1000)

    def picture(self) -> drawing.Picture:
        """Return the attention: German pieces on rows, English ones on columns."""
        found = self.results
        return drawing.Picture("Weights", found["target"], self._matrix("weights"), found["tokens"])


def _shown(sentence: str, look: Look) -> dict[str, Any]:
    """Return a translation and its map as plain data."""
    layers = range(shipped().model.config.N)
    maps = np.array([look.recording.of("memory", layer)[0] for layer in layers])
    mean = at_place(maps, best_place()).mean(axis=(0, 1))
    return {
        "sentence": sentence,
        "place": best_place(),
        "text": look.text,
        "tokens": look.source_pieces,
        "target": look.target_pieces[:-1],
        "weights": as_lists(mean[:-1].astype(float).round(DIGITS)),
        "fault": None,
    }
