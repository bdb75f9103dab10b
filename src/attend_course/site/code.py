"""Code on a page that runs when the book is built, its result shown beneath.

::

    ```{attend-code}
    weights = softmax(scores)
    weights.sum(axis=-1)
    ```

All blocks of a page share their names, from top to bottom, as the cells of a notebook do. What is
shown is what was printed, then the value of the last expression. ``:hide-code:`` shows the result
alone, ``:hide-output:`` the code alone.
"""

from __future__ import annotations

import ast
import contextlib
import io
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


def run_block(code: str, names: dict[str, Any]) -> str:
    """Run `code` with `names` and return what a reader would see below it.

    Parameters
    ----------
    code
        Python statements; the value of a last expression is shown, unless it is None.
    names
        The names known so far; those that `code` defines are added.
    """
    tree = ast.parse(code)
    last = tree.body[-1] if tree.body else None
    shown = last if isinstance(last, ast.Expr) else None
    if shown:
        tree.body.pop()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, "<page>", "exec"), names)
        value = None if shown is None else _evaluate(shown, names)
    return printed.getvalue() + ("" if value is None else f"{value!r}\n")


def _evaluate(expression: ast.Expr, names: dict[str, Any]) -> Any:
    return eval(compile(ast.Expression(expression.value), "<page>", "eval"), names)


class CodeDirective(SphinxDirective):
    """Python code with its result."""

    has_content = True
    option_spec: ClassVar[dict] = {
        "name": directives.unchanged,
        "hide-code": directives.flag,
        "hide-output": directives.flag,
    }

    def run(self) -> list[nodes.Node]:
        """Run the code in the page's names; an exception stops the build."""
        code = "\n".join(self.content)
        names = self.env.temp_data.setdefault("attend_code", {"__name__": "page"})
        try:
            shown = run_block(code, names).rstrip()
        except Exception as error:
            raise self.error(f"attend-code: {type(error).__name__}: {error}") from error
        block = nodes.container(classes=["attend-code"])
        if "hide-code" not in self.options:
            block += self._literal(code, "python", "attend-code-source")
        if shown and "hide-output" not in self.options:
            block += self._literal(shown, "none", "attend-code-output")
        self.add_name(block)
        return [block]

    def _literal(self, text: str, language: str, kind: str) -> nodes.literal_block:
        node = nodes.literal_block(text, text, language=language, classes=[kind])
        self.set_source_info(node)
        return node


def setup(app: Sphinx) -> None:
    """Register the directive with Sphinx."""
    app.add_directive("attend-code", CodeDirective)
