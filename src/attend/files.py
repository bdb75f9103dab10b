"""Writing files so that a crash leaves the old one or the new one, never half of one."""

import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Write `content` beside the target first, then move it into place.

    Parameters
    ----------
    path
        The file; what it held before is replaced at the last moment.
    content
        What it shall hold.
    """
    path = Path(path)
    # Not tempfile: its files can be read by their owner alone, and so could what we write.
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def read_json(path: Path) -> Any:
    """Read a JSON file that a program of ours wrote.

    Raises
    ------
    ValueError
        If it is no JSON in UTF-8, or nested so deeply that nobody of ours wrote it.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} is damaged: {type(error).__name__}: {error}; copy it again"
        ) from error


def remove_half_written(folder: Path, names: Iterable[str]) -> None:
    """Remove what a killed `write_atomically` left beside the files of these names.

    Parameters
    ----------
    folder
        Where to look. Other files in it stay, whatever they are called.
    names
        The files, as regular expressions.
    """
    ours = re.compile(rf"(?:{'|'.join(names)})\.\d+\.tmp")
    for path in folder.glob("*.tmp"):
        if ours.fullmatch(path.name):
            path.unlink(missing_ok=True)
