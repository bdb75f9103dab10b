"""A page is never older than the code whose results it shows.

Sphinx rebuilds a page when its text changes, and the store of executed notebooks answers when the
cells are the same. Neither knows that `attend` computes what they show. So a digest of the package
and of the pinned versions goes into both keys: change one line of the softmax, and every page is
written and every notebook run again.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

PINS = ("requirements.txt",)


def sources(root: Path) -> list[Path]:
    """List the files on which results depend, in an order that no file system changes."""
    files = [p for p in (root / "src").rglob("*") if p.is_file() and p.suffix != ".pyc"]
    return sorted(files) + [root / name for name in PINS if (root / name).exists()]


def digest(files: Iterable[Path], root: Path) -> str:
    """Digest names and contents of `files`, as 16 hexadecimal digits."""
    total = hashlib.sha256()
    for path in files:
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{path.relative_to(root).as_posix()} {content}\n".encode())
    return total.hexdigest()[:16]


def use_digest(app: Sphinx, config: Config) -> None:
    """Keep executed notebooks in a folder named by the digest, and drop those of older code."""
    folder = Path(app.outdir).parent / ".notebooks"
    current = folder / config.attend_digest
    for old in folder.glob("*"):
        if old != current:
            shutil.rmtree(old, ignore_errors=True)
    config.nb_execution_cache_path = str(current)


def setup(app: Sphinx) -> None:
    """Make the digest part of the environment: when it changes, every page is read again."""
    root = Path(app.confdir)
    app.add_config_value("attend_digest", digest(sources(root), root), "env", types=[str])
    app.connect("config-inited", use_digest)
