"""The stylesheet and the scripts that questions, figures, claims, page code and printing share."""

from __future__ import annotations

from pathlib import Path

from sphinx.application import Sphinx

STATIC = Path(__file__).parent / "static"


def _add_static(app: Sphinx) -> None:
    if str(STATIC) not in app.config.html_static_path:
        app.config.html_static_path.append(str(STATIC))


def setup(app: Sphinx) -> None:
    """Add the style sheet and the scripts to every page; `scripts` joins them with the others."""
    app.connect("builder-inited", _add_static)
    app.add_css_file("attend-pages.css")
    app.add_js_file("attend-print.js", loading_method="defer")
    app.add_js_file("attend-question.js", loading_method="defer")
