"""Writing a translation: one token after the other, from what the model says may come next.

Everything here works on a *model*: anything with ``start(source) -> state``, ``step(tokens, state)
-> (logits, state)`` and a ``config`` that names its special tokens. The torch Transformer and the
NumPy one both are. The bookkeeping of candidates is done in NumPy.
"""

from collections.abc import Callable
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from attend.arrays import Array, namespace, to_numpy
from attend.config import TransformerConfig
from attend.decoding.beam import BeamOptions, Hypothesis, Search, check_logits, largest
from attend.state import State, select, select_past
from attend.transformer import require_tokens

MORE = 50
"""How many tokens longer than its source a translation may get (section 6.1)."""


class Model(Protocol):
    """What the functions of this file need."""

    config: TransformerConfig

    def start(self, source: Array) -> State:
        """Encode a batch of sources."""

    def step(self, tokens: Array, state: State) -> tuple[Array, State]:
        """Read the next tokens and say what may follow."""


Written = TypeVar("Written")
Choose = Callable[[NDArray[np.floating]], NDArray[np.integer]]
"""Picks a token for each sentence from its logits, (batch, vocabulary)."""


def greedy(model: Model, source: Array, limit: int | None = None) -> list[list[int]]:
    """Take the likeliest token at each step.

    Parameters
    ----------
    model
        The model that says what may come next.
    source
        Source tokens, (batch, m), padded.
    limit
        The most tokens to write, the end included. If None, 50 more than the source has, as in
        section 6.1 of the paper.

    Returns
    -------
    sentences
        The tokens of each translation, without start and end; none for a source that is nothing
        but padding.

    Raises
    ------
    ValueError
        If the limit is below 1, a source token is not in the vocabulary, or the model answers
        what is no number.
    """
    return _choosing(model, source, lambda logits: logits.argmax(axis=-1), limit)


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
        As for `greedy`; the limit is that of the paper.
    generator
        Draws the numbers; the same seed writes the same text.
    temperature
        Divides the logits: below 1 bolder, above 1 more even.
    top_k
        Draw among this many likeliest tokens only; among all if None.

    Raises
    ------
    ValueError
        If the temperature is not a positive number, or top_k is below 1.
    """
    if not 0 < temperature < np.inf or (top_k is not None and top_k < 1):
        raise ValueError(
            "sampling needs temperature > 0 and top_k >= 1 (or None); received "
            f"temperature={temperature}, top_k={top_k}. For the likeliest token use greedy"
        )

    def choose(logits: NDArray) -> NDArray:
        # The largest is 0 first, and stays so where a cold division makes the rest -inf.
        with np.errstate(over="ignore"):
            heated = (logits - logits.max(axis=-1, keepdims=True)).astype(float) / temperature
        # The largest of logits with Gumbel noise is a draw from their softmax.
        noisy = heated + generator.gumbel(size=logits.shape)
        return np.where(_among_best(logits, top_k), noisy, -np.inf).argmax(axis=-1)

    return _choosing(model, source, choose, None)


def _choosing(model: Model, source: Array, choose: Choose, limit: int | None) -> list[list[int]]:
    found = _where_there_is_text(
        model, source, limit, lambda rows, limits: _write(model, rows, choose, limits)
    )
    return [tokens or [] for tokens in found]


def _among_best(logits: NDArray, k: int | None) -> NDArray[np.bool_]:
    """Mark the k largest logits of each row; all of them if k is None."""
    if k is None or k >= logits.shape[-1]:
        return np.ones(logits.shape, bool)
    marked = np.zeros(logits.shape, bool)
    for row, best in zip(marked, (largest(x, k) for x in logits), strict=True):
        row[best] = True
    return marked


def _where_there_is_text(
    model: Model, source: Array, limit: int | None, write: Callable[..., list[Written]]
) -> list[Written | None]:
    """Write for each source that holds a token; of the others there is nothing to translate.

    Parameters
    ----------
    write
        Takes sources, (batch, m), and how many tokens each may get, (batch,).
    """
    limits = limits_of(model, source, limit)
    rows = np.flatnonzero((to_numpy(source) != model.config.pad).any(axis=-1))
    found: list[Written | None] = [None] * len(limits)
    written = write(source[rows], limits[rows]) if len(rows) else []
    for row, one in zip(rows, written, strict=True):
        found[row] = one
    return found


def _write(
    model: Model, source: Array, choose: Choose, limits: NDArray[np.int64]
) -> list[list[int]]:
    """Choose token after token until every sentence has ended or reached its limit."""
    config = model.config
    state = _start(model, source)
    tokens = np.full(source.shape[0], config.start)
    open_ = np.ones(source.shape[0], dtype=bool)
    sentences: list[list[int]] = [[] for _ in tokens]
    for written in range(max(limits, default=0)):
        logits, state = _next_logits(model, tokens, state, source)
        check_logits(logits)
        tokens = choose(logits)
        open_ &= (tokens != config.end) & (written < limits)
        for row in np.flatnonzero(open_):
            sentences[row].append(int(tokens[row]))
        if not open_.any():
            break
    return sentences


def limits_of(model: Model, source: Array, limit: int | None) -> NDArray[np.int64]:
    """Say for each sentence how many tokens it may get; padding does not lengthen it."""
    require_tokens("source", source)
    tokens, config = to_numpy(source), model.config
    if limit is not None and limit < 1:
        raise ValueError(f"limit counts tokens to write, at least 1; received limit={limit}")
    whole = np.issubdtype(tokens.dtype, np.integer)
    if tokens.size and not (whole and 0 <= tokens.min() <= tokens.max() < config.vocabulary):
        raise ValueError(
            f"source tokens are whole numbers from 0 to {config.vocabulary - 1}; received "
            f"{tokens.dtype} from {tokens.min()} to {tokens.max()}. Was another tokenizer used?"
        )
    if limit is not None:
        return np.full(len(tokens), limit)
    return (tokens != config.pad).sum(axis=-1) + MORE


def _start(model: Model, source: Array) -> State:
    """Let the model read the sources; drop a mask that forbids nothing."""
    state = model.start(source)
    free = state.memory_mask is None or bool(state.memory_mask.all())
    return state._replace(memory_mask=None) if free else state


def _next_logits(model: Model, tokens: NDArray, state: State, source: Array) -> tuple:
    """Let the model read one token a sentence; return logits (batch, vocabulary) and the state."""
    read = namespace(source).asarray(tokens[:, None], device=source.device)
    logits, state = model.step(read, state)
    return to_numpy(logits[:, -1]), state


def beam_search(
    model: Model,
    source: Array,
    beam: int = 4,
    alpha: float = 0.6,
    limit: int | None = None,
    spoken: NDArray[np.bool_] | None = None,
) -> list[list[int]]:
    """Follow the `beam` likeliest beginnings at once, and keep the best translation.

    Parameters
    ----------
    model, source, limit
        As for `greedy`.
    beam
        How many beginnings to follow. One is the same as `greedy`.
    alpha
        Strength of the length penalty; 0 for none.
    spoken
        The tokens that may not close a loop, (vocabulary,): `attend.decoding.loops`. None, and
        there is no such rule, as in the paper.

    Returns
    -------
    sentences
        The tokens of the best translation of each source, without start and end; none for a source
        that is nothing but padding.

    Raises
    ------
    ValueError
        If beam or limit is below 1, alpha is negative, a source token is not in the vocabulary, or
        the model answers what is no number.

    Notes
    -----
    The search for a sentence ends when one of three things holds:

    - the beginnings have as many tokens as the limit allows;
    - `beam` translations are finished, and the best of these is taken;
    - no beginning could come to a better score, even if it went on to the limit at no cost.

    The first and the third lose nothing. The second may: a beginning that is still followed can
    end with a better score than all that are finished (it did in 2 of 400 trials with random
    models). Following it to the limit, 50 tokens beyond the source, would multiply the time of
    nearly every sentence for the sake of few. The paper says nothing of its rule but that output
    is ended early when possible (section 6.1).
    """
    found = n_best(model, source, beam, alpha, limit, spoken)
    return [best.tokens for best, *_ in found]


def n_best(
    model: Model,
    source: Array,
    beam: int = 4,
    alpha: float = 0.6,
    limit: int | None = None,
    spoken: NDArray[np.bool_] | None = None,
) -> list[list[Hypothesis]]:
    """Return every translation that a beam search finishes, the best first.

    There is at least one of each source, and none twice; that of padding alone has no tokens.
    Parameters and errors are those of `beam_search`.
    """
    check_search(beam, alpha)
    options = BeamOptions(beam, alpha, model.config.start, model.config.end, spoken)
    found = _where_there_is_text(
        model, source, limit, lambda rows, limits: search_all(model, rows, Search(options, limits))
    )
    return [best or [Hypothesis(0.0, [])] for best in found]


def check_search(beam: int, alpha: float) -> None:
    """Refuse a beam without a place, and a penalty that is none."""
    if beam < 1:
        raise ValueError(f"a beam holds at least one beginning; received beam={beam}")
    if not 0 <= alpha < np.inf:
        raise ValueError(f"alpha is the strength of a penalty, 0 or more; received alpha={alpha}")


def search_all(model: Model, source: Array, search: Search) -> list[list[Hypothesis]]:
    """Let the model read the sources, (batch, m), and take a search of them to its end."""
    rows = np.repeat(np.arange(len(search.limits)), search.options.beam)
    state = select(_start(model, source), rows)
    while len(search.going):
        state = _advance(model, search, state, source)
    return search.results


def _advance(model: Model, search: Search, state: State, source: Array) -> State:
    """Take one step of a search; return the state of the beginnings still followed."""
    last = search.last
    logits, state = _next_logits(model, last.reshape(-1), state, source)
    origin = search.advance(logits.reshape(*last.shape, -1))
    rows = origin + last.shape[1] * np.arange(len(last))[:, None]
    settled = search.settled
    if not settled.any():
        return select_past(state, rows.reshape(-1))
    search.retire(settled)
    return select(state, rows[~settled].reshape(-1))
