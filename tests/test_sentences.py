"""No line of a page begins with what belongs to the line before it."""

from __future__ import annotations

import pytest
from docutils import nodes

from attend_course.site.claims import _keep_with_sentence
from attend_course.site.formulas import keep_marks


@pytest.mark.parametrize("marks", [".", ",", "):", ".\N{RIGHT DOUBLE QUOTATION MARK}"])
def test_a_formula_keeps_the_marks_behind_it(marks: str) -> None:
    formula = nodes.math("", "d_k")
    line = nodes.paragraph("", "", nodes.Text("a "), formula, nodes.Text(f"{marks} Then"))
    keep_marks(formula)
    assert [part.astext() for part in line] == ["a ", f"d_k{marks}", " Then"]
    assert line[1]["classes"] == ["attend-together"]


def test_a_formula_before_a_word_stays_alone() -> None:
    formula = nodes.math("", "d_k")
    line = nodes.paragraph("", "", formula, nodes.Text(" numbers."))
    keep_marks(formula)
    assert line.children[0] is formula


def test_a_mark_stays_with_its_own_sentence_where_two_breaks_are_equal() -> None:
    mark = nodes.superscript("", "tested")
    texts = [nodes.Text(text) for text in ("One", "\n", "two.", "\n")]
    line = nodes.paragraph("", "", *texts, mark)
    _keep_with_sentence(mark)
    assert line.astext() == "One\ntwo.\N{NO-BREAK SPACE}tested"
