"""Answers to chapter 3 as learners write them, apart from the bank that the checks hold."""

import math

import numpy as np
import pytest

from attend_course.chapters.scores import checks as scores


def score_in_a_loop(q, k):
    total = 0
    for c in range(len(q)):
        total += q[c] * k[c]
    return total


def scores_in_loops(Q, K):
    return [
        [[score_in_a_loop(q, k) for k in keys] for q in queries]
        for queries, keys in zip(Q, K, strict=True)
    ]


def best_key_in_loops(Q, K):
    best = []
    for q in Q:
        row = [score_in_a_loop(q, k) for k in K]
        best.append(row.index(max(row)))
    return best


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        (scores.check_one_score, score_in_a_loop),
        (scores.check_one_score, lambda q, k: np.sum(k * q)),
        (scores.check_all_scores, lambda Q, K: np.einsum("bic,bjc->bij", Q, K)),
        (scores.check_all_scores, lambda Q, K: (Q[:, :, None] * K[:, None]).sum(axis=-1)),
        (scores.check_best_key, best_key_in_loops),
        (scores.check_cosines, lambda Q, K: unit(Q) @ unit(K).T),
    ],
)
def test_right_answers_in_other_words_pass(check, answer):
    assert check(answer).passed


def nearest(Q, K):
    return [min(range(len(K)), key=lambda j: math.dist(q, K[j])) for q in Q]


@pytest.mark.parametrize(
    ("check", "answer", "mistake"),
    [
        (scores.check_one_score, lambda q, k: [q[c] * k[c] for c in range(len(q))], "no sum"),
        (scores.check_one_score, lambda q, k: np.mean(k * q), "the mean of the products"),
        (scores.check_one_score, lambda q, k: unit(q[None])[0] @ unit(k[None])[0], "the cosine"),
        (scores.check_all_scores, np.matmul, "the transpose is missing"),
        (scores.check_all_scores, lambda Q, K: Q @ K.T, "all axes turned over"),
        (scores.check_all_scores, lambda Q, K: K @ Q.swapaxes(1, 2), "keys on rows"),
        (
            scores.check_all_scores,
            lambda Q, K: Q @ K.swapaxes(1, 2) / Q.shape[-1] ** 0.5,
            "already scaled",
        ),
        (scores.check_best_key, lambda Q, K: (Q @ K.T).argmax(0), "the best query of each key"),
        (scores.check_best_key, lambda Q, K: (unit(Q) @ unit(K).T).argmax(1), "the smallest angle"),
        (scores.check_best_key, nearest, "the nearest key"),
        (scores.check_cosines, lambda Q, K: unit(Q) @ K.T, "only the queries are divided"),
        (scores.check_cosines, lambda Q, K: Q @ K.T / K.shape[1] ** 0.5, "the square root of d_k"),
    ],
)
def test_typical_wrong_answers_are_named(check, answer, mistake):
    assert check(answer).mistake == mistake


@pytest.mark.parametrize(
    ("check", "answer", "hint"),
    [
        (scores.check_all_scores, scores_in_loops, "without a loop"),
        (scores.check_all_scores, lambda Q, K: scores_in_loops(Q, K), "without a loop"),
        (scores.check_one_score, lambda q, k: q @ k, "without the ready product"),
        (scores.check_one_score, np.dot, "without the ready product"),
        (scores.check_one_score, lambda q, k: q.dot(k), "without the ready product"),
    ],
)
def test_right_answers_by_another_way_than_asked_are_told_so(check, answer, hint):
    report = check(answer)
    assert report.verdict == "refused"
    assert hint in report.says
