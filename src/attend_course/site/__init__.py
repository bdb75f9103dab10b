"""The Sphinx extension of the book: everything the pages do beyond what Jupyter Book brings.

Each part is a module with its own ``setup(app)`` and can be read on its own.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from sphinx.application import Sphinx

PARTS = (
    "settings",
    "freshness",
    "formulas",
    "lean",
    "widget",
    "laboratory",
    "film",
    "question",
    "figure",
    "value",
    "code",
    "claims",
    "launch",
    "address",
    "reference",
    "status",
    "measured",
    "assets",
    "found",
    "cards",
    "disk",
    "offline",
    "scripts",
    "finish",
)


def setup(app: Sphinx) -> dict[str, Any]:
    """Set up every part, in the order of `PARTS`."""
    for name in PARTS:
        import_module(f"{__name__}.{name}").setup(app)
    return {
        "version": "1",
        # What Sphinx stored with an older package may lack what a part now expects to find there.
        "env_version": int(app.config.attend_digest, 16),
        "parallel_read_safe": False,
        "parallel_write_safe": False,
    }
