"""What the heads of a model are worth, and what its maps tell, against other ways to find out."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from attend import attention, softmax
from attend.config import TransformerConfig
from attend.models.array_transformer import ArrayTransformer
from attend.models.changes import changed
from attend.models.inspection import (
    Head,
    carried_lengths,
    damages,
    free_directions,
    heads_of,
    mean_loss,
    prune,
    rank_correlation,
    rollout,
    room,
)
from attend.models.torch_gradients import gradient_times_input
from attend.models.torch_transformer import Transformer

torch.set_num_threads(1)

CONFIG = TransformerConfig(17, N=2, d_model=8, d_ff=12, h=2, d_k=3, d_v=5)
SOURCE = np.array([[3, 9, 4, 7, 6], [8, 5, 11, 0, 0]])
TARGET = np.array([[7, 12, 5, 2], [3, 15, 2, 0]])


def normals(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


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


# What a head is worth


def test_heads_are_listed_kind_by_kind():
    heads = heads_of(CONFIG)
    assert len(heads) == len(set(heads)) == 3 * CONFIG.N * CONFIG.h
    assert heads[0] == Head("encoder", 0, 0)
    assert heads_of(CONFIG, ["memory"]) == heads[-4:]
    assert heads[-1].name == "memory, layer 2, head 2"
    assert heads[-1].off == {"make": "off", "kind": "memory", "layer": 1, "head": 1}


def test_the_loss_is_that_of_torch(model: ArrayTransformer, torches: Transformer):
    given = np.concatenate([np.ones((2, 1), int), TARGET[:, :-1]], axis=1)
    logits = torches(torch.tensor(SOURCE), torch.tensor(given))
    expected = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), torch.tensor(TARGET).flatten(), ignore_index=CONFIG.pad
    )
    assert mean_loss(model, SOURCE, TARGET) == pytest.approx(expected.item())


def test_padding_does_not_count(model: ArrayTransformer):
    alone = [mean_loss(model, SOURCE[:1], TARGET[:1]), mean_loss(model, SOURCE[1:], TARGET[1:])]
    both = mean_loss(model, SOURCE, TARGET)
    assert both == pytest.approx((4 * alone[0] + 3 * alone[1]) / 7)


def test_a_damage_is_what_the_loss_gains(model: ArrayTransformer):
    head = Head("memory", 1, 0)
    found = damages(model, SOURCE, TARGET, [head])
    after = mean_loss(changed(model, [head.off]), SOURCE, TARGET)
    assert found.tolist() == [pytest.approx(after - mean_loss(model, SOURCE, TARGET))]


def test_pruning_is_greedy_and_takes_all(model: ArrayTransformer):
    heads = heads_of(CONFIG, ["memory"])
    steps = list(prune(model, SOURCE, TARGET, heads))
    assert {head for head, _ in steps} == set(heads)
    gone: list[dict] = []
    for number, (head, loss) in enumerate(steps):
        left = [other for other, _ in steps[number:]]
        losses = [
            mean_loss(changed(model, [*gone, one.off]), SOURCE, TARGET) for one in left
        ]  # fmt: skip
        assert loss == pytest.approx(min(losses))
        gone.append(dict(head.off))
        assert mean_loss(changed(model, gone), SOURCE, TARGET) == pytest.approx(loss)


# What a map tells


@pytest.mark.parametrize(("layers", "n"), [(1, 3), (2, 4), (3, 2)])
def test_rollout_adds_up_all_paths(layers: int, n: int):
    maps = softmax(normals(layers, layers, n, n))
    found = np.zeros((n, n))
    for path in itertools.product(range(n), repeat=layers + 1):
        shares = [
            0.5 * maps[layer, path[layer + 1], path[layer]] + 0.5 * (path[layer + 1] == path[layer])
            for layer in range(layers)
        ]
        found[path[-1], path[0]] += np.prod(shares)
    np.testing.assert_allclose(rollout(maps), found)
    np.testing.assert_allclose(rollout(torch.tensor(maps)).numpy(), found)


def test_carried_lengths_are_those_of_what_is_added():
    weights, v = softmax(normals(1, 2, 3, 4)), normals(2, 2, 4, 5)
    w_o = normals(3, 10, 6)
    found = carried_lengths(weights, v, w_o)
    for head, i, j in itertools.product(range(2), range(3), range(4)):
        taken = weights[head, i, j] * v[head, j] @ w_o[5 * head : 5 * head + 5]
        assert found[head, i, j] == pytest.approx(np.linalg.norm(taken))


def test_ranks_are_compared_and_not_sizes():
    a = normals(4, 9)
    assert rank_correlation(a, np.exp(3 * a)) == pytest.approx(1)
    assert rank_correlation(a, -a) == pytest.approx(-1)
    b = normals(5, 9)
    ranks = [np.argsort(np.argsort(x)) for x in (a, b)]
    assert rank_correlation(a, b) == pytest.approx(np.corrcoef(*ranks)[0, 1])


def test_equal_numbers_share_their_ranks():
    found = rank_correlation(np.array([1.0, 1.0, 2.0]), np.array([1.0, 3.0, 2.0]))
    expected = np.corrcoef([0.5, 0.5, 2.0], [0, 2, 1])[0, 1]
    assert found == pytest.approx(expected)


def test_a_list_without_an_order_is_refused():
    with pytest.raises(ValueError, match="has no order"):
        rank_correlation(np.ones(3), np.arange(3.0))


# Other weights


@pytest.mark.parametrize(("m", "d_v"), [(4, 2), (7, 3), (3, 2), (2, 5), (1, 1)])
def test_free_directions_keep_sum_and_mixture(m: int, d_v: int):
    v = normals(6, m, d_v)
    found = free_directions(v)
    assert found.shape == (max(0, m - d_v - 1), m)
    np.testing.assert_allclose(found @ v, 0, atol=1e-12)
    np.testing.assert_allclose(found.sum(axis=-1), 0, atol=1e-12)
    np.testing.assert_allclose(found @ found.T, np.eye(len(found)), atol=1e-12)


def test_values_on_a_line_leave_more_directions():
    v = np.outer(np.arange(4.0), [1.0, 2.0])
    assert len(free_directions(v)) == 2


def test_room_ends_where_a_weight_is_0():
    weights, direction = np.array([0.4, 0.1, 0.5]), np.array([1.0, -0.25, -0.75])
    back, forth = room(weights, direction)
    assert (weights + forth * direction).min() == pytest.approx(0)
    assert (weights + back * direction).min() == pytest.approx(0)
    assert (back, forth) == (pytest.approx(-0.4), pytest.approx(0.4))


def test_a_direction_that_changes_the_sum_is_refused():
    with pytest.raises(ValueError, match="lowers one of them and raises another"):
        room(np.array([0.5, 0.5]), np.array([1.0, 0.0]))


def test_other_weights_give_the_same_output_of_attention():
    q, k, v = normals(7, 1, 3), normals(8, 6, 3), normals(9, 6, 2)
    output, weights = attention(q, k, v)
    for direction in free_directions(v):
        back, forth = room(weights[0], direction)
        for step in (back, forth):
            np.testing.assert_allclose((weights + step * direction) @ v, output)
            assert (weights + step * direction).min() > -1e-12


# The gradient


def test_gradient_times_input_is_the_slope_of_stretching(torches: Transformer):
    source, target = torch.tensor(SOURCE[:1]), torch.tensor(TARGET[:1])
    found = gradient_times_input(torches, source, target)
    assert found.shape == (4, 5)

    def log_p(token: int, stretch: float) -> torch.Tensor:
        table = torches.embedding.detach().clone()
        factors = torch.ones(1, 5, 1, dtype=table.dtype)
        factors[0, token] = stretch
        other = changed(torches, [])
        first = iter([factors])
        other.change = lambda o: o._replace(look_up=lambda t, e: e[t] * next(first, 1.0))
        given = torch.cat([torch.ones(1, 1, dtype=torch.long), target[:, :-1]], dim=1)
        logits = torch.log_softmax(other(source, given)[0].detach(), dim=-1)
        return logits[range(4), target[0]]

    for token in range(5):
        slope = (log_p(token, 1.0001) - log_p(token, 0.9999)) / 2e-4
        np.testing.assert_allclose(found[:, token], slope, rtol=1e-4, atol=1e-6)


def test_the_gradient_of_a_changed_model_is_its_own(torches: Transformer):
    source, target = torch.tensor(SOURCE[:1]), torch.tensor(TARGET[:1])
    hidden = changed(torches, [{"make": "hidden", "token": 2}])
    slopes = gradient_times_input(hidden, source, target)
    assert (slopes[:, 2] == 0).all()
    assert (gradient_times_input(torches, source, target)[:, 2] != 0).all()


@pytest.mark.parametrize("wrong", ["sentences", "training"])
def test_the_gradient_takes_one_sentence_and_no_dropout(torches: Transformer, wrong: str):
    source, target = torch.tensor(SOURCE[:1]), torch.tensor(TARGET[:1])
    if wrong == "sentences":
        source = torch.tensor(SOURCE)
    torches.train(wrong == "training")
    try:
        with pytest.raises(ValueError, match="one sentence"):
            gradient_times_input(torches, source, target)
    finally:
        torches.eval()
