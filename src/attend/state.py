"""What a decoder remembers between two steps: immutable tuples of arrays of either library."""

from typing import NamedTuple

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

    k: Array
    v: Array


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
        Which source tokens are text and not padding, shape ``(batch, 1, m)``.
    length
        How many target tokens have been seen.
    """

    layers: tuple[LayerState, ...]
    memory_mask: Array
    length: int


def select(state: State, rows: Array) -> State:
    """Take some sentences of the batch, in the order of `rows`, as beam search does."""

    def take(part: KeyValues) -> KeyValues:
        return KeyValues(part.k[rows], part.v[rows])

    layers = tuple(
        LayerState(layer.past and take(layer.past), take(layer.memory)) for layer in state.layers
    )
    return State(layers, state.memory_mask[rows], state.length)
