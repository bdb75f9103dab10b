"""The engine and its model on the site, for the page that holds the laboratory.

A page asks for them only when the laboratory comes near the screen. The folder's name changes with
any of its files, so that no browser mixes old ones with new.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from sphinx.application import Sphinx

from attend.translator.translator import SHIPPED
from attend_course.chapters.laboratory.explorer import engine_folder
from attend_course.kit.engine import ENGINE
from attend_course.site.widget import FOLDER

MODEL = ("checksums.json", "config.json", "tokenizer.json", "weights.safetensors")


def copy_engine(app: Sphinx) -> None:
    """Put the engine and the translator's files where the page's script finds them."""
    if app.builder.format != "html":
        return
    folder = Path(app.outdir) / "_static" / FOLDER / engine_folder()
    (folder / "model").mkdir(parents=True, exist_ok=True)
    for path in ENGINE.glob("*.js"):
        shutil.copy(path, folder)
    for name in MODEL:
        shutil.copy(SHIPPED / name, folder / "model")


def setup(app: Sphinx) -> None:
    """Copy the files when a build begins."""
    app.connect("builder-inited", copy_engine)
