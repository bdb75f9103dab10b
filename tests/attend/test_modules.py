"""The torch modules: they hold parameters, and compute what the array functions compute."""

import pytest
import torch
from torch import nn

# Threads wait for each other on a busy machine, and these models are tiny.
torch.set_num_threads(1)

from attend import layers  # noqa: E402
from attend.attention import multi_head_attention  # noqa: E402
from attend.config import TransformerConfig  # noqa: E402
from attend.layers import TAUGHT  # noqa: E402
from attend.masks import causal_mask  # noqa: E402
from attend.models.modules import (  # noqa: E402
    FUSED,
    AddNorm,
    FeedForward,
    MultiHeadAttention,
    embedding_table,
    fast_attention,
    fast_dropout,
    fast_norm,
    while_training,
)

CONFIG = TransformerConfig(50, N=1, d_model=12, d_ff=20, h=3, d_k=5, d_v=2)
DOUBLE = {"dtype": torch.float64}


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def shaken(module):
    """Give every parameter, gains and biases too, a value that shows when it is left out."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_()
    return module.double()


def test_the_projections_have_no_bias_and_the_papers_shapes():
    module = MultiHeadAttention(CONFIG)
    assert {name: tuple(p.shape) for name, p in module.named_parameters()} == {
        "W_Q": (12, 15),
        "W_K": (12, 15),
        "W_V": (12, 6),
        "W_O": (6, 12),
    }


def test_multi_head_attention_is_the_array_function():
    module, x = shaken(MultiHeadAttention(CONFIG)), torch.randn(2, 4, 12, **DOUBLE)
    y = torch.randn(2, 6, 12, **DOUBLE)
    mask = torch.rand(2, 4, 6) > 0.4
    output, weights = module(x, y, y, mask)
    expected, maps = multi_head_attention(x, y, y, module, mask)
    assert weights.shape == (2, 3, 4, 6)
    torch.testing.assert_close(output, expected, rtol=0, atol=0)
    torch.testing.assert_close(weights, maps, rtol=0, atol=0)


def test_multi_head_attention_equals_torchs():
    config = TransformerConfig(9, d_model=12, h=3)
    ours = shaken(MultiHeadAttention(config))
    theirs = nn.MultiheadAttention(12, 3, bias=False, batch_first=True).double()
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([ours.W_Q.mT, ours.W_K.mT, ours.W_V.mT]))
        theirs.out_proj.weight.copy_(ours.W_O.mT)
    x, memory = torch.randn(2, 4, 12, **DOUBLE), torch.randn(2, 6, 12, **DOUBLE)
    text = torch.arange(6) < torch.tensor([[6], [4]])
    output, weights = ours(x, memory, memory, text[:, None, :])
    expected, maps = theirs(x, memory, memory, key_padding_mask=~text, average_attn_weights=False)
    torch.testing.assert_close(output, expected, rtol=0, atol=1e-10)
    torch.testing.assert_close(weights, maps, rtol=0, atol=1e-10)


def test_feed_forward_and_add_norm_are_the_array_functions():
    x, change = torch.randn(2, 4, 12, **DOUBLE), torch.randn(2, 4, 12, **DOUBLE)
    transform, norm = shaken(FeedForward(CONFIG)), shaken(AddNorm(CONFIG))
    torch.testing.assert_close(transform(x), layers.feed_forward(x, transform))
    expected = layers.layer_norm(x + change, norm.gain, norm.bias)
    torch.testing.assert_close(norm(x, change), expected)


def test_a_new_norm_changes_no_scale():
    norm = AddNorm(CONFIG)
    assert (norm.gain == 1).all()
    assert (norm.bias == 0).all()


def test_embeddings_times_root_d_model_have_entries_of_size_one():
    table = embedding_table(TransformerConfig(4000, d_model=64, h=2))
    assert (table * 64**0.5).std().item() == pytest.approx(1, abs=0.01)
    assert table.mean().item() == pytest.approx(0, abs=0.001)


# ------------------------------------------------------------ the fused operations are the same


def gradients(value, *inputs):
    projection = torch.randn(value.shape, generator=torch.Generator().manual_seed(3), **DOUBLE)
    return torch.autograd.grad((value * projection).sum(), inputs)


def assert_same(taught, fused, *inputs):
    """Values and gradients, to the rounding of float64."""
    torch.testing.assert_close(fused, taught, rtol=0, atol=1e-12)
    for a, b in zip(gradients(fused, *inputs), gradients(taught, *inputs), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-10)


def test_fused_attention_agrees_masks_and_empty_rows_included():
    q, k, v = (torch.randn(2, 3, 5, 4, **DOUBLE, requires_grad=True) for _ in range(3))
    padded = torch.ones(2, 1, 1, 5, dtype=torch.bool)
    padded[0, ..., 3:] = False
    nothing = torch.ones(5, 5, dtype=torch.bool)
    nothing[2] = False
    for mask in (None, causal_mask(5, like=q), padded, nothing):
        taught, weights = TAUGHT.attend(q, k, v, mask)
        fused, none = FUSED.attend(q, k, v, mask)
        assert weights is not None
        assert none is None
        assert_same(taught, fused, q, k, v)


def test_fused_norm_feed_forward_and_look_up_agree():
    x = torch.randn(2, 4, 12, **DOUBLE, requires_grad=True)
    norm, transform = shaken(AddNorm(CONFIG)), shaken(FeedForward(CONFIG))
    taught = TAUGHT.normalise(x, norm.gain, norm.bias)
    assert_same(taught, fast_norm(x, norm.gain, norm.bias), x, norm.gain, norm.bias)
    inputs = (x, *transform.parameters())
    assert_same(TAUGHT.transform(x, transform), FUSED.transform(x, transform), *inputs)
    table = torch.randn(7, 12, **DOUBLE, requires_grad=True)
    tokens = torch.tensor([[1, 6, 1], [0, 2, 1]])
    assert_same(TAUGHT.look_up(tokens, table), FUSED.look_up(tokens, table), table)


def test_fused_attention_keeps_the_type_it_is_given():
    for dtype in (torch.float64, torch.float32, torch.bfloat16):
        q = torch.randn(1, 2, 3, 4).to(dtype)
        assert fast_attention(q, q, q)[0].dtype == dtype


def test_dropout_drops_its_share_and_only_while_training():
    x = torch.ones(100_000)
    dropped = while_training(0.3).drop(x)
    assert (dropped == 0).float().mean().item() == pytest.approx(0.3, abs=0.01)
    assert dropped.max().item() == pytest.approx(1 / 0.7)
    assert FUSED.drop(x) is x


@pytest.mark.parametrize("P_drop", [0.01, 0.1, 0.5, 0.9])
def test_dropout_keeps_the_mean_and_its_own_gradient(P_drop):
    torch.manual_seed(5)
    x = torch.ones(3, 7, 50_001, dtype=torch.float64, requires_grad=True)
    dropped = fast_dropout(x, P_drop)
    dropped.sum().backward()
    share, size = (dropped == 0).double().mean().item(), x.numel()
    # Five standard deviations of a share drawn from so many numbers, and the rounding to 16 bits.
    assert abs(share - P_drop) < 5 * (P_drop * (1 - P_drop) / size) ** 0.5 + 2**-17
    assert torch.equal(x.grad, dropped.detach())


def test_dropout_is_drawn_anew_and_repeats_with_the_seed():
    x = torch.ones(4, 5, 33)
    torch.manual_seed(3)
    first, second = fast_dropout(x, 0.5), fast_dropout(x, 0.5)
    assert not torch.equal(first, second)
    torch.manual_seed(3)
    assert torch.equal(first, fast_dropout(x, 0.5))


@pytest.mark.parametrize("apart", [1, 2, 3, 4, 5])
def test_numbers_are_dropped_independently_of_their_neighbours(apart):
    # Four numbers share the bits of one draw.
    torch.manual_seed(4)
    row = fast_dropout(torch.ones(200_000), 0.5)
    agreement = torch.corrcoef(torch.stack([row[apart:], row[:-apart]]))[0, 1]
    assert abs(agreement.item()) < 5 * len(row) ** -0.5


def test_no_dropout_leaves_all():
    x = torch.randn(3, 4)
    assert torch.equal(fast_dropout(x, 0.0), x)
