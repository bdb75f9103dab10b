"""The sheet on which the film is drawn: 16 by 9 units, with a strip left free for captions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from attend_course.kit.figures.style import STYLES, score_colours, weight_colours

STYLE = STYLES["dark"]
BACKGROUND = "#18212b"
PIXELS = (1280, 720)
UNITS = (16.0, 9.0)
SCALE = PIXELS[0] / UNITS[0]


def ease(progress: float, start: float = 0.0, end: float = 1.0) -> float:
    """Return how far a part has come that moves from `start` to `end`: from 0 to 1, gently."""
    x = min(1.0, max(0.0, (progress - start) / (end - start)))
    return x * x * (3 - 2 * x)


def turns(progress: float, count: int, start: float = 0.0, end: float = 1.0) -> list[float]:
    """Return how far each of `count` parts has come that begin one after the other."""
    each = (end - start) / count
    return [ease(progress, start + i * each, start + (i + 1) * each) for i in range(count)]


class Canvas:
    """One picture of the film. Lengths are in units, y grows upwards."""

    style = STYLE

    def __init__(self) -> None:
        self.figure = Figure(figsize=UNITS, dpi=SCALE, facecolor=BACKGROUND)
        self.ax = self.figure.add_axes((0, 0, 1, 1))
        self.ax.set(xlim=(0, UNITS[0]), ylim=(0, UNITS[1]))
        self.ax.set_axis_off()

    def pixels(self) -> np.ndarray:
        """Return the picture, (720, 1280, 3), as bytes."""
        drawn = FigureCanvasAgg(self.figure)
        drawn.draw()
        return np.asarray(drawn.buffer_rgba())[..., :3].copy()

    def text(self, x: float, y: float, text: str, size: float = 20, **options: Any) -> None:
        """Write; `shown` from 0 to 1 fades it in. `size` is about that of a letter in pixels."""
        shown = options.pop("shown", 1.0)
        text = text.replace("-", "\N{MINUS SIGN}")
        if shown > 0:
            self.ax.text(
                x, y, text, size=1.2 * size * 72 / SCALE, alpha=shown,
                **{"va": "center", "color": STYLE.ink, **options},
            )  # fmt: skip

    def box(self, corner: tuple[float, float], size: tuple[float, float], **options: Any) -> None:
        """Draw a rectangle; one fades by `alpha`."""
        settings = {"facecolor": "none", "edgecolor": STYLE.line, "linewidth": 1.2, **options}
        self.ax.add_patch(Rectangle(corner, *size, **settings))

    def signed(self, rows: np.ndarray, frame: Frame, most: float, shown: Any = 1.0) -> None:
        """Colour numbers of either sign, 0 as dark as the ground, `most` the brightest."""
        self._cells(score_colours(STYLE)(Normalize(-most, most)(rows)), frame, shown)

    def shares(self, rows: np.ndarray, frame: Frame, shown: Any = 1.0) -> None:
        """Colour weights, from 0 to 1."""
        self._cells(weight_colours(STYLE)(Normalize(0, 1)(rows)), frame, shown)

    def _cells(self, colours: np.ndarray, frame: Frame, shown: Any) -> None:
        colours = np.array(colours)
        colours[..., 3] = np.broadcast_to(shown, colours.shape[:2])
        x, y, width, height = frame
        self.ax.imshow(
            colours, extent=(x, x + width, y, y + height), aspect="auto",
            interpolation="nearest", zorder=1,
        )  # fmt: skip
        self.ax.set(xlim=(0, UNITS[0]), ylim=(0, UNITS[1]))

    def line(self, xs: Sequence[float], ys: Sequence[float], **options: Any) -> None:
        """Draw a line."""
        self.ax.plot(xs, ys, **{"color": STYLE.first, "solid_capstyle": "round", **options})


Frame = tuple[float, float, float, float]
"""Left, bottom, width, height."""
Draw = Callable[[Canvas, float], None]
