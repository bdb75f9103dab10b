"""What an exercise asks to do without, and whether an answer does.

An answer is read as Python compiled it, together with the functions of the reader that it calls.
So it does not matter how the line is written, nor whether its text can still be found.
"""

from __future__ import annotations

import dis
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from types import CodeType, FunctionType
from typing import Any

_HIDDEN_LOOPS = {"map", "vectorize", "apply_along_axis", "frompyfunc", "fromfunction"}


@dataclass(frozen=True)
class Used:
    """What a piece of code makes use of.

    Parameters
    ----------
    names
        Functions of others, attributes and modules, by name.
    operators
        Operators between two things, such as ``"@"``.
    loops
        Whether something is repeated: loops and comprehensions.
    """

    names: frozenset[str] = frozenset()
    operators: frozenset[str] = frozenset()
    loops: bool = False

    def __or__(self, other: Used) -> Used:
        return Used(
            self.names | other.names, self.operators | other.operators, self.loops or other.loops
        )


@dataclass(frozen=True)
class Rule:
    """Something that an answer has to do without.

    Parameters
    ----------
    hint
        What a reader is told whose answer breaks the rule.
    breaks
        Whether code that uses these things breaks it.
    """

    hint: str
    breaks: Callable[[Used], bool]


def without(hint: str, *banned: str) -> Rule:
    """Return the rule that none of these names and operators is used."""
    return Rule(hint, lambda used: bool((used.names | used.operators) & set(banned)))


def without_loops(hint: str) -> Rule:
    """Return the rule that nothing is repeated by Python."""
    return Rule(hint, lambda used: used.loops or bool(used.names & _HIDDEN_LOOPS))


def used_by(answer: Callable[..., Any]) -> Used:
    """Find what an answer uses, the functions of the same notebook that it calls included."""
    if not isinstance(answer, FunctionType):
        names = {getattr(answer, "__name__", ""), type(answer).__name__}
        return Used(frozenset(names))
    return _used_by_code(answer.__code__, answer.__globals__, set())


def _used_by_code(code: CodeType, own: dict[str, Any], seen: set[CodeType]) -> Used:
    seen.add(code)
    steps = list(dis.get_instructions(code))
    helpers = {name: own[name].__code__ for name in code.co_names if _is_own(name, own)}
    inner = [const for const in code.co_consts if isinstance(const, CodeType)]
    used = Used(
        frozenset({*code.co_names, *code.co_freevars}) - set(helpers),
        frozenset(step.argrepr.rstrip("=") for step in steps if step.opname == "BINARY_OP"),
        any(map(_repeats, steps)),
    )
    parts = [_used_by_code(c, own, seen) for c in [*inner, *helpers.values()] if c not in seen]
    return reduce(Used.__or__, parts, used)


def _repeats(step: dis.Instruction) -> bool:
    # Python 3.11 has several ways back to the head of a loop. One of them only waits.
    back = "JUMP_BACKWARD" in step.opname and "NO_INTERRUPT" not in step.opname
    return back or step.opname == "FOR_ITER"


def _is_own(name: str, own: dict[str, Any]) -> bool:
    found = own.get(name)
    return isinstance(found, FunctionType) and found.__globals__ is own


def is_empty(function: Callable[..., Any]) -> bool:
    """Tell whether a function does nothing yet: its body is ``...``, or words for the reader."""
    code = getattr(function, "__code__", None)
    return code is not None and code.co_code in {_dots.__code__.co_code, _words.__code__.co_code}


def _dots() -> None: ...


def _words() -> None:
    """Say what is to be done."""


def is_of_the_course(function: Callable[..., Any]) -> bool:
    """Tell whether a function comes with the course, so that nobody need write it."""
    package = (getattr(function, "__module__", None) or "").partition(".")[0]
    return package in {"attend", "attend_course"}
