"""Formulas become HTML when the book is built, so that a page needs no script to show them.

KaTeX writes each formula twice: as boxes for the eye and as MathML for a screen reader.
"""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from py_mini_racer import JSEvalException, MiniRacer
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

logger = logging.getLogger(__name__)
KATEX = Path(__file__).parent / "vendor" / "katex"
OPTIONS = {"throwOnError": True, "strict": "error", "output": "htmlAndMathml"}
_MARKS = re.compile(r"[.,;:?!)\]\u201d\u2019]+")
_LAST_COMMA = re.compile(r",\s*\)")


class Typesetter:
    """One JavaScript engine with KaTeX in it, started at the first formula."""

    def __init__(self) -> None:
        self._engine: MiniRacer | None = None
        self._done: dict[tuple[str, bool], str] = {}

    def render(self, tex: str, display: bool) -> str:
        """Return the HTML of a formula; `ValueError` says what KaTeX did not understand."""
        key = (tex, display)
        if key not in self._done:
            self._done[key] = self._call(tex, {**OPTIONS, "displayMode": display})
        return self._done[key]

    def _call(self, tex: str, options: dict[str, Any]) -> str:
        if self._engine is None:
            self._engine = MiniRacer()
            self._engine.eval((KATEX / "katex.min.js").read_text(encoding="utf-8"))
        try:
            return str(self._engine.call("katex.renderToString", tex, options))
        except JSEvalException as error:
            reason = str(error).strip().splitlines()[0]
            raise ValueError(f"formula not understood: {tex!r}: {reason}") from None

    def close(self) -> None:
        """Stop the engine; the interpreter would wait for it for ever."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None


def aligned(tex: str) -> str:
    """Put several lines or paragraphs of one displayed formula under each other."""
    parts = [part.strip() for part in tex.split("\n\n") if part.strip()]
    rows = [rf"\begin{{split}}{part}\end{{split}}" if needs_split(part) else part for part in parts]
    if len(rows) == 1:
        return rows[0]
    return r"\begin{gathered}" + r"\\".join(rows) + r"\end{gathered}"


def needs_split(tex: str) -> bool:
    """Tell whether a formula breaks lines without an environment of its own to do so."""
    return r"\\" in tex and r"\begin" not in tex


def typeset(translator: Any, node: nodes.Node, tex: str, display: bool) -> str:
    """Render a formula, or warn with the place where it stands."""
    # KaTeX spaces a comma for what follows it; in the shape (n,) nothing does.
    tex = _LAST_COMMA.sub("{,})", tex)
    try:
        return str(translator.builder.app.attend_typesetter.render(tex, display))
    except ValueError as error:
        logger.warning("%s", error, location=node, type="attend", subtype="formula")
        return f"<code>{translator.encode(tex)}</code>"


def visit_inline(translator: Any, node: nodes.math) -> None:
    """Write a formula in a line of text."""
    html = typeset(translator, node, node.astext(), display=False)
    translator.body.append(translator.starttag(node, "span", "", CLASS="math notranslate"))
    translator.body.append(f"{html}</span>")
    raise nodes.SkipNode


def visit_display(translator: Any, node: nodes.math_block) -> None:
    """Write a formula on a line of its own, with its number if it has one."""
    tex = node.astext() if node.get("nowrap") else aligned(node.astext())
    html = typeset(translator, node, tex, display=True)
    translator.body.append(translator.starttag(node, "div", "", CLASS="math notranslate"))
    if node.get("number"):
        number = get_node_equation_number(translator, node)
        translator.body.append(f'<span class="eqno">({number})')
        translator.add_permalink_ref(node, "Link to this equation")
        translator.body.append("</span>")
    translator.body.append(f"{html}</div>\n")
    raise nodes.SkipNode


class KeepMarks(SphinxPostTransform):
    """The full stop or comma behind a formula stays on its line; a browser would part them."""

    default_priority = 900

    def run(self, **kwargs: Any) -> None:
        """Put each formula into one box with the marks that follow it."""
        for formula in list(self.document.findall(nodes.math)):
            keep_marks(formula)


def keep_marks(formula: nodes.math) -> None:
    """Put a formula and the punctuation marks behind it, if any, between breaks of the line."""
    parent, place = formula.parent, formula.parent.index(formula)
    after = parent[place + 1] if place + 1 < len(parent) else None
    marks = _MARKS.match(after) if isinstance(after, nodes.Text) else None
    if marks and after is not None:
        together = nodes.inline("", "", formula, nodes.Text(marks[0]), classes=["attend-together"])
        parent[place : place + 2] = [together, nodes.Text(after[marks.end() :])]


def start(app: Sphinx) -> None:
    """Give the application its typesetter."""
    app.attend_typesetter = Typesetter()  # type: ignore[attr-defined]


def stop(app: Sphinx, exception: Exception | None) -> None:
    """Stop the engine, also after a failed build."""
    with contextlib.suppress(AttributeError):
        app.attend_typesetter.close()  # type: ignore[attr-defined]


def setup(app: Sphinx) -> None:
    """Offer KaTeX as the renderer that ``html_math_renderer: attend`` chooses."""
    app.add_html_math_renderer("attend", (visit_inline, None), (visit_display, None))
    app.add_post_transform(KeepMarks)
    app.connect("builder-inited", start)
    app.connect("build-finished", stop)
