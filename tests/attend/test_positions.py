"""The positional encoding against the formula of section 3.5."""

from math import cos, sin

import numpy as np
import pytest
import torch
from two_libraries import LIBRARIES, assert_equal_results, close, refused

from attend import positional_encoding
from attend.positions import positions_like, shift, step_angles, wavelengths


def in_loops(n: int, d_model: int, start: int) -> np.ndarray:
    table = np.empty((n, d_model))
    for row in range(n):
        pos = start + row
        for i in range(d_model // 2):
            table[row, 2 * i] = sin(pos / 10000 ** (2 * i / d_model))
            table[row, 2 * i + 1] = cos(pos / 10000 ** (2 * i / d_model))
    return table


@pytest.mark.parametrize("n", [0, 1, 2, 17])
@pytest.mark.parametrize("d_model", [0, 2, 6, 64])
@pytest.mark.parametrize("start", [0, 1, 40])
def test_it_is_the_formula(n, d_model, start):
    numpys = positional_encoding(n, d_model, start)
    close(numpys, in_loops(n, d_model, start))
    like = torch.empty(0, dtype=torch.float64)
    assert_equal_results(numpys, positional_encoding(n, d_model, start, like=like))


def test_position_zero_is_zeros_and_ones():
    assert positional_encoding(1, 6).tolist() == [[0.0, 1.0, 0.0, 1.0, 0.0, 1.0]]


def test_a_later_start_gives_the_later_rows():
    close(positional_encoding(3, 8, start=4), positional_encoding(7, 8)[4:])


def test_a_step_is_the_same_rotation_everywhere():
    # The paper's reason: PE(pos + k) is a linear function of PE(pos).
    table, k = positional_encoding(50, 16), 3
    here, there = table[:-k], table[k:]
    step = np.linalg.lstsq(here, there, rcond=None)[0]
    close(here @ step, there, 1e-9)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_it_has_the_type_of_like_and_its_full_precision(dtype):
    like = torch.empty(0, dtype=getattr(torch, dtype))
    result = positional_encoding(5, 8, start=5000, like=like)
    assert result.dtype == like.dtype
    error = (result.double() - torch.tensor(in_loops(5, 8, 5000))).abs().max()
    # Rounded once, at the end: half the distance of two neighbours. Sines agree to 1e-11.
    assert error <= torch.finfo(like.dtype).eps / 2 + 1e-11


def test_numpy_keeps_the_type_too():
    assert positional_encoding(2, 4, like=np.empty(0, np.float32)).dtype == np.float32
    assert positional_encoding(2, 4).dtype == np.float64


@pytest.mark.parametrize(("n", "d_model", "start"), [(3, 5, 0), (-1, 4, 0), (3, -2, 0), (3, 4, -1)])
def test_odd_and_negative_numbers_are_refused(n, d_model, start):
    received = f"n={n}, start={start}, d_model={d_model}"
    with refused(ValueError, "even d_model (sines and cosines come in pairs)", received):
        positional_encoding(n, d_model, start)


@LIBRARIES
def test_whole_numbers_as_model_are_refused(library):
    with refused(TypeError, "positional_encoding needs like (...) of floating-point", "int64"):
        positional_encoding(3, 4, like=library([1, 2]))


def test_a_list_as_model_is_refused():
    with refused(TypeError, "NumPy array or a torch tensor", "list"):
        positional_encoding(3, 4, like=[1.0])


@LIBRARIES
@pytest.mark.parametrize("start", [0, 1, 62, 63, 64, 200])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_kept_table_holds_the_same_rows(library, start, dtype):
    x = library(np.zeros((2, 5, 6), dtype))
    found, expected = positions_like(x, start), positional_encoding(5, 6, start, like=x)
    assert type(found) is type(x)
    assert found.dtype == x.dtype
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=0, atol=1e-15)


def test_the_table_is_kept_until_a_longer_one_is_needed():
    x = np.zeros((1, 1, 6))
    assert positions_like(x, 3).base is positions_like(x, 63).base
    assert positions_like(x, 3).base is not positions_like(x, 64).base


@pytest.mark.parametrize("d_model", [0, 2, 6, 64])
def test_hands_turn_by_the_angles_of_the_formula(d_model):
    expected = [1 / 10000 ** (2 * i / d_model) for i in range(d_model // 2)]
    close(step_angles(d_model), expected)
    close(wavelengths(d_model), [2 * np.pi / angle for angle in expected])
    close(np.sin(step_angles(d_model)), positional_encoding(1, d_model, 1)[0, ::2])


@pytest.mark.parametrize("d_model", [2, 6, 64])
@pytest.mark.parametrize("k", [-3, 0, 1, 40])
def test_a_shift_moves_every_place_and_can_be_taken_back(d_model, k):
    here = positional_encoding(30, d_model, start=10)
    close(here @ shift(k, d_model), positional_encoding(30, d_model, start=10 + k), 1e-11)
    close(shift(k, d_model) @ shift(-k, d_model), np.eye(d_model))
    assert np.array_equal(shift(k, d_model).T, shift(-k, d_model))


@pytest.mark.parametrize("function", [step_angles, wavelengths, lambda d: shift(1, d)])
@pytest.mark.parametrize("d_model", [5, -2])
def test_hands_come_in_pairs(function, d_model):
    with refused(ValueError, "even d_model", f"received d_model={d_model}"):
        function(d_model)
