"""Saved models: nothing lost, nothing altered unnoticed, and read without torch."""

import json

import numpy as np
import pytest
import torch
from safetensors.numpy import save

from attend.config import TransformerConfig, base, tiny
from attend.models.array_transformer import ArrayTransformer
from attend.models.recording import record_attention
from attend.models.torch_transformer import Transformer
from attend.models.weights import (
    check_tensors,
    dequantize,
    expected_shapes,
    quantize,
    read_model,
    save_model,
    write_checksums,
)
from attend.text.tokenizer import Tokenizer
from attend.translator.translator import Translator

FILES = ["weights.safetensors", "config.json", "tokenizer.json"]


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.train(["the cat sat on the mat"] * 30, merges=10)


@pytest.fixture(scope="module")
def model(tokenizer):
    torch.manual_seed(3)
    return Transformer(tiny(len(tokenizer))).eval()


@pytest.fixture
def tensors(model):
    return {name: x.numpy() for name, x in model.state_dict().items()}


@pytest.fixture
def folder(tmp_path, model, tokenizer, tensors):
    save_model(tmp_path / "model", model.config, tokenizer, tensors)
    return tmp_path / "model"


@pytest.mark.parametrize("config", [tiny(), base(100), TransformerConfig(9, 1, 8, 5, 3, 2, 4)])
def test_expected_shapes_are_those_of_the_torch_model(config):
    shapes = {name: tuple(x.shape) for name, x in Transformer(config).state_dict().items()}
    assert expected_shapes(config) == shapes


def test_what_was_saved_is_read(folder, model, tokenizer, tensors):
    saved = read_model(folder)
    assert saved.config == model.config
    assert saved.tokenizer == tokenizer
    assert saved.tensors.keys() == tensors.keys()
    assert all(np.array_equal(saved.tensors[name], tensors[name]) for name in tensors)


def test_numpy_reproduces_logits_and_maps(folder, model):
    saved = read_model(folder)
    array_model = ArrayTransformer(saved.config, saved.tensors)
    source, target = np.array([[5, 6, 7, 8], [9, 10, 0, 0]]), np.array([[1, 5, 6], [1, 7, 8]])
    with record_attention(array_model) as ours, record_attention(model) as theirs:
        logits = array_model.forward(source, target)
        with torch.no_grad():
            expected = model(torch.from_numpy(source), torch.from_numpy(target))
    np.testing.assert_allclose(logits, expected.numpy(), atol=1e-5)
    assert len(ours.maps) == len(theirs.maps) == 6
    for a, b in zip(ours.maps, theirs.maps, strict=True):
        assert a[:2] == b[:2]
        np.testing.assert_allclose(a.weights, b.weights.numpy(), atol=1e-5)


def test_quantized_weights_are_near_and_small(tensors):
    small = quantize(tensors)
    wide = dequantize(small)
    assert wide.keys() == tensors.keys()
    for name, tensor in tensors.items():
        step = np.abs(tensor).max(axis=-1, keepdims=True) / 127
        assert np.all(np.abs(wide[name] - tensor) <= step / 2 + 1e-7), name
        if tensor.ndim == 2:
            assert small[name].dtype == np.int8
            assert np.abs(small[name]).max() == 127


def test_a_row_of_zeros_survives_quantization():
    assert np.array_equal(dequantize(quantize({"W": np.zeros((2, 3))}))["W"], np.zeros((2, 3)))


def test_quantized_model_is_saved_and_read(tmp_path, model, tokenizer, tensors):
    save_model(tmp_path, model.config, tokenizer, quantize(tensors))
    read = read_model(tmp_path).tensors
    assert all(np.array_equal(read[n], x) for n, x in dequantize(quantize(tensors)).items())


@pytest.mark.parametrize("name", FILES)
def test_a_truncated_file_is_refused(folder, name):
    path = folder / name
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=rf"{name} was cut off or altered"):
        read_model(folder)


@pytest.mark.parametrize("name", FILES)
def test_an_altered_byte_is_refused(folder, name):
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(bytes(content))
    with pytest.raises(ValueError, match="checksum"):
        read_model(folder)


@pytest.mark.parametrize("name", [*FILES, "checksums.json"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(ValueError, match=rf"{name} is missing"):
        read_model(folder)


def test_damaged_checksums_are_refused(folder):
    (folder / "checksums.json").write_text("{")
    with pytest.raises(ValueError, match=r"checksums\.json is damaged"):
        read_model(folder)


def test_checksums_that_leave_a_file_out_are_refused(folder):
    (folder / "checksums.json").write_text("{}")
    with pytest.raises(ValueError, match="checksum"):
        read_model(folder)


def test_every_fault_of_the_weights_is_named(model, tensors):
    del tensors["encoder.0.norm_1.gain"]
    tensors["stranger"] = np.zeros(3)
    tensors["embedding"] = tensors["embedding"][1:]
    with pytest.raises(ValueError, match="do not fit") as caught:
        check_tensors(model.config, tensors)
    assert "missing: encoder.0.norm_1.gain" in str(caught.value)
    assert "unexpected: stranger" in str(caught.value)
    assert "misshaped: embedding" in str(caught.value)


def test_a_config_that_does_not_fit_the_weights_is_refused(folder):
    import hashlib

    path = folder / "config.json"
    config = json.loads(path.read_text()) | {"d_ff": 64}
    path.write_text(json.dumps(config))
    sums = json.loads((folder / "checksums.json").read_text())
    sums["config.json"] = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / "checksums.json").write_text(json.dumps(sums))
    with pytest.raises(ValueError, match=r"misshaped: encoder\.0\.feed_forward\.W_1"):
        read_model(folder)


def test_a_tokenizer_of_another_model_is_refused(tmp_path, model, tensors):
    other = Tokenizer.train(["other words"] * 30, merges=3)
    with pytest.raises(ValueError, match="different models"):
        save_model(tmp_path, model.config, other, tensors)


def test_no_file_needs_pickle(folder):
    for path in folder.iterdir():
        assert path.suffix in (".json", ".safetensors")


# ------------------------------------------ what is wrong in a folder whose checksums are right


def altered(folder, name, content):
    """Write a file of the folder anew, and the checksums as if it were meant."""
    (folder / name).write_bytes(content)
    write_checksums(folder, FILES)
    return folder


@pytest.mark.parametrize("content", [b"", b"garbage", b"\xff" * 40])
def test_garbage_is_no_weights(folder, content):
    with pytest.raises(ValueError, match=r"weights\.safetensors cannot be read as weights"):
        read_model(altered(folder, "weights.safetensors", content))


def test_half_a_file_is_no_weights(folder):
    whole = (folder / "weights.safetensors").read_bytes()
    with pytest.raises(ValueError, match=r"weights\.safetensors cannot be read as weights"):
        read_model(altered(folder, "weights.safetensors", whole[: len(whole) // 2]))


def test_bfloat16_is_refused_with_what_can_be_stored(folder, model):
    from safetensors.torch import save as save_torch

    half = save_torch({name: x.bfloat16() for name, x in model.state_dict().items()})
    with pytest.raises(ValueError, match="store float16, float32, float64 or int8"):
        read_model(altered(folder, "weights.safetensors", half))


@pytest.mark.parametrize("kind", [np.float16, np.float64])
def test_other_floats_become_single(folder, tensors, kind):
    content = save({name: x.astype(kind) for name, x in tensors.items()})
    read = read_model(altered(folder, "weights.safetensors", content)).tensors
    assert {x.dtype for x in read.values()} == {np.dtype(np.float32)}


def embedding(tensors, change):
    """Return quantised weights with the embedding and its scales changed."""
    small = quantize(tensors)
    change(small)
    return save(small)


STRANGE = {
    "int8 without its scales": (lambda w: w.pop("embedding.scale"), "has no embedding.scale"),
    "whole numbers": (lambda w: w.update(embedding=w["embedding"].astype(np.int64)), "int8"),
    "truth values": (
        lambda w: w.update({"encoder.0.norm_1.gain": np.ones(16, bool)}),
        "encoder.0.norm_1.gain is bool",
    ),
    "a scale too few": (
        lambda w: w.update({"embedding.scale": w["embedding.scale"][1:]}),
        "embedding.scale is",
    ),
    "scales that are whole": (
        lambda w: w.update({"embedding.scale": w["embedding.scale"].astype(np.int32)}),
        "embedding.scale is int32",
    ),
    "scales of nothing": (
        lambda w: w.update({"stranger.scale": np.ones(3, np.float32)}),
        "stranger.scale belongs to no matrix",
    ),
    "no number": (
        lambda w: w.update({"encoder.0.norm_1.gain": np.full(16, np.nan, np.float32)}),
        "not finite",
    ),
    "an infinite scale": (
        lambda w: w.update({"embedding.scale": np.full_like(w["embedding.scale"], np.inf)}),
        "embedding.scale holds numbers that are not finite",
    ),
}


@pytest.mark.parametrize("fault", STRANGE)
def test_numbers_that_are_no_weights_are_refused(folder, tensors, fault):
    change, said = STRANGE[fault]
    with pytest.raises(ValueError, match=r"weights\.safetensors: weights are finite") as caught:
        read_model(altered(folder, "weights.safetensors", embedding(tensors, change)))
    assert said in str(caught.value)


DEEP = b"[" * 100_000


@pytest.mark.parametrize("content", [DEEP, b"{", b"\xff\xfe", b"[]", b"3", b'{"N": []}', b"null"])
@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_a_strange_file_is_named(folder, name, content):
    with pytest.raises(ValueError, match=name.replace(".", r"\.")):
        read_model(altered(folder, name, content))


def test_as_many_layers_as_nobody_has_are_refused_at_once(folder):
    config = json.loads((folder / "config.json").read_text()) | {"N": 10**12}
    with pytest.raises(ValueError, match=r"cannot be N = 1000000000000 layers"):
        read_model(altered(folder, "config.json", json.dumps(config).encode()))


@pytest.mark.parametrize(
    "report",
    [
        "{}",
        "[]",
        "{",
        '{"source": {}}',
        '{"source": {"layers": [99], "heads": [0], "shift": 0}}',
        '{"source": {"layers": [0], "heads": [-1], "shift": 0}}',
        '{"source": {"layers": [0], "heads": [0], "shift": 2}}',
        '{"source": {"layers": [], "heads": [0], "shift": 0}}',
        '{"source": {"layers": [true], "heads": [0], "shift": 0}}',
        '{"source": {"layers": 0, "heads": [0], "shift": 0}}',
    ],
)
def test_an_alignment_that_names_no_attention_is_refused(folder, report):
    (folder / "alignment.json").write_text(report)
    with pytest.raises(ValueError, match=r"alignment\.json"):
        Translator.load(folder)
