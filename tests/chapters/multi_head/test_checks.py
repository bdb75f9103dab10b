"""Answers to chapter 6 as learners write them, apart from the bank that the checks hold."""

import numpy as np
import pytest

from attend import attention
from attend_course.chapters.multi_head import checks


def softmax(x):
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def cut_in_a_loop(x, h):
    d = x.shape[1] // h
    return [x[:, i * d : (i + 1) * d] for i in range(h)]


def heads_in_a_loop(x, W_Q, W_K, W_V, W_O, h):
    d = len(x[0]) // h
    found = []
    for i in range(h):
        q, k, v = ((x @ w)[:, i * d : (i + 1) * d] for w in (W_Q, W_K, W_V))
        found.append(softmax(q @ k.T / np.sqrt(d)) @ v)
    return np.hstack(found) @ W_O


def parts_with_einsum(heads, W_O):
    h, _, d = heads.shape
    return np.einsum("hnd,hdm->hnm", heads, W_O.reshape(h, d, W_O.shape[1]))


def perplexity(weights):
    return [np.prod([w ** (-w) for w in row if w > 0]) for row in weights]


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        (checks.check_cut, cut_in_a_loop),
        (checks.check_multi_head, heads_in_a_loop),
        (checks.check_parts, parts_with_einsum),
        (checks.check_keys_in_use, perplexity),
    ],
)
def test_right_answers_in_other_words_pass(check, answer):
    assert check(answer).passed


def wide_root(x, W_Q, W_K, W_V, W_O, h):
    d = len(x[0]) // h
    found = []
    for i in range(h):
        q, k, v = ((x @ w)[:, i * d : (i + 1) * d] for w in (W_Q, W_K, W_V))
        found.append(softmax(q @ k.T / np.sqrt(len(x[0]))) @ v)
    return np.hstack(found) @ W_O


def joined_wrongly(x, W_Q, W_K, W_V, W_O, h):
    heads = [np.array(cut_in_a_loop(x @ w, h)) for w in (W_Q, W_K, W_V)]
    return attention(*heads)[0].reshape(x.shape) @ W_O


def base_two(weights):
    logs = np.where(weights > 0, np.log(np.where(weights > 0, weights, 1)), 0)
    return 2.0 ** -(weights * logs).sum(1)


@pytest.mark.parametrize(
    ("check", "answer", "mistake"),
    [
        (checks.check_cut, lambda x, h: x.reshape(h, len(x), -1), "reshaped at once"),
        (checks.check_cut, lambda x, h: x.reshape(len(x), h, -1), "axes not changed"),
        (checks.check_multi_head, wide_root, "divided by the root of d_model"),
        (checks.check_multi_head, joined_wrongly, "joined by a reshape alone"),
        (
            checks.check_multi_head,
            lambda x, q, k, v, o, h: np.hstack(
                [attention(*(cut_in_a_loop(x @ w, h)[i] for w in (q, k, v)))[0] for i in range(h)]
            ),
            "W_O left out",
        ),
        (
            checks.check_parts,
            lambda heads, o: np.hstack(list(heads)) @ o,
            "the sum",
        ),
        (
            checks.check_parts,
            lambda heads, o: [head @ o[: head.shape[1]] for head in heads],
            "the same rows for all",
        ),
        (checks.check_keys_in_use, base_two, "a power of 2"),
        (
            checks.check_keys_in_use,
            lambda w: np.exp(-np.sum(w * np.log(w), axis=1)),
            "0 times the logarithm of 0",
        ),
    ],
)
def test_typical_wrong_answers_are_named(check, answer, mistake):
    assert check(answer).mistake == mistake


def test_a_wrong_answer_without_a_name_is_still_refused():
    report = checks.check_keys_in_use(lambda weights: weights.sum(axis=-1) + 1)
    assert report.verdict == "refused"
    assert "it should be" in report.says
