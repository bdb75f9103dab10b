"""The stylesheet and the scripts that questions, figures, claims, page code and printing share."""

from __future__ import annotations

from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

from attend_course.site.question import question

STATIC = Path(__file__).parent / "static"


def _add_static(app: Sphinx) -> None:
    if str(STATIC) not in app.config.html_static_path:
        app.config.html_static_path.append(str(STATIC))


def _add_script(
    app: Sphinx, page: str, template: str, context: dict, doctree: nodes.document | None
) -> None:
    if doctree is not None and next(iter(doctree.findall(question)), None) is not None:
        app.add_js_file("attend-question.js", loading_method="defer")


def setup(app: Sphinx) -> None:
    """Add style sheet and printing to every page, the questions' script to pages that ask."""
    app.connect("builder-inited", _add_static)
    app.connect("html-page-context", _add_script)
    app.add_css_file("attend-pages.css")
    app.add_js_file("attend-print.js", loading_method="defer")
