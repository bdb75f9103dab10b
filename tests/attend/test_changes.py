"""A trained model can be changed at named places, and stays as it is."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from attend.config import TransformerConfig
from attend.decoding.writing import beam_search, greedy
from attend.models.array_transformer import ArrayTransformer
from attend.models.change_rules import NEEDS, PARTS, check
from attend.models.changes import WITHOUT, changed, distance, shares
from attend.models.recording import record_attention
from attend.models.torch_transformer import Transformer
from attend.text.corpus import pad

torch.set_num_threads(1)

CONFIG = TransformerConfig(17, N=2, d_model=8, d_ff=12, h=2, d_k=3, d_v=5)
SOURCE = [[3, 9, 4, 7, 6], [8, 5, 11]]
TARGET = np.array([[1, 7, 12, 5], [1, 3, 15, 9]])
KINDS = ("encoder", "decoder", "memory")


def at(make: str, **place: object) -> dict[str, object]:
    return {"make": make, **place}


LISTS = {
    "off": [at("off", kind="memory", layer=1, head=0)],
    "alone": [at("alone", kind="encoder", head=1)],
    "uniform": [at("uniform", kind="decoder", layer=0)],
    "row": [at("row", kind="memory", head=0, query=2, row=[0, 0.25, 0.5])],
    "hidden": [at("hidden", token=1)],
    **{part: [at("without", part=part)] for part in PARTS},
    "temperature": [at("temperature", value=3.0)],
    "all": [
        at("uniform", kind="encoder", layer=1, head=0),
        at("row", kind="decoder", layer=0, head=1, query=1, row=[1]),
        at("hidden", token=0),
        *(at("without", part=part) for part in PARTS),
        at("temperature", value=0.5),
    ],
}


@pytest.fixture(scope="module")
def torches() -> Transformer:
    torch.manual_seed(0)
    model = Transformer(CONFIG).double().eval()
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.6)
    return model


@pytest.fixture(scope="module")
def model(torches: Transformer) -> ArrayTransformer:
    weights = {name: x.detach().numpy() for name, x in torches.state_dict().items()}
    return ArrayTransformer(CONFIG, weights)


def maps(model, source=None):
    source = pad(SOURCE) if source is None else source
    with record_attention(model) as recording:
        model.forward(source, TARGET[: len(source)])
    return {(m.kind, m.layer): m.weights for m in recording.maps}


@pytest.mark.parametrize("name", LISTS)
def test_both_libraries_make_the_same_change(model, torches, name):
    ours, theirs = changed(model, LISTS[name]), changed(torches, LISTS[name])
    source = pad(SOURCE)
    wanted = ours.forward(source, TARGET)
    found = theirs(torch.as_tensor(source), torch.as_tensor(TARGET)).detach().numpy()
    np.testing.assert_allclose(found, wanted, rtol=1e-8, atol=1e-10)
    assert np.abs(wanted - model.forward(source, TARGET)).max() > 1e-4
    assert greedy(theirs, torch.as_tensor(source), 9) == greedy(ours, source, 9)
    assert beam_search(theirs, torch.as_tensor(source), limit=9) == beam_search(
        ours, source, limit=9
    )


@pytest.mark.parametrize("name", LISTS)
def test_the_model_itself_stays_as_it_is(model, torches, name):
    before = model.forward(pad(SOURCE), TARGET)
    other = changed(model, LISTS[name])
    other.forward(pad(SOURCE), TARGET)
    assert (model.forward(pad(SOURCE), TARGET) == before).all()
    assert other.parameters is model.parameters
    assert changed(torches, LISTS[name]).embedding is torches.embedding
    assert (changed(model, []).forward(pad(SOURCE), TARGET) == before).all()


@pytest.mark.parametrize("name", LISTS)
def test_sentences_of_a_batch_do_not_disturb_each_other(model, name):
    other = changed(model, LISTS[name])
    together = other.forward(pad(SOURCE), TARGET)
    for i, source in enumerate(SOURCE):
        alone = other.forward(np.array([source]), TARGET[i : i + 1])
        np.testing.assert_allclose(together[i : i + 1], alone, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("name", [name for name in LISTS if name not in ("causal mask", "all")])
def test_step_by_step_or_all_at_once(model, name):
    other = changed(model, LISTS[name])
    whole, state = other.forward(pad(SOURCE), TARGET), other.start(pad(SOURCE))
    for place in range(TARGET.shape[1]):
        logits, state = other.step(TARGET[:, place : place + 1], state)
        np.testing.assert_allclose(logits[:, 0], whole[:, place], rtol=1e-8, atol=1e-10)


def test_without_the_causal_mask_each_step_reads_all_tokens_again(model):
    other, state = changed(model, LISTS["causal mask"]), None
    state = other.start(pad(SOURCE))
    for place in range(TARGET.shape[1]):
        logits, state = other.step(TARGET[:, place : place + 1], state)
        whole = other.forward(pad(SOURCE), TARGET[:, : place + 1])
        np.testing.assert_allclose(logits[:, 0], whole[:, place], rtol=1e-8, atol=1e-10)
    assert (maps(other)["decoder", 0] > 0).all()
    assert (np.triu(maps(model)["decoder", 0], 1) == 0).all()


def test_a_head_that_is_off_or_alone(model):
    plain = maps(model)
    off = maps(changed(model, [at("off", kind="decoder", layer=0, head=1)]))
    assert (off["decoder", 0][:, 1] == 0).all()
    assert (off["decoder", 0][:, 0] == plain["decoder", 0][:, 0]).all()
    alone = maps(changed(model, [at("alone", kind="decoder", layer=0, head=1)]))
    assert (alone["decoder", 0][:, 0] == 0).all()
    assert (alone["decoder", 0][:, 1] == plain["decoder", 0][:, 1]).all()
    assert (alone["encoder", 1] == plain["encoder", 1]).all()


def test_a_head_that_is_off_gives_nothing(model):
    """The same as if its rows of W_O were zeros."""
    weights = {}
    for name, value in _flat(model.parameters):
        weights[name] = value.copy()
    weights["decoder.1.memory_attention.W_O"][CONFIG.d_v :] = 0
    wanted = ArrayTransformer(CONFIG, weights).forward(pad(SOURCE), TARGET)
    other = changed(model, [at("off", kind="memory", layer=1, head=1)])
    np.testing.assert_allclose(other.forward(pad(SOURCE), TARGET), wanted, atol=1e-12)


def _flat(node, name=""):
    if isinstance(node, np.ndarray):
        yield name[1:], node
    elif isinstance(node, list):
        for i, child in enumerate(node):
            yield from _flat(child, f"{name}.{i}")
    elif hasattr(node, "__dict__"):
        for key, child in vars(node).items():
            yield from _flat(child, f"{name}.{key}")


def test_uniform_weights_go_to_the_keys_that_may_be_attended_to(model):
    found = maps(changed(model, [at("uniform")]))
    np.testing.assert_allclose(found["memory", 0][1], np.tile([1 / 3] * 3 + [0, 0], (2, 4, 1)))
    rows = np.tril(np.ones((4, 4))) / np.arange(1, 5)[:, None]
    np.testing.assert_allclose(found["decoder", 1][0], [rows, rows])


def test_a_row_by_hand(model):
    found = maps(
        changed(model, [at("row", kind="decoder", layer=0, head=1, query=2, row=[0.5, 3])])
    )
    plain = maps(model)["decoder", 0]
    np.testing.assert_allclose(found["decoder", 0][:, 1, 2], [[0.5, 3, 0, 0]] * 2)
    rest = np.ones(plain.shape, bool)
    rest[:, 1, 2] = False
    assert (found["decoder", 0][rest] == plain[rest]).all()
    late = changed(model, [at("row", kind="decoder", query=0, row=[0.5, 3])])
    np.testing.assert_allclose(maps(late)["decoder", 0][:, :, 0], [[[0.5, 0, 0, 0]] * 2] * 2)


def test_a_hidden_token_is_seen_by_nobody(model):
    found = maps(changed(model, [at("hidden", token=2)]))
    for (kind, _), weights in found.items():
        assert kind == "decoder" or (weights[..., 2] == 0).all()
    rest = maps(changed(model, [at("hidden", token=i) for i in range(5)]))
    assert (rest["memory", 1] == 0).all()
    # What nobody sees may be anything.
    other = changed(model, [at("hidden", token=1)])
    one, two = np.array([[3, 9, 4]]), np.array([[3, 14, 4]])
    assert (other.forward(one, TARGET[:1]) == other.forward(two, TARGET[:1])).all()


def test_without_positions_order_is_lost(model):
    other = changed(model, LISTS["positions"])
    one, two = np.array([[3, 9, 4]]), np.array([[9, 4, 3]])
    np.testing.assert_allclose(other.forward(one, TARGET[:1]), other.forward(two, TARGET[:1]))
    assert not np.allclose(model.forward(one, TARGET[:1]), model.forward(two, TARGET[:1]))


def test_without_scaling_scores_are_larger(model):
    plain, found = maps(model)["encoder", 0], maps(changed(model, LISTS["scaling"]))["encoder", 0]
    wanted = plain ** np.sqrt(CONFIG.d_k)
    np.testing.assert_allclose(found, wanted / wanted.sum(-1, keepdims=True))


def test_temperature_divides_the_logits(model):
    wanted = model.forward(pad(SOURCE), TARGET) / 3
    np.testing.assert_allclose(
        changed(model, LISTS["temperature"]).forward(pad(SOURCE), TARGET), wanted
    )


def test_changes_add_up_and_keep_their_order(model):
    one, two = at("off", kind="memory"), at("uniform", kind="memory", head=0)
    at_once = changed(model, [one, two]).forward(pad(SOURCE), TARGET)
    assert (changed(changed(model, [one]), [two]).forward(pad(SOURCE), TARGET) == at_once).all()
    turned = changed(model, [two, one]).forward(pad(SOURCE), TARGET)
    assert not np.allclose(turned, at_once)


def test_a_changed_torch_model_can_still_be_trained(torches):
    other = changed(torches, LISTS["off"])
    logits = other(torch.as_tensor(pad(SOURCE)), torch.as_tensor(TARGET))
    logits.square().mean().backward()
    gradient = torches.decoder[1].memory_attention.W_Q.grad
    assert (gradient[:, : CONFIG.d_k] == 0).all()
    assert (gradient[:, CONFIG.d_k :] != 0).any()
    torches.zero_grad()


@pytest.mark.parametrize("name", LISTS)
def test_the_distance_is_a_share(model, torches, name):
    source, target = np.array(SOURCE[:1]), np.array([[7, 12, 5, 2]])
    far = distance(model, changed(model, LISTS[name]), source, target)
    assert 0 < far <= 1
    assert distance(model, changed(model, []), source, target) == 0
    p, q = (shares(m, source, target) for m in (model, changed(model, LISTS[name])))
    assert far == pytest.approx(np.maximum(p - q, 0).sum(-1).mean())
    tensors = torch.as_tensor(source), torch.as_tensor(target)
    other = changed(torches, LISTS[name])
    assert distance(torches, other, *tensors) == pytest.approx(far)


def test_every_part_and_every_change_is_described():
    assert set(WITHOUT) == set(PARTS)
    for make, (must, may) in NEEDS.items():
        assert make in LISTS or make == "without"
        assert not set(must) & {"make"} | set(may) & {"make"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"make": "explode"}, "a change is a table with 'make'"),
        ("off", "a change is a table with 'make'"),
        ({"make": "off", "layer": 2}, "wrong in layer.*N=2"),
        ({"make": "off", "head": -1}, "wrong in head"),
        ({"make": "alone"}, "wrong in head.*must say"),
        ({"make": "hidden", "token": True}, "wrong in token"),
        ({"make": "row", "row": [float("nan")]}, "wrong in row"),
        ({"make": "temperature", "value": float("inf")}, "wrong in value"),
        ({"make": "without", "part": ["scaling"]}, "wrong in part"),
    ],
)
def test_what_is_no_change_is_refused(model, change, words):
    with pytest.raises(ValueError, match=words):
        check(change, CONFIG)
    with pytest.raises(ValueError, match=words):
        changed(model, [change])


def test_a_model_without_places_is_refused():
    with pytest.raises(TypeError, match="cannot be changed"):
        changed(object(), [])
