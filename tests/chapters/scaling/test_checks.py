"""Answers to chapter 4 as learners write them, apart from the bank that the checks hold."""

import numpy as np
import pytest

from attend_course.chapters.scaling import checks as scaling


def softmax_as_in_the_notebook(x):
    shifted = x - x.max(axis=-1, keepdims=True)
    powers = np.exp(shifted)
    return powers / powers.sum(axis=-1, keepdims=True)


def scores_in_loops(x, W_Q, W_K):
    q, k = x @ W_Q, x @ W_K
    result = np.zeros((len(q), len(k)))
    for i in range(len(q)):
        for j in range(len(k)):
            result[i, j] = sum(q[i] * k[j]) / len(q[i]) ** 0.5
    return result


def masked_by_renormalising(x, mask):
    powers = np.where(mask, np.exp(x), 0)
    return powers / np.maximum(powers.sum(axis=-1, keepdims=True), 1e-30)


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        (scaling.check_scores_of_words, scores_in_loops),
        (scaling.check_scores_of_words, lambda x, a, b: (x @ a / np.sqrt(a.shape[1])) @ (x @ b).T),
        (scaling.check_stable_softmax, softmax_as_in_the_notebook),
        (scaling.check_masked_weights, masked_by_renormalising),
        (scaling.check_temperature, lambda x, t: softmax_as_in_the_notebook(x / t)),
    ],
)
def test_right_answers_in_other_words_pass(check, answer):
    assert check(answer).passed


def softmax_without_keepdims(x):
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return (powers.T / powers.sum(axis=0)).T if x.shape[0] == x.shape[1] else powers


def softmax_in_place_over_columns(x):
    x -= x.max(axis=0)
    np.exp(x, out=x)
    x /= x.sum(axis=0)
    return x


def mask_by_multiplying_scores(x, mask):
    return softmax_as_in_the_notebook(x * mask)


def shifted_by_the_first(x):
    p = np.exp(x - x[:, :1])
    return p / p.sum(-1, keepdims=True)


def shifted_by_the_median(x):
    p = np.exp(x - np.median(x, -1, keepdims=True))
    return p / p.sum(-1, keepdims=True)


def divided_once_more(x, mask):
    w = softmax_as_in_the_notebook(x) * mask
    s = w.sum(-1, keepdims=True)
    return np.divide(w, s, out=np.zeros_like(w), where=s > 0)


@pytest.mark.parametrize(
    ("check", "answer", "mistake"),
    [
        (
            scaling.check_scores_of_words,
            lambda x, W_Q, W_K: np.einsum("id,jd->ij", x @ W_Q, x @ W_K),
            "no scaling",
        ),
        (
            scaling.check_scores_of_words,
            lambda x, W_Q, W_K: (x @ W_Q) @ (x @ W_K).T / len(x[0]) ** 0.5,
            "sqrt(d_model) for sqrt(d_k)",
        ),
        (
            scaling.check_scores_of_words,
            lambda x, W_Q, W_K: np.divide((x @ W_Q) @ (x @ W_K).T, len(W_K.T)),
            "dividing by d_k",
        ),
        (
            scaling.check_stable_softmax,
            softmax_in_place_over_columns,
            "softmax over the wrong axis",
        ),
        (scaling.check_stable_softmax, shifted_by_the_first, "the first score subtracted"),
        (scaling.check_stable_softmax, shifted_by_the_median, "the median subtracted"),
        (scaling.check_masked_weights, divided_once_more, "divided once more, but not by 0"),
        (
            scaling.check_masked_weights,
            lambda x, mask: np.where(mask, softmax_as_in_the_notebook(x), 0),
            "mask after the softmax",
        ),
        (
            scaling.check_masked_weights,
            mask_by_multiplying_scores,
            "mask with 0 instead of the lowest score",
        ),
    ],
)
def test_typical_wrong_answers_are_named(check, answer, mistake):
    assert check(answer).mistake == mistake


def test_a_wrong_answer_without_a_name_is_still_refused():
    report = scaling.check_stable_softmax(softmax_without_keepdims)
    assert report.verdict == "refused"
    assert "it should be" in report.says
