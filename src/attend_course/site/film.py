"""The film of the course on a page, with its captions, its scenes and what is said in it.

::

    ```{attend-film}
    ```

The browser's own player shows it, and loads nothing but the poster until somebody presses play.
Scenes whose chapter is in the book lead to it. ``make film`` draws the files in ``book/film``.
"""

from __future__ import annotations

import shutil
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from attend_course.chapters.film import reel
from attend_course.chapters.film.canvas import PIXELS
from attend_course.chapters.film.script import SENTENCE, Scene, all_scenes

FILES = ("film.webm", "film.mp4", "film.vtt", "poster.jpg")
SCRIPT = "attend-film.js"


class film(nodes.General, nodes.Element):  # noqa: N801 - docutils names nodes in small letters
    """The place of the film."""


class FilmDirective(SphinxDirective):
    """Show the film."""

    def run(self) -> list[nodes.Node]:
        """Return the film's place; a missing file stops the build."""
        folder = Path(self.env.app.srcdir) / "book" / "film"
        for name in (*FILES, "film.json"):
            self.env.note_dependency(str(folder / name))
            if not (folder / name).exists():
                raise self.error(f"there is no book/film/{name}; `make film` draws it")
        return [film()]


def visit_film(translator: Any, node: film) -> None:
    """Write the player, the scenes and the transcript."""
    found = translator.builder.env.found_docs
    pages = {scene.page for scene in all_scenes() if f"book/{scene.page}" in found}
    translator.body.append(player() + scene_list(pages) + transcript())
    raise nodes.SkipNode


def player() -> str:
    """Return the browser's player, with captions and without a start of its own."""
    width, height = PIXELS
    sources = "".join(
        f'<source src="../_static/film/film.{kind}" type="video/{kind}">'
        for kind in ("webm", "mp4")
    )
    return (
        '<figure class="attend-film" id="film">'
        f'<video controls playsinline preload="none" width="{width}" height="{height}" '
        f'poster="../_static/film/poster.jpg" aria-label="Film: {escape(SENTENCE)} '
        f'becomes German">{sources}'
        '<track kind="captions" src="../_static/film/film.vtt" srclang="en" label="English" '
        "default>"
        "</video>"
        f"<figcaption>From English to German in {_minutes(reel.seconds())}, without sound. "
        "Every number in it is computed by the translator of this course.</figcaption></figure>"
    )


def scene_list(pages: set[str]) -> str:
    """Return the scenes: a press goes there in the film, a link to the chapter."""
    rows = "".join(
        _row(begin, scene, scene.page in pages)
        for begin, scene in zip(reel.begins(), all_scenes(), strict=True)
    )
    return f'<ol class="attend-film-scenes">{rows}</ol>'


def _row(begin: float, scene: Scene, known: bool) -> str:
    number = int(scene.page[:2])
    link = f' <a href="{scene.page}.html">chapter {number}</a>' if known else ""
    return (
        f'<li><button type="button" data-second="{begin:g}">'
        f"<span>{_clock(begin)}</span> {escape(scene.name)}</button>{link}</li>"
    )


def transcript() -> str:
    """Return all that is said, scene by scene."""
    parts = "".join(
        f"<p><strong>{escape(scene.name)}.</strong> {escape(' '.join(scene.says))}</p>"
        for scene in all_scenes()
    )
    return (
        '<details class="attend-film-transcript"><summary>What is said in the film</summary>'
        f"{parts}</details>"
    )


def _clock(second: float) -> str:
    return f"{int(second) // 60}:{int(second) % 60:02}"


def _minutes(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} minutes and {rest} seconds"


def copy_film(app: Sphinx) -> None:
    """Put the film's files where the page finds them."""
    source = Path(app.srcdir) / "book" / "film"
    if app.builder.format != "html" or not source.exists():
        return
    folder = Path(app.outdir) / "_static" / "film"
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        shutil.copy(source / name, folder)


def add_script(
    app: Sphinx, page: str, template: str, context: dict, doctree: nodes.document | None
) -> None:
    """Give the page with the film the script that goes to a scene."""
    if doctree is not None and next(iter(doctree.findall(film)), None) is not None:
        app.add_js_file(SCRIPT, loading_method="defer")


def setup(app: Sphinx) -> None:
    """Register the directive, its files and its script."""
    app.add_directive("attend-film", FilmDirective)
    app.add_node(film, html=(visit_film, None))
    app.connect("builder-inited", copy_film)
    app.connect("html-page-context", add_script)
