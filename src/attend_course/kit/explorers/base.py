"""What all explorers are: traits on one side, one ES module on the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import anywidget
import numpy as np
import traitlets

from attend_course.kit.explorers import drawing
from attend_course.kit.explorers.bundle import bundle, stylesheet
from attend_course.kit.rooms import parts

__all__ = ["MIME", "Explorer", "all_explorers"]

MIME = "application/vnd.attend.widget+json"


class Explorer(anywidget.AnyWidget):
    """An explorer: a widget whose picture is computed by ``attend``.

    A subclass names its ES module in ``module``, tags the traits a reader may set with
    ``sync=True, state=True``, and returns from ``_results`` what the module draws. Whenever such a
    trait changes, the results are computed anew and sent in one message. ``title`` names the
    explorer for screen readers; ``examples`` are settings that the tests try besides the default.

    Parameters
    ----------
    compute : callable, optional
        The reader's own function in place of the one from ``attend``; each explorer says what it
        is given and must return. If it raises, or returns something unfit, the picture keeps the
        last good numbers and says what went wrong.
    **traits
        Values of the traits.

    Attributes
    ----------
    results : dict
        All that the picture shows. ``results["error"]`` is a text if ``compute`` failed, else None.

    Raises
    ------
    traitlets.TraitError
        If a trait is given a value it may not have; the message names the rule and the value.
    TypeError
        If there is no trait of that name, or compute cannot be called.
    """

    module: ClassVar[str]
    title: ClassVar[str]
    examples: ClassVar[list[dict[str, Any]]] = []
    registry: ClassVar[dict[str, type[Explorer]]] = {}
    results = traitlets.Dict(read_only=True).tag(sync=True)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        # Widgets make a subclass of their own for each instance; only a named module is a new one.
        if "module" in vars(cls):
            cls._esm, cls._css = bundle(cls.module), stylesheet()
            Explorer.registry[cls.__name__] = cls
        super().__init_subclass__(**kwargs)

    def __init__(self, *, compute: Callable[..., Any] | None = None, **traits: Any) -> None:
        unknown = sorted(set(traits) - set(self.trait_names()))
        if unknown:
            known = ", ".join(self.state_names())
            raise TypeError(
                f"{type(self).__name__} has no setting {', '.join(unknown)}; it has {known}"
            )
        if compute is not None and not callable(compute):
            raise TypeError(f"compute must be a function, got {compute!r}")
        self._compute = compute
        super().__init__(**traits)
        self.observe(self._update, names=self.input_names())
        self._update()

    @classmethod
    def state_names(cls) -> list[str]:
        """Return the traits a reader may set, in the order they are written."""
        return list(cls.class_traits(state=lambda tag: tag is not None))

    @classmethod
    def input_names(cls) -> list[str]:
        """Return the traits that the results depend on; the others only choose what is seen."""
        return list(cls.class_traits(state="input"))

    @property
    def state(self) -> dict[str, Any]:
        """The settings as plain values: with them the same explorer can be made again."""
        return {name: getattr(self, name) for name in self.state_names()}

    @property
    def computed_by(self) -> str | None:
        """The name of the reader's function; None if ``attend`` computes."""
        return (
            None if self._compute is None else getattr(self._compute, "__name__", "your function")
        )

    def _results(self) -> dict[str, Any]:
        """Compute what the picture shows, as numbers, texts and nested lists."""
        raise NotImplementedError

    def _update(self, change: Any = None) -> None:
        try:
            results = {**self._results(), "error": None}
        # Whatever a reader's function raises is shown, and the last picture stays.
        except Exception as error:
            if self._compute is None:
                raise
            said = f"{self.computed_by} failed. {type(error).__name__}: {error}"
            results = {**self.results, "error": said}
        self.set_trait("results", results)

    def picture(self) -> drawing.Picture:
        """Return the matrix that is shown large."""
        raise NotImplementedError

    def summary(self) -> str:
        """Return in a sentence or two what the picture shows."""
        raise NotImplementedError

    def static_html(self) -> str:
        """Return the picture as HTML that needs no script: what a page shows first and prints."""
        table = drawing.box("scroll", drawing.heat_map(self.picture(), "weights"))
        words = drawing.element("p", {"class": "attend-summary"}, self.summary())
        return drawing.frame(self.title, table, words)

    def _matrix(self, name: str) -> np.ndarray:
        """Return one of the results as an array."""
        if name not in self.results:
            raise ValueError(f"there are no {name} yet: {self.results['error']}")
        return np.array(self.results[name])

    def __repr__(self) -> str:
        """Name what differs from the default settings; the same on every machine."""
        default = {name: self.class_traits()[name].default() for name in self.state_names()}
        values = {name: getattr(self, name) for name in default}
        settings = [f"{n}={v!r}" for n, v in values.items() if v != default[n]]
        if self._compute is not None:
            settings.append(f"compute={self.computed_by}")
        return f"{type(self).__name__}({', '.join(settings)})"

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        data, metadata = super()._repr_mimebundle_(**kwargs) or ({}, {})
        data["text/plain"] = repr(self)
        if "tokens" in self.results:
            data["text/html"] = drawing.plain(self.picture(), self.summary())
        # A page cannot run the reader's function, so there its picture stays as it was drawn.
        if self._compute is None:
            data[MIME] = {"module": type(self).__name__, "state": self.state}
        return data, metadata


def as_lists(matrix: np.ndarray) -> list[Any]:
    """Return an array as nested lists of numbers, ready to be sent."""
    return np.asarray(matrix).tolist()


def all_explorers() -> dict[str, type[Explorer]]:
    """Import the explorers of all chapters; return them by their names."""
    parts("explorer")
    return Explorer.registry
