"""Figures in the book, drawn by `attend_course.kit.figures` when a page is written.

::

    ```{attend-figure} scaling.scores_grow
    :name: scores-grow
    :alt: What is seen.

    What to see.
    ```

Each figure is drawn four times, light and dark, wide and narrow, as SVG with its text as text.
The page shows the one that fits its theme and its width.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.osutil import relative_uri
from sphinx.writers.html5 import HTML5Translator

from attend_course.kit.figures import Drawn, draw, find

NARROW_UP_TO = 640
"""The widest page, in CSS pixels, that shows the narrow drawing."""


class picture(nodes.General, nodes.Inline, nodes.Element):  # noqa: N801 - docutils names nodes in lower case
    """The place of a figure, known by its name."""


class FigureDirective(SphinxDirective):
    """Show a figure of the course, with its alternative text and its caption."""

    required_arguments = 1
    has_content = True
    option_spec: ClassVar[dict] = {
        "alt": directives.unchanged_required,
        "name": directives.unchanged,
    }

    def run(self) -> list[nodes.Node]:
        """Return a figure node; a missing alternative text or caption stops the build."""
        name = self.arguments[0]
        self._require(name)
        figure = nodes.figure(classes=["attend-figure"])
        figure += picture(figure=name, alt=self.options["alt"])
        figure += self._caption()
        self.set_source_info(figure)
        self.add_name(figure)
        return [figure]

    def _require(self, name: str) -> None:
        if not self.options.get("alt", "").strip():
            raise self.error(f"attend-figure {name}: it needs :alt:, which says what is seen")
        if not self.content:
            raise self.error(f"attend-figure {name}: it needs a caption, which says what to see")
        try:
            find(name)
        except ValueError as error:
            raise self.error(f"attend-figure: {error}") from error

    def _caption(self) -> list[nodes.Node]:
        holder = nodes.Element()
        self.state.nested_parse(self.content, self.content_offset, holder)
        first, *rest = holder.children
        caption = nodes.caption("", "", *first.children)
        caption.source, caption.line = first.source, first.line
        legend = [nodes.legend("", *rest)] if rest else []
        return [caption, *legend]


@cache
def _drawn(name: str) -> dict[str, Drawn]:
    return {style: draw(name, style) for style in ("light", "light-narrow", "dark", "dark-narrow")}


def _write(folder: Path, drawn: Drawn) -> None:
    path = folder / "_images" / drawn.file_name
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(drawn.svg, encoding="utf-8")
    part.replace(path)


def visit_picture(self: HTML5Translator, node: picture) -> None:
    """Write the four files and the elements that choose between them."""
    drawings = _drawn(node["figure"])
    for drawn in drawings.values():
        _write(Path(self.builder.outdir), drawn)
    here = self.builder.get_target_uri(self.builder.current_docname)
    for theme in ("light", "dark"):
        self.body.append(_picture(self, node["alt"], theme, drawings, here))
    raise nodes.SkipNode


def _picture(
    self: HTML5Translator, alt: str, theme: str, drawings: dict[str, Drawn], here: str
) -> str:
    wide, narrow = drawings[theme], drawings[f"{theme}-narrow"]
    address = [relative_uri(here, f"_images/{drawn.file_name}") for drawn in (wide, narrow)]
    # dark-light tells the theme that the picture needs no filter. A picture that is not shown is
    # never fetched, because it is lazy.
    return (
        f'<picture class="attend-picture attend-picture-{theme}">'
        f'<source media="(max-width: {NARROW_UP_TO}px)" srcset="{address[1]}" '
        f'width="{narrow.width}" height="{narrow.height}">'
        f'<img class="dark-light" src="{address[0]}" alt="{self.attval(alt)}" loading="lazy" '
        f'decoding="async" width="{wide.width}" height="{wide.height}"></picture>'
    )


def depart_picture(self: HTML5Translator, node: picture) -> None:
    """Do nothing: the visit has written everything."""


def _visit_as_text(self: nodes.NodeVisitor, node: picture) -> None:
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Register the directive with Sphinx."""
    plain = (_visit_as_text, None)
    app.add_node(picture, html=(visit_picture, depart_picture), latex=plain, text=plain)
    app.add_directive("attend-figure", FigureDirective)
