"""The Transformer against torch's layers, against itself step by step, and against NumPy."""

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

# Threads wait for each other on a busy machine, and these models are tiny.
torch.set_num_threads(1)

from attend import transformer  # noqa: E402
from attend.config import TransformerConfig, base, tiny  # noqa: E402
from attend.layers import TAUGHT, DecoderMasks  # noqa: E402
from attend.masks import causal_mask  # noqa: E402
from attend.models.recording import record_attention  # noqa: E402
from attend.models.torch_transformer import DecoderLayer, EncoderLayer, Transformer  # noqa: E402

DOUBLE = {"dtype": torch.float64}
ODD = TransformerConfig(23, N=2, d_model=12, d_ff=20, h=3, d_k=5, d_v=2)
"""Sizes that are all different, so that no two can be taken for each other."""

SOURCE = torch.tensor([[3, 9, 4, 22, 7], [8, 5, 0, 0, 0], [6, 3, 11, 0, 0]])
TARGET = torch.tensor([[1, 7, 7, 12], [1, 20, 3, 15], [1, 4, 0, 0]])


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def shaken(module):
    """Move every parameter, so that gains and biases show when they are left out."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return module.double().eval()


@pytest.fixture
def model():
    return shaken(Transformer(ODD))


def assert_close(actual, expected, atol=1e-10):
    torch.testing.assert_close(actual, expected, rtol=0, atol=atol)


# ----------------------------------------------------------------------------------- parameters


def count(config):
    """Count the parameters of a model, without taking memory for them."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in Transformer(config).parameters())


def test_the_parameters_of_the_base_model_are_those_of_the_paper():
    # 37,000 rows of 512 numbers; per layer of the encoder four projections of 512 x 512, eq. (2),
    # and two norms; per layer of the decoder four projections and one norm more.
    projections, norm = 4 * 512 * 512, 2 * 512
    transform = 2 * 512 * 2048 + 2048 + 512
    encoder = projections + transform + 2 * norm
    decoder = 2 * projections + transform + 3 * norm
    assert count(base()) == 37_000 * 512 + 6 * (encoder + decoder)


TABLE_3 = {
    "(A) 1": ({"h": 1, "d_k": 512, "d_v": 512}, 65),
    "(A) 4": ({"h": 4, "d_k": 128, "d_v": 128}, 65),
    "(A) 16": ({"h": 16, "d_k": 32, "d_v": 32}, 65),
    "(A) 32": ({"h": 32, "d_k": 16, "d_v": 16}, 65),
    "(B) 16": ({"d_k": 16}, 58),
    "(B) 32": ({"d_k": 32}, 60),
    "(C) N=2": ({"N": 2}, 36),
    "(C) N=4": ({"N": 4}, 50),
    "(C) N=8": ({"N": 8}, 80),
    "(C) d_model=256": ({"d_model": 256, "d_k": 32, "d_v": 32}, 28),
    "(C) d_model=1024": ({"d_model": 1024, "d_k": 128, "d_v": 128}, 168),
    "(C) d_ff=1024": ({"d_ff": 1024}, 53),
    "(C) d_ff=4096": ({"d_ff": 4096}, 90),
}
SHARED_VOCABULARY = 41_100
"""The paper says "about 37000 tokens", and 65 million parameters for its base model, which is 2
million more than 37,000 tokens give. With 41,100 every row of its table comes out."""


@pytest.mark.parametrize("row", TABLE_3)
def test_the_rows_of_table_3_have_the_papers_millions_of_parameters(row):
    sizes, millions = TABLE_3[row]
    config = TransformerConfig(SHARED_VOCABULARY, **sizes)
    assert round(count(config) / 1e6) == millions


def test_the_base_row_of_table_3():
    assert round(count(base(SHARED_VOCABULARY)) / 1e6) == 65


def test_embeddings_are_tied_three_ways():
    names = [name for name, _ in Transformer(ODD).named_parameters() if "embedding" in name]
    assert names == ["embedding"]
    model = shaken(Transformer(ODD))
    with torch.no_grad():
        before = model.encode(SOURCE), model(SOURCE, TARGET)
        model.embedding.mul_(2)
        # The source, the target and the logits all see the change.
        assert not torch.allclose(model.encode(SOURCE), before[0])
        state = model.start(SOURCE)
        model.embedding.div_(2)
        assert not torch.allclose(model.step(TARGET, state)[0], before[1])


def test_embeddings_are_scaled_by_root_d_model(model):
    x = transformer.embed(SOURCE, model)
    positions = x - model.embedding[SOURCE] * 12**0.5
    assert_close(positions[0, 0], torch.tensor([0.0, 1.0] * 6, **DOUBLE))
    assert_close(positions[1], positions[0])


# ------------------------------------------------------------------------------- one forward


@pytest.mark.parametrize("cuts", [(1, 1, 1, 1), (4,), (1, 3), (2, 2), (3, 1)])
def test_step_by_step_equals_forward(model, cuts):
    expected = model(SOURCE, TARGET)
    state, logits, first = model.start(SOURCE), [], 0
    for length in cuts:
        found, state = model.step(TARGET[:, first : first + length], state)
        logits.append(found)
        first += length
    assert state.length == 4
    assert_close(torch.cat(logits, dim=1), expected)


def test_a_state_is_not_changed_by_a_step(model):
    _, state = model.step(TARGET[:, :1], model.start(SOURCE))
    once = model.step(TARGET[:, 1:2], state)[0]
    again = model.step(TARGET[:, 1:2], state)[0]
    assert state.length == 1
    assert_close(again, once, atol=0)


def test_memory_is_projected_once(model):
    state = model.start(SOURCE)
    _, later = model.step(TARGET, state)
    for before, after in zip(state.layers, later.layers, strict=True):
        assert after.memory is before.memory


def test_steps_carry_no_gradient_and_forward_does(model):
    assert not model.step(TARGET, model.start(SOURCE))[0].requires_grad
    assert model(SOURCE, TARGET).requires_grad


def test_padding_and_the_rest_of_the_batch_are_invisible(model):
    together = model(SOURCE, TARGET)
    for row, (source, target) in enumerate(zip(SOURCE, TARGET, strict=True)):
        alone = model(source[source != 0][None], target[target != 0][None])
        assert_close(together[row, : alone.shape[1]], alone[0])
    wider = torch.cat([SOURCE, torch.zeros(3, 4, dtype=torch.long)], dim=1)
    assert_close(model(wider, TARGET), together)


def test_a_source_of_padding_alone_stays_finite():
    model = Transformer(ODD)
    loss = model(torch.zeros(1, 3, dtype=torch.long), TARGET[:1]).square().sum()
    loss.backward()
    assert loss.isfinite()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


def test_no_token_sees_a_later_one(model):
    state = model.start(SOURCE[:1])
    mask = DecoderMasks(causal_mask(4, like=state.memory_mask), state.memory_mask)
    x = torch.randn(1, 4, 12, **DOUBLE, requires_grad=True)
    for layer, past in zip(model.decoder, state.layers, strict=True):
        output, _, _ = layer(x, past, mask)
        # The sum of a normalised row is constant: without a projection every gradient is 0.
        seen = torch.stack(
            [
                torch.autograd.grad(output[0, i] @ torch.randn(12, **DOUBLE), x, retain_graph=True)[
                    0
                ][0].norm(dim=-1)
                for i in range(4)
            ]
        )
        assert (seen.triu(1) == 0).all()
        assert (seen.tril()[torch.ones(4, 4).tril() == 1] > 1e-6).all()


def test_changing_a_later_token_changes_nothing_before_it(model):
    changed = TARGET.clone()
    changed[:, 2] = 19
    a, b = model(SOURCE, TARGET), model(SOURCE, changed)
    assert_close(a[:, :2], b[:, :2], atol=0)
    assert not torch.allclose(a[:, 2:], b[:, 2:])


def test_every_source_token_is_seen(model):
    first = model(SOURCE[:1], TARGET[:1])
    for place in range(5):
        changed = SOURCE[:1].clone()
        changed[0, place] = 18
        assert not torch.allclose(model(changed, TARGET[:1])[0, 0], first[0, 0], atol=1e-6)


# --------------------------------------------------------------------------- torch's own layers


def copy_attention(theirs, ours):
    theirs.in_proj_weight.copy_(torch.cat([ours.W_Q.mT, ours.W_K.mT, ours.W_V.mT]))
    theirs.in_proj_bias.zero_()
    theirs.out_proj.weight.copy_(ours.W_O.mT)
    theirs.out_proj.bias.zero_()


def copy_rest(theirs, ours, norms):
    theirs.linear1.weight.copy_(ours.feed_forward.W_1.mT)
    theirs.linear1.bias.copy_(ours.feed_forward.b_1)
    theirs.linear2.weight.copy_(ours.feed_forward.W_2.mT)
    theirs.linear2.bias.copy_(ours.feed_forward.b_2)
    for number in range(1, norms + 1):
        norm, same = getattr(theirs, f"norm{number}"), getattr(ours, f"norm_{number}")
        norm.weight.copy_(same.gain)
        norm.bias.copy_(same.bias)


SIZES = {"d_model": 12, "nhead": 3, "dim_feedforward": 20, "dropout": 0.0, "batch_first": True}


@torch.no_grad()
@pytest.mark.parametrize("training", [False, True])
def test_parity_with_torchs_encoder_layer(training):
    ours = shaken(EncoderLayer(TransformerConfig(9, d_model=12, d_ff=20, h=3)))
    theirs = nn.TransformerEncoderLayer(**SIZES).double().train(training)
    copy_attention(theirs.self_attn, ours.self_attention)
    copy_rest(theirs, ours, norms=2)
    x = torch.randn(3, 5, 12, **DOUBLE)
    text = SOURCE != 0
    found, weights = ours(x, text[:, None, :])
    expected = theirs(x, src_key_padding_mask=~text)
    assert_close(found[text], expected[text])
    assert weights.shape == (3, 3, 5, 5)
    assert_close(ours(x)[0], theirs(x))


@torch.no_grad()
def test_parity_with_torchs_decoder_layer():
    ours = shaken(DecoderLayer(TransformerConfig(9, d_model=12, d_ff=20, h=3)))
    theirs = nn.TransformerDecoderLayer(**SIZES).double().eval()
    copy_attention(theirs.self_attn, ours.self_attention)
    copy_attention(theirs.multihead_attn, ours.memory_attention)
    copy_rest(theirs, ours, norms=3)
    x, memory = torch.randn(3, 4, 12, **DOUBLE), torch.randn(3, 5, 12, **DOUBLE)
    text, causal = SOURCE != 0, causal_mask(4, like=x)
    found, _, _ = ours(x, ours.begin(memory), DecoderMasks(causal, text[:, None, :]))
    expected = theirs(x, memory, tgt_mask=~causal, memory_key_padding_mask=~text)
    assert_close(found, expected)


# -------------------------------------------------------------- taught and fused, torch and NumPy


def test_the_taught_functions_and_torchs_kernels_agree(model):
    taught = transformer.forward(SOURCE, TARGET, model, TAUGHT)
    fused = model(SOURCE, TARGET)
    assert_close(fused, taught)
    projection = torch.randn_like(taught)
    for loss in (taught, fused):
        model.zero_grad()
        (loss * projection).sum().backward()
        gradients = [p.grad.clone() for p in model.parameters()]
        if loss is taught:
            expected = gradients
    for found, wanted in zip(gradients, expected, strict=True):
        assert_close(found, wanted, atol=1e-9)


def grow(model):
    """Hang the weights of a torch model into a tree of NumPy arrays."""
    root = SimpleNamespace(pad=model.pad)
    for name, tensor in model.state_dict().items():
        node, *path = [root, *name.split(".")]
        for part in path[:-1]:
            if not hasattr(node, part):
                setattr(node, part, SimpleNamespace(h=model.config.h))
            node = getattr(node, part)
        setattr(node, path[-1], tensor.numpy())
    root.encoder = [getattr(root.encoder, str(n)) for n in range(model.config.N)]
    root.decoder = [getattr(root.decoder, str(n)) for n in range(model.config.N)]
    return root


def test_numpy_computes_the_same_logits_and_maps(model):
    maps = []
    logits = transformer.forward(
        SOURCE.numpy(), TARGET.numpy(), grow(model), see=lambda *one: maps.append(one)
    )
    with record_attention(model) as recording:
        expected = model(SOURCE, TARGET)
    assert isinstance(logits, np.ndarray)
    np.testing.assert_allclose(logits, expected.detach().numpy(), rtol=0, atol=1e-10)
    assert len(maps) == len(recording.maps) == 6
    for (kind, layer, weights), other in zip(maps, recording.maps, strict=True):
        assert (kind, layer) == (other.kind, other.layer)
        np.testing.assert_allclose(weights, other.weights.numpy(), rtol=0, atol=1e-10)


def test_numpy_steps_as_torch_does(model):
    tree = grow(model)
    state, expected = (
        transformer.start(SOURCE.numpy(), tree),
        model(SOURCE, TARGET).detach().numpy(),
    )
    for place in range(4):
        logits, state = transformer.step(TARGET[:, place : place + 1].numpy(), state, tree)
        np.testing.assert_allclose(logits[:, 0], expected[:, place], rtol=0, atol=1e-10)


# ------------------------------------------------------------------- types, devices, first values


def test_half_precision_stays_near():
    model = Transformer(ODD).eval()
    expected = model(SOURCE, TARGET)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = model(SOURCE, TARGET)
        stepped, _ = model.step(TARGET, model.start(SOURCE))
    assert mixed.dtype == stepped.dtype == torch.bfloat16
    assert_close(mixed.float(), expected, atol=0.15)
    assert_close(stepped.float(), expected, atol=0.15)
    halved = model.bfloat16()
    assert halved(SOURCE, TARGET).dtype == torch.bfloat16
    assert_close(halved(SOURCE, TARGET).float(), expected, atol=0.15)
    with record_attention(halved) as recording:
        halved.step(TARGET, halved.start(SOURCE))
    assert {m.weights.dtype for m in recording.maps} == {torch.bfloat16}


def test_half_precision_trains():
    model = Transformer(ODD).train()
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(SOURCE, TARGET)
    logits.float().square().mean().backward()
    assert all(
        p.grad.dtype == torch.float32 and p.grad.isfinite().all() for p in model.parameters()
    )


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_gpu_computes_the_same(model):
    expected = model(SOURCE, TARGET)
    there = model.cuda()
    assert_close(there(SOURCE.cuda(), TARGET.cuda()).cpu(), expected)
    state = there.start(SOURCE.cuda())
    for place in range(4):
        logits, state = there.step(TARGET[:, place : place + 1].cuda(), state)
        assert_close(logits[:, 0].cpu(), expected[:, place])
    assert there.bfloat16()(SOURCE.cuda(), TARGET.cuda()).isfinite().all()


def test_first_values_neither_blow_up_nor_vanish():
    model = Transformer(base(1000)).eval()
    with torch.no_grad():
        logits = model(torch.randint(3, 1000, (2, 12)), torch.randint(3, 1000, (2, 9)))
    assert 0.3 < logits.std().item() < 3


def test_dropout_is_on_in_training_alone_and_where_section_5_4_puts_it():
    config = TransformerConfig(23, N=2, d_model=12, d_ff=20, h=3, P_drop=0.4)
    model = Transformer(config)
    calls = []
    drop = model.operations._replace(drop=lambda x: calls.append(x.shape) or x)
    transformer.forward(SOURCE, TARGET, model, drop)
    # Once for each embedding; then once a sub-layer: two in each encoder layer, three in each
    # decoder layer.
    assert calls == [(3, 5, 12)] * 5 + [(3, 4, 12)] * 7
    model.train()
    assert not torch.equal(model(SOURCE, TARGET), model(SOURCE, TARGET))
    model.eval()
    assert torch.equal(model(SOURCE, TARGET), model(SOURCE, TARGET))


def test_dropout_zeroes_its_share():
    model = Transformer(TransformerConfig(23, d_model=12, d_ff=20, h=3, P_drop=0.4)).train()
    dropped = model.operations.drop(torch.ones(50_000))
    assert (dropped == 0).float().mean().item() == pytest.approx(0.4, abs=0.02)


# ------------------------------------------------------------------------------------ errors


@pytest.mark.parametrize("wrong", [torch.tensor([3, 4]), torch.zeros(2, 0, dtype=torch.long)])
def test_tokens_are_a_batch_of_sentences(model, wrong):
    rule = r"needs one sentence a row, and at least one token; received {} \(.*\)\. Its shape"
    with pytest.raises(ValueError, match="source " + rule.format("source")):
        model(wrong, TARGET)
    with pytest.raises(ValueError, match="target " + rule.format("target")):
        model(SOURCE, wrong)
    with pytest.raises(ValueError, match="target " + rule.format("target")):
        model.step(wrong, model.start(SOURCE))


def test_tiny_is_small():
    assert count(tiny()) < 20_000
    sizes = [count(TransformerConfig(20, N=n, d_model=16, d_ff=32, h=2)) for n in (1, 2, 3)]
    assert len({b - a for a, b in pairwise(sizes)}) == 1


# ------------------------------------------------------- what torch does with a model besides


def test_every_attention_of_a_training_step_is_fused():
    config = TransformerConfig(23, N=2, d_model=12, d_ff=20, h=3)
    model = Transformer(config).train()
    with torch.profiler.profile() as profile:
        model(SOURCE, TARGET).square().mean().backward()
    counts = {event.key: event.count for event in profile.key_averages()}
    # Self-attention of the source, masked self-attention of the target, and over the memory.
    assert counts["aten::_scaled_dot_product_flash_attention_for_cpu"] == 3 * config.N
    assert counts["aten::_scaled_dot_product_flash_attention_for_cpu_backward"] == 3 * config.N
    assert "aten::_scaled_dot_product_attention_math" not in counts


def test_following_a_model_leaves_nothing_behind():
    expected = Transformer(tiny()).eval()(SOURCE % 9, TARGET % 9)
    model = Transformer(tiny()).eval()
    found = []
    for length in (5, 70):
        source = torch.full((1, length), 3)
        torch.export.export(model, (source, source), strict=False)
        with FakeTensorMode(allow_non_fake_inputs=True):
            model(source, source)
        with torch.inference_mode():
            model(source, source)
        found.append(model(source, source))
        found[-1].sum().backward()
    assert {type(x) for x in found} == {torch.Tensor}
    assert type(expected) is torch.Tensor
    assert_close(found[0][0], model(torch.full((2, 5), 3), torch.full((2, 5), 3))[1], atol=1e-5)


def test_an_exported_model_computes_the_same():
    model = Transformer(tiny()).eval()
    source, target = torch.tensor([[3, 4, 5, 0]]), torch.tensor([[1, 3, 4]])
    program = torch.export.export(model, (source, target), strict=False)
    assert_close(program.module()(source, target), model(source, target), atol=1e-6)
