"""The engine and its model on the site, for the explorers that translate.

A page fetches them only when one of its explorers needs the translator. The folder's name changes
with any of its files, so that no browser mixes old ones with new.
"""

from __future__ import annotations

from pathlib import Path

from sphinx.application import Sphinx

from attend_course.kit.engine import engine_files, engine_folder
from attend_course.site.widget import FOLDER


def copy_engine(app: Sphinx) -> None:
    """Put the engine and the translator's files where the pages' scripts find them."""
    if app.builder.format != "html":
        return
    folder = Path(app.outdir) / "_static" / FOLDER / engine_folder()
    (folder / "model").mkdir(parents=True, exist_ok=True)
    for name, content in engine_files().items():
        (folder / name).write_bytes(content)


def setup(app: Sphinx) -> None:
    """Copy the files when a build begins."""
    app.connect("builder-inited", copy_engine)
