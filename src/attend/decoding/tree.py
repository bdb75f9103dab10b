"""A beam search with all that it followed: a tree of beginnings, as in the browser's engine."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from attend.arrays import Array
from attend.decoding.beam import BeamOptions, Hypothesis, Search, length_penalty
from attend.decoding.writing import Model, check_search, limits_of, search_all


class Node(NamedTuple):
    """A beginning that a beam search followed, or a translation that it finished.

    Attributes
    ----------
    parent
        The number of the beginning that it grew from; None for the empty one.
    token
        Its last token.
    log_p
        Its log-probability.
    finished
        Whether it ends here.
    """

    parent: int | None
    token: int
    log_p: float
    finished: bool


class TreeSearch(Search):
    """A `Search` for one sentence that keeps a `Node` for each beginning.

    Attributes
    ----------
    nodes
        The empty beginning first. Those of one step stand together: what ended, then what goes on,
        each the likeliest first.
    """

    def __init__(self, options: BeamOptions, limits: NDArray[np.integer]) -> None:
        super().__init__(options, limits)
        self.nodes = [Node(None, options.start, 0.0, False)]
        self._numbers: dict[tuple[int, ...], int] = {(): 0}

    def advance(self, logits: NDArray) -> NDArray[np.int64]:
        """Do what `Search.advance` does, and keep what came of it."""
        before = len(self.finished[0])
        origin = super().advance(logits)
        for score, tokens in self.finished[0][before:]:
            log_p = score * length_penalty(len(tokens) + 1, self.options.alpha)
            self._plant(tuple(tokens), self.options.end, log_p, finished=True)
        for tokens, log_p in zip(self.tokens[0].tolist(), self.log_p[0].tolist(), strict=True):
            if np.isfinite(log_p):
                self._numbers[tuple(tokens)] = len(self.nodes)
                self._plant(tuple(tokens[:-1]), tokens[-1], log_p, finished=False)
        return origin

    def _plant(self, before: tuple[int, ...], token: int, log_p: float, finished: bool) -> None:
        self.nodes.append(Node(self._numbers[before], token, log_p, finished))


def beam_tree(
    model: Model,
    source: Array,
    beam: int = 4,
    alpha: float = 0.6,
    limit: int | None = None,
    spoken: NDArray[np.bool_] | None = None,
) -> tuple[list[Node], list[Hypothesis]]:
    """Search as `attend.decoding.writing.n_best` does for one sentence; return the tree as well.

    Parameters
    ----------
    model, beam, alpha, limit, spoken
        As for `n_best`.
    source
        One sentence, (1, m), without padding.

    Returns
    -------
    nodes
        Every beginning that was followed or finished.
    found
        The finished translations, the best first.

    Raises
    ------
    ValueError
        As `n_best` does, and if there is not one sentence.
    """
    check_search(beam, alpha)
    limits = limits_of(model, source, limit)
    if len(limits) != 1 or source.shape[1] == 0:
        raise ValueError(f"a tree is that of one sentence, (1, m); received {tuple(source.shape)}")
    options = BeamOptions(beam, alpha, model.config.start, model.config.end, spoken)
    search = TreeSearch(options, limits)
    return search.nodes, search_all(model, source, search)[0]
