"""The translator as a script, for a site that is opened from a disk.

No browser fetches a file from a disk, or starts a thread from one. A script it loads from anywhere.
So the engine and its model are written into one, beside the files that a page from a server
fetches; ``theme/disk.js`` asks for it where there is no server.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

from sphinx.application import Sphinx

from attend_course.kit.engine import ENGINE
from attend_course.kit.explorers.bundle import script

NAME = "disk.js"


def write_scripts(app: Sphinx, exception: Exception | None) -> None:
    """Write a script beside each model of the site that has none."""
    if exception or app.builder.format != "html":
        return
    for model in Path(app.outdir).glob("_static/attend/engine.*/model"):
        if not (model.parent / NAME).exists():
            (model.parent / NAME).write_text(as_script(model), encoding="utf-8")


def as_script(model: Path) -> str:
    """Return a script that holds the engine's thread and the files of a model."""
    files = {
        path.name: base64.b64encode(path.read_bytes()).decode() for path in sorted(model.iterdir())
    }
    held = {"worker": script(ENGINE / "worker.js"), "files": files}
    return f"window.attendDisk = {json.dumps(held, ensure_ascii=True)};\n"


def setup(app: Sphinx) -> None:
    """Write when the files are there, and let pages know what to do on a disk."""
    app.add_js_file("disk.js")
    app.connect("build-finished", write_scripts)
