"""The explorer of chapter 1: a translation unrolled, with what every step sees and says."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import traitlets

from attend.masks import causal_mask
from attend_course.chapters.encoder_decoder import example
from attend_course.kit.explorers import drawing, rules
from attend_course.kit.explorers.base import Explorer, as_lists, result, returned

__all__ = ["EncoderDecoderExplorer"]

LONGEST = 300
_TITLES = {"memory": "Memory attention", "own": "Self-attention of the decoder"}
_DIGITS = 3


class EncoderDecoderExplorer(Explorer):
    """A translation of the course's translator, step by step.

    Each step of the decoder sees the source through the memory attention, and what is written
    through its masked self-attention; then it says which piece comes next (section 3 of Vaswani et
    al. 2017). The likeliest is taken. Scores are those of the trained model, kept to three
    decimals; mask, softmax and averages are computed from them.

    Parameters
    ----------
    compute : callable, optional
        ``compute(scores, mask)`` with the scores (n, m) of one head, scaled, and a boolean mask
        (n, m) or None; it returns the weights (n, m). Without it ``attend.masked_softmax`` does.
    **traits
        Values of the traits below.

    Attributes
    ----------
    sentence : str
        One English sentence. Under Python any; on a page one of those that were kept.
    map : str
        ``"memory"``: steps on rows, source pieces on columns; or ``"own"``: pieces read on both.
    masked : bool
        Whether the decoder's self-attention hides what is not yet written.
    place : str
        Which attention: ``"best"``, ``"all"``, a layer such as ``"4"``, a head such as ``"4.1"``.
        Best is the memory attention that comes closest to alignments drawn by people, and the
        first layer for the self-attention.
    cell : list of two int
        The step, counted from 0, and the column that is marked.
    locked : bool
        Whether that cell stays while the pointer moves.

    Examples
    --------
    >>> EncoderDecoderExplorer(sentence="My brother has found the key.").translation
    'Mein Bruder hat den Schlüssel gefunden.'
    """

    module = "encoder_decoder"
    title = "Explorer: a translation, step by step"
    examples: ClassVar[list[dict[str, Any]]] = [
        {"map": "own", "cell": [2, 0]},
        {"map": "own", "masked": False, "place": "all", "cell": [1, 1], "locked": True},
        {"sentence": "I have read the book.", "place": "all", "cell": [19, 19]},
        {"sentence": example.SENTENCES[3], "place": "2.3", "cell": [0, 0]},
        {"sentence": "The <b>book</b> is red.", "place": "1"},
    ]

    sentence = traitlets.Unicode(example.SENTENCE).tag(sync=True, state="input")
    map = traitlets.Unicode("memory").tag(sync=True, state="input")
    masked = traitlets.Bool(True).tag(sync=True, state="input")
    place = traitlets.Unicode("best").tag(sync=True, state="input")
    cell = traitlets.List([4, 7]).tag(sync=True, state="view")
    locked = traitlets.Bool(False).tag(sync=True, state="view")
    # Only where Python answers may a reader type; a page never gets this trait.
    typing = traitlets.Bool(True, read_only=True).tag(sync=True)
    # What a page computes from; it follows from the sentence, and Python makes it anew.
    record = traitlets.Dict()

    @property
    def state(self) -> dict[str, Any]:
        """The settings, and the recorded scores that a page needs to compute."""
        return {**super().state, "record": _record(self._choices())}

    def _choices(self) -> tuple[str, ...]:
        kept = example.SENTENCES
        return kept if self.sentence in kept else (*kept, self.sentence)

    weights = result("weights", "The attention weights that are shown, (n, m).")

    @property
    def translation(self) -> str:
        """The translation as text."""
        return example.words_of(tuple(self.results["target"]))

    def _answer(self) -> dict[str, Any]:
        try:
            example.unroll(self.sentence)
        except ValueError as error:
            if not self.results:
                raise traitlets.TraitError(f"sentence: {error}") from error
            return {**self.results, "error": f"This sentence was not translated: {error}."}
        return super()._answer()

    def _results(self) -> dict[str, Any]:
        kept = _kept(self.sentence)
        own = self.map == "own"
        n = len(kept["target"])
        mask = causal_mask(n) if own and self.masked else None
        weights = self._weights(np.array(kept[self.map]), mask)
        return {
            "computed_by": self.computed_by,
            "sentences": list(self._choices()),
            "places": ["best", *example.places()],
            "tokens": kept["inputs"] if own else kept["target"],
            "columns": kept["inputs"] if own else kept["source"],
            "map": self.map,
            "source": kept["source"],
            "target": kept["target"],
            "inputs": kept["inputs"],
            "weights": as_lists(weights),
            "mask": None if mask is None else as_lists(mask),
            "row_sums": as_lists(weights.sum(axis=-1)),
            "likely": kept["likely"],
        }

    def _weights(self, scores: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
        place = _best()[self.map] if self.place == "best" else self.place
        if self._compute is None:
            return example.place_weights(scores, place, mask)
        chosen = example.at_place(scores, place)
        given = chosen.reshape(-1, *chosen.shape[2:])
        wanted = given.shape[1:]
        found = [returned(self._compute(one.copy(), mask), wanted, "not") for one in given]
        return np.mean(found, axis=0)

    @traitlets.validate("sentence")
    def _check_sentence(self, proposal: Any) -> str:
        count = len(proposal["value"])
        rules.require(count <= LONGEST, f"sentence has at most {LONGEST} characters, got {count}")
        return proposal["value"]

    @traitlets.validate("map")
    def _check_map(self, proposal: Any) -> str:
        fit = proposal["value"] in _TITLES
        rules.require(fit, f"map must be memory or own, got {proposal['value']!r}")
        return proposal["value"]

    @traitlets.validate("place")
    def _check_place(self, proposal: Any) -> str:
        return rules.one_of("place", proposal["value"], ("best", *example.places()))

    @traitlets.validate("cell")
    def _check_cell(self, proposal: Any) -> list[int]:
        return rules.place(proposal["value"], example.BETWEEN)

    def picture(self) -> drawing.Picture:
        """Return the weights: a row for each step, a column for each piece it may look at."""
        results = self.results
        title, columns = _TITLES[results["map"]], results["columns"]
        return drawing.Picture(title, results["tokens"], self.weights, columns)


@lru_cache(maxsize=32)
def _kept(sentence: str) -> dict[str, Any]:
    """Return what a page keeps of one translation, as lists of rounded numbers."""
    found = example.unroll(sentence)
    likely = [[[piece, round(p, 4)] for piece, p in step] for step in found.likely]
    return {
        "source": list(found.source),
        "target": list(found.target),
        "inputs": list(found.inputs),
        # Adding zero turns minus nought into nought.
        "memory": as_lists(found.memory.round(_DIGITS) + 0.0),
        "own": as_lists(found.own.round(_DIGITS) + 0.0),
        "likely": likely,
    }


def _best() -> dict[str, str]:
    return {"memory": example.best_place(), "own": "1"}


@lru_cache(maxsize=8)
def _record(sentences: tuple[str, ...]) -> dict[str, Any]:
    kept = {sentence: _kept(sentence) for sentence in sentences}
    return {"best": _best(), "sentences": kept}
