"""One self-contained ES module for each explorer.

Jupyter loads a widget's code from a blob address, where relative imports lead nowhere. So the files
an explorer imports are written into it, each as a function that is called once and returns its
exports. The site uses the same text: there is one build, not two.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

__all__ = ["STATIC", "bundle", "stylesheet"]

STATIC = Path(__file__).parent
CHAPTERS = STATIC.parents[1] / "chapters"
_IMPORT = re.compile(r'^import \{([^}]*)\} from "\.[./\w]*?/([\w-]+)\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=const|let|function|async function|class)", re.MULTILINE)
_NAME = re.compile(r"^export (?:const|let|function|async function|class) (\w+)", re.MULTILINE)


@cache
def bundle(name: str) -> str:
    """Return the module with all it imports.

    Parameters
    ----------
    name : str
        An explorer's file, by its chapter: ``"scaling.js"`` is ``chapters/scaling/explorer.js``.

    Returns
    -------
    str
        JavaScript without imports.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    """
    source = (CHAPTERS / Path(name).stem / "explorer.js").read_text(encoding="utf-8")
    needed = _in_order(source, [])
    return "\n".join([*(_wrapped(stem) for stem in needed), _linked(source)])


@cache
def stylesheet() -> str:
    """Return the style sheet that all explorers share."""
    return (STATIC / "explorer.css").read_text(encoding="utf-8")


def _in_order(source: str, found: list[str]) -> list[str]:
    """List the imported modules, those that others need first."""
    for _, stem in _IMPORT.findall(source):
        if stem not in found:
            _in_order((STATIC / f"{stem}.js").read_text(encoding="utf-8"), found)
            found.append(stem)
    return found


def _wrapped(stem: str) -> str:
    source = (STATIC / f"{stem}.js").read_text(encoding="utf-8")
    names = ", ".join(_NAME.findall(source))
    inside = _EXPORT.sub("", _linked(source))
    return f"const module_{stem} = (() => {{\n{inside}\nreturn {{ {names} }};\n}})();\n"


def _linked(source: str) -> str:
    """Turn each import into a look at the module that stands above."""
    return _IMPORT.sub(
        lambda found: f"const {{{_renamed(found[1])}}} = module_{found[2]};\n", source
    )


def _renamed(names: str) -> str:
    return re.sub(r"(\w+) as (\w+)", r"\1: \2", names)
