"""What the book was built with, and when and how long each notebook ran.

::

    ```{attend-status} notebooks
    ```

    ```{attend-status} versions
    ```

The runs are read from the store of executed notebooks (jupyter-cache), which writes them down when
it runs one. Nothing here is typed by hand: a notebook without a record is shown without one.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from docutils import nodes
from jupyter_cache import get_cache
from packaging.requirements import Requirement
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

Rows = list[tuple[str, ...]]


class build_table(nodes.General, nodes.Element):  # noqa: N801
    """The place of a table: ``kind`` is notebooks or versions."""


@dataclass(frozen=True)
class Run:
    """One run of a notebook: when it ended (UTC), and how many seconds it took."""

    ended: datetime
    seconds: float


def find_run(store: Path, notebook: Path) -> Run | None:
    """Return the run whose outputs the book shows, or None if the store has none.

    Parameters
    ----------
    store
        The folder of jupyter-cache.
    notebook
        A notebook; its cells, not its name, decide which record is its own.
    """
    if not (store / "global.db").exists():
        return None
    try:
        record = get_cache(str(store)).match_cache_file(str(notebook))
    except KeyError:
        return None
    return Run(record.created, float(record.data["execution_seconds"]))


def notebook_rows(runs: dict[str, Run | None]) -> Rows:
    """Write a line for each notebook: its name, when it ran, and how long."""
    return [
        (name, f"{run.ended:%Y-%m-%d %H:%M} UTC", f"{run.seconds:.1f}\N{NO-BREAK SPACE}s")
        if run
        else (name, "no run recorded", "")
        for name, run in sorted(runs.items())
    ]


def version_rows(pins: Path) -> Rows:
    """Write a line for each pinned package: its name, the pin, and what the build used."""
    lines = pins.read_text(encoding="utf-8").splitlines()
    wanted = {Requirement(line).name: line for line in lines if line and line[0] not in "#-"}
    rows = [(name, line.partition("==")[2], version(name)) for name, line in wanted.items()]
    return sorted(rows, key=lambda row: row[0].lower())


def machine() -> str:
    """Say on what the book was built: Python, system, processor, number of cores."""
    system = f"{platform.system()} on {platform.machine()}"
    return f"Python {platform.python_version()}, {system}, {os.cpu_count()} processor cores"


class StatusDirective(SphinxDirective):
    """A table of the build."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Keep a place for the table; it is filled when all notebooks have run."""
        kind = self.arguments[0]
        if kind not in ("notebooks", "versions"):
            raise self.error(f"attend-status: {kind!r} is neither 'notebooks' nor 'versions'")
        self.env.attend_status_pages.add(self.env.docname)
        return [build_table(kind=kind)]


def _prepare(app: Sphinx, env: BuildEnvironment, *_: object) -> None:
    for name, start in (("attend_status_pages", set()), ("attend_status_shown", None)):
        if not hasattr(env, name):
            setattr(env, name, start)


def _forget(app: Sphinx, env: BuildEnvironment, page: str) -> None:
    env.attend_status_pages.discard(page)


def _rewrite(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Write the pages of the tables again when a notebook ran since."""
    rows = notebook_rows(_runs(app))
    known, env.attend_status_shown = env.attend_status_shown, rows
    return sorted(env.attend_status_pages) if rows != known else []


def _runs(app: Sphinx) -> dict[str, Run | None]:
    store = Path(app.config.nb_execution_cache_path)
    paths = {page: Path(app.env.doc2path(page)) for page in app.env.found_docs}
    return {page: find_run(store, path) for page, path in paths.items() if path.suffix == ".ipynb"}


def _fill(app: Sphinx, doctree: nodes.document, page: str) -> None:
    for place in list(doctree.findall(build_table)):
        place.replace_self(_shown(app, page, place["kind"]))


def _shown(app: Sphinx, page: str, kind: str) -> list[nodes.Node]:
    if kind == "versions":
        heads = ("package", "pinned", "used")
        pins = Path(app.srcdir) / "requirements.txt"
        return [nodes.paragraph("", f"{machine()}."), table(heads, version_rows(pins))]
    shown = table(("notebook", "ran", "took"), notebook_rows(_runs(app)))
    for text in list(shown.findall(nodes.Text)):
        if text.astext() in app.env.titles:
            text.parent.replace(text, _link(app, page, text.astext()))
    return [shown]


def _link(app: Sphinx, here: str, page: str) -> nodes.reference:
    address = app.builder.get_relative_uri(here, page)
    return nodes.reference("", app.env.titles[page].astext(), internal=True, refuri=address)


def table(heads: Sequence[str], rows: Rows) -> nodes.table:
    """Return a table of text."""
    group = nodes.tgroup(cols=len(heads))
    group += [nodes.colspec(colwidth=1) for _ in heads]
    group += [nodes.thead("", _row(heads)), nodes.tbody("", *[_row(row) for row in rows])]
    return nodes.table("", group, classes=["colwidths-auto"])


def _row(cells: Sequence[str]) -> nodes.row:
    return nodes.row("", *[nodes.entry("", nodes.paragraph("", text)) for text in cells])


def setup(app: Sphinx) -> None:
    """Register the directive, and fill its tables after all pages were read."""
    app.add_node(build_table)
    app.add_directive("attend-status", StatusDirective)
    app.connect("env-before-read-docs", _prepare)
    app.connect("env-purge-doc", _forget)
    app.connect("env-updated", _rewrite)
    app.connect("doctree-resolved", _fill)
