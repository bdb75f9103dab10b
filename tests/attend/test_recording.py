"""Attention maps are handed out while a model runs, and nothing stays on it."""

import numpy as np
import pytest
import torch

from attend.config import TransformerConfig
from attend.decoding.writing import beam_search, greedy
from attend.models.recording import Map, Recording, record_attention
from attend.models.torch_transformer import Transformer
from attend.transformer import look_away

# Threads wait for each other on a busy machine, and these models are tiny.
torch.set_num_threads(1)

CONFIG = TransformerConfig(17, N=2, d_model=8, d_ff=12, h=2, d_k=3, d_v=5)
SOURCE = torch.tensor([[3, 9, 4, 7], [8, 5, 0, 0]])
TARGET = torch.tensor([[1, 7, 12], [1, 3, 15]])


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Transformer(CONFIG).double().eval()


def traces(model):
    """Everything that stands on a module and its children, apart from parameters."""
    return {
        (name, key): id(value) if torch.is_tensor(value) else repr(value)
        for name, module in model.named_modules()
        for key, value in vars(module).items()
        if key not in ("_parameters", "_modules")
    }


def test_forward_yields_every_map_in_order(model):
    with record_attention(model) as recording:
        model(SOURCE, TARGET)
    assert [(m.kind, m.layer) for m in recording.maps] == [
        ("encoder", 0),
        ("encoder", 1),
        ("decoder", 0),
        ("memory", 0),
        ("decoder", 1),
        ("memory", 1),
    ]
    shapes = {m.kind: tuple(m.weights.shape) for m in recording.maps}
    assert shapes == {"encoder": (2, 2, 4, 4), "decoder": (2, 2, 3, 3), "memory": (2, 2, 3, 4)}
    assert repr(recording) == "Recording(6 maps)"


def test_maps_are_weights_without_gradient(model):
    with record_attention(model) as recording:
        model(SOURCE, TARGET)
    for one in recording.maps:
        torch.testing.assert_close(one.weights.sum(-1), torch.ones(one.weights.shape[:-1]).double())
        assert not one.weights.requires_grad
    for kind in ("encoder", "memory"):
        assert (recording.of(kind, 0)[1, ..., 2:] == 0).all()
    assert (recording.of("decoder", 1).triu(1) == 0).all()


def test_recording_changes_no_result(model):
    before = model(SOURCE, TARGET)
    with record_attention(model):
        during = model(SOURCE, TARGET)
    torch.testing.assert_close(during, before, rtol=0, atol=1e-12)


def test_decoding_yields_every_map(model):
    with record_attention(model) as recording:
        written = greedy(model, SOURCE[:1], limit=3)[0]
    steps = min(len(written) + 1, 3)
    assert len([m for m in recording.maps if m.kind == "encoder"]) == 2
    assert len([m for m in recording.maps if m.kind == "memory"]) == 2 * steps
    read = torch.tensor([[CONFIG.start, *written][:steps]])
    with record_attention(model) as whole:
        model(SOURCE[:1], read)
    for kind in ("encoder", "decoder", "memory"):
        for layer in range(2):
            joined = recording.of(kind, layer)
            torch.testing.assert_close(joined, whole.of(kind, layer), rtol=0, atol=1e-12)


def test_beam_search_yields_every_map(model):
    with record_attention(model) as recording:
        beam_search(model, SOURCE, beam=3, limit=4)
    assert {(m.kind, m.layer) for m in recording.maps} == {
        (kind, layer) for kind in ("encoder", "decoder", "memory") for layer in range(2)
    }
    rows = [m.weights.shape[0] for m in recording.maps if m.kind == "memory"]
    assert rows[0] == 6


def test_nothing_is_left_on_the_model(model):
    before = traces(model)
    with record_attention(model):
        model(SOURCE, TARGET)
        greedy(model, SOURCE, limit=3)
        assert not any(torch.is_tensor(x) for m in model.modules() for x in vars(m).values())
    assert traces(model) == before
    assert model.see is look_away
    assert not list(model.buffers())


def test_an_exception_leaves_nothing_either(model):
    before = traces(model)
    with pytest.raises(ValueError, match="at least one token"), record_attention(model):
        model(SOURCE, TARGET[:, :0])
    assert model.see is look_away
    assert traces(model) == before


def test_recordings_may_be_nested(model):
    with record_attention(model) as outer:
        model.encode(SOURCE)
        with record_attention(model) as inner:
            model.encode(SOURCE)
        model.encode(SOURCE)
    assert (len(outer.maps), len(inner.maps)) == (4, 2)
    assert model.see is look_away


def test_the_kernel_that_keeps_no_weights_is_used_only_while_nobody_looks(model):
    fused = model.operations.attend
    with record_attention(model):
        assert model.operations.attend is not fused
    assert model.operations.attend is fused


def test_a_map_that_was_not_recorded_is_named_with_those_that_were(model):
    with record_attention(model) as recording:
        model.encode(SOURCE)
    with pytest.raises(KeyError, match=r"no map of 'memory', layer 0; recorded are \[\('encoder'"):
        recording.of("memory", 0)


def test_maps_of_different_batches_do_not_join():
    recording = Recording()
    recording.add("memory", 0, np.ones((2, 1, 1, 3)))
    recording.add("memory", 0, np.ones((1, 1, 1, 3)))
    with pytest.raises(ValueError, match=r"of different numbers of sentences: \[2, 1\]"):
        recording.of("memory", 0)


def test_numpy_maps_join_with_zeros_for_keys_to_come():
    recording = Recording()
    recording.add("decoder", 0, np.ones((1, 1, 1, 1)))
    recording.add("decoder", 0, np.full((1, 1, 1, 2), 0.5))
    np.testing.assert_array_equal(recording.of("decoder", 0)[0, 0], [[1, 0], [0.5, 0.5]])
    assert isinstance(recording.maps[0], Map)
