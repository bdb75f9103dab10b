"""Answers to chapter 9 as learners write them, apart from the bank that the checks hold."""

import numpy as np
import pytest

from attend_course.chapters.looking_inside import checks


def counted(found, sure, possible):
    links = [(i, j) for i in range(len(found)) for j in range(found.shape[1])]
    hits = sum(bool(found[p] and sure[p]) + bool(found[p] and possible[p]) for p in links)
    return 1 - hits / (sum(found[p] for p in links) + sum(sure[p] for p in links))


def shares_in_loops(weights, v, W_O):
    rows = []
    for row in weights:
        lengths = [w * np.sqrt(sum((value @ W_O) ** 2)) for w, value in zip(row, v, strict=True)]
        rows.append([length / sum(lengths) for length in lengths])
    return rows


def rolled_downwards(maps, share):
    n = maps.shape[-1]
    found = np.eye(n)
    for heads in reversed(maps):
        found = found @ (share * heads.mean(axis=0) + (1 - share) * np.eye(n))
    return found


def step_by_step(w, u):
    limits = [w[j] / -u[j] for j in range(len(w)) if u[j] < 0]
    return [a + min(limits) * b for a, b in zip(w, u, strict=True)]


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        (checks.check_error_rate, counted),
        (checks.check_shares, shares_in_loops),
        (checks.check_rollout, rolled_downwards),
        (checks.check_as_far, step_by_step),
    ],
)
def test_right_answers_in_other_words_pass(check, answer):
    assert check(answer).passed


def in_the_wrong_order(maps, share):
    n = maps.shape[-1]
    found = np.eye(n)
    for heads in maps:
        found = found @ (share * heads.mean(0) + (1 - share) * np.eye(n))
    return found


@pytest.mark.parametrize(
    ("check", "answer", "mistake"),
    [
        (
            checks.check_error_rate,
            lambda found, sure, possible: (
                1 - 2 * (found * sure).sum() / (found.sum() + sure.sum())
            ),
            "possible links left out",
        ),
        (
            checks.check_shares,
            lambda weights, v, W_O: weights * np.linalg.norm(v @ W_O, axis=1),
            "lengths, not shares",
        ),
        (checks.check_rollout, in_the_wrong_order, "layers in the other order"),
        (checks.check_as_far, lambda w, u: w + max(w[u < 0] / -u[u < 0]) * u,
         "as far as the last one"),
    ],
)  # fmt: skip
def test_typical_wrong_answers_are_named(check, answer, mistake):
    assert check(answer).mistake == mistake


def test_the_course_s_own_function_is_no_answer():
    from attend.models.inspection import rollout

    report = checks.check_rollout(lambda maps, share: rollout(maps.mean(axis=1)))
    assert report.verdict == "refused"
