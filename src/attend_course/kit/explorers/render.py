"""The pictures of explorers, drawn by the modules that browsers run.

A build draws each explorer once, from what ``attend`` computes; the browser's module then finds its
own elements in place. One JavaScript engine draws all of them.
"""

from __future__ import annotations

import atexit
from functools import cache
from typing import Any

from attend_course.kit.explorers.bundle import STATIC, explorer_file, script

__all__ = ["Stage", "stage"]

# The engine knows the language, but nothing of browsers.
BEFORE = """
globalThis.TextEncoder = class {
  encode(text) {
    const bytes = unescape(encodeURIComponent(text.toWellFormed()));
    return Uint8Array.from(bytes, (byte) => byte.charCodeAt(0));
  }
};
"""
AFTER = """
const attend_draw = (name, values, id) =>
  module_render.renderToString(attend_explorers[name].still(values, id));
const attend_say = (name, values) => attend_explorers[name].words(values, values.results);
const attend_compute = (name, values) => attend_explorers[name].compute(values);
"""


class Stage:
    """One JavaScript engine with explorers in it, started at the first picture.

    Parameters
    ----------
    *names : str
        The chapters whose explorers it has.
    """

    def __init__(self, *names: str) -> None:
        self._names = names
        self._engine: Any = None

    def draw(self, name: str, values: dict[str, Any], place: str) -> str:
        """Return the picture of these traits and results as HTML.

        Parameters
        ----------
        name : str
            The explorer's chapter.
        values : dict
            Its traits, and its ``results``.
        place : str
            The id of the element that the picture stands in; ids inside begin with it.
        """
        return str(self._call("draw", name, values, place))

    def say(self, name: str, values: dict[str, Any]) -> str:
        """Return in a sentence or two what the picture shows."""
        return str(self._call("say", name, values))

    def compute(self, name: str, state: dict[str, Any]) -> Any:
        """Return the results as a browser computes them."""
        return self._call("compute", name, state)

    def close(self) -> None:
        """Stop the engine; the interpreter would wait for it for ever."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    def _call(self, what: str, *given: Any) -> Any:
        if self._engine is None:
            self._start()
        return self._engine.call(f"attend_{what}", *given)

    def _start(self) -> None:
        # Notebooks show explorers where this package is not there.
        from py_mini_racer import MiniRacer

        paths = {name: explorer_file(name) for name in self._names}
        known = ", ".join(f"{name}: module_{name}.default" for name in self._names)
        source = script(STATIC / "vendor" / "render.js", *paths.values())
        self._engine = MiniRacer()
        atexit.register(self.close)
        self._engine.eval(f"{BEFORE}{source}const attend_explorers = {{ {known} }};{AFTER}")


@cache
def stage(*names: str) -> Stage:
    """Return the one stage of these explorers."""
    return Stage(*names)
