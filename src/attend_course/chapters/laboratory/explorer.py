"""The laboratory as an explorer: on a page the browser's engine computes, in Jupyter Python."""

from __future__ import annotations

import hashlib
import json
from typing import Any, ClassVar

import numpy as np
import traitlets

from attend.models.change_rules import check
from attend.translator.translator import SHIPPED, shipped
from attend_course.chapters.laboratory import example
from attend_course.kit.engine import ENGINE
from attend_course.kit.explorers import drawing
from attend_course.kit.explorers.base import Explorer

__all__ = ["Laboratory"]


def engine_folder() -> str:
    """Name the engine's folder on a site; it changes with any of the files, so caches may stay."""
    digest = hashlib.sha256()
    for path in sorted([*ENGINE.glob("*.js"), SHIPPED / "checksums.json"]):
        digest.update(path.read_bytes())
    return f"engine.{digest.hexdigest()[:10]}"


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
    heads : bool
        Whether every head is removed in turn.
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
    ]

    sentence = traitlets.Unicode(example.SENTENCE).tag(sync=True, state="input")
    beam = traitlets.Int(4, min=1, max=8).tag(sync=True, state="input")
    alpha = traitlets.Float(0.6, min=0, max=5).tag(sync=True, state="input")
    changes: traitlets.List = traitlets.List([]).tag(sync=True, state="input")
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
        model, tokenizer, changes = self._model, self._tokenizer, self.changes
        basics: dict[str, Any] = {"key": self.key, "engine": None}
        if self._shipped:
            basics["engine"] = engine_folder()
        basics |= {"N": model.config.N, "h": model.config.h}
        try:
            source = example.source_tokens(model, tokenizer, self.sentence)
            if self._shipped:
                shipped().sentences(self.sentence)
        except ValueError as error:
            return {**self.results, **basics, "fault": str(error)}
        search = (self.beam, self.alpha)
        untouched = example.look(model, tokenizer, source, [], *search)
        target = untouched["tokens"]["target"]
        return {
            **basics,
            "fault": None,
            "tokens": untouched["source"],
            "untouched": untouched,
            "changed": example.look(model, tokenizer, source, changes, *search)
            if changes
            else None,
            "distance": example.moved(model, source, target, changes) if changes else 0.0,
            "damage": example.damage(model, source, target, changes) if self.heads else None,
        }

    @property
    def page_state(self) -> dict[str, Any]:
        """The settings and their results: a page has no translator before it has fetched it."""
        return {**self.state, "results": self.results}

    @property
    def key(self) -> str:
        """What the results answer, as a text."""
        names = ("sentence", "beam", "alpha", "changes")
        return json.dumps({name: getattr(self, name) for name in names})

    @traitlets.validate("changes")
    def _check_changes(self, proposal: Any) -> list[dict[str, Any]]:
        for change in proposal["value"]:
            try:
                check(change, self._model.config)
            except ValueError as error:
                raise traitlets.TraitError(str(error)) from error
        return proposal["value"]

    def picture(self) -> drawing.Picture:
        """Return the map that is shown large."""
        found = self.results["changed"] or self.results["untouched"]
        one = found[self.kind][min(self.layer, len(found[self.kind]) - 1)]
        head = np.array(one["weights"]).reshape(one["h"], one["n"], one["m"])[self.head % one["h"]]
        rows = found["source" if self.kind == "encoder" else "target"]
        columns = found["target" if self.kind == "decoder" else "source"]
        return drawing.Picture("Weights", rows, head, columns)
