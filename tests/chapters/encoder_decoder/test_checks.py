"""Answers to chapter 1 as learners write them, apart from the bank that the checks hold."""

import numpy as np
import pytest

from attend_course.chapters.encoder_decoder import checks


def mask_in_loops(n):
    rows = []
    for i in range(n):
        rows.append([j <= i for j in range(n)])
    return rows


def greedy_with_for(ask, limit):
    text = []
    for _ in range(limit):
        piece = np.argmax(ask([1, *text]))
        if piece == 2:
            return text
        text.append(piece)
    return text


def words_as_a_product(weights, words):
    return weights @ (words[:, None] == np.arange(words.max() + 1))


def change_by_gains(p, q):
    return np.maximum(p - q, 0).sum(axis=-1)


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        (checks.check_mask, mask_in_loops),
        (checks.check_greedy, greedy_with_for),
        (checks.check_words, words_as_a_product),
        (checks.check_change, change_by_gains),
    ],
)
def test_right_answers_in_other_words_pass(check, answer):
    assert check(answer).passed


def mask_upside_down(n):
    return np.arange(n)[None, :] >= np.arange(n)[:, None]


def greedy_that_keeps_the_end(ask, limit):
    text = [1]
    while len(text) <= limit and text[-1] != 2:
        text.append(int(np.argmax(ask(text))))
    return text[1:]


def words_averaged(weights, words):
    return np.array([[row[words == w].mean() for w in range(words.max() + 1)] for row in weights])


def change_with_two_of_each(p, q):
    return [sum(abs(a - b) for a, b in zip(x, y, strict=True)) for x, y in zip(p, q, strict=True)]


@pytest.mark.parametrize(
    ("check", "answer", "mistake"),
    [
        (checks.check_mask, mask_upside_down, "the past hidden"),
        (checks.check_greedy, greedy_that_keeps_the_end, "the end kept"),
        (checks.check_words, words_averaged, "the mean of the pieces"),
        (checks.check_change, change_with_two_of_each, "not halved"),
    ],
)
def test_wrong_answers_as_learners_write_them_are_recognised(check, answer, mistake):
    report = check(answer)
    assert (report.verdict, report.mistake) == ("refused", mistake)


def test_the_made_up_models_write_several_pieces_and_come_to_an_end():
    lengths = [
        len(checks.check_greedy.reference(*case.arguments)) for case in checks.check_greedy.cases
    ]
    assert all(length >= 3 for length in lengths)
    assert all(length < 20 for length in lengths)
