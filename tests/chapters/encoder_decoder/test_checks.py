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
    free = [case for case in checks.check_greedy.cases if case.arguments[1] == 20]
    lengths = [len(checks.check_greedy.reference(*case.arguments)) for case in free]
    assert sorted(lengths)[1] >= 3
    assert all(length < 20 for length in lengths)


def test_the_made_up_models_see_the_order_of_pieces():
    ask, _ = checks.check_greedy.cases[0].arguments
    assert not np.allclose(ask([1, 3, 4, 5]), ask([1, 4, 3, 5]))


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        (lambda n: np.tril(np.ones((n, n), int)), "ones and zeros"),
        (lambda n: np.triu(np.ones((n, n), bool)), "the past hidden"),
    ],
)
def test_masks_that_are_nearly_right_are_named(answer, mistake):
    assert checks.check_mask(answer).mistake == mistake


def test_a_mask_by_the_function_of_the_course_is_told_to_do_without():
    from attend import causal_mask

    assert "Write it without" in checks.check_mask(lambda n: causal_mask(n)).says
    assert checks.check_mask(lambda n: np.tri(n, dtype=bool))


def test_a_text_whose_order_is_lost_is_named():
    def write(ask, limit):
        past = [1]
        while len(past) <= limit:
            piece = int(np.argmax(ask(sorted(past[:-1]) + past[-1:])))
            if piece == 2:
                break
            past.append(piece)
        return past[1:]

    assert checks.check_greedy(write).mistake == "the order lost"
