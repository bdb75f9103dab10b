"""Answers to chapter 6 as learners write them, apart from the bank that the checks hold."""

import numpy as np
import pytest

from attend import attention
from attend_course.chapters.multi_head import checks


def softmax(x):
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def pieces(x, h):
    d = x.shape[-1] // h
    return [x[..., i * d : (i + 1) * d] for i in range(h)]


def cut_in_a_loop(x, h):
    return [pieces(sentence, h) for sentence in x]


def heads_in_a_loop(x, memory, W_Q, W_K, W_V, W_O, h, root=None):
    found = []
    for q, k, v in zip(
        pieces(x @ W_Q, h), pieces(memory @ W_K, h), pieces(memory @ W_V, h), strict=True
    ):
        found.append(softmax(q @ k.T / np.sqrt(root or k.shape[1])) @ v)
    return np.hstack(found) @ W_O


def off_with_einsum(heads, W_O, off):
    h, _, d = heads.shape
    on = np.array([head not in off for head in range(h)], float)
    return np.einsum("h,hnd,hdm->nm", on, heads, W_O.reshape(h, d, W_O.shape[1]))


def perplexity(weights):
    return [np.prod([w ** (-w) for w in row if w > 0]) for row in weights]


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        (checks.check_cut, cut_in_a_loop),
        (checks.check_multi_head, heads_in_a_loop),
        (checks.check_heads_off, off_with_einsum),
        (checks.check_keys_in_use, perplexity),
    ],
)
def test_right_answers_in_other_words_pass(check, answer):
    assert check(answer).passed


def wide_root(x, memory, W_Q, W_K, W_V, W_O, h):
    return heads_in_a_loop(x, memory, W_Q, W_K, W_V, W_O, h, root=W_Q.shape[1])


def joined_wrongly(x, memory, W_Q, W_K, W_V, W_O, h):
    heads = [np.array(pieces(y, h)) for y in (x @ W_Q, memory @ W_K, memory @ W_V)]
    return attention(*heads)[0].reshape(len(x), -1) @ W_O


def emptied_in_place(heads, W_O, off):
    heads[off] = 0
    return np.hstack(list(heads)) @ W_O


def base_two(weights):
    logs = np.where(weights > 0, np.log(np.where(weights > 0, weights, 1)), 0)
    return 2.0 ** -(weights * logs).sum(1)


@pytest.mark.parametrize(
    ("check", "answer", "mistake"),
    [
        (checks.check_cut, lambda x, h: x.reshape(len(x), h, x.shape[1], -1), "reshaped at once"),
        (checks.check_cut, lambda x, h: x.reshape(*x.shape[:2], h, -1), "axes not changed"),
        (checks.check_multi_head, wide_root, "divided by the root of all heads' length"),
        (checks.check_multi_head, joined_wrongly, "joined by a reshape alone"),
        (
            checks.check_multi_head,
            lambda x, memory, *rest: heads_in_a_loop(x, x, *rest),
            "self-attention",
        ),
        (
            checks.check_heads_off,
            lambda heads, o, off: np.hstack(list(heads)) @ o,
            "nothing switched off",
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


def test_heads_emptied_in_place_are_told_that_somebody_needs_them():
    report = checks.check_heads_off(emptied_in_place)
    assert report.verdict == "refused"
    assert "wrote into its argument heads" in report.says
