"""The layers against torch's, in one go and token by token, and in both libraries."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from two_libraries import LIBRARIES, as_torch, assert_equal_results, close, normal, refused, twice

import attend
from attend import causal_mask, layers
from attend.layers import DecoderMasks, Operations, begin_layer, decoder_layer, encoder_layer
from attend.pre_norm import pre_norm_encoder_layer
from attend.state import KeyValues, State, select

D_MODEL, D_FF, H = 8, 12, 2
FLOATS = ["float16", "bfloat16", "float32", "float64"]


def norm(seed: int, d: int = D_MODEL) -> SimpleNamespace:
    return SimpleNamespace(gain=normal(seed, d) + 1, bias=normal(seed + 1, d))


def heads(seed: int) -> attend.HeadProjections:
    return attend.HeadProjections(*(normal(seed + i, D_MODEL, D_MODEL) / 2 for i in range(4)), H)


def inner(seed: int) -> SimpleNamespace:
    return SimpleNamespace(
        W_1=normal(seed, D_MODEL, D_FF),
        b_1=normal(seed + 1, D_FF),
        W_2=normal(seed + 2, D_FF, D_MODEL),
        b_2=normal(seed + 3, D_MODEL),
    )


def parameters(seed: int = 20) -> SimpleNamespace:
    """Draw what an encoder or a decoder layer is made of."""
    return SimpleNamespace(
        self_attention=heads(seed),
        memory_attention=heads(seed + 10),
        feed_forward=inner(seed + 20),
        norm_1=norm(seed + 30),
        norm_2=norm(seed + 40),
        norm_3=norm(seed + 50),
    )


# ---------------------------------------------------------------------------- norm, feed-forward


@pytest.mark.parametrize("shape", [(5,), (3, 5), (2, 3, 5), (2, 4, 3, 1), (0, 5)])
def test_layer_norm_is_that_of_torch(shape):
    x, p = normal(1, *shape), norm(2, shape[-1])
    numpys, torches = twice(attend.layer_norm, x, p.gain, p.bias)
    assert_equal_results(numpys, torches)
    gain, bias = as_torch((p.gain, p.bias))
    close(torches, nn.functional.layer_norm(as_torch(x), shape[-1:], gain, bias), 1e-10)


@LIBRARIES
def test_layer_norm_of_long_rows_fits_half_precision(library):
    # Neither the sum of these rows nor that of their squares is below 65,504.
    x = library(300 + 100 * normal(3, 2, 512))
    half = [a.half() if isinstance(a, torch.Tensor) else a.astype("float16") for a in (x, x[0])]
    ones, zeros = half[1] * 0 + 1, half[1] * 0
    found = attend.layer_norm(half[0], ones, zeros)
    expected = nn.functional.layer_norm(as_torch(np.asarray(half[0], dtype=float)), (512,))
    np.testing.assert_allclose(np.asarray(found, dtype=float), expected, atol=0.02)


@pytest.mark.parametrize("epsilon", [1e-6, 0.5])
def test_layer_norm_takes_another_epsilon(epsilon):
    x, p = as_torch(normal(1, 3, 5)), as_torch(norm(2, 5))
    ours = attend.layer_norm(x, p.gain, p.bias, epsilon)
    close(ours, nn.functional.layer_norm(x, (5,), p.gain, p.bias, epsilon), 1e-10)


def test_the_gradients_of_layer_norm_are_those_of_torch():
    def gradients(function):
        x, p = as_torch(normal(1, 3, 5)).requires_grad_(), as_torch(norm(2, 5))
        leaves = (x, p.gain.requires_grad_(), p.bias.requires_grad_())
        result = (function(*leaves) * as_torch(normal(3, 3, 5))).sum()
        return torch.autograd.grad(result, leaves)

    expected = gradients(lambda x, gain, bias: nn.functional.layer_norm(x, (5,), gain, bias))
    for ours, theirs in zip(gradients(attend.layer_norm), expected, strict=True):
        close(ours, theirs, 1e-10)


@LIBRARIES
def test_a_row_of_equal_numbers_becomes_the_bias(library):
    x, p = library(np.full((2, 5), 3.0)), norm(2, 5)
    close(attend.layer_norm(x, library(p.gain), library(p.bias)), [p.bias, p.bias])


@pytest.mark.parametrize("shape", [(D_MODEL,), (3, D_MODEL), (2, 3, D_MODEL)])
def test_feed_forward_is_two_linear_layers_and_a_relu(shape):
    x, p = normal(1, *shape), inner(2)
    numpys, torches = twice(attend.feed_forward, x, p)
    assert_equal_results(numpys, torches)
    p, linear = as_torch(p), nn.functional.linear
    close(torches, linear(linear(as_torch(x), p.W_1.mT, p.b_1).relu(), p.W_2.mT, p.b_2))


@LIBRARIES
def test_relu_replaces_negative_numbers_and_hides_no_nan(library):
    result = layers.relu(library([-np.inf, -2.0, -0.0, 0.0, 3.0, np.inf, np.nan]))
    np.testing.assert_array_equal(np.asarray(result), [0.0, 0.0, 0.0, 0.0, 3.0, np.inf, np.nan])


def test_the_gradient_of_relu_is_that_of_torch():
    def gradient(function):
        x = torch.tensor([-1.0, 0.0, 2.0], requires_grad=True)
        return torch.autograd.grad(function(x).sum(), x)[0]

    close(gradient(layers.relu), gradient(torch.relu))


@LIBRARIES
def test_looking_up_takes_rows(library):
    table = normal(1, 7, 4)
    tokens = np.array([[0, 6, 6], [2, 1, 0]])
    close(layers.look_up(library(tokens), library(table)), table[tokens])


# --------------------------------------------------------------------------- whole layers


def torch_encoder(p: SimpleNamespace) -> nn.TransformerEncoderLayer:
    """Build torch's own layer, with our numbers in it."""
    layer = nn.TransformerEncoderLayer(
        D_MODEL, H, D_FF, dropout=0.0, batch_first=True, dtype=torch.float64
    )
    fill_attention(layer.self_attn, p.self_attention)
    fill_rest(layer, p, 2)
    return layer.train()


def torch_decoder(p: SimpleNamespace) -> nn.TransformerDecoderLayer:
    layer = nn.TransformerDecoderLayer(
        D_MODEL, H, D_FF, dropout=0.0, batch_first=True, dtype=torch.float64
    )
    fill_attention(layer.self_attn, p.self_attention)
    fill_attention(layer.multihead_attn, p.memory_attention)
    fill_rest(layer, p, 3)
    return layer


@torch.no_grad()
def fill_attention(theirs: nn.MultiheadAttention, p: attend.HeadProjections) -> None:
    theirs.in_proj_weight.copy_(torch.cat([W.mT for W in (p.W_Q, p.W_K, p.W_V)]))
    theirs.out_proj.weight.copy_(p.W_O.mT)
    theirs.in_proj_bias.zero_()
    theirs.out_proj.bias.zero_()


@torch.no_grad()
def fill_rest(layer: nn.Module, p: SimpleNamespace, norms: int) -> None:
    for theirs, name in ((layer.linear1, "1"), (layer.linear2, "2")):
        theirs.weight.copy_(getattr(p.feed_forward, f"W_{name}").mT)
        theirs.bias.copy_(getattr(p.feed_forward, f"b_{name}"))
    for number in range(1, norms + 1):
        ours, theirs = getattr(p, f"norm_{number}"), getattr(layer, f"norm{number}")
        theirs.weight.copy_(ours.gain)
        theirs.bias.copy_(ours.bias)


def masks() -> tuple[np.ndarray, np.ndarray]:
    """A causal mask of five targets, and a memory of which one sentence is shorter."""
    return causal_mask(5), np.arange(6)[None, None, :] < np.array([4, 6])[:, None, None]


def test_an_encoder_layer_is_that_of_torch():
    x, p, padding = as_torch((normal(1, 2, 6, D_MODEL), parameters(), masks()[1]))
    output, weights = encoder_layer(x, p, padding)
    close(output, torch_encoder(p)(x, src_key_padding_mask=~padding[:, 0]), 1e-10)
    assert weights.shape == (2, H, 6, 6)


def test_a_decoder_layer_is_that_of_torch():
    x, memory, p = as_torch((normal(1, 2, 5, D_MODEL), normal(2, 2, 6, D_MODEL), parameters()))
    causal, padding = as_torch(masks())
    output, state, (own, across) = decoder_layer(
        x, begin_layer(memory, p), p, DecoderMasks(causal, padding)
    )
    expected = torch_decoder(p)(x, memory, tgt_mask=~causal, memory_key_padding_mask=~padding[:, 0])
    close(output, expected, 1e-10)
    assert own.shape == (2, H, 5, 5)
    assert across.shape == (2, H, 5, 6)
    assert state.past.k.shape == (2, H, 5, D_MODEL // H)


def test_numpy_layers_are_torch_layers():
    p, (causal, padding) = parameters(), masks()
    x, memory = normal(1, 2, 5, D_MODEL), normal(2, 2, 6, D_MODEL)
    assert_equal_results(*twice(encoder_layer, memory, p, padding), 1e-10)
    state, tensors = twice(begin_layer, memory, p)
    assert_equal_results(state, tensors)
    numpys = decoder_layer(x, state, p, DecoderMasks(causal, padding))
    torches = decoder_layer(*as_torch((x, state, p, DecoderMasks(causal, padding))))
    assert_equal_results(numpys, torches, 1e-10)


@LIBRARIES
def test_one_by_one_gives_what_all_at_once_gives(library):
    x, p, memory = normal(1, 2, 5, D_MODEL), parameters(), normal(2, 2, 6, D_MODEL)
    causal, padding = masks()
    if library is torch.as_tensor:
        x, p, memory, causal, padding = as_torch((x, p, memory, causal, padding))
    before = begin_layer(memory, p)
    whole, _, maps = decoder_layer(x, before, p, DecoderMasks(causal, padding))
    state, position = before, 0
    for length in (1, 2, 1, 1):
        piece = x[:, position : position + length]
        position += length
        may = DecoderMasks(causal_mask(length, position, like=x), padding)
        output, state, (own, across) = decoder_layer(piece, state, p, may)
        rows = np.s_[position - length : position]
        close(output, whole[:, rows])
        close(own, maps[0][:, :, rows, :position])
        close(across, maps[1][:, :, rows])
    assert before.past is None
    assert state.memory is before.memory


def test_the_operations_of_a_layer_can_be_exchanged():
    x, p = as_torch((normal(1, 2, 5, D_MODEL), parameters()))
    calls = []

    def drop(change):
        calls.append(change.shape)
        return change * 0

    output, weights = encoder_layer(x, p, None, Operations(attend.fused_attention, drop=drop))
    assert weights is None
    assert calls == [x.shape, x.shape]
    # Nothing but the two norms is left when both sub-layers are dropped.
    once = attend.layer_norm(x, p.norm_1.gain, p.norm_1.bias)
    close(output, attend.layer_norm(once, p.norm_2.gain, p.norm_2.bias))
    fused, _ = encoder_layer(x, p, None, Operations(attend.fused_attention))
    close(fused, encoder_layer(x, p)[0], 1e-10)


# -------------------------------------------------------------------------------- norms in front


@pytest.mark.parametrize("shape", [(6, D_MODEL), (2, 6, D_MODEL)])
def test_a_layer_with_its_norms_in_front_is_that_of_torch(shape):
    x, p = as_torch((normal(1, *shape), parameters()))
    mask, theirs = torch.tensor([True, True, True, True, False, False]), torch_encoder(p)
    theirs.norm_first = True
    output, weights = pre_norm_encoder_layer(x, p, mask[None, :])
    close(output, theirs(x, src_key_padding_mask=~mask.expand(*shape[:-1])), 1e-10)
    assert weights.shape == (*shape[:-2], H, 6, 6)
    numpys, torches = twice(pre_norm_encoder_layer, normal(1, *shape), parameters())
    assert_equal_results(numpys, torches, 1e-10)


def test_what_its_sub_layers_find_can_be_dropped():
    x, nothing = normal(1, 2, 5, D_MODEL), Operations(drop=lambda change: change * 0)
    assert np.array_equal(pre_norm_encoder_layer(x, parameters(), None, nothing)[0], x)


# ------------------------------------------------------------------------------------- causality


def reach(layer, x: torch.Tensor) -> torch.Tensor:
    """Tell how strongly each output row (rows) depends on each input row (columns).

    The output is projected on a random direction first: a norm makes the plain sum of a row
    constant, and a test on it would pass whatever the layer does.
    """
    x.requires_grad_()
    projected = layer(x) @ as_torch(normal(9, D_MODEL))
    gradients = [torch.autograd.grad(row, x, retain_graph=True)[0] for row in projected]
    return torch.stack([gradient.abs().amax(-1) for gradient in gradients])


def test_no_target_learns_from_later_ones():
    x, memory, p = as_torch((normal(1, 5, D_MODEL), normal(2, 6, D_MODEL), parameters()))
    causal = causal_mask(5, like=x)

    def layer(x):
        return decoder_layer(x, begin_layer(memory, p), p, DecoderMasks(causal, None))[0]

    assert torch.equal(reach(layer, x) > 0, causal)


def test_every_source_token_reaches_every_other():
    x, p = as_torch((normal(1, 5, D_MODEL), parameters()))
    assert (reach(lambda x: encoder_layer(x, p)[0], x) > 0).all()


def test_padding_reaches_no_token():
    x, p = as_torch((normal(1, 5, D_MODEL), parameters()))
    mask = torch.tensor([[True, True, True, False, False]])
    reached = reach(lambda x: encoder_layer(x, p, mask)[0], x) > 0
    assert reached[:, :3].all()
    assert not (reached[:, 3:] & ~torch.eye(5, dtype=torch.bool)[:, 3:]).any()


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_sentence_of_padding_alone_stays_finite(dtype):
    x, p = as_torch((normal(1, 2, 5, D_MODEL), parameters()))
    kind = getattr(torch, dtype)
    for part in vars(p).values():
        if isinstance(part, SimpleNamespace):
            vars(part).update({name: value.to(kind) for name, value in vars(part).items()})
    p.self_attention = p.self_attention._replace(
        **{name: getattr(p.self_attention, name).to(kind) for name in ("W_Q", "W_K", "W_V", "W_O")}
    )
    x = x.to(kind).requires_grad_()
    mask = torch.tensor([[[True] * 5], [[False] * 5]])
    output, weights = encoder_layer(x, p, mask)
    assert (weights[1] == 0).all()
    (output * as_torch(normal(9, D_MODEL)).to(kind)).sum().backward()
    assert torch.isfinite(output).all()
    assert torch.isfinite(x.grad).all()


# ----------------------------------------------------------------------------------------- state


@LIBRARIES
def test_selecting_sentences_reorders_all_that_is_remembered(library):
    memory, p = normal(2, 3, 6, D_MODEL), parameters()
    first = begin_layer(memory, p)
    second = first._replace(past=KeyValues(normal(3, 3, H, 2, 4), normal(4, 3, H, 2, 4)))
    seen = np.arange(18).reshape(3, 1, 6) % 5 > 0
    state, rows = State((first, second), seen, 2), np.array([2, 0, 2])
    if library is torch.as_tensor:
        state, rows = as_torch(state), as_torch(rows)
    chosen = select(state, rows)
    assert chosen.length == 2
    assert chosen.layers[0].past is None
    close(chosen.memory_mask, seen[[2, 0, 2]])
    close(chosen.layers[1].past.k, second.past.k[[2, 0, 2]])
    close(chosen.layers[1].past.v, second.past.v[[2, 0, 2]])
    close(chosen.layers[0].memory.k, first.memory.k[[2, 0, 2]])
    close(chosen.layers[0].memory.v, first.memory.v[[2, 0, 2]])


def test_the_state_cannot_be_changed():
    state = begin_layer(normal(2, 3, 6, D_MODEL), parameters())
    with pytest.raises(AttributeError):
        state.past = None


# ---------------------------------------------------------------------------------------- errors


@LIBRARIES
@pytest.mark.parametrize(
    ("x", "gain", "bias"), [((3, 4), (5,), (5,)), ((3, 4), (4,), (1,)), ((), (1,), (1,))]
)
def test_layer_norm_refuses_parameters_of_other_length(library, x, gain, bias):
    with refused(ValueError, "layer_norm needs", f"{x}"):
        attend.layer_norm(*(library(np.ones(shape)) for shape in (x, gain, bias)))


@LIBRARIES
def test_feed_forward_refuses_rows_of_other_length(library):
    p = SimpleNamespace(**{name: library(value) for name, value in vars(inner(1)).items()})
    says = ("feed_forward needs x (..., d_model)", "x (3, 7), p.W_1 (8, 12)", "same letter")
    with refused(ValueError, *says):
        attend.feed_forward(library(np.ones((3, 7))), p)


@pytest.mark.parametrize(
    ("name", "shape"), [("b_1", (11,)), ("b_1", (1,)), ("W_2", (11, 8)), ("b_2", (1,))]
)
def test_feed_forward_refuses_parameters_that_do_not_fit(name, shape):
    p = inner(1)
    setattr(p, name, np.ones(shape))
    with refused(
        ValueError, "feed_forward needs", f"p.{name} (", "with the same", f"p.{name} {shape}"
    ):
        attend.feed_forward(np.ones((3, 8)), p)


def test_mixed_libraries_and_lists_are_refused():
    with refused(TypeError, "mixed"):
        attend.feed_forward(torch.ones(3, 8), inner(1))
    with refused(TypeError, "mixed"):
        attend.layer_norm(np.ones((3, 2)), torch.ones(2), torch.ones(2))
    with refused(TypeError, "list"):
        attend.feed_forward([[1.0] * 8], inner(1))
    with refused(TypeError, "list"):
        layers.relu([1.0])


def test_a_decoder_refuses_a_memory_of_other_length():
    with refused(ValueError, "begin_layer needs memory (..., m, d_model)", "(6, 7)", "W_Q (8, 8)"):
        begin_layer(normal(2, 6, 7), parameters())
