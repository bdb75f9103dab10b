"""Attend: the Transformer from its parts, on NumPy and torch.

The array functions of the chapters are importable from here. Nothing in this package imports torch
until a torch module is asked for by name (`attend.models.torch_transformer`,
`attend.training.trainer`).
"""

from attend.attention import (
    HeadProjections,
    attention,
    fused_attention,
    masked_softmax,
    merge_heads,
    multi_head_attention,
    scores,
    softmax,
    split_heads,
)
from attend.chunked import chunked_attention
from attend.layers import feed_forward, layer_norm
from attend.masks import causal, causal_mask, padding_mask
from attend.positions import positional_encoding

__version__ = "0.1.0"

__all__ = [
    "HeadProjections",
    "attention",
    "causal",
    "causal_mask",
    "chunked_attention",
    "feed_forward",
    "fused_attention",
    "layer_norm",
    "masked_softmax",
    "merge_heads",
    "multi_head_attention",
    "padding_mask",
    "positional_encoding",
    "scores",
    "softmax",
    "split_heads",
]
