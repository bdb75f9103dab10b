"""What chapter 4 claims, proved. Each docstring begins with the claim, as the ledger shows it."""

import math
from itertools import product

import numpy as np
import pytest
import torch

from attend import attention, causal_mask, masked_softmax, scores, softmax
from attend_course.chapters.scaling import example as scaling
from attend_course.chapters.scaling import saturation
from attend_course.kit.draws import normals

WIDTHS = (1, 2, 8, 64, 512)
ROWS = 3 * normals(7, (40, 6))


@pytest.mark.claim("rows-sum-to-one")
@pytest.mark.parametrize("n", [1, 3, 8])
@pytest.mark.parametrize("m", [1, 5, 16])
def test_rows_sum_to_one(n, m):
    """The weights of a query sum to 1, whatever its scores are, and none is negative."""
    for size in (0.01, 1, 100, 10_000):
        weights = softmax(size * normals(n + 31 * m, (n, m)))
        np.testing.assert_allclose(weights.sum(axis=-1), 1)
        assert (weights >= 0).all()


@pytest.mark.claim("shift-invariance")
@pytest.mark.parametrize("shift", [-1000.0, 0.5, 100.0])
def test_adding_a_constant_changes_nothing(shift):
    """Adding the same number to every score of a row changes no weight of the row."""
    np.testing.assert_allclose(softmax(ROWS + shift), softmax(ROWS), rtol=1e-9)


@pytest.mark.claim("difference-is-factor")
def test_a_difference_of_scores_is_a_factor_of_weights():
    """The weights of two keys have the ratio e to the power of the difference of their scores."""
    weights = softmax(ROWS)
    ratios = weights[:, :, None] / weights[:, None, :]
    np.testing.assert_allclose(ratios, np.exp(ROWS[:, :, None] - ROWS[:, None, :]))


@pytest.mark.claim("variance-of-scores")
@pytest.mark.parametrize("d_k", [1, 2, 3, 4])
def test_scores_of_sign_vectors_have_variance_d_k(d_k):
    """A score of independent components with mean 0 and variance 1 has mean 0 and variance d_k."""
    signs = np.array(list(product([-1.0, 1.0], repeat=d_k)))
    every_score = scores(signs, signs, scale=1.0)
    assert every_score.mean() == 0
    assert every_score.var() == pytest.approx(d_k, rel=1e-12)


@pytest.mark.claim("variance-of-scores")
@pytest.mark.parametrize("d_k", saturation.WIDTHS)
def test_drawn_scores_have_variance_d_k(d_k):
    """Drawn scores have variance d_k, up to five standard errors of the estimate."""
    error = d_k * np.sqrt((2 + 6 / d_k) / saturation.PAIRS)
    assert saturation.variance(d_k) == pytest.approx(d_k, abs=5 * error)
    assert abs(saturation.drawn_scores(d_k).mean()) < 5 * np.sqrt(d_k / saturation.PAIRS)


@pytest.mark.claim("saturated-at-512")
def test_the_sentence_saturates_without_the_division():
    """For d_k = 512 every query of the sentence gives one key 1.00; divided, none gives .7."""
    assert (scaling.unscaled_weights(512).max(axis=-1) >= 0.995).all()
    assert (scaling.weights(512).max(axis=-1) < 0.7).all()


@pytest.mark.claim("variance-of-scores")
def test_variances_of_uncorrelated_terms_add_up():
    """The variance of a sum is the sum of variances if the products of terms have mean 0."""
    # Two terms that depend on each other (the second is 0 where the first is not) and yet add up.
    one, other = np.array([1.0, -1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0, -1.0])
    assert (one * other).mean() == one.mean() == other.mean() == 0
    assert (one + other).var() == one.var() + other.var()
    # With a product whose mean is not 0 they do not.
    assert (one + one).var() != 2 * one.var()


@pytest.mark.claim("softmax-slope")
def test_the_slope_of_a_weight_toward_its_own_score():
    """The slope of a weight w toward its own score is w (1 - w)."""
    row = torch.tensor(ROWS[0], requires_grad=True)
    jacobian = torch.autograd.functional.jacobian(softmax, row)
    np.testing.assert_allclose(np.diag(jacobian), saturation.slopes(softmax(ROWS[0])), rtol=1e-9)


@pytest.mark.claim("slope-at-most-a-quarter")
def test_no_slope_is_above_a_quarter():
    """The slope of a weight toward its own score is at most 1/4, reached at the weight 1/2."""
    assert saturation.slopes(np.array(0.5)) == 0.25
    assert (saturation.slopes(softmax(ROWS)) <= 0.25).all()
    assert (saturation.slopes(np.linspace(0, 1, 1001)) <= 0.25).all()


@pytest.mark.claim("scaled-slope-length")
@pytest.mark.parametrize("d_k", WIDTHS)
def test_the_slope_of_a_scaled_score_toward_the_query(d_k):
    """The slope of a scaled score toward its query has length about 1 (root mean square)."""
    q = torch.tensor(normals(1, (1, d_k)), requires_grad=True)
    k = torch.tensor(normals(2, (2000, d_k)))
    slope = torch.autograd.functional.jacobian(lambda q: scores(q, k)[0], q)[:, 0]
    np.testing.assert_allclose(slope, k / d_k**0.5)
    assert float((slope**2).sum(-1).mean() ** 0.5) == pytest.approx(1, abs=0.05)


@pytest.mark.claim("scaled-spread-is-one")
@pytest.mark.parametrize("d_k", WIDTHS)
def test_scaled_scores_have_spread_one(d_k):
    """Scaled scores of random queries and keys have a spread of about 1 for every d_k."""
    scaled = scores(normals(5, (4000, 1, d_k)), normals(6, (4000, 1, d_k)))
    assert scaled.std() == pytest.approx(1, abs=0.1)


@pytest.mark.claim("scaling-keeps-ranking")
def test_scaling_keeps_the_ranking_of_the_keys():
    """Dividing the scores changes no ranking of keys, neither by score nor by weight."""
    # In long vectors the lowest weights may fall below the smallest number and tie.
    for d_k in (1, 4, 16, 64):
        order = scaling.raw_scores(d_k).argsort(axis=-1)
        assert (scaling.scaled_scores(d_k).argsort(axis=-1) == order).all()
        assert (scaling.weights(d_k).argsort(axis=-1) == order).all()
        assert (scaling.unscaled_weights(d_k).argsort(axis=-1) == order).all()


@pytest.mark.claim("published-example")
def test_the_published_example():
    """The scores 112 and 96 with d_k = 64 give the weights 0.8808 and 0.1192 (Alammar)."""
    np.testing.assert_array_equal(saturation.published_scaled(), [14, 12])
    q, k = np.full((1, 64), 1.0), np.array([[112 / 64] * 64, [96 / 64] * 64])
    _, weights = attention(q, k, k)
    np.testing.assert_allclose(weights, [[0.8808, 0.1192]], atol=5e-5)
    np.testing.assert_allclose(weights[0], saturation.published_weights())


@pytest.mark.claim("temperature-limits")
def test_the_limits_of_the_temperature():
    """Near temperature 0 the highest score takes all weight; at a very high one all share alike."""
    cold, hot = (saturation.at_temperature(value) for value in (1e-4, 1e6))
    highest = scaling.scaled_scores().argmax(axis=-1)
    np.testing.assert_allclose(cold, np.eye(7)[highest], atol=1e-12)
    np.testing.assert_allclose(hot, 1 / 7, atol=1e-5)
    # Where several tie for the highest, they share it.
    tied = np.array([[3.0, 1.0, 3.0], [2.0, 2.0, 2.0]])
    np.testing.assert_allclose(softmax(tied / 1e-4), [[0.5, 0, 0.5], [1 / 3] * 3], atol=1e-12)


@pytest.mark.claim("mask-before-softmax")
def test_a_mask_before_the_softmax_leaves_the_allowed_keys_alone():
    """Under a mask, a row of weights is the softmax over its allowed keys, and 0 elsewhere."""
    mask, points = causal_mask(7), scaling.scaled_scores()
    for row, may, weights in zip(points, mask, masked_softmax(points, mask), strict=True):
        np.testing.assert_allclose(weights[may], softmax(row[may]))
        assert (weights[~may] == 0).all()
    assert (saturation.masked_after_sums()[:-1] < 0.97).all()


@pytest.mark.claim("empty-row-is-zero")
def test_a_query_that_may_attend_to_nothing():
    """A query that may attend to nothing has the weight 0 for every key."""
    mask = causal_mask(7).copy()
    mask[2] = False
    weights = masked_softmax(scaling.scaled_scores(), mask)
    assert (weights[2] == 0).all()
    np.testing.assert_allclose(np.delete(weights, 2, axis=0).sum(axis=-1), 1)


@pytest.mark.claim("stable-softmax")
def test_the_softmax_does_not_overflow():
    """The softmax that subtracts the largest score is finite where the plain formula is not."""
    # The largest stands first, last and between, so no other score will do in its place.
    for large in ([1000.0, 999.0], [999.0, 1000.0], [0.0, 1000.0, 0.0], [-1000.0, 0.0, 1000.0]):
        row = np.array(large)
        with np.errstate(all="ignore"):
            assert np.isnan(np.exp(row) / np.exp(row).sum()).any()
        exact = [1 / sum(math.exp(min(b - a, 700)) for b in large) for a in large]
        np.testing.assert_allclose(softmax(row), exact, atol=1e-300)
