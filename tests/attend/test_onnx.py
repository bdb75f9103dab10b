"""The exported model: ONNX Runtime computes what the model computes, and errors are clear."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from attend.config import TransformerConfig
from attend.decoding.writing import beam_search, greedy
from attend.models.array_transformer import ArrayTransformer
from attend.models.onnx_export import export
from attend.models.onnx_transformer import OnnxTransformer
from attend.models.torch_transformer import Transformer
from attend.text.corpus import pad

torch.set_num_threads(1)

CONFIG = TransformerConfig(13, N=2, d_model=16, d_ff=24, h=2, d_k=6, d_v=10, P_drop=0.1)
SENTENCES = [[4, 5, 6, 7, 8], [9], [10, 11, 12], [3] * 12]


@pytest.fixture(scope="module")
def model() -> Transformer:
    torch.manual_seed(0)
    return Transformer(CONFIG)


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("onnx") / "made"
    export(model, folder)
    return folder


@pytest.fixture(scope="module")
def both(model, folder):
    weights = {name: x.detach().numpy() for name, x in model.state_dict().items()}
    return OnnxTransformer(folder), ArrayTransformer(CONFIG, weights)


def close(found, wanted):
    np.testing.assert_allclose(found, wanted, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_every_step_gives_the_numbers_of_the_numpy_model(both, count):
    source = pad(SENTENCES[-count:])
    states = [model.start(source) for model in both]
    assert (states[0].memory_mask == states[1].memory_mask).all()
    for length in range(5):
        for found, wanted in zip(states[0].layers, states[1].layers, strict=True):
            close(found.memory.k, wanted.memory.k)
            close(found.memory.v, wanted.memory.v)
            if length:
                close(found.past.k, wanted.past.k)
                close(found.past.v, wanted.past.v)
        tokens = np.arange(length, length + count)[:, None]
        (found, one), (wanted, other) = (
            model.step(tokens, state) for model, state in zip(both, states, strict=True)
        )
        assert found.shape == (count, 1, 13)
        assert found.dtype == np.float32
        close(found, wanted)
        states = [one, other]
        assert one.length == other.length == length + 1


@pytest.mark.parametrize("sentences", [SENTENCES, SENTENCES[:1], SENTENCES[1:2]])
def test_it_decodes_like_the_numpy_model(both, sentences):
    source = pad(sentences)
    one, other = both
    assert greedy(one, source, 9) == greedy(other, source, 9)
    assert beam_search(one, source, 3, limit=9) == beam_search(other, source, 3, limit=9)


def test_padding_changes_nothing(both):
    model, _ = both
    alone = [greedy(model, pad([sentence]), 9)[0] for sentence in SENTENCES]
    assert greedy(model, pad(SENTENCES), 9) == alone


def test_the_model_that_is_exported_stays_as_it_is(model, folder):
    assert model.training
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_a_model_in_double_precision_is_exported_in_single(tmp_path):
    torch.manual_seed(1)
    wide = Transformer(replace(CONFIG, N=1)).double()
    export(wide, tmp_path)
    logits, _ = (m := OnnxTransformer(tmp_path)).step(np.array([[3]]), m.start(np.array([[4, 5]])))
    assert logits.dtype == np.float32
    assert wide.embedding.dtype == torch.float64


# --------------------------------------------------------------------------------------- errors


def test_more_than_one_token_a_step_is_refused(both):
    model, _ = both
    state = model.start(pad(SENTENCES[:2]))
    with pytest.raises(
        ValueError, match=r"reads one token of each sentence; received tokens \(2, 3"
    ):
        model.step(np.ones((2, 3), int), state)


def test_a_source_is_one_sentence_a_row(both):
    with pytest.raises(ValueError, match="source needs one sentence a row"):
        both[0].start(np.array([4, 5]))


@pytest.mark.parametrize("name", ["config.json", "start.onnx", "step.onnx"])
def test_a_missing_file_is_named_with_what_writes_it(folder, tmp_path, name):
    for path in folder.iterdir():
        if path.name != name:
            (tmp_path / path.name).write_bytes(path.read_bytes())
    with pytest.raises(
        ValueError, match=rf"^\S+{name} is missing; .*attend\.models\.onnx_export\.export"
    ):
        OnnxTransformer(tmp_path)


def test_a_file_cut_off_is_refused(folder, tmp_path):
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    content = (tmp_path / "step.onnx").read_bytes()
    (tmp_path / "step.onnx").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"step\.onnx is damaged: .*export the model again"):
        OnnxTransformer(tmp_path)


def test_threads_are_counted_from_one(folder):
    with pytest.raises(ValueError, match="threads must be at least 1; received 0"):
        OnnxTransformer(folder, threads=0)
