"""Writing a translation: one token after the other, from what the model says may come next.

Everything here works on a *model*: anything with ``start(source) -> state``, ``step(tokens, state)
-> (logits, state)`` and a ``config`` that names its special tokens. The torch Transformer and the
NumPy one both are. The bookkeeping of candidates is done in NumPy.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from attend.arrays import Array, namespace, to_numpy
from attend.config import TransformerConfig
from attend.state import State, select

MORE = 50
"""How many tokens longer than its source a translation may get (section 6.1)."""


class Model(Protocol):
    """What the functions of this file need."""

    config: TransformerConfig

    def start(self, source: Array) -> State:
        """Encode a batch of sources."""

    def step(self, tokens: Array, state: State) -> tuple[Array, State]:
        """Read the next tokens and say what may follow."""


Choose = Callable[[NDArray[np.floating]], NDArray[np.integer]]


def greedy(model: Model, source: Array, limit: int | None = None) -> list[list[int]]:
    """Take the likeliest token at each step.

    Parameters
    ----------
    model
        The model that says what may come next.
    source
        Source tokens, (batch, m), padded.
    limit
        The most tokens to write; source + 50 if None, as in the paper.

    Returns
    -------
    sentences
        The tokens of each translation, without start and end.
    """
    return _write(model, source, lambda logits: logits.argmax(axis=-1), limit)


def sample(
    model: Model,
    source: Array,
    generator: np.random.Generator,
    temperature: float = 1.0,
    top_k: int | None = None,
) -> list[list[int]]:
    """Draw each token at random, by its probability.

    Parameters
    ----------
    model, source
        As for `greedy`.
    generator
        Draws the numbers; the same seed writes the same text.
    temperature
        Divides the logits: below 1 bolder, above 1 more even.
    top_k
        Draw among this many likeliest tokens only; among all if None.

    Raises
    ------
    ValueError
        If the temperature is not positive, or top_k is below 1.
    """
    if not temperature > 0 or (top_k is not None and top_k < 1):
        raise ValueError(
            "sampling needs temperature > 0 and top_k >= 1 (or None); received "
            f"temperature={temperature}, top_k={top_k}. For the likeliest token use greedy"
        )

    def choose(logits: NDArray) -> NDArray:
        # The largest of logits with Gumbel noise is a draw from their softmax.
        noisy = logits / temperature + generator.gumbel(size=logits.shape)
        return np.where(logits >= _kth_best(logits, top_k), noisy, -np.inf).argmax(axis=-1)

    return _write(model, source, choose, None)


def _kth_best(logits: NDArray, k: int | None) -> NDArray:
    """Return the smallest logit of each row that is still among its k best."""
    k = logits.shape[-1] if k is None else min(k, logits.shape[-1])
    return np.partition(logits, -k, axis=-1)[..., -k, None]


def _write(model: Model, source: Array, choose: Choose, limit: int | None) -> list[list[int]]:
    """Choose token after token until every sentence has ended, or the limit is reached."""
    state, config = model.start(source), model.config
    tokens = np.full(source.shape[0], config.start)
    open_ = np.ones(source.shape[0], dtype=bool)
    sentences: list[list[int]] = [[] for _ in tokens]
    for _ in range(source.shape[1] + MORE if limit is None else limit):
        logits, state = model.step(_like(tokens[:, None], source), state)
        tokens = choose(to_numpy(logits[:, -1]))
        open_ &= tokens != config.end
        for row in np.flatnonzero(open_):
            sentences[row].append(int(tokens[row]))
        if not open_.any():
            break
    return sentences


def _like(tokens: NDArray, source: Array) -> Array:
    """Move tokens to the library and device of the source."""
    return namespace(source).asarray(tokens, device=source.device)


def length_penalty(length: int, alpha: float) -> float:
    """Return what a log-probability is divided by, so that long translations are not punished.

    ``((5 + length) / 6) ** alpha``, after Wu et al. 2016, with the alpha of section 6.1.
    """
    return ((5 + length) / 6) ** alpha


class Hypothesis(NamedTuple):
    """A finished translation: its tokens and its penalised log-probability."""

    score: float
    tokens: list[int]


class Beams(NamedTuple):
    """The translations under way, the best `beam` of each sentence.

    Attributes
    ----------
    tokens
        What has been written, (batch, beam, length).
    log_p
        The log-probability of that, (batch, beam); -inf for a place not filled.
    """

    tokens: NDArray[np.int64]
    log_p: NDArray[np.float64]


def beam_search(
    model: Model, source: Array, beam: int = 4, alpha: float = 0.6, limit: int | None = None
) -> list[list[int]]:
    """Follow the `beam` likeliest beginnings at once, and keep the best translation.

    Parameters
    ----------
    model, source, limit
        As for `greedy`.
    beam
        How many beginnings to follow. One is the same as `greedy`.
    alpha
        Strength of the length penalty.

    Returns
    -------
    sentences
        The tokens of the best translation of each source, without start and end.

    Raises
    ------
    ValueError
        If beam is below 1.
    """
    if beam < 1:
        raise ValueError(f"a beam holds at least one beginning; received beam={beam}")
    batch, config = source.shape[0], model.config
    state = select(model.start(source), np.repeat(np.arange(batch), beam))
    beams = Beams(np.zeros((batch, beam, 0), np.int64), np.full((batch, beam), -np.inf))
    beams.log_p[:, 0] = 0.0
    finished: list[list[Hypothesis]] = [[] for _ in range(batch)]
    last = np.full(batch * beam, config.start)
    limit = source.shape[1] + MORE if limit is None else limit
    for _ in range(limit):
        logits, state = model.step(_like(last[:, None], source), state)
        log_p = beams.log_p[..., None] + _log_softmax(to_numpy(logits[:, -1])).reshape(
            batch, beam, -1
        )
        beams, origin = _advance(beams, log_p, finished, config.end, alpha)
        if all(_is_settled(f, b, alpha, limit) for f, b in zip(finished, beams.log_p, strict=True)):
            break
        state, last = select(state, origin.reshape(-1)), beams.tokens[..., -1].reshape(-1)
    return [_best(f, beams, row, alpha) for row, f in enumerate(finished)]


def _log_softmax(logits: NDArray) -> NDArray:
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def _advance(
    beams: Beams, log_p: NDArray, finished: list[list[Hypothesis]], end: int, alpha: float
) -> tuple[Beams, NDArray]:
    """Extend every beginning by its likeliest tokens; put those that end among the finished.

    Twice as many candidates as beams are enough: at most half of them can end.
    """
    batch, beam, vocabulary = log_p.shape
    ranked = _largest(log_p.reshape(batch, -1), min(2 * beam, beam * vocabulary))
    origin, token = np.divmod(ranked, vocabulary)
    value = np.take_along_axis(log_p.reshape(batch, -1), ranked, axis=1)
    penalty = length_penalty(beams.tokens.shape[2] + 1, alpha)
    for row, place in np.argwhere(token[:, :beam] == end):
        if np.isfinite(value[row, place]):
            written = beams.tokens[row, origin[row, place]].tolist()
            finished[row].append(Hypothesis(value[row, place] / penalty, written))
    return _continue(beams, np.where(token == end, -np.inf, value), origin, token)


def _continue(
    beams: Beams, value: NDArray, origin: NDArray, token: NDArray
) -> tuple[Beams, NDArray]:
    """Keep the best candidates that have not ended; say which rows of the state they continue."""
    batch, beam, _ = beams.tokens.shape
    chosen = np.argsort(-value, axis=1, kind="stable")[:, :beam]
    row = np.arange(batch)[:, None]
    origin, token = origin[row, chosen], token[row, chosen]
    tokens = np.concatenate([beams.tokens[row, origin], token[..., None]], axis=2)
    return Beams(tokens, value[row, chosen]), origin + row * beam


def _largest(x: NDArray, k: int) -> NDArray:
    """Return where the k largest entries of each row stand, the largest first."""
    found = np.argpartition(-x, k - 1, axis=1)[:, :k]
    order = np.argsort(-np.take_along_axis(x, found, axis=1), axis=1, kind="stable")
    return np.take_along_axis(found, order, axis=1)


def _is_settled(finished: list[Hypothesis], log_p: NDArray, alpha: float, limit: int) -> bool:
    """Tell whether a sentence has as many translations as beams, or no better one can come."""
    if len(finished) >= len(log_p):
        return True
    if not finished:
        return False
    return max(finished).score >= log_p.max() / length_penalty(limit, alpha)


def _best(finished: list[Hypothesis], beams: Beams, row: int, alpha: float) -> list[int]:
    """Return the best finished translation, or the best beginning where none was finished."""
    if finished:
        return max(finished).tokens
    return beams.tokens[row, beams.log_p[row].argmax()].tolist()


def translate_tokens(
    model: Any, sources: list[list[int]], pad: Callable[[list[list[int]]], Array], **options: Any
) -> list[list[int]]:
    """Translate sentences of similar length together, and return them in their order."""
    order = sorted(range(len(sources)), key=lambda i: len(sources[i]))
    results: list[list[int]] = [[] for _ in sources]
    for first in range(0, len(order), 64):
        rows = order[first : first + 64]
        found = beam_search(model, pad([sources[i] for i in rows]), **options)
        for row, tokens in zip(rows, found, strict=True):
            results[row] = tokens
    return results
