"""Torch modules that hold the parameters of the layers.

They do no mathematics of their own: each calls the function of the same name. What they add is
what torch needs a module for, parameters, their first values, and the device.
"""

from functools import partial
from math import sqrt
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attend import layers
from attend.attention import fused_attention, multi_head_attention
from attend.config import TransformerConfig
from attend.layers import EPSILON, Operations


def uniform(*shape: int) -> nn.Parameter:
    """Draw the first values of a matrix so that it keeps the size of a vector (Glorot)."""
    return nn.Parameter(nn.init.xavier_uniform_(torch.empty(*shape)))


def fast_norm(x: Tensor, gain: Tensor, bias: Tensor) -> Tensor:
    """Compute `layer_norm` with torch's kernel."""
    return F.layer_norm(x, gain.shape, gain, bias, EPSILON)


def fast_feed_forward(x: Tensor, p: Any) -> Tensor:
    """Compute `feed_forward` with torch's kernels, which add the bias in the same pass."""
    return F.linear(F.linear(x, p.W_1.mT, p.b_1).relu_(), p.W_2.mT, p.b_2)


def fast_attention(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, None]:
    """Compute `attention` with torch's kernel, in single precision where half would be slow.

    On a CPU the fused kernel takes many times longer in bfloat16, so under autocast only the
    projections around it are halved.
    """
    if q.device.type != "cpu" or q.itemsize > 2:
        return fused_attention(q, k, v, mask)
    with torch.autocast("cpu", enabled=False):
        output, _ = fused_attention(q.float(), k.float(), v.float(), mask)
    return output.to(v.dtype), None


def fast_dropout(x: Tensor, P_drop: float) -> Tensor:
    """Drop each number with probability `P_drop`, and raise the others to make up for it.

    On a CPU torch draws one number at a time for this, with 64 bits each, and dropout takes a
    tenth of the training time. Sixteen bits a number are as good: `P_drop` is rounded to a
    multiple of 1 / 65,536.
    """
    if x.device.type != "cpu" or not P_drop:
        return F.dropout(x, P_drop)
    bits = torch.empty((x.numel() + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
    drawn = bits.view(torch.int16)[: x.numel()].view(x.shape)
    kept = drawn >= round(P_drop * 2**16) - 2**15
    return x * (kept.to(x.dtype) / (1 - P_drop))


FUSED = Operations(fast_attention, fast_norm, fast_feed_forward, F.embedding)
"""Torch's kernels for what the chapters teach, without the attention maps."""


def while_training(P_drop: float) -> Operations:
    """Return the fused functions with dropout (section 5.4)."""
    return FUSED._replace(drop=partial(fast_dropout, P_drop=P_drop))


class MultiHeadAttention(nn.Module):
    """The projections of multi-head attention (section 3.2.2), without biases as in the paper."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.h = config.h
        keys, values = config.h * config.d_k, config.h * config.d_v
        self.W_Q = uniform(config.d_model, keys)
        self.W_K = uniform(config.d_model, keys)
        self.W_V = uniform(config.d_model, values)
        self.W_O = uniform(values, config.d_model)

    def forward(
        self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """See `attend.attention.multi_head_attention`."""
        return multi_head_attention(q, k, v, self, mask)


class FeedForward(nn.Module):
    """The two matrices of the feed-forward sub-layer (section 3.3)."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.W_1 = uniform(config.d_model, config.d_ff)
        self.b_1 = nn.Parameter(torch.zeros(config.d_ff))
        self.W_2 = uniform(config.d_ff, config.d_model)
        self.b_2 = nn.Parameter(torch.zeros(config.d_model))

    def forward(self, x: Tensor) -> Tensor:
        """See `attend.layers.feed_forward`."""
        return layers.feed_forward(x, self)


class AddNorm(nn.Module):
    """The gain and bias of the norm that closes a sub-layer (section 3.1)."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(config.d_model))
        self.bias = nn.Parameter(torch.zeros(config.d_model))

    def forward(self, x: Tensor, change: Tensor) -> Tensor:
        """See `attend.layers.add_norm`."""
        return layers.add_norm(x, change, self)


def embedding_table(config: TransformerConfig) -> nn.Parameter:
    """Draw the embedding so that a row, scaled by sqrt(d_model), has entries of size 1."""
    table = torch.randn(config.vocabulary, config.d_model) / sqrt(config.d_model)
    return nn.Parameter(table)
