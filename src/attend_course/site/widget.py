"""Explorers on the pages of the book.

::

    ```{attend-widget} ScalingExplorer
    :d_k: 512
    :scaled: false
    ```

Options are the explorer's traits, written as Python literals; a bare word is text. The default
picture is drawn into the page by the explorer's own module, from what ``attend`` computes, and
stays where scripts may not run. In a browser ``page.js`` brings the same elements to life with the
same module: without a kernel, and without asking any other host.

An explorer in the output of a notebook becomes the same element, through a renderer for its MIME
type.
"""

from __future__ import annotations

import ast
import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from myst_nb.core.render import MimeRenderPlugin, load_mime_renders
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator
from traitlets import TraitError

from attend_course.kit.engine import engine_folder
from attend_course.kit.explorers import MIME, Explorer, all_explorers
from attend_course.kit.explorers.bundle import page_scripts, scripts_for, stylesheet

FOLDER = "attend"
STILL = "The controls work where scripts may run."


class explorer(nodes.General, nodes.Element):  # noqa: N801 - docutils names nodes in lower case
    """The place of an explorer: its HTML, and a sentence for builders that know no HTML."""


class AnyOption(dict):
    """Options of a directive that are checked by the explorer, not by docutils."""

    def __missing__(self, name: str) -> Any:
        return directives.unchanged

    def __contains__(self, name: object) -> bool:
        return True

    def __bool__(self) -> bool:
        return True


class ExplorerDirective(SphinxDirective):
    """Show an explorer; options set its traits."""

    required_arguments = 1
    option_spec: ClassVar[dict] = AnyOption()

    def run(self) -> list[nodes.Node]:
        """Return the explorer's node; an unknown name or a bad option stops the build."""
        traits = {name: read_option(text) for name, text in self.options.items()}
        try:
            node = explorer_node(self.arguments[0], traits, _place(self.env))
        except (TraitError, TypeError, ValueError) as error:
            raise self.error(f"attend-widget {self.arguments[0]}: {error}") from error
        self.set_source_info(node)
        return [node]


class ExplorerMime(MimeRenderPlugin):
    """Show an explorer that a notebook put out."""

    # A page has no kernel: what only a live widget could show gives way to the drawn picture.
    mime_priority_overrides: ClassVar = [
        ("*", MIME, 0),
        ("*", "application/vnd.jupyter.widget-view+json", None),
    ]

    @staticmethod
    def handle_mime(renderer: Any, data: Any, inline: Any) -> list[nodes.Element] | None:
        """Return the explorer's node for its MIME type, None for every other."""
        if inline or data.mime_type != MIME:
            return None
        content = data.content if isinstance(data.content, dict) else json.loads(data.content)
        place = _place(renderer.renderer.sphinx_env)
        return [explorer_node(content["module"], content["state"], place)]


def read_option(text: str | None) -> Any:
    """Read the value of an option: a Python literal, ``true``, ``false``, or else text."""
    words = {"true": True, "false": False, "": True}
    written = (text or "").strip()
    if written.lower() in words:
        return words[written.lower()]
    try:
        return ast.literal_eval(written)
    except (ValueError, SyntaxError):
        return written


def _place(env: Any) -> str:
    """Return an id that no other explorer of the page has."""
    return f"attend-explorer-{env.new_serialno('attend-explorer') + 1}"


def explorer_node(name: str, traits: dict[str, Any], place: str) -> explorer:
    """Make the explorer, let it compute, and return the node that holds its picture.

    Raises
    ------
    ValueError
        If there is no explorer of that name.
    traitlets.TraitError, TypeError
        If a trait is unknown or has a value it may not have.
    """
    if name not in all_explorers():
        raise ValueError(f"there is no explorer {name!r}; there are {', '.join(all_explorers())}")
    widget = all_explorers()[name](**traits)
    page_html = live_html(widget, place)
    words = f"{widget.title}. {widget.summary()}"
    widget.close()
    return explorer("", html=page_html, words=words, module=widget.module)


def live_html(widget: Explorer, place: str = "attend-explorer-1") -> str:
    """Return the drawn picture with what a script needs to take over from it."""
    state = json.dumps(widget.page_state, ensure_ascii=True).replace("<", "\\u003c")
    return (
        f'<div class="attend-place" data-attend-widget="{widget.module}">\n'
        f'<script type="application/json">{state}</script>\n'
        f'<div class="attend-drawn" id="{place}">{widget.static_html(place)}</div>\n'
        f"<noscript><p>{STILL}</p></noscript>\n</div>\n"
    )


@cache
def files() -> dict[str, tuple[str, str]]:
    """Return name and text of each script; a name changes with its text, so caches may stay."""
    scripts = page_scripts(*sorted(kind.module for kind in all_explorers().values()))
    digests = {
        name: hashlib.sha256(text.encode()).hexdigest()[:10] for name, text in scripts.items()
    }
    return {name: (f"{name}.{digests[name]}.js", text) for name, text in scripts.items()}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def module_file(name: str) -> str:
    """Return the file of an explorer, or of what all explorers share: ``"attend"``."""
    return files()[name][0]


def visit_explorer(self: HTML5Translator, node: explorer) -> None:
    """Write the explorer into the page."""
    self.body.append(node["html"])
    raise nodes.SkipNode


def visit_words(self: nodes.NodeVisitor, node: explorer) -> None:
    """Write what the picture shows, for builders without HTML."""
    self.visit_Text(nodes.Text(node["words"]))  # type: ignore[attr-defined]
    raise nodes.SkipNode


def write_modules(app: Sphinx) -> None:
    """Put the scripts and the style sheet where pages find them."""
    if app.builder.format != "html":
        return
    folder = Path(app.outdir) / "_static" / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files().values():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "explorer.css").write_text(stylesheet(), encoding="utf-8")


def add_to_page(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Load the scripts of a page's explorers there, and nowhere else."""
    if doctree is None:
        return
    modules = {node["module"] for node in doctree.findall(explorer)}
    # Plain scripts in this order, not modules: those no browser loads from a disk.
    for name in scripts_for(*modules):
        # Where the translator is, should an explorer need it.
        more = {"data-engine": engine_folder()} if name == "translator" else {}
        app.add_js_file(f"{FOLDER}/{module_file(name)}", loading_method="defer", **more)  # type: ignore[arg-type]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive, the renderer and the files with Sphinx."""
    words = (visit_words, None)
    app.add_node(explorer, html=(visit_explorer, None), latex=words, text=words, man=words)
    app.add_directive("attend-widget", ExplorerDirective)
    if ExplorerMime not in load_mime_renders():
        load_mime_renders().append(ExplorerMime)
    app.add_css_file(f"{FOLDER}/explorer.css")
    app.connect("builder-inited", write_modules)
    app.connect("html-page-context", add_to_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
