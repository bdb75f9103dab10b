"""Beam search: what is kept of one sentence while several beginnings are followed at once.

No model is needed here, only log-probabilities. `attend.decoding` runs the model.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


def length_penalty(length: int, alpha: float) -> float:
    """Return what a log-probability is divided by, so that long translations are not punished.

    ``((5 + length) / 6) ** alpha``, after Wu et al. 2016, with the alpha of section 6.1. The
    length counts the end of the sentence too.
    """
    return float(((5 + length) / 6) ** alpha)


class Hypothesis(NamedTuple):
    """A finished translation: its penalised log-probability and its tokens."""

    score: float
    tokens: list[int]


class BeamOptions(NamedTuple):
    """How to search.

    Attributes
    ----------
    beam
        How many beginnings to follow.
    alpha
        Strength of the length penalty.
    start, end
        The tokens that every translation starts from and ends with.
    """

    beam: int
    alpha: float
    start: int
    end: int


class Search:
    """The search for the translation of one sentence.

    Parameters
    ----------
    options
        How to search.
    limit
        The most tokens of a translation, the end included.

    Attributes
    ----------
    tokens
        The beginnings under way, (beam, length).
    log_p
        Their log-probabilities, (beam,); -inf for a place not filled.
    finished
        The translations found.
    """

    def __init__(self, options: BeamOptions, limit: int) -> None:
        self.options, self.limit = options, limit
        self.tokens = np.zeros((options.beam, 0), np.int64)
        self.log_p = np.full(options.beam, -np.inf)
        self.log_p[0] = 0.0
        self.finished: list[Hypothesis] = []

    @property
    def last(self) -> NDArray[np.int64]:
        """The token that each beginning reads next."""
        if self.tokens.shape[1] == 0:
            return np.full(self.options.beam, self.options.start)
        return self.tokens[:, -1]

    @property
    def best(self) -> list[int]:
        """The best finished translation, or the best beginning where none was finished."""
        if self.finished:
            return max(self.finished).tokens
        return self.tokens[self.log_p.argmax()].tolist()

    @property
    def settled(self) -> bool:
        """Whether the limit is reached, or enough is found, or nothing better can come."""
        options = self.options
        if self.tokens.shape[1] >= self.limit or len(self.finished) >= options.beam:
            return True
        highest = self.log_p.max() / length_penalty(self.limit, options.alpha)
        return bool(self.finished) and max(self.finished).score >= highest

    def advance(self, log_p: NDArray[np.float64]) -> NDArray[np.int64]:
        """Extend the beginnings by their likeliest tokens, and put aside those that end.

        Parameters
        ----------
        log_p
            Of each token as the next of each beginning, (beam, vocabulary).

        Returns
        -------
        origin
            Which of the old beginnings each of the new ones continues.
        """
        beam = self.options.beam
        total = (self.log_p[:, None] + log_p).reshape(-1)
        # Twice as many candidates as places are enough: each beginning ends in one way only.
        ranked = largest(total, min(2 * beam, total.size))
        origin, token = np.divmod(ranked, log_p.shape[1])
        ends = token == self.options.end
        for place in np.flatnonzero(ends[:beam]):
            self._finish(total[ranked[place]], self.tokens[origin[place]])
        kept = np.flatnonzero(~ends)[:beam]
        self.tokens = np.concatenate([self.tokens[origin[kept]], token[kept, None]], axis=1)
        self.log_p = total[ranked[kept]]
        return origin[kept]

    def _finish(self, log_p: float, tokens: NDArray[np.int64]) -> None:
        # A place that is not filled ends too, with the probability 0.
        if np.isfinite(log_p):
            score = log_p / length_penalty(len(tokens) + 1, self.options.alpha)
            self.finished.append(Hypothesis(float(score), tokens.tolist()))


def log_softmax(logits: NDArray) -> NDArray[np.float64]:
    """Turn logits into log-probabilities, in double precision, so that they rank as the logits do.

    The exponentials are those of the logits' own precision: they only say what all share, the sum.
    """
    highest = logits.max(axis=-1, keepdims=True)
    total = np.exp(logits - highest).sum(axis=-1, keepdims=True)
    return logits - (highest + np.log(total, dtype=np.float64))


def largest(x: NDArray, k: int) -> NDArray[np.int64]:
    """Return where the k largest entries stand, the largest first, and equal ones in order."""
    among = np.flatnonzero(x >= np.partition(x, -k)[-k])
    return among[np.argsort(-x[among], kind="stable")[:k]]
