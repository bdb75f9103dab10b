"""Limits on a process that runs somebody else's code: what it may write, start and use.

Python asks an audit hook before it opens, removes or renames a file, starts a program or opens a
connection, and a hook cannot be taken out again. That keeps an honest mistake from doing harm. It
is no prison: who means harm reaches past it, so run submissions of strangers in a container.
"""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path
from typing import Any

LARGEST_FILE = 16 * 2**20
MEMORY = 8 * 2**30

FORBIDDEN = {
    "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "os.kill", "os.killpg",
    "subprocess.Popen", "socket.connect", "socket.bind", "pty.spawn", "ctypes.dlsym/handle",
}  # fmt: skip
"""What a submission has no use for: other programs, other processes, other machines."""
CHANGES = {
    "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate",
    "os.chmod", "os.chown", "os.utime", "shutil.rmtree", "shutil.move", "shutil.copyfile",
}  # fmt: skip
"""What changes files; it may happen inside the folder only."""
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def confine(folder: Path) -> None:
    """Let this process write in `folder` only, start nothing, and use so much and no more.

    From here on Python raises PermissionError where the code goes beyond that.
    """
    limit(resource.RLIMIT_FSIZE, LARGEST_FILE)
    limit(resource.RLIMIT_CORE, 0)
    if sys.platform == "linux":
        limit(resource.RLIMIT_AS, MEMORY)
    inside = os.path.realpath(folder)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in FORBIDDEN:
            raise PermissionError(f"a submission may not do this: {event}")
        if event in CHANGES or (event == "open" and writes(arguments)):
            for path in filter(is_path, arguments[:2] if event in CHANGES else arguments[:1]):
                if not lies_in(os.fsdecode(path), inside):
                    raise PermissionError(f"a submission may write in its own folder only: {path}")

    sys.addaudithook(hook)


def limit(kind: int, most: int) -> None:
    """Lower a limit of the process; one that is lower already stays."""
    _, hard = resource.getrlimit(kind)
    value = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (value, value))


def writes(arguments: tuple[Any, ...]) -> bool:
    """Tell whether a file is opened for writing."""
    _, mode, flags = (*arguments, None, None)[:3]
    return bool(isinstance(flags, int) and flags & WRITING) or bool(
        isinstance(mode, str) and set(mode) & set("wax+")
    )


def is_path(thing: Any) -> bool:
    """Tell whether an argument names a file, and is no number of an open one."""
    return isinstance(thing, (str, bytes, os.PathLike))


def lies_in(path: str, folder: str) -> bool:
    """Tell whether a path leads into a folder, or to where nothing is kept."""
    real = os.path.realpath(path)
    return real == os.devnull or os.path.commonpath([real, folder]) == folder
