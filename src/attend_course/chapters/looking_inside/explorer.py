"""The explorer of chapter 9: two rows of weights, one output."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import traitlets

from attend.attention import softmax
from attend_course.chapters.looking_inside import mixing
from attend_course.kit.explorers import drawing, rules
from attend_course.kit.explorers.base import Explorer, as_lists, result, returned

__all__ = ["SameMixtureExplorer"]

KEYS, LONGEST_WORD, LARGEST_SCORE, LARGEST_VALUE = 4, 20, 50.0, 4.0


class SameMixtureExplorer(Explorer):
    """Four values in the plane, a row of weights, and other weights with the same output.

    Four points in the plane leave weights one direction in which they can move while their sum
    and their mixture stay: see `attend.models.inspection.free_directions`.

    Parameters
    ----------
    compute : callable, optional
        ``compute(weights, values)`` with a row of weights (4,) and values (4, 2); it returns the
        output (2,). Without it ``weights @ values`` computes.
    **traits
        Values of the traits below.

    Attributes
    ----------
    words : list of str
        The four words that are mixed.
    values : list of [x, y]
        One point a word, both numbers -4 to 4; the four do not lie on one line.
    scores : list of float
        Scaled scores of the query with the four keys, each -50 to 50.
    share : float
        How far the weights are slid: 0 not at all, 1 and -1 until one of them is 0.

    Examples
    --------
    >>> explorer = SameMixtureExplorer(share=-1.0)
    >>> bool(np.allclose(explorer.outputs[0], explorer.outputs[1]))
    True
    """

    module = "looking_inside"
    title = "Explorer: two rows of weights, one output"
    examples: ClassVar[list[dict[str, Any]]] = [
        {"share": -1.0},
        {"share": 0.5, "scores": [3.0, -2.5, 0.0, 1.0]},
        {"values": [[0.0, 4.0], [-4.0, -4.0], [4.0, -4.0], [0.0, -1.5]], "share": 1.0},
        {"values": [[1.0, 1.0], [1.0, 1.0], [4.0, -4.0], [-3.0, 0.25]], "share": -0.4},
        {"scores": [50.0, -50.0, 0.0, 0.0], "share": 1.0},
        {"words": ["<b>bold</b>", "שלום", "&amp;", "one"], "share": -0.7},
    ]

    words: traitlets.List = traitlets.List(list(mixing.TOKENS)).tag(sync=True, state="input")
    values: traitlets.List = traitlets.List(as_lists(mixing.VALUES)).tag(sync=True, state="input")
    scores: traitlets.List = traitlets.List(as_lists(mixing.SCORES)).tag(sync=True, state="input")
    share = traitlets.Float(0.0).tag(sync=True, state="input")

    weights = result(
        "weights", "The two rows of weights, (2, 4): the query's own, and those that were slid."
    )
    outputs = result("outputs", "Their outputs, (2, 2).")

    def _results(self) -> dict[str, Any]:
        values = np.array(self.values, dtype=float)
        own = softmax(np.array(self.scores, dtype=float))
        weights = np.stack([own, mixing.slid(own, values, self.share)])
        return {
            "computed_by": self.computed_by,
            "tokens": list(self.words),
            "direction": as_lists(mixing.direction(values)),
            "weights": as_lists(weights),
            "row_sums": as_lists(weights.sum(axis=-1)),
            "apart": mixing.apart(*weights),
            "outputs": as_lists(np.stack([self._mixed(row, values) for row in weights])),
        }

    def _mixed(self, weights: np.ndarray, values: np.ndarray) -> np.ndarray:
        if self._compute is None:
            return weights @ values
        return returned(self._compute(weights.copy(), values.copy()), (2,), "an output is")

    @traitlets.validate("words")
    def _check_words(self, proposal: Any) -> list[str]:
        words = rules.names(proposal["value"], KEYS, LONGEST_WORD)
        rules.require(len(words) == KEYS, f"words: {KEYS}, got {len(words)}")
        return words

    @traitlets.validate("values")
    def _check_values(self, proposal: Any) -> list[list[float]]:
        rows = rules.rows("values", proposal["value"], LARGEST_VALUE)
        fit = rows.shape == (KEYS, 2)
        rules.require(fit, f"values are {KEYS} points of two numbers, got shape {rows.shape}")
        spans = np.linalg.matrix_rank(rows - rows[0]) == 2
        rules.require(spans, "values on one line leave more than one direction; move a point")
        return as_lists(rows)

    @traitlets.validate("scores")
    def _check_scores(self, proposal: Any) -> list[float]:
        row = rules.rows("scores", [proposal["value"]], LARGEST_SCORE)
        rules.require(row.shape == (1, KEYS), f"scores are {KEYS} numbers, got {row.shape[-1]}")
        return as_lists(row[0])

    @traitlets.validate("share")
    def _check_share(self, proposal: Any) -> float:
        rules.require(rules.is_number(proposal["value"], 1.0), "share must be -1 to 1")
        return float(proposal["value"])

    def picture(self) -> drawing.Picture:
        """Return the two rows of weights."""
        rows = ["own", "other"]
        return drawing.Picture("Weights", rows, self.weights, self.results["tokens"])
