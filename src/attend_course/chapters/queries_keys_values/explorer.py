"""The explorer of chapter 2: one word asks all words."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import traitlets

from attend.attention import attention, scores
from attend_course.chapters.queries_keys_values import example
from attend_course.kit.explorers import drawing, rules
from attend_course.kit.explorers.base import Explorer, as_lists, result, returned

__all__ = ["QueriesKeysValuesExplorer"]

LARGEST_ENTRY = 10.0
_TITLES = {"scores": "Scores", "weights": "Weights"}


class QueriesKeysValuesExplorer(Explorer):
    """A query compared with all keys, its weights, and the mixture of values (section 3.2).

    Four words have vectors with three named components. Either these vectors themselves are
    queries, keys and values, or three matrices make them. Scores are not divided by sqrt(d_k).

    Parameters
    ----------
    compute : callable, optional
        ``compute(q, k, v)`` with queries, keys and values, one a row; it returns the output and
        the weights (4, 4), queries on rows. Without it ``attend.attention`` with ``scale=1.0``
        computes.
    **traits
        Values of the traits below.

    Attributes
    ----------
    sentence : str
        One of the two sentences of the chapter.
    projected : bool
        Whether W_Q, W_K, W_V make queries, keys and values; otherwise x itself is all three.
    x : list of list of float
        The words as vectors, (4, 3), entries from -10 to 10; empty for those of the sentence.
    W_Q, W_K, W_V : list of list of float
        The three matrices, (3, 2), entries from -10 to 10.
    stage : str
        The matrix shown: ``"scores"`` or ``"weights"``.
    cell : list of two int
        Row (the query) and column (the key) that are explained.
    locked : bool
        Whether that cell stays while the pointer moves.

    Examples
    --------
    >>> QueriesKeysValuesExplorer(projected=True).output.shape
    (4, 2)
    """

    module = "queries_keys_values"
    title = "Explorer: one word asks all words"
    examples: ClassVar[list[dict[str, Any]]] = [
        {"projected": True},
        {"projected": True, "sentence": example.OTHER_SENTENCE, "cell": [3, 2], "locked": True},
        {"stage": "scores", "cell": [0, 0]},
        {"x": [[0, 0, 0], [1, 1, 1], [-1.5, 0.25, 10], [1, 0, 0]], "cell": [3, 3]},
        {"projected": True, "W_Q": [[0, 0]] * 3, "W_V": [[10, -10], [0.3, 3], [1, 1]]},
        {"projected": True, "x": [[10, 10, 10]] * 4, "W_K": [[10, -10], [10, 10], [-3, 0]]},
    ]

    sentence = traitlets.Unicode(example.SENTENCE).tag(sync=True, state="input")
    projected = traitlets.Bool(False).tag(sync=True, state="input")
    x: traitlets.List = traitlets.List().tag(sync=True, state="input")
    W_Q = traitlets.List(as_lists(example.W_Q)).tag(sync=True, state="input")
    W_K = traitlets.List(as_lists(example.W_K)).tag(sync=True, state="input")
    W_V = traitlets.List(as_lists(example.W_V)).tag(sync=True, state="input")
    stage = traitlets.Unicode("weights").tag(sync=True, state="view")
    cell = traitlets.List([example.SEAL, 3]).tag(sync=True, state="view")
    locked = traitlets.Bool(False).tag(sync=True, state="view")

    @property
    def tokens(self) -> list[str]:
        """The words of the sentence."""
        return list(example.words(self.sentence))

    scores = result("scores", "The scores, not divided, (4, 4).")
    weights = result("weights", "The attention weights, (4, 4).")
    output = result(
        "output", "The mixtures of values, one row per query: (4, 3), or (4, 2) if projected."
    )

    def _results(self) -> dict[str, Any]:
        x = np.array(self.x or example.x(self.sentence), dtype=float)
        q, k, v = (x @ np.array(w, dtype=float) if self.projected else x for w in self._matrices())
        output, weights = self._attend(q, k, v)
        return {
            "computed_by": self.computed_by,
            "tokens": self.tokens,
            "projected": self.projected,
            "x": as_lists(x),
            "q": as_lists(q),
            "k": as_lists(k),
            "v": as_lists(v),
            "scores": as_lists(scores(q, k, scale=1.0)),
            "weights": as_lists(weights),
            "row_sums": as_lists(weights.sum(axis=-1)),
            "output": as_lists(output),
        }

    def _matrices(self) -> tuple[list, list, list]:
        return self.W_Q, self.W_K, self.W_V

    def _attend(self, q: np.ndarray, k: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self._compute is None:
            return attention(q, k, v, scale=1.0)
        found = self._compute(q.copy(), k.copy(), v.copy())
        if found is None:
            raise ValueError("it returned nothing; is a return missing?")
        if not isinstance(found, (tuple, list)) or len(found) != 2:
            raise ValueError("return two results: the output and the weights")
        output = returned(found[0], (len(q), v.shape[-1]), name="output")
        return output, returned(found[1], (len(q), len(k)), name="weights")

    @traitlets.validate("sentence")
    def _check_sentence(self, proposal: Any) -> str:
        return rules.one_of("sentence", proposal["value"], example.SENTENCES)

    @traitlets.validate("stage")
    def _check_stage(self, proposal: Any) -> str:
        return rules.one_of("stage", proposal["value"], tuple(_TITLES))

    @traitlets.validate("x")
    def _check_x(self, proposal: Any) -> list[list[float]]:
        rows = proposal["value"]
        return _entries("x", rows, (4, 3)) if rows else []

    @traitlets.validate("W_Q", "W_K", "W_V")
    def _check_matrix(self, proposal: Any) -> list[list[float]]:
        return _entries(proposal["trait"].name, proposal["value"], (3, 2))

    @traitlets.validate("cell")
    def _check_cell(self, proposal: Any) -> list[int]:
        return rules.place(proposal["value"], 4)

    def picture(self) -> drawing.Picture:
        """Return the matrix that is shown large."""
        return drawing.Picture(_TITLES[self.stage], self.tokens, self._matrix(self.stage))


def _entries(name: str, rows: Any, shape: tuple[int, int]) -> list[list[float]]:
    try:
        array = np.array(rows, dtype=float)
    except (TypeError, ValueError):
        array = np.array(np.nan)
    rules.require(
        array.shape == shape and (np.abs(array) <= LARGEST_ENTRY).all(),
        f"{name} is {shape[0]} rows of {shape[1]} numbers from -10 to 10, got {rows}",
    )
    return [list(row) for row in rows]
