"""The explorer of chapter 7: weights made of places alone, under a mask that is built by hand."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import traitlets

from attend.attention import masked_softmax, scores
from attend.positions import positional_encoding
from attend_course.chapters.whole_transformer import example
from attend_course.kit.explorers import drawing, rules
from attend_course.kit.explorers.base import Explorer, as_lists, result, returned

__all__ = ["WholeTransformerExplorer"]

MOST_WORDS, LONGEST_WORD, LAST_PLACE, LONGEST_ROW = 12, 20, 1000, 64
REACH = 12
"""Distances whose agreement is drawn, to each side."""


class WholeTransformerExplorer(Explorer):
    """Attention among places: queries and keys are positional encodings, and nothing else.

    The sentence can be moved along a longer text, and single cells can be forbidden. Scores answer
    to the distance of two places, so moving changes the encodings and no weight.

    Parameters
    ----------
    compute : callable, optional
        ``compute(scores, mask)`` with the scaled scores (n, n) and a boolean mask (n, n), True
        where a query may attend; it returns the weights (n, n), queries on rows. Without it
        ``attend.masked_softmax`` computes.
    **traits
        Values of the traits below.

    Attributes
    ----------
    words : list of str
        1 to 12 pieces.
    start : int
        The place of the first, 0 to 1000.
    d_model : int
        Length of an encoding: even, 2 to 64.
    placed : bool
        Whether there are positions at all. Without them all scores are 0.
    blocked : list of [row, column]
        Cells that are forbidden; those outside the sentence wait until it is long enough.
    cell : list of two int
        Row and column of the cell that is explained.
    locked : bool
        Whether that cell stays while the pointer moves.

    Examples
    --------
    >>> WholeTransformerExplorer(placed=False).weights[0].round(2).tolist()
    [0.17, 0.17, 0.17, 0.17, 0.17, 0.17]
    """

    module = "whole_transformer"
    title = "Explorer: places and masks"
    examples: ClassVar[list[dict[str, Any]]] = [
        {"start": 100, "cell": [2, 4], "locked": True},
        {"d_model": 2, "blocked": [[0, 1], [0, 2], [3, 3], [9, 9]]},
        {"placed": False, "blocked": [[1, j] for j in range(6)], "cell": [1, 1]},
        {"words": ["<b>bold</b>", "&amp;"], "d_model": 64, "start": 1000},
        {"words": list("abcdefghijkl"), "d_model": 10},
    ]

    words: traitlets.List = traitlets.List(list(example.TOKENS)).tag(sync=True, state="input")
    start = traitlets.Int(0).tag(sync=True, state="input")
    d_model = traitlets.Int(32).tag(sync=True, state="input")
    placed = traitlets.Bool(True).tag(sync=True, state="input")
    blocked: traitlets.List = traitlets.List([]).tag(sync=True, state="input")
    cell = traitlets.List([1, 4]).tag(sync=True, state="view")
    locked = traitlets.Bool(False).tag(sync=True, state="view")

    encodings = result("encodings", "The positional encodings of the words, (n, d_model).")
    scores = result("scores", "The scaled scores, (n, n).")
    weights = result("weights", "The weights, (n, n).")

    @property
    def mask(self) -> np.ndarray:
        """True where a query may attend, (n, n)."""
        n = len(self.words)
        mask = np.ones((n, n), dtype=bool)
        for i, j in self.blocked:
            if i < n and j < n:
                mask[i, j] = False
        return mask

    def _results(self) -> dict[str, Any]:
        rows = positional_encoding(len(self.words), self.d_model, self.start) * float(self.placed)
        found, mask = scores(rows, rows), self.mask
        weights = self._weighed(found, mask)
        return {
            "computed_by": self.computed_by,
            "tokens": list(self.words),
            "encodings": as_lists(rows),
            "scores": as_lists(found),
            "mask": as_lists(mask),
            "weights": as_lists(weights),
            "row_sums": as_lists(weights.sum(axis=-1)),
            "agreements": as_lists(self._agreements()),
        }

    def _agreements(self) -> np.ndarray:
        """Return the scaled score of two places for each distance from -REACH to REACH."""
        rows = positional_encoding(2 * REACH + 1, self.d_model) * float(self.placed)
        return scores(rows[REACH : REACH + 1], rows)[0]

    def _weighed(self, found: np.ndarray, mask: np.ndarray) -> np.ndarray:
        if self._compute is None:
            return masked_softmax(found, mask)
        return returned(self._compute(found.copy(), mask.copy()), found.shape, "the scores are")

    @traitlets.validate("words")
    def _check_words(self, proposal: Any) -> list[str]:
        return rules.names(proposal["value"], MOST_WORDS, LONGEST_WORD)

    @traitlets.validate("start")
    def _check_start(self, proposal: Any) -> int:
        return rules.between("start", proposal["value"], 0, LAST_PLACE)

    @traitlets.validate("d_model")
    def _check_d_model(self, proposal: Any) -> int:
        value = proposal["value"]
        fit = 2 <= value <= LONGEST_ROW and value % 2 == 0
        rules.require(fit, f"d_model must be even, 2 to {LONGEST_ROW}, got {value}")
        return value

    @traitlets.validate("blocked")
    def _check_blocked(self, proposal: Any) -> list[list[int]]:
        for pair in proposal["value"]:
            fit = isinstance(pair, list | tuple) and len(pair) == 2
            fit = fit and all(rules.is_index(index, MOST_WORDS) for index in pair)
            rules.require(fit, f"a blocked cell is [row, column], both below 12, got {pair}")
        return sorted({tuple(pair): list(pair) for pair in proposal["value"]}.values())

    @traitlets.validate("cell")
    def _check_cell(self, proposal: Any) -> list[int]:
        return rules.place(proposal["value"], MOST_WORDS)

    def picture(self) -> drawing.Picture:
        """Return the weights, queries on rows."""
        return drawing.Picture("Weights", self.results["tokens"], self.weights)
