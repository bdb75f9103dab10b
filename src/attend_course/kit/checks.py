"""How an answer to an exercise is judged.

An exercise has a reference, cases to run, and a bank of mistakes: wrong answers that people write,
each with a hint. An answer that fails is compared with each of them. The one whose results it has
is the likely mistake, and its hint is shown. A right answer may still break a rule of the exercise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from attend_course.kit.answers import Outcome, agree, argument_name, difference, place_of, run
from attend_course.kit.rooms import parts
from attend_course.kit.rules import Rule, is_empty, is_of_the_course, used_by


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

    def __bool__(self) -> bool:
        return self.passed

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
        What to run, the plainest first. They must tell every mistake from the reference.
    mistakes
        The bank, the most telling first.
    rules
        What a right answer still has to do without.
    """

    name: str
    reference: Callable[..., Any]
    cases: tuple[Case, ...]
    mistakes: tuple[Mistake, ...]
    rules: tuple[Rule, ...] = ()

    def __call__(self, answer: Callable[..., Any]) -> Report:
        """Judge `answer`, a function with the arguments of the reference."""
        if not callable(answer):
            return self._refuse(f"give the function itself, not {type(answer).__name__}")
        outcomes = self._run(answer)
        # A report that is not "passed" is false, so no "or" here.
        waiting = self._waiting(answer, outcomes)
        return self._judge(answer, outcomes) if waiting is None else waiting

    def _run(self, function: Callable[..., Any]) -> list[Outcome]:
        return [run(function, case.arguments) for case in self.cases]

    def _waiting(self, answer: Callable[..., Any], outcomes: list[Outcome]) -> Report | None:
        first = outcomes[0]
        if isinstance(first.error, NotImplementedError) or first.result is Ellipsis:
            return self._not_yet()
        nothing = [outcome.error is None and outcome.result is None for outcome in outcomes]
        if all(nothing):
            says = "your function returns nothing; is a return missing?"
            return self._not_yet() if is_empty(answer) else self._refuse(says)
        if any(nothing):
            says = f"on {self.cases[nothing.index(True)].says} it returned nothing"
            return self._refuse(f"{says}; return a result in each case.")
        return None

    def _judge(self, answer: Callable[..., Any], outcomes: list[Outcome]) -> Report:
        wanted = self._run(self.reference)
        right = [agree(*pair) for pair in zip(outcomes, wanted, strict=True)]
        if all(right):
            return self._accept(answer, outcomes)
        place = right.index(False)
        # Where no mistake has all its results, one that fails first in the same way is likely: an
        # answer that cannot even run on other shapes shows on the first case what it does.
        mistake = self._made(outcomes) or self._made(outcomes[: place + 1])
        if mistake:
            return Report(self.name, "refused", mistake.hint, mistake.name)
        return self._refuse(self._described(answer, place, outcomes[place], wanted[place]))

    def _made(self, outcomes: Sequence[Outcome]) -> Mistake | None:
        return next((m for m in self.mistakes if self._has_made(m, outcomes)), None)

    def _has_made(self, mistake: Mistake, outcomes: Sequence[Outcome]) -> bool:
        if all(outcome.error for outcome in outcomes):
            return False
        return all(
            agree(outcome, run(mistake.answer, case.arguments))
            for outcome, case in zip(outcomes, self.cases, strict=False)
        )

    def _described(
        self, answer: Callable[..., Any], place: int, outcome: Outcome, wanted: Outcome
    ) -> str:
        says, error = self.cases[place].says, outcome.error
        if error is None:
            return f"on {says}, {difference(outcome.result, wanted.result)}"
        where = place_of(error, answer)
        return f"on {says} it raised {type(error).__name__}: {error}{where}"

    def _accept(self, answer: Callable[..., Any], outcomes: list[Outcome]) -> Report:
        if answer is self.reference or is_of_the_course(answer):
            return self._refuse(
                "that is the course's own function, and it is right :-) Write yours."
            )
        for outcome in outcomes:
            if outcome.changed:
                return self._refuse(_CHANGED.format(argument_name(answer, outcome.changed[0])))
        used = used_by(answer)
        for rule in self.rules:
            if rule.breaks(used):
                return self._refuse(rule.hint)
        says = f"all {len(self.cases)} cases agree with the reference."
        return Report(self.name, "passed", says)

    def _not_yet(self) -> Report:
        says = "replace the ... by your answer, then run the cell again."
        return Report(self.name, "not yet", says)

    def _refuse(self, says: str) -> Report:
        return Report(self.name, "refused", says)


_CHANGED = (
    "the result is right, but your function wrote into its argument {}, which whoever called it "
    "still needs. Make a new array: x = x - 1 does, x -= 1 writes into x."
)


def exercises() -> tuple[tuple[str, Exercise], ...]:
    """Return every exercise of the course, named by its chapter and as a notebook imports it."""
    return tuple(
        (f"{chapter}.{name}", thing)
        for chapter, module in parts("checks").items()
        for name, thing in vars(module).items()
        if isinstance(thing, Exercise)
    )
