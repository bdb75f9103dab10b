"""The translator in plain JavaScript: what a page computes with, where there is no Python.

The files are ES modules and stand beside this one. ``worker.js`` is what a page starts, by
``client.js``; the model is read from the files that `attend.translator` ships. README.md says how
an explorer asks.
"""

import hashlib
from functools import cache
from pathlib import Path

from attend.translator.translator import SHIPPED

__all__ = ["ENGINE", "MODEL", "engine_files", "engine_folder"]

ENGINE = Path(__file__).parent
MODEL = ("checksums.json", "config.json", "tokenizer.json", "weights.safetensors")
"""The files of the translator that a page fetches."""


def engine_files() -> dict[str, Path]:
    """Return what must stand in the engine's folder on a site, by the names it has there."""
    scripts = {path.name: path for path in sorted(ENGINE.glob("*.js"))}
    return scripts | {f"model/{name}": SHIPPED / name for name in MODEL}


@cache
def engine_folder() -> str:
    """Name the engine's folder on a site; it changes with any of the files, so caches may stay."""
    digest = hashlib.sha256()
    for path in sorted([*ENGINE.glob("*.js"), SHIPPED / "checksums.json"]):
        digest.update(path.read_bytes())
    return f"engine.{digest.hexdigest()[:10]}"
