"""Smoothed labels, and what is best for a model that learns from them."""

import numpy as np
import pytest

from attend.training.smoothing import best_gap, least_loss, smoothed_labels


@pytest.mark.parametrize(("vocabulary", "share"), [(2, 0.0), (5, 0.1), (4000, 0.1), (7, 1.0)])
def test_labels_are_shares(vocabulary, share):
    labels = smoothed_labels(1, vocabulary, share)
    assert labels.sum() == pytest.approx(1)
    assert labels[0] == pytest.approx(share / vocabulary)
    assert labels[1] == pytest.approx(1 - share + share / vocabulary)


def test_the_best_gap_is_better_than_its_neighbours():
    def loss(gap, vocabulary=9, share=0.2):
        p = np.exp(gap * np.eye(vocabulary)[0])
        return -(smoothed_labels(0, vocabulary, share) * np.log(p / p.sum())).sum()

    best = best_gap(9, 0.2)
    assert loss(best) < min(loss(best - 0.01), loss(best + 0.01))
    assert loss(best) == pytest.approx(least_loss(9, 0.2))
    assert best_gap(9, 0.0) == np.inf
    assert best_gap(9, 1.0) == 0
    assert least_loss(9, 0.0) == 0
    assert least_loss(9, 1.0) == pytest.approx(np.log(9))


@pytest.mark.parametrize("function", [best_gap, least_loss])
def test_impossible_sizes_are_refused(function):
    for vocabulary, share in ((1, 0.1), (5, -0.1), (5, 1.1), (5, float("nan"))):
        message = f"received vocabulary={vocabulary}, epsilon_ls={share}"
        with pytest.raises(ValueError, match=message):
            function(vocabulary, share)
    with pytest.raises(ValueError, match="the right token is one of 5, from 0; received 5"):
        smoothed_labels(5, 5, 0.1)
