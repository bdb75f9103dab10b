"""Predict-then-check questions, with feedback for every option.

::

    ```{question}
    :name: which-key

    The row of scores is (2, 4, 4). Which key gets the most weight?

    - ( ) The first.

      Why this is not so.
    - (x) The second and the third, the same.

      Why it is so.
    ```

Without JavaScript every option is a disclosure that opens on its feedback. With it, the options
become a group of radio buttons and a button that checks.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator

_MARK = re.compile(r"^\s*\((?P<mark>[ xX]?)\)\s*")


class question(nodes.General, nodes.Element):  # noqa: N801
    """A question: its text, then its options."""


class answer_option(nodes.General, nodes.Element):  # noqa: N801
    """One option: a `choice` and its `feedback`; ``right`` says which it is."""


class choice(nodes.General, nodes.Element):  # noqa: N801
    """What the reader may choose: inline content."""


class feedback(nodes.General, nodes.Element):  # noqa: N801
    """What the reader is told about a choice."""


class QuestionDirective(SphinxDirective):
    """A question, then its options: ``( )`` before a wrong one, ``(x)`` before a right one."""

    has_content = True
    option_spec: ClassVar[dict] = {"name": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        """Return a question node; a fault in the list of options stops the build."""
        holder = nodes.Element()
        self.state.nested_parse(self.content, self.content_offset, holder)
        node = question(classes=["attend-question"])
        self.set_source_info(node)
        try:
            node += read_question(holder.children)
        except ValueError as error:
            raise self.error(f"question: {error}") from error
        self.add_name(node)
        node["number"] = f"q{self.env.new_serialno('attend-question') + 1}"
        return [node]


def read_question(children: list[nodes.Node]) -> list[nodes.Node]:
    """Turn text followed by a list into the parts of a question.

    Parameters
    ----------
    children
        Nodes of the question; the last is a bullet list of options.

    Raises
    ------
    ValueError
        When there is no text, no list, fewer than two options, an option without a mark or
        without feedback, two options with the same feedback, or no right option.
    """
    if len(children) < 2 or not isinstance(children[-1], nodes.bullet_list):
        raise ValueError("it needs its text, then a list of options: '- ( ) wrong', '- (x) right'")
    *text, answers = children
    options = [_read_option(item, place) for place, item in enumerate(answers.children, start=1)]
    _check(options)
    return [nodes.container("", *text, classes=["attend-question-text"]), *options]


def _read_option(item: nodes.Node, place: int) -> answer_option:
    first, *rest = item.children
    mark = _MARK.match(first.astext()) if isinstance(first, nodes.paragraph) else None
    if mark is None:
        raise ValueError(f"option {place} must begin with ( ) if it is wrong, (x) if it is right")
    if not "".join(node.astext() for node in rest).strip():
        raise ValueError(f"option {place} has no feedback; write it as a paragraph of the option")
    start = first.children[0]
    first.replace(start, nodes.Text(_MARK.sub("", start.astext())))
    right = mark["mark"].lower() == "x"
    return answer_option("", choice("", *first.children), feedback("", *rest), right=right)


def _check(options: list[answer_option]) -> None:
    told = [answer.children[1].astext() for answer in options]
    if len(options) < 2:
        raise ValueError("it needs two or more options")
    if not any(answer["right"] for answer in options):
        raise ValueError("no option is marked right; mark one with (x)")
    if len(set(told)) < len(told):
        raise ValueError("two options have the same feedback; each mistake deserves its own")


def visit_question(self: HTML5Translator, node: question) -> None:
    """Open the box of a question."""
    names = "".join(f'<span id="{name}"></span>' for name in node["ids"])
    self.body.append(
        f'<section class="attend-question" data-question="{node["number"]}" '
        f'aria-label="Question {node["number"].removeprefix("q")}">{names}'
        f'<p class="attend-question-title" id="{node["number"]}-title">Predict, then check</p>'
    )


def visit_option(self: HTML5Translator, node: answer_option) -> None:
    """Open an option: without JavaScript it is a disclosure."""
    right = "true" if node["right"] else "false"
    self.body.append(f'<details class="attend-option" data-right="{right}">')


def visit_choice(self: HTML5Translator, node: choice) -> None:
    """Open what may be chosen."""
    self.body.append('<summary><span class="attend-choice">')


def visit_feedback(self: HTML5Translator, node: feedback) -> None:
    """Open the feedback, which begins with the verdict in words."""
    verdict = "Right." if node.parent["right"] else "Not this one."
    self.body.append(f'<div class="attend-feedback"><p class="attend-verdict">{verdict}</p>')


def _close(tags: str) -> Callable[[HTML5Translator, nodes.Element], None]:
    return lambda self, node: self.body.append(tags)


def _pass(self: nodes.NodeVisitor, node: nodes.Element) -> None:
    """Other builders show the text of a question as it stands."""


def setup(app: Sphinx) -> None:
    """Register the directive and its nodes with Sphinx."""
    parts = {
        question: (visit_question, "</section>\n"),
        answer_option: (visit_option, "</details>\n"),
        choice: (visit_choice, "</span></summary>\n"),
        feedback: (visit_feedback, "</div>\n"),
    }
    for node, (visit, tags) in parts.items():
        app.add_node(node, html=(visit, _close(tags)), latex=(_pass, _pass), text=(_pass, _pass))
    app.add_directive("question", QuestionDirective)
