"""A page after the theme has written it: what no template reaches is put right in its text.

Templates of the theme are overridden where they are short. Where one attribute of a long template
is wrong, a copy would have to follow every version of the theme; a replacement says what differs.
"""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx

from attend_course.site import accessible, found, scripts, slim

STEPS = (accessible.mend, slim.mend, scripts.mend, found.mend)
"""Each takes the application, a page's text and its context, and returns the text."""


def finish_pages(app: Sphinx) -> None:
    """Let every page that the builder writes go through the steps."""
    if app.builder.format != "html":
        return
    render = app.builder.templates.render  # type: ignore[attr-defined]

    def finished(template: str, context: dict[str, Any]) -> str:
        page = render(template, context)
        if "</head>" in page:
            for step in STEPS:
                page = step(app, page, context)
        return page

    app.builder.templates.render = finished  # type: ignore[attr-defined]


def setup(app: Sphinx) -> None:
    """Begin when the builder has its templates."""
    app.connect("builder-inited", finish_pages)
