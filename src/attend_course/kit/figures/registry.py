"""How a figure is found by its name, drawn in a style, and written as SVG."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from html import unescape

import matplotlib
from matplotlib.figure import Figure

from attend_course.kit.figures.style import STYLES, Style
from attend_course.kit.fonts import SANS, SANS_STACK, embedded
from attend_course.kit.rooms import part, parts

FigureFunction = Callable[[Style], Figure]

TEXT = re.compile(r"<text\b([^>]*)>(.*?)</text>", re.DOTALL)
TAG = re.compile(r"<[^>]*>")
BOLD = re.compile(r"font-weight: ?(?:bold|[6-9]00)|font: ?[^;\"]*\b(?:bold|[6-9]00)\b")
_FIGURES: dict[str, FigureFunction] = {}


def figure(function: FigureFunction) -> FigureFunction:
    """Register a drawing function under ``chapter.function``, the name that pages use."""
    enter(f"{function.__module__.split('.')[-2]}.{function.__name__}", function)
    return function


def enter(name: str, function: FigureFunction) -> None:
    """Register a drawing function under a name of its own, in place of one that had it."""
    _FIGURES[name] = function


def find(name: str) -> FigureFunction:
    """Return the drawing function called `name`.

    Parameters
    ----------
    name
        Module and function, such as ``"scaling.scores_grow"``.

    Raises
    ------
    ValueError
        When no figure has this name; the message lists those of the module.
    """
    if name not in _FIGURES:
        part(name.partition(".")[0], "figures")
    if name not in _FIGURES:
        known = ", ".join(sorted(_FIGURES)) or "none"
        raise ValueError(f"no figure is called {name!r}; figures found: {known}")
    return _FIGURES[name]


def names() -> tuple[str, ...]:
    """Return the names of all figures of the course, in order."""
    parts("figures")
    return tuple(sorted(_FIGURES))


@dataclass(frozen=True)
class Drawn:
    """One figure in one style, as SVG text with its size in CSS pixels."""

    name: str
    style: str
    svg: str
    width: int
    height: int

    @property
    def file_name(self) -> str:
        """A file name that changes when the picture does."""
        digest = hashlib.sha256(self.svg.encode()).hexdigest()[:10]
        return f"{self.name}-{self.style}-{digest}.svg"

    def _repr_svg_(self) -> str:
        # A notebook may have a dark page: there the picture brings its own paper.
        paper = '<rect width="100%" height="100%" fill="#ffffff"/>'
        return re.sub(r"(<svg[^>]*>)", rf"\1{paper}", self.svg, count=1)

    def __repr__(self) -> str:
        return f"<figure {self.name}, {self.style}, {self.width} by {self.height} pixels>"


def draw(name: str, style: Style | str = "light") -> Drawn:
    """Draw the figure called `name` as SVG: the same bytes on every call.

    Parameters
    ----------
    name
        Module and function, such as ``"scaling.scores_grow"``.
    style
        A `Style`, or the name of one of `STYLES`.
    """
    chosen = STYLES[style] if isinstance(style, str) else style
    function = find(name)
    with matplotlib.rc_context(chosen.rc()):
        picture = function(chosen)
        svg = _svg(picture)
    width, height = (round(96 * inches) for inches in picture.get_size_inches())
    return Drawn(name, chosen.name, svg, width, height)


def _svg(picture: Figure) -> str:
    buffer = io.StringIO()
    # A date would make every build of the same picture a different file.
    picture.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    svg = re.sub(r"[ \t]+$", "", buffer.getvalue(), flags=re.MULTILINE)
    return _with_font(svg).replace(f"'{SANS}'", SANS_STACK)


def _with_font(svg: str) -> str:
    """Put the letters that a drawing shows into it: a picture cannot use the fonts of its page."""
    shown: dict[int, set[str]] = {}
    for attributes, inside in TEXT.findall(svg):
        weight = 700 if BOLD.search(attributes + inside) else 400
        shown.setdefault(weight, set()).update(unescape(TAG.sub("", inside)))
    rules = "".join(
        embedded(frozenset(letters), weight) for weight, letters in sorted(shown.items())
    )
    own = rules.replace(f"'{SANS}'", f'"{SANS}"')
    return re.sub(r"(<svg[^>]*>)", lambda m: f"{m.group(1)}<style>{own}</style>", svg, count=1)
