"""The other place for the norm: before each sub-layer, not behind it.

The paper normalises the sum of a sub-layer's input and what it found: post-norm. So do
`attend.layers` and all models here. Many later models normalise the input of the sub-layer and
leave the sum alone: pre-norm. This layer is here to be compared with `encoder_layer`.
"""

from typing import Annotated, Any

from jaxtyping import Bool, Float

from attend.arrays import Array, checked
from attend.attention import multi_head_attention
from attend.layers import TAUGHT, EncoderParameters, Operations


@checked
def pre_norm_encoder_layer(
    x: Float[Array, "... n d_model"],
    p: Annotated[Any, EncoderParameters],
    mask: Bool[Array, "... #n #n"] | None = None,
    operations: Operations = TAUGHT,
    number: int = 0,
) -> tuple[Float[Array, "... n d_model"], Array | None]:
    """Do what `attend.layers.encoder_layer` does, with each norm in front of its sub-layer.

    Nothing normalises the sums, so a stack of such layers ends with one more norm.

    Parameters
    ----------
    x
        One source token a row.
    p
        Anything with the attributes of `attend.layers.EncoderParameters`.
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
    rows = operations.normalise(x, p.norm_1.gain, p.norm_1.bias)
    found, weights = multi_head_attention(rows, rows, rows, p.self_attention, mask, attend=attend)
    x = operations.add(x, operations.drop(found))
    rows = operations.normalise(x, p.norm_2.gain, p.norm_2.bias)
    return operations.add(x, operations.drop(operations.transform(rows, p.feed_forward))), weights
