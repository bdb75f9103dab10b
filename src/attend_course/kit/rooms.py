"""Find what a chapter's folder holds: its example, figures, checks or explorer.

A new chapter is found by its folder. Nothing here, and nothing above, lists the chapters.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from types import ModuleType

CHAPTERS = "attend_course.chapters"


def chapters() -> tuple[str, ...]:
    """Return the names of the chapters' folders, in the order of the alphabet."""
    package = importlib.import_module(CHAPTERS)
    return tuple(sorted(found.name for found in pkgutil.iter_modules(package.__path__)))


def part(chapter: str, name: str) -> ModuleType | None:
    """Import ``chapters/CHAPTER/NAME.py``; None if the chapter or the file is not there."""
    path = f"{CHAPTERS}.{chapter}"
    if chapter not in chapters() or importlib.util.find_spec(f"{path}.{name}") is None:
        return None
    return importlib.import_module(f"{path}.{name}")


def parts(name: str) -> dict[str, ModuleType]:
    """Import the file of this name of every chapter that has one."""
    found = {chapter: part(chapter, name) for chapter in chapters()}
    return {chapter: module for chapter, module in found.items() if module is not None}
