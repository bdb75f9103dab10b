"""The explorer of chapter 3: queries and keys as arrows in a plane, and all their scores."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
import traitlets

from attend.attention import scores
from attend_course.chapters.scores import example
from attend_course.kit.explorers import drawing, rules
from attend_course.kit.explorers.base import Explorer, as_lists, result, returned

__all__ = ["ScoresExplorer"]

REACH = 4.0
_TOKENS = list(example.TOKENS)


class ScoresExplorer(Explorer):
    """Scores of four words whose queries and keys are arrows in a plane.

    Parameters
    ----------
    compute : callable, optional
        ``compute(q, k)`` with queries (4, 2) and keys (4, 2); it returns the scores (4, 4),
        queries on rows. Without it ``attend.scores(q, k, scale=1.0)`` computes.
    **traits
        Values of the traits below.

    Attributes
    ----------
    q, k : list of [across, up]
        The query and the key of each word, each number from -4 to 4.
    cell : list of two int
        Row and column of the pair that is explained.
    locked : bool
        Whether that pair stays while the pointer moves.

    Examples
    --------
    >>> ScoresExplorer().scores[2].tolist()
    [-4.0, 7.0, 0.0, 3.0]
    """

    module = "scores"
    title = "Explorer: queries, keys and their scores"
    examples: ClassVar[list[dict[str, Any]]] = [
        {"cell": [0, 3], "locked": True},
        {"q": [[0, 0], [4, 4], [-4, 0.5], [1e-3, 0]], "cell": [0, 0]},
        {"k": [[0, 0], [-4, -4], [2.5, 0], [0, -0.5]], "cell": [2, 2]},
    ]

    q: traitlets.List = traitlets.List(as_lists(example.queries())).tag(sync=True, state="input")
    k: traitlets.List = traitlets.List(as_lists(example.keys())).tag(sync=True, state="input")
    cell = traitlets.List(list(example.FOCUS)).tag(sync=True, state="view")
    locked = traitlets.Bool(False).tag(sync=True, state="view")

    @property
    def tokens(self) -> list[str]:
        """The words of the sentence."""
        return list(_TOKENS)

    scores = result("scores", "The scores, not scaled, (4, 4).")

    @property
    def angles(self) -> np.ndarray:
        """The angles between queries and keys in degrees, (4, 4); nan without a direction."""
        return self._matrix("angles").astype(float)

    def _results(self) -> dict[str, Any]:
        q, k = np.array(self.q, dtype=float), np.array(self.k, dtype=float)
        found = self._scores(q, k)
        return {
            "computed_by": self.computed_by,
            "tokens": _TOKENS,
            "q": as_lists(q),
            "k": as_lists(k),
            "scores": as_lists(found),
            "lengths_q": as_lists(example.lengths(q)),
            "lengths_k": as_lists(example.lengths(k)),
            "cosines": _with_gaps(example.cosines(q, k)),
            "angles": _with_gaps(example.angles(q, k)),
            "row_sums": as_lists(found.sum(axis=-1)),
        }

    def _scores(self, q: np.ndarray, k: np.ndarray) -> np.ndarray:
        if self._compute is None:
            return scores(q, k, scale=1.0)
        return returned(self._compute(q.copy(), k.copy()), (len(q), len(k)), "the scores have")

    @traitlets.validate("q", "k")
    def _check_arrows(self, proposal: Any) -> list[list[float]]:
        rows, name = proposal["value"], proposal["trait"].name
        if len(rows) != len(_TOKENS) or not all(map(_is_arrow, rows)):
            raise traitlets.TraitError(
                f"{name} is {len(_TOKENS)} pairs [across, up] of numbers from -4 to 4, got {rows}"
            )
        return [[float(x) for x in row] for row in rows]

    @traitlets.validate("cell")
    def _check_cell(self, proposal: Any) -> list[int]:
        return rules.place(proposal["value"], len(_TOKENS))

    def picture(self) -> drawing.Picture:
        """Return the matrix of scores."""
        return drawing.Picture("Scores", _TOKENS, self.scores)


def _is_arrow(row: Any) -> bool:
    if not isinstance(row, (list, tuple)) or len(row) != 2:
        return False
    return all(rules.is_number(x, REACH) for x in row)


def _with_gaps(matrix: np.ndarray) -> list[list[float | None]]:
    """Return nested lists with None for nan, which JSON does not know."""
    return [[None if math.isnan(x) else x for x in row] for row in as_lists(matrix)]
