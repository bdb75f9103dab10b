"""Where the real corpora lie, for tests that use them when they are there.

They are not part of the repository (see the README for where to get them). The folder is
``ATTEND_DATA`` if that is set, else ``../shared/data`` beside the repository.
"""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDER = Path(os.environ.get("ATTEND_DATA") or ROOT.parent / "shared" / "data")


def shared_file(name: str) -> Path:
    """The path of a corpus file, or skip the test that asks for it."""
    path = FOLDER / name
    if not path.is_file():
        pytest.skip(f"{name} is not in the data folder; set ATTEND_DATA to where it is")
    return path
