"""The figures of the course: one module per chapter, every number computed by ``attend``.

A figure is a function that takes a `Style` and returns a matplotlib figure. Decorate it with
`figure` and the book finds it as ``module.function``.
"""

from attend_course.kit.figures.registry import Drawn, draw, figure, find, names
from attend_course.kit.figures.style import STYLES, Style, heatmap, read_cells

__all__ = [
    "STYLES",
    "Drawn",
    "Style",
    "draw",
    "figure",
    "find",
    "heatmap",
    "names",
    "read_cells",
]
