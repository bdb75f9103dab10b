"""Answers to chapter 2 as learners write them, apart from the bank that the checks hold."""

import math

import numpy as np
import pytest

from attend_course.chapters.queries_keys_values import checks as two


def lookup_in_loops(q, K, V):
    best, place = -math.inf, 0
    for j, k in enumerate(K):
        score = sum(a * b for a, b in zip(q, k, strict=True))
        if score > best:
            best, place = score, j
    return V[place]


def attention_in_loops(x, W_Q, W_K, W_V):
    Q, K, V = x @ W_Q, x @ W_K, x @ W_V
    output = np.zeros((len(x), V.shape[1]))
    for i, q in enumerate(Q):
        powers = [math.exp(q @ k) for k in K]
        output[i] = sum(p / sum(powers) * v for p, v in zip(powers, V, strict=True))
    return output


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        (two.check_hard_lookup, lookup_in_loops),
        (two.check_queries_keys_values, lambda x, y, a, b, c: [x @ a, y @ b, y @ c]),
        (two.check_queries_keys_values, lambda x, y, a, *ws: (x @ a, *((w.T @ y.T).T for w in ws))),
        (two.check_self_attention, attention_in_loops),
    ],
)
def test_right_answers_in_other_words_pass(check, answer):
    assert check(answer).passed


def softmax_over_columns(x, W_Q, W_K, W_V):
    powers = np.exp(x @ W_Q @ (x @ W_K).T)
    return powers / powers.sum(axis=0) @ (x @ W_V)


def by_angle(q, K, V):
    cosines = [k @ q / np.linalg.norm(k) / np.linalg.norm(q) for k in K]
    return V[int(np.argmax(cosines))]


def soft_by_hand(q, K, V):
    powers = np.exp(K @ q)
    return sum(p * v for p, v in zip(powers / powers.sum(), V, strict=True))


@pytest.mark.parametrize(
    ("check", "answer", "mistake"),
    [
        (two.check_hard_lookup, soft_by_hand, "a soft lookup"),
        (
            two.check_hard_lookup,
            lambda q, K, V: V[np.argmin([np.linalg.norm(k - q) for k in K])],
            "the nearest key",
        ),
        (two.check_hard_lookup, by_angle, "the smallest angle"),
        (
            two.check_hard_lookup,
            lambda q, K, V: V[(K * q).max(-1).argmax()],
            "the largest single product",
        ),
        (two.check_hard_lookup, lambda q, K, V: V[np.argmax(np.abs(K @ q))], "the largest size"),
        (
            two.check_queries_keys_values,
            lambda x, y, W_Q, W_K, W_V: (np.dot(y, W_K), np.dot(x, W_Q), np.dot(y, W_V)),
            "queries and keys swapped",
        ),
        (
            two.check_queries_keys_values,
            lambda x, y, a, b, c: (a.T @ x.T, b.T @ y.T, c.T @ y.T),
            "words as columns",
        ),
        (two.check_self_attention, softmax_over_columns, "softmax over the wrong axis"),
        (
            two.check_self_attention,
            lambda x, W_Q, W_K, W_V: x @ W_Q @ W_K.T @ x.T @ x @ W_V,
            "no softmax",
        ),
    ],
)
def test_typical_wrong_answers_are_named(check, answer, mistake):
    assert check(answer).mistake == mistake


def test_an_answer_that_forgets_the_second_result_is_told_how_many_are_asked():
    report = two.check_queries_keys_values(lambda x, memory, W_Q, W_K, W_V: x @ W_Q)
    assert report.verdict == "refused"
    assert "return 3 results" in report.says
