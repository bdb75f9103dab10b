"""Answers to chapter 7 as learners write them, apart from the bank that the checks hold."""

import math

import numpy as np
import pytest

from attend import attention
from attend_course.chapters.whole_transformer import checks


def memory_in_loops(D, M, W_Q, W_K, W_V, filled):
    found = []
    for row in D:
        powers = []
        for word, empty in zip(M, filled, strict=True):
            score = (row @ W_Q) @ (word @ W_K) / math.sqrt(W_K.shape[1])
            powers.append(0.0 if empty else math.exp(score))
        found.append(sum(p * (word @ W_V) for p, word in zip(powers, M, strict=True)) / sum(powers))
    return found


def memory_of_words_alone(D, M, W_Q, W_K, W_V, filled):
    words = M[~filled]
    return attention(D @ W_Q, words @ W_K, words @ W_V)[0]


def encodings_in_loops(n, d_model):
    table = np.zeros((n, d_model))
    for t in range(n):
        for c in range(d_model):
            angle = t / 10000 ** ((c - c % 2) / d_model)
            table[t, c] = math.cos(angle) if c % 2 else math.sin(angle)
    return table


def norm_with_std(x, gain, bias):
    mean, variance = x.mean(1)[:, None], x.var(1)[:, None]
    return gain * (x - mean) * (variance + 1e-5) ** -0.5 + bias


def count_by_parts(vocabulary, N, d_model, d_ff, h, d_k, d_v):
    attention_ = 2 * h * d_model * (d_k + d_v)
    inner = d_model * d_ff + d_ff + d_ff * d_model + d_model
    sub_layers = {attention_: 3, inner: 2} if attention_ != inner else {inner: 5}
    return (
        N * (sum(size * n for size, n in sub_layers.items()) + 10 * d_model) + vocabulary * d_model
    )


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        (checks.check_memory, memory_in_loops),
        (checks.check_memory, memory_of_words_alone),
        (checks.check_encoding, encodings_in_loops),
        (checks.check_norm, norm_with_std),
        (checks.check_count, count_by_parts),
    ],
)
def test_right_answers_in_other_words_pass(check, answer):
    assert check(answer).passed


def causal_by_hand(D, M, W_Q, W_K, W_V, filled):
    n, m = len(D), len(M)
    return attention(D @ W_Q, M @ W_K, M @ W_V, np.arange(m) <= np.arange(n)[:, None])[0]


def halves(n, d_model):
    angle = np.arange(n)[:, None] / 10000 ** (np.arange(d_model // 2) * 2 / d_model)
    return np.concatenate([np.sin(angle), np.cos(angle)], axis=1)


@pytest.mark.parametrize(
    ("check", "answer", "mistake"),
    [
        (
            checks.check_memory,
            lambda D, M, Q, K, V, filled: attention(D @ Q, M @ K, M @ V)[0],
            "the filling ignored",
        ),
        (
            checks.check_memory,
            lambda D, M, Q, K, V, filled: attention(D @ Q, M @ K, M @ V, filled)[0],
            "only the filling seen",
        ),
        (checks.check_memory, causal_by_hand, "a causal mask"),
        (checks.check_encoding, halves, "all sines first"),
        (
            checks.check_norm,
            lambda x, g, b: (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5) * g + b,
            "over the words",
        ),
        (
            checks.check_count,
            lambda v, N, d, f, h, k, w: (
                v * d + N * (8 * d * d + 4 * d * f + 2 * f + 6 * d + 4 * d * d + 6 * d)
            ),
            "four square matrices",
        ),
    ],
)
def test_typical_wrong_answers_are_named(check, answer, mistake):
    assert check(answer).mistake == mistake


def test_an_answer_that_calls_the_course_is_asked_for_its_own_lines():
    from attend import layer_norm

    report = checks.check_norm(lambda x, gain, bias: layer_norm(x, gain, bias))
    assert report.verdict == "refused"
    assert "leaves the work to `layer_norm`" in report.says


def test_a_count_that_is_no_whole_number_is_refused():
    report = checks.check_count(
        lambda v, N, d, f, h, k, w: float(checks._counted(v, N, d, f, h, k, w))
    )
    assert report.verdict == "refused"
    assert "whole numbers" in report.says
