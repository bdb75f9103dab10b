"""How an answer to an exercise is judged.

An exercise has a reference, cases to run, and a bank of mistakes: wrong answers that people write,
each with a hint. An answer that fails is compared with each of them. The one whose results it has
is the likely mistake, and its hint is shown.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from attend_course.kit.rooms import parts

TOLERANCE: dict[str, Any] = {"rtol": 1e-5, "atol": 1e-7}


@dataclass(frozen=True)
class Case:
    """Arguments on which an answer is run.

    Parameters
    ----------
    says
        What the case is, such as ``"three queries and five keys"``; a report quotes it.
    arguments
        The positional arguments.
    """

    says: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that people write.

    Parameters
    ----------
    name
        What the mistake is, such as ``"no scaling"``.
    answer
        The wrong answer itself.
    hint
        What the reader is told: where to look, and why.
    """

    name: str
    answer: Callable[..., Any]
    hint: str


@dataclass(frozen=True)
class Report:
    """What a check found.

    Parameters
    ----------
    exercise
        The name of the exercise.
    verdict
        ``"passed"``, ``"not yet"`` or ``"refused"``.
    says
        The reason, in a sentence or two.
    mistake
        The name of the mistake that was recognised, if one was.
    """

    exercise: str
    verdict: str
    says: str
    mistake: str | None = None

    @property
    def passed(self) -> bool:
        """Whether the answer is right."""
        return self.verdict == "passed"

    def __repr__(self) -> str:
        return f"{self._headline()}: {self.says}"

    def _repr_html_(self) -> str:
        colour = {"passed": "#1a8a50", "not yet": "#7a838e", "refused": "#cc5a14"}[self.verdict]
        return (
            f'<div class="attend-report" role="status" style="border-left: 4px solid {colour}; '
            f'padding: 0.25em 0.9em; margin: 0.25em 0"><strong>{escape(self._headline())}</strong>'
            f"<br>{escape(self.says)}</div>"
        )

    def _headline(self) -> str:
        marks = {"passed": "✓ Passed", "not yet": "… Not yet", "refused": "✗ Not this"}
        return f"{marks[self.verdict]} ({self.exercise})"


@dataclass(frozen=True)
class Exercise:
    """An exercise whose answer is a function; call it with an answer to get a `Report`.

    Parameters
    ----------
    name
        What a report calls it.
    reference
        The right answer.
    cases
        What to run. They must tell every mistake from the reference.
    mistakes
        The bank, the most telling first.
    """

    name: str
    reference: Callable[..., Any]
    cases: tuple[Case, ...]
    mistakes: tuple[Mistake, ...]

    def __call__(self, answer: Callable[..., Any]) -> Report:
        """Judge `answer`, a function with the arguments of the reference."""
        if not callable(answer):
            return self._refuse(f"give the function itself, not {type(answer).__name__}")
        results = []
        for case in self.cases:
            try:
                results.append(_run(answer, case))
            except NotImplementedError:
                return self._not_yet()
            except Exception as error:
                return self._refuse(f"on {case.says} it raised {type(error).__name__}: {error}")
            if results[-1] is None or results[-1] is Ellipsis:
                return self._not_yet(case if len(results) > 1 else None)
        return self._judge(results)

    def _judge(self, results: list[Any]) -> Report:
        wanted = [_run(self.reference, case) for case in self.cases]
        if all(map(same, results, wanted)):
            count = len(self.cases)
            return Report(self.name, "passed", f"all {count} cases agree with the reference.")
        for mistake in self.mistakes:
            if self._has_made(mistake, results):
                return Report(self.name, "refused", mistake.hint, mistake.name)
        place = [same(*pair) for pair in zip(results, wanted, strict=True)].index(False)
        return self._refuse(_difference(self.cases[place], results[place], wanted[place]))

    def _has_made(self, mistake: Mistake, results: list[Any]) -> bool:
        return all(
            same(result, _run(mistake.answer, case))
            for result, case in zip(results, self.cases, strict=True)
        )

    def _not_yet(self, case: Case | None = None) -> Report:
        if case is not None:
            return self._refuse(f"on {case.says} it returned nothing; return a result in each case")
        says = "replace the ... by your answer, then run the cell again."
        return Report(self.name, "not yet", says)

    def _refuse(self, says: str) -> Report:
        return Report(self.name, "refused", says)


def same(result: Any, wanted: Any) -> bool:
    """Tell whether two results are equal up to rounding: arrays, numbers, tuples of them."""
    if isinstance(wanted, tuple):
        fits = isinstance(result, (tuple, list)) and len(result) == len(wanted)
        return fits and all(map(same, result, wanted))
    try:
        one, other = _array(result), _array(wanted)
    except (TypeError, ValueError):
        return False
    return one.shape == other.shape and np.allclose(one, other, **TOLERANCE, equal_nan=True)


def exercises() -> tuple[tuple[str, Exercise], ...]:
    """Return every exercise of the course, named by its chapter and as a notebook imports it."""
    return tuple(
        (f"{chapter}.{name}", thing)
        for chapter, module in parts("checks").items()
        for name, thing in vars(module).items()
        if isinstance(thing, Exercise)
    )


def _run(function: Callable[..., Any], case: Case) -> Any:
    # An answer may write into its arguments; the next one must not see that. Infinities and
    # overflows are judged by what comes out, so their warnings would only distract.
    with np.errstate(all="ignore"):
        return function(*copy.deepcopy(case.arguments))


def _array(result: Any) -> np.ndarray:
    if hasattr(result, "detach"):
        result = result.detach()
    return np.asarray(result, dtype=float)


def _difference(case: Case, result: Any, wanted: Any) -> str:
    if isinstance(wanted, tuple):
        return _difference_in_tuple(case, result, wanted)
    try:
        got, right = _array(result), _array(wanted)
    except (TypeError, ValueError):
        return f"on {case.says} it returned {type(result).__name__}; an array of numbers is asked."
    if got.shape != right.shape:
        return f"on {case.says} the shape is {got.shape}; it should be {right.shape}."
    if not np.isfinite(got).all() and np.isfinite(right).all():
        return f"on {case.says} some results are infinite or not a number."
    place = tuple(map(int, np.argwhere(~np.isclose(got, right, **TOLERANCE))[0]))
    entry = f"entry {list(place)}" if place else "the result"
    return f"on {case.says}, {entry} is {got[place]:.4g}; it should be {right[place]:.4g}."


def _difference_in_tuple(case: Case, result: Any, wanted: tuple) -> str:
    if not isinstance(result, (tuple, list)) or len(result) != len(wanted):
        return f"on {case.says} return {len(wanted)} results, separated by commas."
    place = [same(*pair) for pair in zip(result, wanted, strict=True)].index(False)
    part = Case(f"{case.says}, result {place + 1} of {len(wanted)}", case.arguments)
    return _difference(part, result[place], wanted[place])
