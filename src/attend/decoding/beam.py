"""Beam search: what is kept of each sentence while several beginnings are followed at once.

No model is needed here, only its logits. `attend.decoding.writing` runs the model.
"""

from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from attend.decoding.loops import without_loops

Length = TypeVar("Length", float, NDArray)


def length_penalty(length: Length, alpha: float) -> Length:
    """Return what a log-probability is divided by, so that long translations are not punished.

    ``((5 + length) / 6) ** alpha``, after Wu et al. 2016, with the alpha of section 6.1. The
    length counts the end of the sentence too.
    """
    return ((5 + length) / 6) ** alpha


GROUPS = 256
"""How many groups `likeliest` makes of a vocabulary, if it is not asked for more tokens."""


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
    spoken
        The tokens that may not close a loop, (vocabulary,); see `attend.decoding.loops`.
    """

    beam: int
    alpha: float
    start: int
    end: int
    spoken: NDArray[np.bool_] | None = None


class Search:
    """The search for the translations of several sentences.

    Parameters
    ----------
    options
        How to search.
    limits
        The most tokens of each translation, the end included, (sentences,).

    Attributes
    ----------
    going
        The numbers of the sentences still searched for. All that follows is about these.
    tokens
        The beginnings under way, (sentences, beam, length).
    log_p
        Their log-probabilities, (sentences, beam); -inf for a place not filled.
    finished
        The translations found of each sentence.
    results
        The translations found of every sentence no longer searched for, the best first; where
        none was finished, the best beginning.
    """

    def __init__(self, options: BeamOptions, limits: NDArray[np.integer]) -> None:
        self.options, self.limits = options, limits
        self.going = np.arange(len(limits))
        self.tokens = np.zeros((len(limits), options.beam, 0), np.int64)
        self.log_p = np.full((len(limits), options.beam), -np.inf)
        self.log_p[:, 0] = 0.0
        self.finished: list[list[Hypothesis]] = [[] for _ in limits]
        self.results: list[list[Hypothesis]] = [[] for _ in limits]

    @property
    def last(self) -> NDArray[np.int64]:
        """The token that each beginning reads next, (sentences, beam)."""
        if self.tokens.shape[2] == 0:
            return np.full(self.log_p.shape, self.options.start)
        return self.tokens[:, :, -1]

    @property
    def settled(self) -> NDArray[np.bool_]:
        """Where the limit is reached, or enough is found, or nothing better can come."""
        best = np.array([max(found).score if found else -np.inf for found in self.finished])
        enough = np.array([len(found) >= self.options.beam for found in self.finished])
        highest = self.log_p.max(axis=1) / length_penalty(self.limits, self.options.alpha)
        better = (best < highest) | (best == -np.inf)
        return (self.tokens.shape[2] >= self.limits) | enough | ~better

    def advance(self, logits: NDArray) -> NDArray[np.int64]:
        """Extend the beginnings by their likeliest tokens, and put aside those that end.

        Parameters
        ----------
        logits
            Of each token as the next of each beginning, (sentences, beam, vocabulary).

        Raises
        ------
        ValueError
            As `check_logits` does.

        Returns
        -------
        origin
            Which of the old beginnings each of the new ones continues, (sentences, beam).
        """
        check_logits(logits)
        beam = self.options.beam
        logits = self._allowed(logits)
        # Twice as many candidates as places are enough: each beginning ends in one way only.
        log_p, origin, token = likeliest(logits, self.log_p, 2 * beam)
        ends = token == self.options.end
        for row, place in zip(*np.nonzero(ends[:, :beam]), strict=True):
            self._finish(row, log_p[row, place], self.tokens[row, origin[row, place]])
        kept = ends.argsort(axis=1, kind="stable")[:, :beam]
        self.log_p = np.take_along_axis(log_p, kept, 1)
        origin, token = (np.take_along_axis(x, kept, 1) for x in (origin, token))
        before = np.take_along_axis(self.tokens, origin[:, :, None], 1)
        self.tokens = np.concatenate([before, token[:, :, None]], axis=2)
        return origin

    def _allowed(self, logits: NDArray) -> NDArray:
        """Forbid what would close a loop, if the options say so."""
        if self.options.spoken is None:
            return logits
        sentences, beam, length = self.tokens.shape
        rows = logits.reshape(sentences * beam, -1)
        tokens = self.tokens.reshape(sentences * beam, length)
        return without_loops(rows, tokens, self.options.spoken).reshape(logits.shape)

    def _finish(self, row: np.integer, log_p: float, tokens: NDArray[np.int64]) -> None:
        # A place that is not filled ends too, with the probability 0.
        if np.isfinite(log_p):
            score = log_p / length_penalty(len(tokens) + 1, self.options.alpha)
            self.finished[row].append(Hypothesis(float(score), tokens.tolist()))

    def retire(self, settled: NDArray[np.bool_]) -> None:
        """Keep the results of the sentences marked, and search for the others only."""
        for row in np.flatnonzero(settled):
            self.results[self.going[row]] = self._ranked(row)
        self.finished = [self.finished[row] for row in np.flatnonzero(~settled)]
        self.going, self.limits = self.going[~settled], self.limits[~settled]
        self.tokens, self.log_p = self.tokens[~settled], self.log_p[~settled]

    def _ranked(self, row: np.integer) -> list[Hypothesis]:
        if self.finished[row]:
            return sorted(self.finished[row], reverse=True)
        place = self.log_p[row].argmax()
        log_p, tokens = float(self.log_p[row, place]), self.tokens[row, place].tolist()
        return [Hypothesis(log_p / length_penalty(len(tokens), self.options.alpha), tokens)]


def check_logits(logits: NDArray) -> None:
    """Refuse logits that no softmax can turn into probabilities.

    A token may be forbidden by -inf, as long as another one is not.

    Raises
    ------
    ValueError
        If one is nan or infinite, or all of a row are -inf.
    """
    # The largest of numbers is nan if one of them is.
    highest = logits.max(axis=-1)
    if not np.isfinite(highest).all():
        found = highest[~np.isfinite(highest)][0]
        raise ValueError(
            f"the model answers {found}: its weights are damaged, or training went astray"
        )


def likeliest(
    logits: NDArray, before: NDArray[np.float64], k: int
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Find the `k` likeliest continuations of each sentence among those of all its beginnings.

    Most of a vocabulary is not worth ranking. It is cut into groups. The `k` best groups hold `k`
    continuations at least as good as the best of the last of them, so no group with a lower best
    matters. The sums are exact in double precision, and larger logits never have smaller sums: so
    the best of a group may be found among the logits as they are.

    Parameters
    ----------
    logits
        Of each token as the next of each beginning, (sentences, beam, vocabulary).
    before
        The log-probability of each beginning, (sentences, beam).
    k
        How many; fewer if there are not so many.

    Returns
    -------
    log_p, origin, token
        Of the continuations: their log-probabilities, which beginnings they continue, and by
        which token; each (sentences, k), the likeliest first, and equal ones in order.
    """
    sentences, _, vocabulary = logits.shape
    k = min(k, logits[0].size)
    # The logarithm of a softmax takes the same from all tokens of a beginning.
    shift = before - log_sum_exp(logits)
    grouped = in_groups(logits, max(k, GROUPS))
    tops = (shift[:, :, None] + grouped.max(axis=2)).reshape(sentences, -1)
    least = np.partition(tops, -k, axis=1)[:, -k]
    row, group = np.nonzero(tops >= least[:, None])
    origin, first = np.divmod(group, grouped.shape[3])
    log_p = shift[row, origin][:, None] + grouped[row, origin, :, first]
    token = first[:, None] + grouped.shape[3] * np.arange(grouped.shape[2])
    good = (log_p >= least[row][:, None]) & (token < vocabulary)
    place, log_p = (origin[:, None] * vocabulary + token)[good], log_p[good]
    row = np.broadcast_to(row[:, None], good.shape)[good]
    order = np.lexsort((place, -log_p, row))
    best = order[np.searchsorted(row[order], np.arange(sentences))[:, None] + np.arange(k)]
    return log_p[best], *np.divmod(place[best], vocabulary)


def in_groups(logits: NDArray, groups: int) -> NDArray:
    """Lay a vocabulary out in lines; its groups are the columns, (sentences, beam, lines, groups).

    The last line is filled up with -inf. A maximum over columns is ten times as fast as over rows.
    """
    *batch, vocabulary = logits.shape
    groups = min(vocabulary, groups)
    lines = -(-vocabulary // groups)
    filled = np.full((*batch, lines * groups), -np.inf, logits.dtype)
    filled[..., :vocabulary] = logits
    return filled.reshape(*batch, lines, groups)


def log_sum_exp(logits: NDArray) -> NDArray[np.float64]:
    """Return what a softmax takes from each row of logits, if its logarithm is wanted.

    The exponentials are those of the logits' own precision, the result is in double precision:
    taken from logits, it leaves them in their order.
    """
    highest = logits.max(axis=-1, keepdims=True)
    # NumPy takes ten times as long to add up the rows as to multiply them by ones.
    total = np.exp(logits - highest) @ np.ones(logits.shape[-1], logits.dtype)
    return highest[..., 0] + np.log(total, dtype=np.float64)


def largest(x: NDArray, k: int) -> NDArray[np.int64]:
    """Return where the k largest entries stand, the largest first, and equal ones in order."""
    among = np.flatnonzero(x >= np.partition(x, -k)[-k])
    return among[np.argsort(-x[among], kind="stable")[:k]]
