"""A rule against loops: what stands twice in a row is not written a third time at once.

A model that reads what it never met, a single word or a name, may go round and round: "Fußball
Fußball Fußball". Training heals that for what it holds. For the rest the translator of the course
searches under this rule; a model of your own does if you ask for it.

Only tokens with letters fall under it: 1000 has three zeros in a row, and a line may end in "!!!".
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from attend.text.tokenizer import FIRST_CHARACTER, Tokenizer

LONGEST = 8
"""Tokens of the longest run that may not stand three times in a row."""


@lru_cache(maxsize=8)
def spoken(tokenizer: Tokenizer) -> NDArray[np.bool_]:
    """Mark the tokens whose pieces have a letter, (vocabulary,). Single bytes have none."""
    pieces = [tokenizer.piece(token) for token in range(FIRST_CHARACTER, len(tokenizer))]
    letters = [any(map(str.isalpha, piece)) for piece in pieces]
    marked = np.array([False] * FIRST_CHARACTER + letters)
    marked.flags.writeable = False
    return marked


def closing(tokens: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.integer]]:
    """Find the tokens that would write a run of tokens for the third time in a row.

    Parameters
    ----------
    tokens
        Of each beginning, (beginnings, length).

    Returns
    -------
    beginning, token
        Which beginning, by which token; a beginning may have none or several.

    Examples
    --------
    >>> closing(np.array([[7, 7], [7, 8]]))
    (array([0]), array([7]))
    """
    runs = range(1, min(LONGEST, (tokens.shape[1] + 1) // 3) + 1)
    found = [_closing(tokens[:, 1 - 3 * n :], n) for n in runs]
    none = np.zeros(0, np.int64), np.zeros(0, tokens.dtype)
    beginning, token = (np.concatenate(some) for some in zip(none, *found, strict=True))
    return beginning, token


def _closing(recent: NDArray[np.integer], n: int) -> tuple[NDArray[np.int64], NDArray[np.integer]]:
    """Find where the last 3n - 1 tokens have the period n, and what would come next."""
    again = np.flatnonzero((recent[:, n:] == recent[:, :-n]).all(axis=1))
    return again, recent[again, -n]


def without_loops(
    logits: NDArray, tokens: NDArray[np.integer], spoken: NDArray[np.bool_]
) -> NDArray:
    """Forbid the tokens that would close a loop, by logits of -inf.

    Parameters
    ----------
    logits
        Of each token as the next of each beginning, (beginnings, vocabulary). They stay as they
        are.
    tokens
        The beginnings, (beginnings, length).
    spoken
        The tokens that fall under the rule, (vocabulary,).
    """
    beginning, token = closing(tokens)
    counts = spoken[token]
    if not counts.any():
        return logits
    logits = logits.copy()
    logits[beginning[counts], token[counts]] = -np.inf
    return logits
