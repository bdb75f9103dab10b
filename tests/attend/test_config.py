"""The sizes: presets of the paper, and a refusal with the rule for every impossible value."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from attend.config import TransformerConfig, base, big, course, tiny


def test_base_and_big_are_the_papers():
    assert base().as_dict() == {
        "vocabulary": 37_000,
        "N": 6,
        "d_model": 512,
        "d_ff": 2048,
        "h": 8,
        "d_k": 64,
        "d_v": 64,
        "P_drop": 0.1,
        "epsilon_ls": 0.1,
        "pad": 0,
        "start": 1,
        "end": 2,
    }
    sizes = big()
    assert (sizes.N, sizes.d_model, sizes.d_ff, sizes.h) == (6, 1024, 4096, 16)
    assert (sizes.d_k, sizes.d_v, sizes.P_drop) == (64, 64, 0.3)


def test_small_presets_take_a_vocabulary():
    assert course(123).vocabulary == 123
    assert tiny(7).vocabulary == 7
    assert tiny().d_model < course().d_model < base().d_model


def test_d_k_and_d_v_default_to_d_model_over_h_and_are_free():
    assert (
        TransformerConfig(9, d_model=12, h=3).d_k,
        TransformerConfig(9, d_model=12, h=3).d_v,
    ) == (
        4,
        4,
    )
    free = TransformerConfig(9, d_model=12, h=5, d_k=7, d_v=3)
    assert (free.d_k, free.d_v) == (7, 3)
    half = TransformerConfig(9, d_model=12, h=3, d_k=7)
    assert (half.d_k, half.d_v) == (7, 4)


def test_it_is_frozen_and_goes_through_a_dictionary():
    config = TransformerConfig(11, d_model=8, h=2, d_k=3, P_drop=0.2)
    assert TransformerConfig.from_dict(config.as_dict()) == config
    with pytest.raises(FrozenInstanceError):
        config.N = 2


WHOLE = ("vocabulary", "N", "d_model", "d_ff", "h", "d_k", "d_v")


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("value", [0, -1, 2.0, "8", True, np.float64(4.0), float("nan")])
def test_a_count_is_a_whole_number_of_at_least_one(name, value):
    sizes = {"vocabulary": 20, "d_model": 16, "h": 2, name: value}
    with pytest.raises(ValueError, match=f"{name} must be a whole number of at least 1; received"):
        TransformerConfig(**sizes)


@pytest.mark.parametrize("name", [n for n in WHOLE if n not in ("d_k", "d_v")])
def test_only_d_k_and_d_v_may_be_left_open(name):
    with pytest.raises(ValueError, match=f"{name} must be a whole number"):
        TransformerConfig(**{"vocabulary": 20, name: None})


@pytest.mark.parametrize("name", ["P_drop", "epsilon_ls"])
@pytest.mark.parametrize("value", [-0.1, 1, 1.5, float("nan"), "0.1", None, True])
def test_a_share_is_from_zero_to_below_one(name, value):
    with pytest.raises(ValueError, match=f"{name} is a share, 0 <= {name} < 1; received"):
        TransformerConfig(20, **{name: value})


def test_zero_shares_are_fine():
    assert TransformerConfig(20, P_drop=0, epsilon_ls=0.0).P_drop == 0


def test_positions_need_an_even_d_model():
    with pytest.raises(ValueError, match=r"d_model must be even, as positions .* d_model=9"):
        TransformerConfig(20, d_model=9, h=3)


def test_heads_must_divide_d_model_unless_their_sizes_are_given():
    with pytest.raises(ValueError, match=r"d_model=16 does not split into h=3 .* or give d_k"):
        TransformerConfig(20, d_model=16, h=3)
    with pytest.raises(ValueError, match="or give d_v"):
        TransformerConfig(20, d_model=16, h=3, d_k=5)


@pytest.mark.parametrize(
    "special",
    [
        {"pad": 1},
        {"start": 2},
        {"end": 20},
        {"pad": -1},
        {"end": 2.0},
        {"start": True},
        {"pad": None},
    ],
)
def test_special_tokens_are_three_different_ones_of_the_vocabulary(special):
    with pytest.raises(ValueError, match="three different token numbers below the vocabulary"):
        TransformerConfig(20, **special)


def test_three_tokens_are_the_least():
    assert TransformerConfig(3).end == 2
    with pytest.raises(ValueError, match="three different token numbers"):
        TransformerConfig(2)


@pytest.mark.parametrize("sizes", [{}, {"N": 2}, {"vocabulary": 9, "layers": 3}])
def test_unknown_or_missing_names_are_refused(sizes):
    with pytest.raises(ValueError, match="a configuration needs 'vocabulary' and knows"):
        TransformerConfig.from_dict(sizes)


@pytest.mark.parametrize("sizes", [None, [1, 2], "vocabulary"])
def test_a_configuration_that_is_no_table_is_refused(sizes):
    with pytest.raises(ValueError, match="a configuration is a table of sizes by name"):
        TransformerConfig.from_dict(sizes)
