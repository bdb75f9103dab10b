"""The whole Transformer as four functions of its parameters (figure 1 of the paper).

`encode` reads the source, `start` prepares the decoder, `step` reads one or more target tokens and
says what may come next, `forward` is a start and one long step. They run on NumPy arrays and on
torch tensors: the trained model and the shipped translator are the same lines.
"""

from collections.abc import Callable
from math import sqrt
from typing import Any, Protocol

from jaxtyping import Float, Integer

from attend.arrays import Array, require
from attend.layers import (
    TAUGHT,
    DecoderMasks,
    Operations,
    begin_layer,
    decoder_layer,
    encoder_layer,
)
from attend.state import State

See = Callable[[str, int, Array], None]
"""Receives, for each attention map, where it arose, the layer counted from 0, and the weights."""


def look_away(kind: str, layer: int, weights: Array) -> None:
    """Receive a map and do nothing with it."""


class Stack(Protocol):
    """The parameters of a Transformer: what `p` must have in this file."""

    embedding: Array
    encoder: Any
    decoder: Any
    pad: int


def embed(
    tokens: Integer[Array, "batch n"], p: Any, start: int = 0, operations: Operations = TAUGHT
) -> Float[Array, "batch n d_model"]:
    """Turn tokens into vectors that know their position (sections 3.4 and 3.5)."""
    x = operations.look_up(tokens, p.embedding) * sqrt(p.embedding.shape[1])
    return operations.drop(x + operations.place(x, start))


def encode(
    source: Integer[Array, "batch m"],
    p: Any,
    operations: Operations = TAUGHT,
    see: See = look_away,
) -> Float[Array, "batch m d_model"]:
    """Read the source: one vector a token, each informed by all the others."""
    require_tokens("source", source)
    mask = operations.visible(source, p.pad)
    x = embed(source, p, operations=operations)
    for number, layer in enumerate(p.encoder):
        x, weights = encoder_layer(x, layer, mask, operations, number)
        see("encoder", number, weights)
    return x


def start(
    source: Integer[Array, "batch m"],
    p: Any,
    operations: Operations = TAUGHT,
    see: See = look_away,
) -> State:
    """Encode the source and project the memory, once for all steps."""
    memory = encode(source, p, operations, see)
    layers = tuple(begin_layer(memory, layer) for layer in p.decoder)
    return State(layers, operations.visible(source, p.pad), 0)


def step(
    tokens: Integer[Array, "batch n"],
    state: State,
    p: Any,
    operations: Operations = TAUGHT,
    see: See = look_away,
) -> tuple[Float[Array, "batch n vocabulary"], State]:
    """Read the next target tokens and say what may follow each of them.

    Returns
    -------
    logits
        A score for every word piece as the successor of every token given.
    state
        What to hand in with the tokens that come next.
    """
    require_tokens("target", tokens)
    new = tokens.shape[1]
    tokens, state = operations.remember(tokens, state)
    x = embed(tokens, p, state.length, operations)
    n, length = tokens.shape[1], state.length + tokens.shape[1]
    # A single new token may look at all that were before it: there is nothing to forbid.
    causal = None if n == 1 else operations.causal(n, length, like=x)
    masks = DecoderMasks(causal, state.memory_mask)
    layers = []
    for number, (layer, past) in enumerate(zip(p.decoder, state.layers, strict=True)):
        x, known, (own, across) = decoder_layer(x, past, layer, masks, operations, number)
        see("decoder", number, own)
        see("memory", number, across)
        layers.append(known)
    logits = operations.say(x[:, -new:], p.embedding)
    return logits, state._replace(layers=tuple(layers), length=length)


def forward(
    source: Integer[Array, "batch m"],
    target: Integer[Array, "batch n"],
    p: Any,
    operations: Operations = TAUGHT,
    see: See = look_away,
) -> Float[Array, "batch n vocabulary"]:
    """Say, for each target token, what may follow it: a start and one long step."""
    return step(target, start(source, p, operations, see), p, operations, see)[0]


def require_tokens(name: str, tokens: Array) -> None:
    """Refuse anything but a batch of sentences, one a row, with at least one token each."""
    require(
        tokens.ndim == 2 and tokens.shape[1] > 0,
        f"{name} needs one sentence a row, and at least one token",
        "Its shape is (batch, tokens); put a single sentence in brackets.",
        **{name: tokens},
    )
