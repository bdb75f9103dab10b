"""Alignments read from attention, and their error rate."""

import numpy as np
import pytest

from attend.models.recording import Recording
from attend.translator.alignment import (
    Source,
    alignment_error_rate,
    alignment_map,
    candidates,
    hard_links,
    word_map,
    word_numbers,
)


@pytest.fixture
def recording():
    found = Recording()
    generator = np.random.default_rng(0)
    for layer in range(2):
        found.add("memory", layer, generator.dirichlet(np.ones(4), size=(1, 3, 5)))
    return found


def test_candidates_are_every_head_layer_and_average_with_both_rows():
    found = candidates(2, 3)
    assert len(found) == len(set(found)) == 2 * (2 * 3 + 2 + 1)


def test_the_map_of_one_head_is_that_head(recording):
    source = Source((1,), (2,), 0)
    np.testing.assert_array_equal(alignment_map(recording, source), recording.maps[1].weights[0, 2])


def test_the_map_of_nowhere_is_the_average_of_all(recording):
    every = np.mean([m.weights[0] for m in recording.maps], axis=(0, 1))
    np.testing.assert_allclose(alignment_map(recording, None), every)
    np.testing.assert_allclose(alignment_map(recording, Source((0, 1), (0, 1, 2), 0)), every)


def test_shift_reads_the_row_one_step_later(recording):
    plain = alignment_map(recording, Source((0,), (0,), 0))
    shifted = alignment_map(recording, Source((0,), (0,), 1))
    np.testing.assert_array_equal(shifted[:-1], plain[1:])
    np.testing.assert_array_equal(shifted[-1], plain[-1])


@pytest.mark.parametrize(
    ("pieces", "numbers"),
    [
        (["▁Kino", "."], [0, 1]),
        (["▁Reg", "en", "sch", "irm", "▁im", ".", "<end>"], [0, 0, 0, 0, 1, 2, -1]),
        (["▁Milch", ",", "▁E", "ier"], [0, 1, 2, 2]),
        (["▁", "K", "ino"], [0, 0, 0]),
    ],
)
def test_pieces_are_gathered_into_words(pieces, numbers):
    assert word_numbers(pieces) == numbers


def test_word_map_adds_source_pieces_and_averages_target_pieces():
    weights = np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8], [1.0, 0.0, 0.0]])
    words = word_map(weights, [0, 0, -1], [0, 0, 1])
    np.testing.assert_allclose(words, [[0.5, 0.5]])
    np.testing.assert_allclose(word_map(weights, [0, 1, -1], [0, 0, 1]), [[0.8, 0.2], [0.2, 0.8]])


def test_hard_links_follow_the_largest_weight():
    assert hard_links(np.array([[0.1, 0.9], [0.6, 0.4]])) == {(0, 1), (1, 0)}


def test_error_rate_of_same_disjoint_and_half():
    links = {(0, 0), (1, 1)}
    assert alignment_error_rate([links], [links]) == 0
    assert alignment_error_rate([{(0, 1)}], [links]) == 1
    assert alignment_error_rate([{(0, 0), (1, 0)}], [links]) == 0.5


def test_error_rate_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one link"):
        alignment_error_rate([set()], [set()])
