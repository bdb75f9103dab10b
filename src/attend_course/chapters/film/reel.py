"""The film as a whole: its pictures one after the other, its captions, and what it stands on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np

from attend.translator.translator import SHIPPED
from attend_course.chapters.film.canvas import STYLE, Canvas
from attend_course.chapters.film.script import Scene, all_scenes
from attend_course.kit import fonts
from attend_course.kit.figures import style

PER_SECOND = 20
FADE = 8
"""Pictures over which one scene fades into the next."""
HERE = Path(__file__).parent


class Caption(NamedTuple):
    """What is said from one second to another."""

    begin: float
    end: float
    text: str


def seconds() -> float:
    """Return how long the film is."""
    return sum(scene.seconds for scene in all_scenes())


def begins() -> list[float]:
    """Return the second at which each scene begins."""
    lengths = [scene.seconds for scene in all_scenes()]
    return [float(sum(lengths[:number])) for number in range(len(lengths))]


def captions() -> list[Caption]:
    """Return all captions in their order."""
    found = []
    for begin, scene in zip(begins(), all_scenes(), strict=True):
        each = scene.seconds / len(scene.says)
        found += [
            Caption(begin + i * each, begin + (i + 1) * each, text)
            for i, text in enumerate(scene.says)
        ]
    return found


def clock(second: float) -> str:
    """Write a time as WebVTT wants it."""
    minutes, rest = divmod(second, 60)
    return f"{int(minutes):02}:{rest:06.3f}"


def track() -> str:
    """Return the captions as a WebVTT file."""
    cues = (f"{clock(c.begin)} --> {clock(c.end)}\n{c.text}\n" for c in captions())
    return "WEBVTT\n\n" + "\n".join(cues)


def pictures() -> Iterator[np.ndarray]:
    """Draw the film, picture by picture: (720, 1280, 3) bytes each."""
    picture = Canvas().pixels()
    for scene in all_scenes():
        before = picture
        for number, picture in enumerate(_shown(scene), start=1):
            yield picture if number >= FADE else _mixed(before, picture, number / FADE)


def _shown(scene: Scene) -> Iterator[np.ndarray]:
    """Draw a scene; what stands still is drawn once."""
    moving = round(scene.moving * PER_SECOND)
    for number in range(round(scene.seconds * PER_SECOND)):
        if number <= moving:
            picture = drawn(scene, number / moving)
        yield picture


def drawn(scene: Scene, progress: float) -> np.ndarray:
    """Draw one picture of a scene."""
    settings: Any = STYLE.rc()
    with mpl.rc_context(settings):
        canvas = Canvas()
        scene.draw(canvas, progress)
        return canvas.pixels()


def _mixed(before: np.ndarray, picture: np.ndarray, share: float) -> np.ndarray:
    return np.rint(before + share * (picture.astype(float) - before)).astype(np.uint8)


def poster() -> np.ndarray:
    """Return the picture that stands for the film: both sentences, joined by the weights."""
    return drawn(all_scenes()[-1], 1.0)


def digest() -> str:
    """Return a digest of all that the film is made from: its code, its look, and the weights."""
    sources = [*sorted(HERE.glob("*.py")), Path(style.__file__), SHIPPED / "checksums.json"]
    sources += [fonts.HERE / f"sans-{weight}.ttf" for weight in fonts.WEIGHTS]
    joined = b"".join(hashlib.sha256(path.read_bytes()).digest() for path in sources)
    return hashlib.sha256(joined).hexdigest()
