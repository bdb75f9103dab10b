"""How the process gets its memory from the system: once, instead of at every step."""

import numpy as np

LARGEST = 2**25 - 2**16
"""Bytes of the largest block that the C library of Linux learns from: a little below 32 MiB."""


def keep_freed_memory() -> None:
    """Let the process keep the memory it frees, for the arrays that come next.

    A model frees and asks for the same large arrays at each step. The C library of Linux hands
    such blocks back to the system at once, and when they come anew the system has to clear them,
    4 KB at a time: a tenth of a training step went by with that. But the library learns. When a
    large block is freed, it keeps blocks up to that size from then on, so here one is asked for
    and freed. It is never written to, so it costs nothing. On other systems this does nothing.
    """
    np.empty(LARGEST, np.uint8)
