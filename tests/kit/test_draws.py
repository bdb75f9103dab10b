"""The seeded generator: reproducible, well spread, and fit for the paper's argument."""

from __future__ import annotations

import numpy as np
import pytest

from attend_course.kit.draws import normals, token_seed, token_vectors, uniforms


def test_the_first_numbers_never_change() -> None:
    # Pages, notebooks and the browser all rest on these.
    assert uniforms(1, 2).tolist() == [0.36787554307375103, 0.08161311980802566]
    assert token_seed("rain", "q", 3) == 2802750933


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others() -> None:
    assert np.array_equal(normals(5, 10), normals(5, 10))
    assert not np.isclose(normals(5, 10), normals(6, 10)).any()


@pytest.mark.parametrize("n", [0, 1, 2, 7, 64])
def test_fewer_draws_are_the_first_of_many(n: int) -> None:
    assert np.array_equal(uniforms(9, n), uniforms(9, 64)[:n])
    assert np.array_equal(normals(9, n), normals(9, 64)[:n])


def test_a_shape_is_filled_row_by_row() -> None:
    assert np.array_equal(normals(2, (3, 5)), normals(2, 15).reshape(3, 5))
    assert normals(2, (0, 4)).shape == (0, 4)


def test_uniform_numbers_fill_the_interval_evenly() -> None:
    x = uniforms(11, 100_000)
    counts, _ = np.histogram(x, bins=10, range=(0, 1))
    assert x.min() > 0
    assert x.max() < 1
    # Five standard deviations of a count of 10,000.
    assert np.all(np.abs(counts - 10_000) < 5 * np.sqrt(9_000))


def test_normal_numbers_have_the_moments_of_a_normal_distribution() -> None:
    x = normals(12, 200_000)
    assert abs(x.mean()) < 0.012
    assert abs(x.var() - 1) < 0.016
    assert abs((x**4).mean() - 3) < 0.11
    assert abs((x[1:] * x[:-1]).mean()) < 0.012


@pytest.mark.parametrize("d_k", [1, 4, 64, 512])
def test_the_variance_of_a_dot_product_is_d_k(d_k: int) -> None:
    words = [f"word{i}" for i in range(150)]
    q, k = token_vectors(words, "q", d_k, 0), token_vectors(words, "k", d_k, 0)
    scores = q @ k.mT
    assert abs(scores.mean()) < 0.1 * np.sqrt(d_k)
    assert scores.var() / d_k == pytest.approx(1, abs=0.15)


def test_a_word_has_one_query_and_one_key_wherever_it_stands() -> None:
    q = token_vectors(["a", "b", "a"], "q", 8, 3)
    assert np.array_equal(q[0], q[2])
    assert not np.isclose(q[0], q[1]).any()
    assert not np.isclose(q, token_vectors(["a", "b", "a"], "k", 8, 3)).any()


def test_half_of_a_character_pair_is_read_as_a_browser_reads_it() -> None:
    assert token_seed("\ud83c", "q", 0) == token_seed("\ufffd", "q", 0)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: uniforms(-1, 3), ValueError, "seed must be from 0 to 4294967295, got -1"),
        (lambda: uniforms(2**32, 3), ValueError, "seed must be from 0"),
        (lambda: uniforms(1, -3), ValueError, "n must be from 0"),
        (lambda: uniforms(1.5, 3), TypeError, "seed must be a whole number, got 1.5"),
        (lambda: normals(1, (2, "x")), TypeError, "shape must be a whole number, got 'x'"),
        (lambda: token_seed("a", "q", -4), ValueError, "seed must be from 0"),
    ],
)
def test_bad_input_is_named(call, error, message) -> None:
    with pytest.raises(error, match=message):
        call()
