"""The explorer of chapter 6: the heads of a trained model side by side, and what each adds."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import traitlets

from attend.attention import softmax
from attend_course.chapters.multi_head import example
from attend_course.kit.explorers import drawing, rules
from attend_course.kit.explorers.base import Explorer, as_lists, result, returned

__all__ = ["MultiHeadExplorer"]

MOST_WORDS, MOST_HEADS, MOST_LAYERS, LONGEST_WORD, LARGEST_SCORE = 12, 8, 12, 20, 50.0


class _Computed(traitlets.List):
    """A list whose default is computed when it is first asked for, not when it is imported."""

    def __init__(self, compute: Callable[[], list[Any]]) -> None:
        super().__init__()
        self._compute = compute

    def make_dynamic_default(self) -> list[Any]:
        return self._compute()


class MultiHeadExplorer(Explorer):
    """The heads of one layer side by side: their weights, and what each adds to the output.

    Scores are those of the translator's encoder for the chapter's sentence. Heads can be switched
    off, and single scores changed; the weights and the output follow.

    Parameters
    ----------
    compute : callable, optional
        ``compute(scores)`` with the scaled scores of all heads, (h, n, n); it returns their
        weights, (h, n, n). Without it ``attend.softmax`` computes.
    **traits
        Values of the traits below.

    Attributes
    ----------
    words : list of str
        The n pieces of the sentence.
    scores : list of lists
        Scaled scores, (N, h, n, n): layer, head, query, key.
    products : list of lists
        For each layer the dot products of all rows that its heads carry, which are the values
        after W_O: the lower half of a symmetric matrix of h * n rows, head by head.
    layer, head : int
        What is shown, counted from 0.
    off : list of int
        Heads that add nothing, counted from 0.
    changes : list of [layer, head, query, key, score]
        Scores that differ from the model's, each -50 to 50.
    cell : list of two int
        The query, whose parts are listed, and the key that is explained.
    locked : bool
        Whether that cell stays while the pointer moves.

    Examples
    --------
    >>> MultiHeadExplorer().weights.shape
    (4, 7, 7)
    """

    module = "multi_head"
    title = "Explorer: heads side by side"
    examples: ClassVar[list[dict[str, Any]]] = [
        {"layer": 3, "head": 2, "off": [0, 1, 3], "cell": [5, 6], "locked": True},
        {"layer": 2, "head": 3, "changes": [[2, 3, 0, 6, 12.5], [1, 0, 0, 0, -9.0]]},
        {"off": [0, 1, 2, 3], "cell": [6, 0]},
        {
            "words": ["<b>bold</b>", "&amp;"],
            "scores": [[[[50.0, -50.0], [0.124, 3.0]]]],
            "products": [[[4.0], [-1.0, 0.25]]],
        },
    ]

    words: traitlets.List = traitlets.List(list(example.TOKENS)).tag(sync=True, state="input")
    scores: traitlets.List = _Computed(example.shown_scores).tag(sync=True, state="input")
    products: traitlets.List = _Computed(example.shown_products).tag(sync=True, state="input")
    layer = traitlets.Int(0).tag(sync=True, state="input")
    off: traitlets.List = traitlets.List([]).tag(sync=True, state="input")
    changes: traitlets.List = traitlets.List([]).tag(sync=True, state="input")
    head = traitlets.Int(0).tag(sync=True, state="view")
    cell = traitlets.List([3, 1]).tag(sync=True, state="view")
    locked = traitlets.Bool(False).tag(sync=True, state="view")

    weights = result("weights", "The weights of every head of the layer, (h, n, n).")
    lengths = result("lengths", "How long what each head adds for each query is, (h, n).")
    totals = result(
        "totals", "How long the output of each query is, with the heads that are on: (n,)."
    )

    @property
    def shown(self) -> int:
        """The head that is shown large."""
        return min(self.head, len(self.results["weights"]) - 1)

    def _results(self) -> dict[str, Any]:
        scores = self._changed_scores()
        weights = self._weighed(scores)
        products = _whole(self.products[self._layer()])
        on = np.array([head not in self.off for head in range(len(weights))])
        return {
            "computed_by": self.computed_by,
            "tokens": list(self.words),
            "layer": self._layer(),
            "scores": as_lists(scores),
            "weights": as_lists(weights),
            "row_sums": as_lists(weights.sum(axis=-1)),
            "on": as_lists(on),
            "lengths": [as_lists(_lengths(weights, products, [h])) for h in range(len(weights))],
            "totals": as_lists(_lengths(weights, products, np.flatnonzero(on))),
            "moved": as_lists(_lengths(weights, products, np.flatnonzero(~on))),
        }

    def _layer(self) -> int:
        return min(self.layer, len(self.scores) - 1)

    def _changed_scores(self) -> np.ndarray:
        n, layer = len(self.words), self._layer()
        scores = np.array(self.scores[layer], dtype=float)
        rows = len(scores) * n
        lengths = [len(row) for row in self.products[min(layer, len(self.products) - 1)]]
        if scores.shape[1:] != (n, n) or lengths != list(range(1, rows + 1)):
            raise ValueError(
                f"{n} words need {n} by {n} scores a head, and products of all rows: the lower "
                f"half of a matrix with {rows} rows; got scores {scores.shape} and products with "
                f"{len(lengths)} rows. Make a new explorer with all three"
            )
        for where, head, i, j, score in self.changes:
            if where == layer and head < len(scores) and i < n and j < n:
                scores[head, i, j] = score
        return scores

    def _weighed(self, scores: np.ndarray) -> np.ndarray:
        if self._compute is None:
            return softmax(scores)
        return returned(self._compute(scores.copy()), scores.shape, "the scores are")

    @traitlets.validate("words")
    def _check_words(self, proposal: Any) -> list[str]:
        return rules.names(proposal["value"], MOST_WORDS, LONGEST_WORD)

    @traitlets.validate("scores")
    def _check_scores(self, proposal: Any) -> list[Any]:
        try:
            given = np.array(proposal["value"], dtype=float)
        except (TypeError, ValueError):
            raise traitlets.TraitError("scores must be numbers, (N, h, n, n)") from None
        layers, heads = given.shape[:2] if given.ndim == 4 else (0, 0)
        fit = 0 < layers <= MOST_LAYERS and 0 < heads <= MOST_HEADS
        rules.require(fit, f"scores are (N, h, n, n), N to 12 and h to 8, got shape {given.shape}")
        small = np.isfinite(given).all() and (np.abs(given) <= LARGEST_SCORE).all()
        rules.require(small, f"scores must be -{LARGEST_SCORE:g} to {LARGEST_SCORE:g}")
        return as_lists(given)

    @traitlets.validate("products")
    def _check_products(self, proposal: Any) -> list[Any]:
        given = list(proposal["value"])
        fit = given and all(
            isinstance(row, list) and all(rules.is_number(x) for x in row)
            for layer in given
            for row in (layer if isinstance(layer, list) else [None])
        )
        rules.require(fit, "products are rows of numbers for each layer")
        return given

    @traitlets.validate("layer", "head")
    def _check_place(self, proposal: Any) -> int:
        return rules.between(proposal["trait"].name, proposal["value"], 0, MOST_LAYERS - 1)

    @traitlets.validate("off")
    def _check_off(self, proposal: Any) -> list[int]:
        heads = list(proposal["value"])
        fit = all(rules.is_index(head, MOST_HEADS) for head in heads)
        rules.require(fit, f"off lists heads from 0 to {MOST_HEADS - 1}, got {heads}")
        return sorted(set(heads))

    @traitlets.validate("changes")
    def _check_changes(self, proposal: Any) -> list[Any]:
        for change in proposal["value"]:
            fit = isinstance(change, list | tuple) and len(change) == 5
            fit = fit and all(rules.is_index(index, sys.maxsize) for index in change[:4])
            fit = fit and rules.is_number(change[4], LARGEST_SCORE)
            rules.require(fit, f"a change is [layer, head, query, key, score to 50], got {change}")
        return [list(change) for change in proposal["value"]]

    @traitlets.validate("cell")
    def _check_cell(self, proposal: Any) -> list[int]:
        return rules.place(proposal["value"], MOST_WORDS)

    def picture(self) -> drawing.Picture:
        """Return the weights of the head that is shown, queries on rows."""
        return drawing.Picture("Weights", self.results["tokens"], self.weights[self.shown])


def _whole(lower: list[list[float]]) -> np.ndarray:
    """Fill a symmetric matrix from its lower half."""
    half = np.zeros((len(lower), len(lower)))
    for place, row in enumerate(lower):
        half[place, : place + 1] = row
    return half + np.tril(half, -1).T


def _lengths(weights: np.ndarray, products: np.ndarray, heads: Any) -> np.ndarray:
    """Return how long the sum of what `heads` add is, for each query: (n,).

    The sum is a mixture of the rows that the heads carry, and its squared length needs no more
    than their dot products.
    """
    kept = np.zeros_like(weights)
    kept[heads] = weights[heads]
    rows = kept.swapaxes(0, 1).reshape(weights.shape[1], -1)
    return np.sqrt(np.maximum(0.0, ((rows @ products) * rows).sum(axis=-1)))
