"""The bank of every exercise against cases that hypothesis draws: no wrong answer survives."""

import numpy as np
import pytest
from drawn_cases import STRATEGIES, drawn
from solved import EXERCISES, function_of, mutants, solution, solutions

from attend_course.kit.answers import agree, run

BANK = [
    pytest.param(name, mistake, id=f"{name}-{mistake.name}")
    for name, exercise in EXERCISES.items()
    for mistake in exercise.mistakes
]


def differs(answer, name):
    """Tell whether some drawn case tells an answer from the reference."""
    reference = EXERCISES[name].reference
    return any(not agree(run(answer, case), run(reference, case)) for case in drawn(name))


def test_every_exercise_has_a_solution_and_a_way_to_draw_cases():
    assert set(EXERCISES) == set(solutions()) == set(STRATEGIES)


@pytest.mark.parametrize("name", EXERCISES)
class TestEveryExercise:
    def test_the_solution_is_right_on_drawn_cases(self, name):
        assert EXERCISES[name](solution(name))
        assert not differs(solution(name), name)

    def test_an_answer_in_single_precision_passes(self, name):
        answer, exercise = solution(name), EXERCISES[name]
        cases = [(case.arguments, exercise.reference) for case in exercise.cases]
        for arguments, reference in cases:
            single = tuple(
                x.astype(np.float32) if isinstance(x, np.ndarray) and x.dtype == float else x
                for x in arguments
            )
            assert agree(run(answer, single), run(reference, arguments))

    def test_no_small_change_of_the_solution_survives(self, name):
        source, names = solutions()[name]
        survivors = []
        for changed in mutants(source):
            answer = function_of(changed, names)
            if EXERCISES[name](answer) and differs(answer, name):
                survivors.append(changed)
        assert not survivors


@pytest.mark.parametrize(("name", "mistake"), BANK)
def test_every_mistake_is_one(name, mistake):
    assert differs(mistake.answer, name)


def test_a_wrong_answer_that_the_cases_miss_is_found():
    def rounded(q, k):
        return np.sum(q * k) if len(q) != 4 else 0.0

    assert EXERCISES["scores.check_one_score"](rounded)
    assert differs(rounded, "scores.check_one_score")
