"""Every exercise of the course: its reference passes, its stub waits, its mistakes are named."""

import numpy as np
import pytest

from attend_course.kit.answers import same
from attend_course.kit.checks import Case, Exercise, Mistake, exercises
from attend_course.kit.rules import used_by, without, without_loops

EXERCISES = dict(exercises())


def mine(exercise):
    """Return the reference as a reader's function that breaks no rule of the exercise."""
    return lambda *arguments: exercise.reference(*arguments)


def of_kind(kind, result):
    """Return a result with its numbers turned into another kind."""
    if isinstance(result, tuple):
        return tuple(of_kind(kind, part) for part in result)
    return np.asarray(result).astype(kind)


BANK = [
    pytest.param(exercise, mistake, id=f"{name}-{mistake.name}")
    for name, exercise in EXERCISES.items()
    for mistake in exercise.mistakes
]


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
class TestEveryExercise:
    def test_the_reference_passes(self, exercise):
        assert exercise(mine(exercise)).passed

    def test_the_course_s_own_function_is_no_answer(self, exercise):
        report = exercise(exercise.reference)
        assert report.verdict == "refused"
        assert "the course's own function" in report.says

    def test_an_untouched_stub_is_told_not_yet(self, exercise):
        def stub(*arguments): ...

        def with_words(*arguments):
            """Say what is asked."""

        for untouched in (stub, with_words, lambda *arguments: ...):
            assert exercise(untouched).verdict == "not yet"

    def test_a_missing_return_is_named(self, exercise):
        def answer(*arguments):
            exercise.reference(*arguments)

        report = exercise(answer)
        assert report.verdict == "refused"
        assert report.says == "your function returns nothing; is a return missing?"

    @pytest.mark.parametrize("kind", [complex, object, str])
    def test_results_of_another_kind_are_refused(self, exercise, kind):
        def answer(*arguments):
            return of_kind(kind, exercise.reference(*arguments))

        report = exercise(answer)
        assert report.verdict == "refused"
        assert "asked" in report.says or report.mistake

    def test_a_result_that_is_not_boolean_or_not_numbers_is_refused(self, exercise):
        def answer(*arguments):
            result = exercise.reference(*arguments)
            parts = result if isinstance(result, tuple) else (result,)
            other = int if np.asarray(parts[0]).dtype == bool else bool
            return of_kind(other, result)

        assert not exercise(answer)

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
        assert "(line " in report.says
        assert "1 / 0" in report.says

    def test_an_answer_that_writes_into_its_arguments_is_refused_and_spoils_nothing(self, exercise):
        def spoil(*arguments):
            result = exercise.reference(*arguments)
            for argument in arguments:
                if isinstance(argument, np.ndarray):
                    argument[...] = 0
            return result

        report = exercise(spoil)
        takes_arrays = any(isinstance(a, np.ndarray) for a in exercise.cases[0].arguments)
        assert report.passed != takes_arrays
        assert not takes_arrays or "wrote into its argument" in report.says
        assert exercise(mine(exercise)).passed


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
        (lambda x: 2 * x + 1e-3, "entry [0] is 2.001; it should be 2."),
        (lambda x: 2 * x + 3e-4 * x, "entry [0] is 2.0003; it should be 2."),
        (lambda x: 2 * x + 1j, "it returned complex numbers; numbers are asked"),
        (lambda x: (2 * x).astype(object), "returned ndarray; an array of numbers is asked"),
        (lambda x: [[1.0], [1.0, 2.0]], "returned list; an array of numbers is asked"),
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


def test_a_report_is_true_where_the_answer_passed():
    assert DOUBLE(lambda x: 2 * x)
    assert not DOUBLE(np.square)
    assert not DOUBLE(lambda x: ...)


def test_the_line_of_an_error_is_that_of_the_reader():
    def half(x):
        return np.linalg.inv(x)

    def answer(x):
        y = 2 * x
        return half(y)

    assert "(line " in DOUBLE(answer).says
    assert "return np.linalg.inv(x))" in DOUBLE(answer).says


RULED = Exercise(
    "double",
    lambda x: 2 * x,
    DOUBLE.cases,
    DOUBLE.mistakes,
    (without("No plus.", "+", "add"), without_loops("No loops.")),
)


def plus(x):
    return x + x


def repeated(x):
    return np.array([2 * number for number in x])


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda x: x + x, "No plus."),
        (lambda x: np.add(x, x), "No plus."),
        (lambda x: plus(x), "No plus."),
        (lambda x: np.array([2 * number for number in x]), "No loops."),
        (lambda x: repeated(x), "No loops."),
        (lambda x: np.array(list(map(float, 2 * x))), "No loops."),
        (np.vectorize(lambda number: 2 * number), "No loops."),
    ],
)
def test_a_right_answer_that_breaks_a_rule_is_told_so(answer, hint):
    assert RULED(lambda x: 2 * x)
    report = RULED(answer)
    assert (report.verdict, report.says) == ("refused", hint)


def test_a_while_loop_is_a_loop():
    def answer(x):
        result, place = x.copy(), 0
        while place < len(x):
            result[place] *= 2
            place += 1
        return result

    assert "No loops." in RULED(answer).says or "No plus." in RULED(answer).says
    assert used_by(answer).loops


def test_a_mistake_is_recognised_where_it_shows_first():
    def answer(x):
        return x**2 if len(x) == 2 else np.linalg.inv(x)

    assert DOUBLE(answer).mistake == "square"


def test_same_does_not_take_nan_for_a_number():
    assert not same(np.array([np.nan]), np.array([1.0]))
    assert same(np.array([1.0]), np.array([1.0 + 1e-9]))
    assert not same(np.array([1.0]), np.array([[1.0]]))
