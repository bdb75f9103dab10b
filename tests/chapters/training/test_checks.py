"""Answers to chapter 8 as learners write them, apart from the bank that the checks hold."""

import numpy as np
import pytest

from attend_course.chapters.training import checks


def shift_row_by_row(target):
    given, wanted, counts = [], [], []
    for row in target:
        given.append(row[:-1])
        wanted.append(row[1:])
        counts.append([token > 0 for token in row[1:]])
    return np.array(given), np.array(wanted), np.array(counts)


def loss_with_labels(logits, target, epsilon_ls):
    total, rows = 0.0, 0
    for row, right in zip(logits.astype(float), target, strict=True):
        if right == 0:
            continue
        p = np.exp(row - row.max())
        p /= p.sum()
        labels = np.full(len(row), epsilon_ls / len(row))
        labels[right] += 1 - epsilon_ls
        total, rows = total - labels @ np.log(p), rows + 1
    return total / rows


def weighted_means(x, share):
    steps = np.arange(len(x))
    back = steps[:, None] - steps
    kept = np.where(back >= 0, share ** np.abs(back), 0.0)
    return kept @ x / kept.sum(axis=1)[:, None]


def adam_with_sums(g, rate):
    root = np.sqrt(weighted_means(g * g, 0.98)) + 1e-9
    return np.cumsum(-rate * weighted_means(g, 0.9) / root, axis=0)


def runs_by_crossing_out(words, reference, n):
    left = [list(reference[i : i + n]) for i in range(len(reference) - n + 1)]
    found, total = 0, max(0, len(words) - n + 1)
    for i in range(total):
        if list(words[i : i + n]) in left:
            left.remove(list(words[i : i + n]))
            found += 1
    return found, total


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        (checks.check_shift, shift_row_by_row),
        (checks.check_loss, loss_with_labels),
        (checks.check_adam, adam_with_sums),
        (checks.check_matches, runs_by_crossing_out),
    ],
)
def test_right_answers_in_other_words_pass(check, answer):
    assert check(answer).passed


@pytest.mark.parametrize("check", [c for c in vars(checks).values() if hasattr(c, "mistakes")])
def test_every_mistake_is_named(check):
    for mistake in check.mistakes:
        report = check(mistake.answer)
        assert (report.verdict, report.mistake) == ("refused", mistake.name)
        assert report.says == mistake.hint


def test_ready_made_parts_are_refused():
    def ready(words, reference, n):
        return tuple(checks.matches(list(words), list(reference), n))

    assert "Count yourself" in checks.check_matches(ready).says
