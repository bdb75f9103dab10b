"""Every exercise of the course: its reference passes, its stub waits, its mistakes are named."""

import numpy as np
import pytest

from attend_course.kit.checks import Case, Exercise, Mistake, exercises, same

EXERCISES = dict(exercises())
BANK = [
    pytest.param(exercise, mistake, id=f"{name}-{mistake.name}")
    for name, exercise in EXERCISES.items()
    for mistake in exercise.mistakes
]


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
class TestEveryExercise:
    def test_the_reference_passes(self, exercise):
        assert exercise(exercise.reference).passed

    @pytest.mark.parametrize("nothing", [None, ...])
    def test_an_untouched_stub_is_told_not_yet(self, exercise, nothing):
        assert exercise(lambda *arguments: nothing).verdict == "not yet"

    def test_a_stub_that_raises_is_told_not_yet(self, exercise):
        def stub(*arguments):
            raise NotImplementedError

        assert exercise(stub).verdict == "not yet"

    def test_hints_differ_and_are_sentences(self, exercise):
        hints = [mistake.hint for mistake in exercise.mistakes]
        assert len(set(hints)) == len(hints) >= 4
        assert all(hint.endswith(".") and hint[0].isupper() for hint in hints)

    def test_an_answer_that_raises_is_refused_with_its_message(self, exercise):
        report = exercise(lambda *arguments: 1 / 0)
        assert report.verdict == "refused"
        assert "ZeroDivisionError" in report.says

    def test_an_answer_cannot_spoil_the_cases(self, exercise):
        def spoil(*arguments):
            result = exercise.reference(*arguments)
            for argument in arguments:
                if isinstance(argument, np.ndarray):
                    argument[...] = 0
            return result

        assert exercise(spoil).passed
        assert exercise(exercise.reference).passed


@pytest.mark.parametrize(("exercise", "mistake"), BANK)
def test_every_mistake_is_refused_with_its_own_hint(exercise, mistake):
    report = exercise(mistake.answer)
    assert report.verdict == "refused"
    assert (report.mistake, report.says) == (mistake.name, mistake.hint)


def test_the_course_knows_enough_mistakes():
    assert len(BANK) >= 25


DOUBLE = Exercise(
    "double",
    lambda x: 2 * x,
    (Case("two numbers", (np.array([1.0, 3.0]),)), Case("one number", (np.array([4.0]),))),
    (Mistake("square", np.square, "You squared."),),
)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda x: x[:1], "the shape is (1,); it should be (2,)"),
        (lambda x: 2 * x + 1, "entry [0] is 3; it should be 2"),
        (lambda x: x / 0, "infinite or not a number"),
        (lambda x: "two", "returned str"),
        (lambda x: 2 * x if len(x) == 2 else None, "on one number it returned nothing"),
    ],
)
def test_an_unknown_mistake_is_described(answer, says):
    report = DOUBLE(answer)
    assert report.verdict == "refused"
    assert report.mistake is None
    assert says in report.says


def test_something_that_is_no_function_is_refused():
    assert "give the function itself" in DOUBLE(3).says


def test_results_in_pairs_are_compared_part_by_part():
    pair = Exercise(
        "pair", lambda x: (x, 2 * x), DOUBLE.cases, (Mistake("m", lambda x: (x, x), "No."),)
    )
    assert pair(lambda x: [x, 2 * x]).passed
    assert pair(lambda x: (x, x)).mistake == "m"
    assert "return 2 results" in pair(lambda x: x).says
    assert "result 2 of 2" in pair(lambda x: (x, 3 * x)).says


def test_lists_and_torch_tensors_count_as_arrays():
    import torch

    assert DOUBLE(lambda x: [2 * number for number in x]).passed
    assert DOUBLE(lambda x: torch.tensor(2 * x, requires_grad=True)).passed


def test_a_report_reads_the_same_every_time_and_escapes_what_it_quotes():
    def answer(x):
        raise ValueError("<script>alert(1)</script>")

    report = DOUBLE(answer)
    assert repr(report) == repr(DOUBLE(answer))
    assert "0x" not in repr(report)
    assert "<script>" not in report._repr_html_()


def test_same_does_not_take_nan_for_a_number():
    assert not same(np.array([np.nan]), np.array([1.0]))
    assert same(np.array([1.0]), np.array([1.0 + 1e-9]))
    assert not same(np.array([1.0]), np.array([[1.0]]))
