"""The explorer of chapter 5: each output is a mixture of the values, and lies among them."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import traitlets

from attend.attention import masked_softmax
from attend.masks import causal_mask
from attend_course.chapters.weighted_sum import example
from attend_course.kit.explorers import drawing, rules
from attend_course.kit.explorers.base import Explorer, as_lists, result, returned

__all__ = ["WeightedSumExplorer"]

MOST_WORDS, LONGEST_WORD, LARGEST_SCORE, LARGEST_VALUE = 8, 20, 50.0, 4.0


class WeightedSumExplorer(Explorer):
    """Weights from scores, and outputs as mixtures of values in the plane (d_v = 2).

    The end of equation (1) of Vaswani et al. (2017): softmax of the scaled scores, times V. The
    scores are those of the chapter's sentence until a slider, or Python, changes one.

    Parameters
    ----------
    compute : callable, optional
        ``compute(weights, values)`` with weights (n, n) and values (n, 2); it returns the outputs
        (n, 2). Without it ``weights @ values`` computes.
    **traits
        Values of the traits below.

    Attributes
    ----------
    words : list of str
        1 to 8 words; to change their number, make a new explorer.
    scores : list of lists
        Scaled scores, queries on rows, one row and one column a word, each -50 to 50.
    values : list of [x, y]
        One point a word, both numbers -4 to 4.
    causal : bool
        Whether each word may attend only to itself and to the words before it.
    cell : list of two int
        The query, whose output is drawn large, and the key that is explained.
    locked : bool
        Whether that cell stays while the pointer moves.

    Examples
    --------
    >>> WeightedSumExplorer().outputs.shape
    (5, 2)
    """

    module = "weighted_sum"
    title = "Explorer: outputs as mixtures of values"
    examples: ClassVar[list[dict[str, Any]]] = [
        {"causal": True, "cell": [0, 4], "locked": True},
        {"values": [[1.0, 1.0]] * 5, "cell": [4, 0]},
        {"values": [[-2.0, 4.0], [-1.0, 2.0], [0.0, 0.0], [1.0, -2.0], [0.25, 3.75]]},
        {"words": ["one"], "scores": [[7.0]], "values": [[0.5, -4.0]], "cell": [0, 0]},
        {
            "words": ["<b>bold</b>", "שלום", "&amp;"],
            "scores": [[50.0, -50.0, 0.0], [0.125, 3.0, -4.0], [1.0, 1.0, 1.0]],
            "values": [[4.0, 4.0], [-4.0, 4.0], [1.23, -4.0]],
        },
    ]

    words: traitlets.List = traitlets.List(list(example.TOKENS)).tag(sync=True, state="input")
    scores: traitlets.List = traitlets.List(as_lists(example.scaled_scores())).tag(
        sync=True, state="input"
    )
    values: traitlets.List = traitlets.List(as_lists(example.VALUES)).tag(sync=True, state="input")
    causal = traitlets.Bool(False).tag(sync=True, state="input")
    cell = traitlets.List([example.ATE, 1]).tag(sync=True, state="view")
    locked = traitlets.Bool(False).tag(sync=True, state="view")

    weights = result("weights", "The attention weights, (n, n).")
    outputs = result("outputs", "The outputs, one row a query, (n, 2).")

    def _results(self) -> dict[str, Any]:
        n, points = len(self.words), np.array(self.values, dtype=float)
        if len(self.scores) != n or len(self.scores[0]) != n or len(points) != n:
            raise ValueError(
                f"{n} words need {n} by {n} scores and {n} values, got "
                f"{len(self.scores)} by {len(self.scores[0])} and {len(points)}; "
                "make a new explorer with all three"
            )
        allowed = causal_mask(n) if self.causal else None
        weights = masked_softmax(np.array(self.scores, dtype=float), allowed)
        outputs = self._mixed(weights, points)
        return {
            "computed_by": self.computed_by,
            "tokens": list(self.words),
            "scores": self.scores,
            "values": as_lists(points),
            "corners": example.corners(points),
            "mask": None if allowed is None else as_lists(allowed),
            "weights": as_lists(weights),
            "row_sums": as_lists(weights.sum(axis=-1)),
            "outputs": as_lists(outputs),
            "inside": [example.inside(output, points) for output in outputs],
        }

    def _mixed(self, weights: np.ndarray, points: np.ndarray) -> np.ndarray:
        if self._compute is None:
            return weights @ points
        found = self._compute(weights.copy(), points.copy())
        return returned(found, points.shape, "the outputs are")

    @traitlets.validate("words")
    def _check_words(self, proposal: Any) -> list[str]:
        return rules.names(proposal["value"], MOST_WORDS, LONGEST_WORD)

    @traitlets.validate("scores")
    def _check_scores(self, proposal: Any) -> list[list[float]]:
        rows = rules.rows("scores", proposal["value"], LARGEST_SCORE)
        fit = rows.ndim == 2 and rows.shape[0] == rows.shape[1] > 0
        rules.require(fit, f"scores need one row and one column a word, got shape {rows.shape}")
        return as_lists(rows)

    @traitlets.validate("values")
    def _check_values(self, proposal: Any) -> list[list[float]]:
        rows = rules.rows("values", proposal["value"], LARGEST_VALUE)
        fit = rows.ndim == 2 and rows.shape[1] == 2
        rules.require(fit, f"values need two numbers for each word, got shape {rows.shape}")
        return as_lists(rows)

    @traitlets.validate("cell")
    def _check_cell(self, proposal: Any) -> list[int]:
        return rules.place(proposal["value"], MOST_WORDS)

    def picture(self) -> drawing.Picture:
        """Return the weights, queries on rows."""
        return drawing.Picture("Weights", self.results["tokens"], self.weights)
