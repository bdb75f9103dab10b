"""What a decoder remembers between two steps: immutable tuples of arrays of either library."""

from typing import NamedTuple

from jaxtyping import Float

from attend.arrays import Array


class KeyValues(NamedTuple):
    """The keys and values that queries meet, already projected and split into heads.

    Attributes
    ----------
    k
        Keys, shape ``(..., h, m, d_k)``.
    v
        Values, shape ``(..., h, m, d_v)``.
    """

    k: Float[Array, "... h m d_k"]
    v: Float[Array, "... h m d_v"]


class LayerState(NamedTuple):
    """What one decoder layer remembers.

    Attributes
    ----------
    past
        Keys and values of the target tokens seen so far; None before the first.
    memory
        Keys and values of the encoder's output. They are projected once for a sentence.
    """

    past: KeyValues | None
    memory: KeyValues


class State(NamedTuple):
    """What a decoder remembers of one batch of sentences.

    Attributes
    ----------
    layers
        One `LayerState` for each decoder layer.
    memory_mask
        Which source tokens are text and not padding, shape ``(batch, 1, m)``; None if all are.
    length
        How many target tokens have been seen.
    tokens
        These tokens, shape ``(batch, length)``, where a model reads them again at each step;
        None where it does not, as with the causal mask: then keys and values stay as they are.
    """

    layers: tuple[LayerState, ...]
    memory_mask: Array | None
    length: int
    tokens: Array | None = None


def select(state: State, rows: Array) -> State:
    """Take some sentences of the batch, in the order of `rows`."""
    layers = tuple(
        LayerState(layer.past and _take(layer.past, rows), _take(layer.memory, rows))
        for layer in state.layers
    )
    mask, tokens = _rows(state.memory_mask, rows), _rows(state.tokens, rows)
    return State(layers, mask, state.length, tokens)


def select_past(state: State, rows: Array) -> State:
    """Take other target tokens for the same sources, in the order of `rows`.

    Beam search does this at each step: row i goes on from what row ``rows[i]`` has written, and
    both are translations of one source. So the memory is not copied.
    """
    layers = tuple(
        layer._replace(past=layer.past and _take(layer.past, rows)) for layer in state.layers
    )
    return state._replace(layers=layers, tokens=_rows(state.tokens, rows))


def _rows(array: Array | None, rows: Array) -> Array | None:
    return None if array is None else array[rows]


def _take(part: KeyValues, rows: Array) -> KeyValues:
    return KeyValues(part.k[rows], part.v[rows])
