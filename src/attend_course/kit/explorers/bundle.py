"""The modules of explorers as one text each, where modules cannot import each other.

Explorers are ES modules that import from the kit. Jupyter loads a widget's code from a blob
address, where relative imports lead nowhere; the engine that draws pages runs scripts; and browsers
load no module from a disk. So the files that are imported are written into one text, each as a
function that is called once and returns its exports. `bundle` is for Jupyter, `script` for the
engine, `page_scripts` for pages, where explorers share what most of them need.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path

from attend_course.kit.small import small

__all__ = [
    "STATIC",
    "asks",
    "bundle",
    "lean_script",
    "page_scripts",
    "script",
    "scripts_for",
    "stylesheet",
]

STATIC = Path(__file__).parent
CHAPTERS = STATIC.parents[1] / "chapters"
PAGE = STATIC / "page.js"
TRANSLATOR = STATIC / "translator.js"
_IMPORT = re.compile(r'^import \{([^}]*)\} from "(\.[./\w-]+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(
    r"^export (?:default |(?=(?:const|let|function|async function|class) ))", re.MULTILINE
)
_NAMES = re.compile(
    r"^export (?:const|let|function|async function|class) (?:(\w+)|\{([^}]*)\})", re.MULTILINE
)
# What is left of imports after linking. No pattern begins with "any letters": a vendored file is
# one long line, on which that takes seconds.
_LEFT = re.compile(r"^\s*(?:import|export)\b.*|\bimport\s*\(.*|\bimport\.meta\b.*", re.MULTILINE)
_COMMENT = re.compile(r"^\s*//.*\n|^\s+", re.MULTILINE)


@cache
def bundle(name: str) -> str:
    """Return an explorer as one ES module, for Jupyter.

    Parameters
    ----------
    name : str
        The folder of its chapter: ``"scaling"`` is ``chapters/scaling/explorer.js``.

    Returns
    -------
    str
        JavaScript without imports, with the explorer as its default export.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a file imports or exports in a form that is not understood here.
    """
    path = explorer_file(name)
    return script(path) + f"export default {_module(path)}.default;\n"


def explorer_file(name: str) -> Path:
    """Return where the explorer of a chapter stands."""
    return CHAPTERS / name / "explorer.js"


def script(*paths: Path) -> str:
    """Return these modules, and what they import, as a script with a constant for each."""
    return "".join(_wrapped(path) for path in _in_order(*paths))


def lean_script(*paths: Path) -> str:
    """Return the same for a page: without comment lines and indentation."""
    return _lean(script(*paths))


@cache
def page_scripts(*names: str) -> dict[str, str]:
    """Return the scripts of pages: ``"attend"``, ``"translator"``, then one for each explorer.

    What most explorers import, and what brings them to life, stands in ``"attend"``, which a
    browser then has for all chapters; what only a few import would make every page larger. What
    asks the translator stands by itself: most pages have no use for it.
    """
    explorers = {name: explorer_file(name) for name in names}
    uses = Counter(path for explorer in explorers.values() for path in _in_order(explorer))
    asking = [path for path in _in_order(TRANSLATOR) if path in _asking()]
    often = (p for p, count in uses.items() if 2 * count > len(names) and p not in asking)
    shared = _in_order(*often, PAGE)
    asking = [path for path in _in_order(TRANSLATOR) if path not in shared]
    scripts = {"attend": _shared(shared), "translator": _added(shared, asking)}
    for name, path in explorers.items():
        known = [*shared, *(asking if asks(name) else ())]
        own = [other for other in _in_order(path) if other not in known]
        kept = f"attend.explorers.{name} = {_module(path)}.default;"
        scripts[name] = _lean(_inside(known, own, kept))
    return scripts


def asks(name: str) -> bool:
    """Tell whether an explorer asks the translator of its page."""
    return TRANSLATOR in _in_order(explorer_file(name))


def scripts_for(*names: str) -> list[str]:
    """List the scripts that a page with these explorers loads, in their order."""
    needed = ["translator"] if any(map(asks, names)) else []
    return ["attend", *needed, *sorted(names)] if names else []


def _asking() -> set[Path]:
    """Return the modules that nothing imports but what asks the translator."""
    return {TRANSLATOR, (STATIC.parent / "engine" / "client.js").resolve()}


def _added(known: list[Path], paths: list[Path]) -> str:
    given = ", ".join(map(_module, paths))
    return _lean(_inside(known, paths, f"Object.assign(attend, {{ {given} }});"))


def _inside(known: list[Path], own: list[Path], last: str) -> str:
    """Return a script in which modules are at hand, some of its own, and a last line."""
    names, inside = ", ".join(map(_module, known)), "".join(map(_wrapped, own))
    return f"(() => {{\nconst {{ {names} }} = attend;\n{inside}{last}\n}})();\n"


def _shared(paths: list[Path]) -> str:
    known = ", ".join(["explorers", *map(_module, paths)])
    inside = "".join(map(_wrapped, paths))
    start = f"{_module(PAGE)}.start(explorers);"
    return _lean(
        f"const attend = (() => {{\nconst explorers = {{}};\n{inside}{start}\n"
        f"return {{ {known} }};\n}})();\n"
    )


@cache
def stylesheet() -> str:
    """Return the style sheet that all explorers share."""
    return (STATIC / "explorer.css").read_text(encoding="utf-8")


@cache
def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _in_order(*paths: Path) -> list[Path]:
    """List modules with all that they import, those that others need first."""
    order: list[Path] = []
    for path in paths:
        needed = _in_order(*((path.parent / found).resolve() for _, found in _imports(path)))
        order += [other for other in [*needed, path] if other not in order]
    return order


def _imports(path: Path) -> list[tuple[str, str]]:
    return _IMPORT.findall(_read(path))


@cache
def _wrapped(path: Path) -> str:
    source = _read(path)
    names = [one or several for one, several in _NAMES.findall(source)]
    if re.search("^export default ", source, re.MULTILINE):
        names.append("default: _default")
    inside = _EXPORT.sub(_exported, _linked(path))
    if left := _LEFT.search(re.sub(r"//.*", "", inside)):
        raise ValueError(f"{path.name}: {left[0].strip()[:80]!r} is not understood by bundle.py")
    return (
        f"const {_module(path)} = (() => {{\n{inside}\nreturn {{ {', '.join(names)} }};\n}})();\n"
    )


def _exported(found: re.Match[str]) -> str:
    return "const _default = " if "default" in found[0] else ""


def _linked(path: Path) -> str:
    """Turn each import into a look at the module that stands above."""

    def look(found: re.Match[str]) -> str:
        names = re.sub(r"(\w+) as (\w+)", r"\1: \2", found[1])
        return f"const {{{names}}} = {_module((path.parent / found[2]).resolve())};\n"

    return _IMPORT.sub(look, _read(path))


def _module(path: Path) -> str:
    name = path.parent.name if path.name == "explorer.js" and path.parent != STATIC else path.stem
    return "module_" + re.sub(r"\W", "_", name)


def _lean(source: str) -> str:
    """Leave out what no reader of a page misses, also the indentation inside templates."""
    return small(_COMMENT.sub("", source))
