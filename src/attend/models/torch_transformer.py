"""The Transformer as a torch module: it holds the parameters, `attend.transformer` computes."""

import torch
from torch import Tensor, nn

from attend import layers, transformer
from attend.arrays import vouched
from attend.config import TransformerConfig
from attend.layers import TAUGHT, Change, DecoderMasks, Operations, as_published
from attend.models.allocation import keep_freed_memory
from attend.models.modules import (
    FUSED,
    AddNorm,
    FeedForward,
    MultiHeadAttention,
    embedding_table,
    while_training,
)
from attend.state import LayerState, State
from attend.transformer import See, look_away


class EncoderLayer(nn.Module):
    """One layer of the encoder (section 3.1)."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(config)
        self.norm_1 = AddNorm(config)
        self.feed_forward = FeedForward(config)
        self.norm_2 = AddNorm(config)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """See `attend.layers.encoder_layer`."""
        return layers.encoder_layer(x, self, mask)


class DecoderLayer(nn.Module):
    """One layer of the decoder (section 3.1)."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(config)
        self.norm_1 = AddNorm(config)
        self.memory_attention = MultiHeadAttention(config)
        self.norm_2 = AddNorm(config)
        self.feed_forward = FeedForward(config)
        self.norm_3 = AddNorm(config)

    def begin(self, memory: Tensor) -> LayerState:
        """See `attend.layers.begin_layer`."""
        return layers.begin_layer(memory, self)

    def forward(
        self, x: Tensor, state: LayerState, masks: DecoderMasks
    ) -> tuple[Tensor, LayerState, tuple[Tensor | None, Tensor | None]]:
        """See `attend.layers.decoder_layer`."""
        return layers.decoder_layer(x, state, self, masks)


class Encoder(nn.ModuleList):
    """The stack of encoder layers."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__(EncoderLayer(config) for _ in range(config.N))


class Decoder(nn.ModuleList):
    """The stack of decoder layers."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__(DecoderLayer(config) for _ in range(config.N))


class Transformer(nn.Module):
    """The Transformer of the paper: post-norm, sinusoidal positions, one embedding used thrice.

    Parameters
    ----------
    config
        The sizes.

    Attributes
    ----------
    see
        Receives each attention map. While it is `look_away`, nobody looks, and the fused kernels
        compute; see `attend.models.recording`.
    change
        Receives the functions that it is built with, and returns those it computes with; see
        `attend.models.changes`.
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        keep_freed_memory()
        self.config = config
        self.pad = config.pad
        self.embedding = embedding_table(config)
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
        self.see: See = look_away
        self.change: Change = as_published

    @property
    def operations(self) -> Operations:
        """The functions to compute with: torch's kernels unless somebody looks at the maps."""
        faster = while_training(self.config.P_drop) if self.training else FUSED
        if self.see is not look_away:
            faster = faster._replace(attend=TAUGHT.attend)
        return self.change(faster)

    def encode(self, source: Tensor) -> Tensor:
        """Read the source, (batch, m) tokens, into a memory (batch, m, d_model)."""
        return transformer.encode(source, self, self.operations, self.see)

    @torch.no_grad()
    def start(self, source: Tensor) -> State:
        """Encode the source and project the memory, once for all steps of decoding."""
        with vouched():
            return transformer.start(source, self, self.operations, self.see)

    @torch.no_grad()
    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """Read the next target tokens, (batch, n), and say what may follow each: no gradient."""
        with vouched():
            return transformer.step(tokens, state, self, self.operations, self.see)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """Say for each target token what may follow it: logits (batch, n, vocabulary)."""
        return transformer.forward(source, target, self, self.operations, self.see)
