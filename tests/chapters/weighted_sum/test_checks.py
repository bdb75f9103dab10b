"""Answers to chapter 5 as learners write them, apart from the bank that the checks hold."""

import numpy as np
import pytest

from attend_course.chapters.weighted_sum import checks


def softmax(x):
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def mixture_in_loops(E, V):
    outputs = []
    for row in E:
        mixed = sum(power * value for power, value in zip(row, V, strict=True))
        outputs.append(mixed / sum(row))
    return outputs


def attention_with_einsum(Q, K, V, mask):
    S = np.einsum("id,jd->ij", Q / np.sqrt(Q.shape[1]), K)
    A = softmax(S + np.where(mask, 0, -1e9))
    return np.einsum("ij,jc->ic", A, V)


def gradient_through_the_jacobian(w, V, g):
    return (np.diag(w) - np.outer(w, w)) @ (V @ g)


def weights_from_areas(point, V):
    def area(a, b, c):
        return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])

    parts = [area(point, V[1], V[2]), area(V[0], point, V[2]), area(V[0], V[1], point)]
    return np.array(parts) / area(*V)


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        (checks.check_mixture, mixture_in_loops),
        (checks.check_attention, attention_with_einsum),
        (checks.check_score_gradient, gradient_through_the_jacobian),
        (checks.check_weights_of_a_point, weights_from_areas),
    ],
)
def test_right_answers_in_other_words_pass(check, answer):
    assert check(answer).passed


def mixture_by_columns(E, V):
    return np.array([sum(E[j, i] * V[j] for j in range(len(V))) / E[:, i].sum() for i in range(3)])


def attention_over_columns(Q, K, V, mask):
    powers = np.where(mask, np.exp(Q @ K.T / np.sqrt(K.shape[1])), 0)
    return (powers / powers.sum(axis=0)) @ V


@pytest.mark.parametrize(
    ("check", "answer", "mistake"),
    [
        (checks.check_mixture, mixture_by_columns, "turned over"),
        (checks.check_mixture, lambda E, V: softmax(E) @ V, "softmax of the exponentials"),
        (checks.check_mixture, lambda E, V: E @ V, "not divided"),
        (
            checks.check_mixture,
            lambda A, V: V[np.argmax(A, 1)],
            "the value with the largest weight",
        ),
        (checks.check_attention, attention_over_columns, "softmax over the wrong axis"),
        (
            checks.check_attention,
            lambda Q, K, V, mask: softmax(np.where(mask, Q @ K.T, -1e30)) @ V,
            "no scaling",
        ),
        (
            checks.check_attention,
            lambda Q, K, V, mask: np.where(mask, Q @ K.T / len(K[0]) ** 0.5, 0) @ V,
            "no softmax",
        ),
        (
            checks.check_score_gradient,
            lambda w, V, g: [w[j] * V[j] @ g for j in range(len(w))],
            "the output left out",
        ),
        (
            checks.check_score_gradient,
            lambda w, V, g: w * ((w @ V - V) @ g),
            "the sign turned over",
        ),
        (
            checks.check_weights_of_a_point,
            lambda p, V: np.linalg.pinv(V.T) @ p,
            "the sum of 1 left out",
        ),
    ],
)
def test_typical_wrong_answers_are_named(check, answer, mistake):
    assert check(answer).mistake == mistake


def test_a_wrong_answer_without_a_name_is_still_refused():
    report = checks.check_mixture(lambda A, V: A @ V + 1)
    assert report.verdict == "refused"
    assert "it should be" in report.says
