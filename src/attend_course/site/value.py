"""Numbers in prose and in equations that the code computes when the book is built.

``{value}`scaling.first_weight:.2f` `` in a sentence shows
``attend_course.chapters.scaling.example.first_weight``, a constant or a function without arguments,
in the format after the colon. What follows the name may also pick an entry, pass arguments or name
an attribute, as in ``scaling.weights[0, 1]:.2f``, ``scaling.spread(256):.1f`` or
``scaling.queries.shape``. Of a vector every entry is shown. Another module of a chapter is named
after it: ``scaling.saturation.hand_scaled``.

In the directive ``attend-math`` and the role ``{vmath}`` the same stands between << and >>.
"""

from __future__ import annotations

import ast
import re
from typing import Any, ClassVar

import numpy as np
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.directives.patches import MathDirective
from sphinx.util.docutils import SphinxRole

from attend_course.kit.rooms import part

_SPEC = re.compile(
    r"^(?P<chapter>\w+)\.(?P<name>[A-Za-z]\w*)"
    r"(?P<rest>(?:\([^()]*\)|\[[^\[\]]*\]|\.[A-Za-z]\w*)*)(?::(?P<format>[^:]*))?$"
)
_PLACE = re.compile(r"<<(.+?)>>")


def compute(text: str) -> Any:
    """Return what ``chapter.name``, with calls and entries after it, stands for.

    Parameters
    ----------
    text
        For example ``"scaling.weights(64)[0, 1]"``. Arguments and indices are literals.

    Raises
    ------
    ValueError
        When the text cannot be read, or the chapter has no such name.
    """
    match = _SPEC.match(text.strip())
    if match is None:
        raise ValueError(
            f"{text!r} is not of the form chapter.name, chapter.name(64) or name[0, 1]"
        )
    found = _apply(_named(match["chapter"], match["name"]), match["rest"] or "")
    return found() if callable(found) else found


def _named(chapter: str, name: str) -> Any:
    """Return what a chapter's example calls `name`, or the module beside it of that name."""
    example = part(chapter, "example")
    if example is None:
        raise ValueError(f"there is no chapter {chapter!r} with an example")
    found = getattr(example, name, None)
    found = part(chapter, name) if found is None else found
    if found is None:
        raise ValueError(f"the example of {chapter} has no {name!r}")
    return found


def display(text: str) -> str:
    """Return the value of ``chapter.name:format`` as it stands in a sentence."""
    match = _SPEC.match(text.strip())
    shown = _format(compute(text), (match and match["format"]) or "")
    # A typographic minus; a plain hyphen breaks from its number at the end of a line.
    return re.sub(r"(?<![\w.])-(?=\d)", "−", shown)


def _format(value: Any, how: str) -> str:
    """Format a number; of a vector, every entry, in brackets."""
    if isinstance(value, (np.ndarray, tuple)) and how:
        return f"({', '.join(_format(entry, how) for entry in value)})"
    return format(value, how)


def fill(template: str) -> str:
    """Replace every ``<<chapter.name:format>>`` in an equation by its value."""
    return _PLACE.sub(lambda place: display(place[1]).replace("−", "-"), template)


def _apply(start: Any, rest: str) -> Any:
    """Follow the calls and subscripts in `rest`; only literals may stand in them."""
    chain, links = ast.parse(f"x{rest}", mode="eval").body, []
    while not isinstance(chain, ast.Name):
        links.append(chain)
        chain = chain.func if isinstance(chain, ast.Call) else chain.value  # type: ignore[attr-defined]
    for link in reversed(links):
        start = _follow(start, link)
    return start


def _follow(start: Any, link: ast.expr) -> Any:
    if isinstance(link, ast.Call):
        named = {word.arg: ast.literal_eval(word.value) for word in link.keywords if word.arg}
        return start(*[ast.literal_eval(argument) for argument in link.args], **named)
    whole = start() if callable(start) else start
    if isinstance(link, ast.Attribute):
        return getattr(whole, link.attr)
    if isinstance(link, ast.Subscript):
        return whole[ast.literal_eval(link.slice)]
    raise ValueError(f"{ast.unparse(link)!r}: only calls, entries and attributes may follow a name")


class ValueRole(SphinxRole):
    """Show a computed value in a sentence."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the value as text, marked with where it comes from."""
        try:
            shown = display(self.text)
        except Exception as error:
            return _complain(self, error)
        node = nodes.inline(self.rawtext, shown, classes=["attend-value"])
        return [node], []


class ValueMathRole(SphinxRole):
    """Show an equation in a sentence, its numbers computed."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return an inline equation."""
        try:
            shown = fill(self.text)
        except Exception as error:
            return _complain(self, error)
        return [nodes.math(self.rawtext, shown)], []


def _complain(
    role: SphinxRole, error: Exception
) -> tuple[list[nodes.Node], list[nodes.system_message]]:
    message = role.inliner.reporter.error(f"value {role.text!r}: {error}", line=role.lineno)
    return [role.inliner.problematic(role.rawtext, role.rawtext, message)], [message]


class ValueMath(MathDirective):
    """A displayed equation, its numbers computed."""

    option_spec: ClassVar[dict] = {**MathDirective.option_spec, "label": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        """Fill in the numbers, then do what ``math`` does."""
        try:
            self.content.data[:] = [fill(line) for line in self.content.data]
        except Exception as error:
            raise self.error(f"attend-math: {error}") from error
        return super().run()


def setup(app: Sphinx) -> None:
    """Register the roles and the directive with Sphinx."""
    app.add_role("value", ValueRole())
    app.add_role("vmath", ValueMathRole())
    app.add_directive("attend-math", ValueMath)
