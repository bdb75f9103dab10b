"""The translator in plain JavaScript: what a page computes with, where there is no Python.

The files are ES modules and stand beside this one. ``worker.js`` is what a page starts, by
``client.js``; the model is read from the files that `attend.translator` ships. README.md says how
an explorer asks.
"""

import hashlib
from functools import cache
from pathlib import Path

from attend.translator.translator import SHIPPED
from attend_course.kit.explorers.bundle import lean_script

__all__ = ["ENGINE", "MODEL", "engine_files", "engine_folder"]

ENGINE = Path(__file__).parent
MODEL = ("checksums.json", "config.json", "tokenizer.json", "weights.safetensors")
"""The files of the translator that a page fetches."""


@cache
def engine_files() -> dict[str, bytes]:
    """Return what stands in the engine's folder on a site, by the names it has there.

    The scripts are joined into one: a browser would ask for them in four rounds.
    """
    worker = lean_script(ENGINE / "worker.js").encode()
    model = {f"model/{name}": (SHIPPED / name).read_bytes() for name in MODEL}
    return {"worker.js": worker} | model


@cache
def engine_folder() -> str:
    """Name the engine's folder on a site; it changes with any of the files, so caches may stay."""
    files = engine_files()
    digest = hashlib.sha256(files["worker.js"] + files["model/checksums.json"])
    return f"engine.{digest.hexdigest()[:10]}"
