"""Masks: True = may attend, queries on rows, aligned at the end."""

import numpy as np
import pytest
import torch
from two_libraries import LIBRARIES, assert_equal_results, refused, twice

from attend import causal_mask, padding_mask

SIZES = [(n, m) for m in range(6) for n in range(m + 1)]


@pytest.mark.parametrize(("n", "m"), SIZES)
def test_causal_mask_is_aligned_bottom_right(n, m):
    mask = causal_mask(n, m)
    assert mask.shape == (n, m)
    for row in range(n):
        for column in range(m):
            # The last query stands at the last key.
            assert mask[row, column] == (m - 1 - column >= n - 1 - row)


@pytest.mark.parametrize(("n", "m"), SIZES)
def test_causal_mask_of_torch_is_that_of_numpy(n, m):
    numpys, torches = causal_mask(n, m), causal_mask(n, m, like=torch.ones(1))
    assert numpys.dtype == bool
    assert_equal_results(numpys, torches)


def test_causal_mask_in_one_line():
    assert causal_mask(3).tolist() == [
        [True, False, False],
        [True, True, False],
        [True, True, True],
    ]
    assert causal_mask(1, 4).all()


def test_decoding_uses_the_last_rows_of_the_training_mask():
    assert (causal_mask(2, 6) == causal_mask(6)[-2:]).all()


def test_causal_mask_stands_where_like_stands():
    assert causal_mask(2, like=torch.empty(1, device="meta")).device.type == "meta"
    assert isinstance(causal_mask(2, like=np.ones(3)), np.ndarray)


@pytest.mark.parametrize(("n", "m"), [(3, 2), (-1, 2), (-1, None)])
def test_causal_mask_refuses_more_queries_than_keys(n, m):
    expected = f"n={n}, m={n if m is None else m}"
    with refused(ValueError, "needs 0 <= n <= m", expected, "n counts queries, m counts keys"):
        causal_mask(n, m)


def test_causal_mask_refuses_a_list():
    with refused(TypeError, "NumPy array or a torch tensor", "list"):
        causal_mask(2, like=[1.0])


@pytest.mark.parametrize("shape", [(5,), (2, 5), (3, 2, 5), (2, 0)])
def test_padding_mask_forbids_padding_to_every_query(shape):
    tokens = np.random.default_rng(0).integers(0, 3, shape)
    numpys, torches = twice(padding_mask, tokens)
    assert_equal_results(numpys, torches)
    assert numpys.shape == (*shape[:-1], 1, shape[-1])
    assert (numpys[..., 0, :] == (tokens != 0)).all()


@LIBRARIES
def test_padding_may_have_any_number(library):
    assert padding_mask(library([[7, 0, 9, 9]]), pad=9).tolist() == [[[True, True, False, False]]]


@LIBRARIES
def test_padding_and_causal_masks_combine(library):
    tokens = library([[7, 8, 0]])
    both = padding_mask(tokens) & causal_mask(3, like=tokens)
    assert both.tolist() == [[[True, False, False], [True, True, False], [True, True, False]]]


def test_padding_mask_refuses_a_list():
    with refused(TypeError, "NumPy array or a torch tensor", "list"):
        padding_mask([[1, 0]])
