"""Writing files so that a crash leaves the old one or the new one, never half of one."""

import os
import re
from collections.abc import Iterable
from pathlib import Path


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
