"""The layers of the Transformer as functions of their parameters (section 3 of the paper).

A function takes its parameters as `p`: anything that has them as attributes. The torch modules of
`attend.models.modules` have them, and so has the tree of NumPy arrays that `attend.models.weights`
reads. So the assembly of the model stands once, here and in `attend.transformer`, and runs on
either library.
"""

from collections.abc import Callable
from math import sqrt
from typing import Annotated, Any, NamedTuple

from jaxtyping import Bool, Float, Integer

from attend.arrays import Array, checked, is_torch, namespace, project
from attend.attention import (
    Attend,
    Projections,
    attend_with_heads,
    attention,
    keys_values,
    multi_head_attention,
)
from attend.masks import causal_mask, padding_mask
from attend.positions import positions_like
from attend.precision import in_single
from attend.state import KeyValues, LayerState, State

EPSILON = 1e-5
"""Keeps `layer_norm` from dividing by zero."""


@checked
@in_single
def layer_norm(
    x: Float[Array, "... d"],
    gain: Float[Array, " d"],
    bias: Float[Array, " d"],
    epsilon: float = EPSILON,
) -> Float[Array, "... d"]:
    """Give each row mean 0 and variance 1, then stretch and shift it by what was learned.

    Raises
    ------
    ValueError
        If gain and bias are not as long as a row.
    """
    xp, d = namespace(x), x.shape[-1]
    # Divided before they are added: in half precision the sum over a long row would not fit.
    centred = x - (x / d).sum(axis=-1, keepdims=True)
    shares = centred / sqrt(d)
    variance = xp.linalg.vecdot(shares, shares)[..., None]
    return centred / xp.sqrt(variance + epsilon) * gain + bias


@checked
def relu(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """Replace negative numbers by zero."""
    xp = namespace(x)
    return x.relu() if is_torch(x) else xp.maximum(x, 0)


class Transform(NamedTuple):
    """The parameters of the feed-forward sub-layer (section 3.3)."""

    W_1: Float[Array, "d_model d_ff"]
    b_1: Float[Array, " d_ff"]
    W_2: Float[Array, "d_ff d_model"]
    b_2: Float[Array, " d_model"]


@checked
def feed_forward(
    x: Float[Array, "... d_model"], p: Annotated[Any, Transform]
) -> Float[Array, "... d_model"]:
    """Transform each row by itself: equation (2) of the paper, ``max(0, x W_1 + b_1) W_2 + b_2``.

    Parameters
    ----------
    x
        One token a row.
    p
        Anything with the attributes of `Transform`: ``W_1`` (d_model, d_ff), ``b_1`` (d_ff,),
        ``W_2`` (d_ff, d_model) and ``b_2`` (d_model,).

    Raises
    ------
    ValueError
        If the rows do not have the length that ``W_1`` expects, or the parameters do not fit.
    """
    return project(relu(project(x, p.W_1) + p.b_1), p.W_2) + p.b_2


@checked
def look_up(
    tokens: Integer[Array, "..."], table: Float[Array, "vocabulary d_model"]
) -> Float[Array, "... d_model"]:
    """Take the row of each token from the table."""
    return table[tokens]


def keep(x: Array) -> Array:
    """Return what came: the dropout of a model that is not being trained."""
    return x


def add(x: Array, change: Array) -> Array:
    """Add what a sub-layer found to its input: the residual connection (section 3.1)."""
    return x + change


def say(x: Float[Array, "... d_model"], embedding: Array) -> Float[Array, "... vocabulary"]:
    """Give every word piece a number as the next: the embedding once more (section 3.4)."""
    return project(x, embedding.mT)


def remember(tokens: Array, state: State) -> tuple[Array, State]:
    """Read new tokens only: what was made of those before them is still true."""
    return tokens, state


class Where(NamedTuple):
    """A place of attention in the model.

    Attributes
    ----------
    kind
        ``"encoder"``, ``"decoder"`` or ``"memory"``, as in `attend.recording`.
    layer
        The layer, counted from 0.
    first
        The position of the first query, counted from 0.
    """

    kind: str
    layer: int
    first: int = 0


def everywhere(attend: Attend, where: Where) -> Attend:
    """Attend in the same way at every place."""
    return attend


class Operations(NamedTuple):
    """The functions that a model is built with.

    The defaults are the functions of this course, on either library. `attend.models.modules` hands
    in torch's faster equals, and dropout while a model is trained. A test shows that they agree.
    `attend.models.changes` hands in others where somebody wants to see what they are good for.
    """

    attend: Attend = attention
    normalise: Callable[[Array, Array, Array], Array] = layer_norm
    transform: Callable[[Array, Any], Array] = feed_forward
    look_up: Callable[[Array, Array], Array] = look_up
    place: Callable[[Array, int], Array] = positions_like
    drop: Callable[[Array], Array] = keep
    at: Callable[[Attend, Where], Attend] = everywhere
    add: Callable[[Array, Array], Array] = add
    visible: Callable[..., Array] = padding_mask
    causal: Callable[..., Array | None] = causal_mask
    remember: Callable[[Array, State], tuple[Array, State]] = remember
    say: Callable[[Array, Array], Array] = say

    def attend_at(self, kind: str, layer: int, first: int = 0) -> Attend:
        """Return the attention function of one place."""
        return self.at(self.attend, Where(kind, layer, first))


TAUGHT = Operations()
"""The functions as they stand in the chapters."""

Change = Callable[[Operations], Operations]
"""Puts other functions in the place of some."""


def as_published(operations: Operations) -> Operations:
    """Change nothing."""
    return operations


class Norm(NamedTuple):
    """What a norm has learned."""

    gain: Float[Array, " d_model"]
    bias: Float[Array, " d_model"]


@checked
def add_norm(
    x: Float[Array, "... d_model"],
    change: Float[Array, "... d_model"],
    p: Annotated[Any, Norm],
    operations: Operations = TAUGHT,
) -> Float[Array, "... d_model"]:
    """Add what a sub-layer found to its input, then normalise (sections 3.1 and 5.4)."""
    return operations.normalise(operations.add(x, operations.drop(change)), p.gain, p.bias)


class EncoderParameters(NamedTuple):
    """What an encoder layer is made of."""

    self_attention: Projections
    feed_forward: Annotated[Any, Transform]
    norm_1: Annotated[Any, Norm]
    norm_2: Annotated[Any, Norm]


class DecoderParameters(NamedTuple):
    """What a decoder layer is made of."""

    self_attention: Projections
    memory_attention: Projections
    feed_forward: Annotated[Any, Transform]
    norm_1: Annotated[Any, Norm]
    norm_2: Annotated[Any, Norm]
    norm_3: Annotated[Any, Norm]


@checked
def encoder_layer(
    x: Float[Array, "... n d_model"],
    p: Annotated[Any, EncoderParameters],
    mask: Bool[Array, "... #n #n"] | None = None,
    operations: Operations = TAUGHT,
    number: int = 0,
) -> tuple[Float[Array, "... n d_model"], Array | None]:
    """Let every token look at all tokens, then think about what it saw: one encoder layer.

    Parameters
    ----------
    x
        One source token a row.
    p
        Anything with the attributes of `EncoderParameters`.
    mask
        True where a token may attend.
    operations
        The functions to build with.
    number
        Which layer of the encoder it is, counted from 0.

    Returns
    -------
    output
        The same rows, changed.
    weights
        The attention maps, (..., h, n, n), or None.
    """
    attend = operations.attend_at("encoder", number)
    found, weights = multi_head_attention(x, x, x, p.self_attention, mask, attend=attend)
    x = add_norm(x, found, p.norm_1, operations)
    x = add_norm(x, operations.transform(x, p.feed_forward), p.norm_2, operations)
    return x, weights


class DecoderMasks(NamedTuple):
    """What a target token may attend to: among the targets, and in the encoder's memory."""

    causal: Bool[Array, "... #n #t"] | None
    memory: Bool[Array, "... #n #m"] | None


@checked
def begin_layer(
    memory: Float[Array, "... m d_model"], p: Annotated[Any, DecoderParameters]
) -> LayerState:
    """Project the memory once, for all the steps that a decoder layer will make."""
    return LayerState(None, keys_values(memory, memory, p.memory_attention))


@checked
def decoder_layer(
    x: Float[Array, "... n d_model"],
    state: LayerState,
    p: Annotated[Any, DecoderParameters],
    masks: DecoderMasks,
    operations: Operations = TAUGHT,
    number: int = 0,
) -> tuple[Float[Array, "... n d_model"], LayerState, tuple[Array | None, Array | None]]:
    """Look back at the targets, then at the source, then think: one decoder layer.

    The tokens in `x` continue those that `state` remembers. All at once or one by one, the
    numbers are the same.

    Parameters
    ----------
    x
        One new target token a row.
    state
        What this layer remembers; see `begin_layer`.
    p
        Anything with the attributes of `DecoderParameters`.
    masks
        What may be attended to.
    operations
        The functions to build with.
    number
        Which layer of the decoder it is, counted from 0.

    Returns
    -------
    output
        The new rows, changed.
    state
        The state for the tokens that come next.
    weights
        The maps of the self-attention and of the memory attention.
    """
    past = extend(state.past, keys_values(x, x, p.self_attention))
    first = past.k.shape[-2] - x.shape[-2]
    attend = operations.attend_at("decoder", number, first)
    found, own = attend_with_heads(x, past, p.self_attention, masks.causal, attend=attend)
    x = add_norm(x, found, p.norm_1, operations)
    attend = operations.attend_at("memory", number, first)
    found, across = attend_with_heads(
        x, state.memory, p.memory_attention, masks.memory, attend=attend
    )
    x = add_norm(x, found, p.norm_2, operations)
    x = add_norm(x, operations.transform(x, p.feed_forward), p.norm_3, operations)
    return x, LayerState(past, state.memory), (own, across)


def extend(past: KeyValues | None, new: KeyValues) -> KeyValues:
    """Put the keys and values of new tokens behind those of the past."""
    if past is None:
        return new
    xp = namespace(new.k)
    return KeyValues(
        xp.concatenate([past.k, new.k], axis=-2), xp.concatenate([past.v, new.v], axis=-2)
    )
