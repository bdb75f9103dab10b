"""The laboratory as an explorer: on a page the browser's engine computes, in Jupyter Python."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import numpy as np
import traitlets

from attend.arrays import Array
from attend.models.change_rules import check
from attend.models.changes import changed
from attend.translator.translator import shipped
from attend_course.chapters.laboratory import example
from attend_course.kit.explorers import drawing, rules
from attend_course.kit.explorers.base import MIME, Explorer

__all__ = ["Laboratory"]

LONGEST = 100
"""Letters of what takes a word's place."""


class Laboratory(Explorer):
    """A trained translator, open: type a sentence, see every head, change anything.

    Parameters
    ----------
    model, tokenizer : optional
        A Transformer of `attend.models`, and the tokenizer it was trained with. The translator of
        the course if none is given.
    **traits
        Values of the traits below.

    Attributes
    ----------
    sentence : str
        What is translated.
    beam, alpha : int, float
        How the translation is searched for; a beam of 1 takes the likeliest piece at each step.
    changes : list of dict
        What is changed about the model; see `attend.models.changes`.
    instead : list of [int, str]
        Words that take the place of others: the number of a word in the sentence, and the other.
    heads : bool
        Whether every head is removed in turn, and every word hidden.
    kind, layer, head : str, int, int
        The map that is shown large.
    cell : list of two int
        Row and column of the weight that is explained.
    locked : bool
        Whether it stays while the pointer moves.

    Examples
    --------
    >>> Laboratory(sentence="I am happy.").results["untouched"]["text"]
    'Ich bin glücklich.'
    """

    module = "laboratory"
    title = "Laboratory: a translator with every head in view"
    takes_function = False
    examples: ClassVar[list[dict[str, Any]]] = [
        {"changes": [{"make": "uniform", "kind": "memory", "layer": 3}], "cell": [1, 1]},
        {"instead": [[6, "<b>kitchens</b>"]], "kind": "encoder", "cell": [0, 6]},
    ]

    sentence = traitlets.Unicode(example.SENTENCE).tag(sync=True, state="input")
    beam = traitlets.Int(4, min=1, max=8).tag(sync=True, state="input")
    alpha = traitlets.Float(0.6, min=0, max=5).tag(sync=True, state="input")
    changes: traitlets.List = traitlets.List([]).tag(sync=True, state="input")
    instead: traitlets.List = traitlets.List([]).tag(sync=True, state="input")
    heads = traitlets.Bool(False).tag(sync=True, state="input")
    kind = traitlets.Enum(example.KINDS, "memory").tag(sync=True, state="view")
    layer = traitlets.Int(3, min=0).tag(sync=True, state="view")
    head = traitlets.Int(1, min=0).tag(sync=True, state="view")
    cell: traitlets.List = traitlets.List([2, 3]).tag(sync=True, state="view")
    locked = traitlets.Bool(False).tag(sync=True, state="view")

    def __init__(self, model: Any = None, tokenizer: Any = None, **traits: Any) -> None:
        if (model is None) != (tokenizer is None):
            raise TypeError("a model needs its tokenizer: Laboratory(model, tokenizer)")
        if callable(traits.get("compute")):
            raise TypeError("the laboratory computes with a model: Laboratory(model, tokenizer)")
        self._shipped = model is None
        self._model = shipped().model if model is None else model
        self._tokenizer = shipped().tokenizer if tokenizer is None else tokenizer
        super().__init__(**traits)

    def _results(self) -> dict[str, Any]:
        basics = {"key": self.key, "N": self._model.config.N, "h": self._model.config.h}
        try:
            return basics | {"fault": None} | self._compared(*self._sources())
        except ValueError as error:
            if not self.results:
                raise traitlets.TraitError(f"sentence: {error}") from error
            return {**self.results, "fault": str(error)}

    def _sources(self) -> tuple[Array, Array]:
        """Return the tokens of the sentence, and of the one with other words in it."""
        texts = (self.sentence, example.replaced(self.sentence, self.instead))
        if self._shipped:
            for text in texts:
                shipped().sentences(text)
        one, other = (example.source_tokens(self._model, self._tokenizer, text) for text in texts)
        return one, other

    def _compared(self, source: Array, other: Array) -> dict[str, Any]:
        """Return the untouched run, the changed one beside it, and how far they are apart."""
        model, tokenizer, search = self._model, self._tokenizer, (self.beam, self.alpha)
        untouched = example.look(model, tokenizer, source, [], *search)
        target = untouched["tokens"]["target"]
        found = {"tokens": untouched["source"], "untouched": untouched, "damage": None}
        if self.heads:
            found["damage"] = example.damage(model, tokenizer, other, target, self.changes)
        if not self.changes and other.tolist() == source.tolist():
            return found | {"changed": None, "reading": None, "distance": 0.0}
        second = changed(model, self.changes)
        return found | {
            "changed": example.look(model, tokenizer, other, self.changes, *search),
            "reading": example.reading(second, other, target),
            "distance": example.moved(model, second, (source, other), target),
        }

    @property
    def page_state(self) -> dict[str, Any]:
        """The settings and their results: a page has no translator before it has fetched it."""
        return {**self.state, "results": self.results}

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        data, metadata = super()._repr_mimebundle_(**kwargs)
        # A page has the translator of the course, and would show it in place of a reader's model.
        if not self._shipped:
            data.pop(MIME, None)
        return data, metadata

    @property
    def key(self) -> str:
        """What the results answer, as a text."""
        names = ("sentence", "beam", "alpha", "changes", "instead")
        return json.dumps({name: getattr(self, name) for name in names})

    @traitlets.validate("changes")
    def _check_changes(self, proposal: Any) -> list[dict[str, Any]]:
        for change in proposal["value"]:
            try:
                check(change, self._model.config)
            except ValueError as error:
                raise traitlets.TraitError(str(error)) from error
        return proposal["value"]

    @traitlets.validate("instead")
    def _check_instead(self, proposal: Any) -> list[list[Any]]:
        for one in proposal["value"]:
            fit = isinstance(one, list | tuple) and len(one) == 2 and rules.is_index(one[0], 1000)
            fit = fit and isinstance(one[1], str) and 0 < len(one[1].strip()) <= LONGEST
            rules.require(fit, f"instead holds pairs of a word's number and a text, got {one!r}")
        return [list(one) for one in proposal["value"]]

    @traitlets.validate("cell")
    def _check_cell(self, proposal: Any) -> list[int]:
        return rules.place(proposal["value"], 1000)

    def picture(self) -> drawing.Picture:
        """Return the map that is shown large."""
        found = self.results["changed"] or self.results["untouched"]
        one = found[self.kind][min(self.layer, len(found[self.kind]) - 1)]
        head = np.array(one["weights"]).reshape(one["h"], one["n"], one["m"])[self.head % one["h"]]
        rows = found["source" if self.kind == "encoder" else "target"]
        columns = found["target" if self.kind == "decoder" else "source"]
        return drawing.Picture("Weights", rows, head, columns)
