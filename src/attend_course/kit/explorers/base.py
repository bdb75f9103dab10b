"""What all explorers are: traits on one side, one ES module on the other."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, ClassVar

import anywidget
import numpy as np
import traitlets

from attend_course.kit.explorers import drawing
from attend_course.kit.explorers.bundle import bundle, stylesheet
from attend_course.kit.explorers.render import Stage, stage
from attend_course.kit.rooms import parts

__all__ = ["MIME", "Explorer", "all_explorers", "as_lists", "result", "returned"]

MIME = "application/vnd.attend.widget+json"


class Explorer(anywidget.AnyWidget):
    """An explorer: a widget whose picture is computed by ``attend``.

    A subclass names the folder of its chapter in ``module``, tags the traits a reader may set with
    ``sync=True`` and ``state="input"`` or ``state="view"``, and returns from ``_results`` what the
    ES module ``explorer.js`` of that folder draws. Whenever an input changes, the results are
    computed anew and sent in one message. ``title`` names the explorer in texts; ``examples`` are
    settings that the tests try besides the default. ``takes_function`` says whether ``compute``
    has a use.

    Parameters
    ----------
    compute : callable, optional
        The reader's own function in place of the one from ``attend``; each explorer says what it
        is given and must return. If it raises, or returns something unfit, the picture keeps the
        last good numbers, at first those of ``attend``, and says what went wrong.
    **traits
        Values of the traits.

    Attributes
    ----------
    results : dict
        All that the picture shows. ``results["error"]`` is a text if ``compute`` failed, else None.
    answered : dict
        The inputs that the results belong to, and who computed them.

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
    takes_function: ClassVar[bool] = True
    registry: ClassVar[dict[str, type[Explorer]]] = {}
    results = traitlets.Dict(read_only=True).tag(sync=True)
    answered = traitlets.Dict(read_only=True).tag(sync=True)

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
        self._own = compute is None
        super().__init__(**self._own_defaults() | traits)
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
        return {name: copy.deepcopy(getattr(self, name)) for name in self.state_names()}

    @property
    def page_state(self) -> dict[str, Any]:
        """What a page is given to come alive: the settings, and results it cannot compute."""
        return self.state

    @classmethod
    def _own_defaults(cls) -> dict[str, Any]:
        """Copy default lists to the bottom: traitlets would share their rows among explorers."""
        traits = cls.class_traits(state=lambda tag: tag is not None)
        lists = {name: trait for name, trait in traits.items() if isinstance(trait, traitlets.List)}
        return {name: copy.deepcopy(trait.default()) for name, trait in lists.items()}

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
        results = self._answer()
        inputs = {name: getattr(self, name) for name in self.input_names()}
        with self.hold_sync():
            self.set_trait("results", results)
            self.set_trait("answered", {"by": self.computed_by, "inputs": copy.deepcopy(inputs)})

    def _answer(self) -> dict[str, Any]:
        """Compute the results; if the reader's function fails, say so beside the last ones."""
        try:
            results = {**copy.deepcopy(self._results()), "error": None}
        # Whatever a reader's function raises is shown, and the last picture stays.
        except Exception as error:
            if self._compute is None:
                raise
            said = f"{self.computed_by} failed. {type(error).__name__}: {error}"
            last = self.results if self._own else self._without_compute()
            return {**last, "error": said}
        self._own = True
        return results

    def _without_compute(self) -> dict[str, Any]:
        """Return what ``attend`` computes, for a function that failed from the start."""
        given, self._compute = self._compute, None
        try:
            return copy.deepcopy(self._results())
        finally:
            self._compute = given

    def picture(self) -> drawing.Picture:
        """Return the matrix that is shown large."""
        raise NotImplementedError

    def summary(self) -> str:
        """Return in a sentence or two what the picture shows."""
        return _stage().say(self.module, {**self.state, "results": self.results})

    def static_html(self, place: str = "attend-explorer") -> str:
        """Return the picture as HTML that needs no script: what a page shows first and prints.

        ``place`` is the id of the element that it will stand in.
        """
        return _stage().draw(self.module, {**self.state, "results": self.results}, place)

    def _matrix(self, name: str) -> np.ndarray:
        """Return one of the results as an array."""
        if not self._own:
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
        if self._own:
            data["text/html"] = drawing.plain(self.picture())
        # A page cannot run the reader's function, so there its picture stays as it was drawn.
        if self._compute is None:
            data[MIME] = {"module": type(self).__name__, "state": self.state}
        return data, metadata


def _stage() -> Stage:
    return stage(*sorted(kind.module for kind in all_explorers().values()))


def result(name: str, says: str) -> property:
    """Return an attribute of an explorer that is one of its results, as an array."""
    return property(lambda explorer: explorer._matrix(name), doc=says)


def as_lists(matrix: np.ndarray) -> list[Any]:
    """Return an array as nested lists of numbers, ready to be sent."""
    return np.asarray(matrix).tolist()


def returned(
    found: Any, wanted: tuple[int, ...], rule: str = "it should be", name: str | None = None
) -> np.ndarray:
    """Return what a reader's function returned as an array of numbers.

    Parameters
    ----------
    found
        An array, a tensor, or nested lists.
    wanted
        The shape it must have.
    rule
        What has that shape, such as ``"the scores have"``.
    name
        Which of several results it is.

    Raises
    ------
    ValueError
        If it is nothing, has another shape, or holds numbers that are not finite.
    """
    if found is None:
        raise ValueError("it returned nothing; is a return missing?")
    # A tensor that requires a gradient lets nobody read it.
    array = np.asarray(found.detach() if hasattr(found, "detach") else found, dtype=float)
    if array.shape != wanted:
        said = f"{name} has shape" if name else "it returned shape"
        raise ValueError(f"{said} {array.shape}, {rule} {wanted}")
    if not np.isfinite(array).all():
        raise ValueError(
            f"{f'{name} holds' if name else 'it returned'} numbers that are not finite"
        )
    return array


def all_explorers() -> dict[str, type[Explorer]]:
    """Import the explorers of all chapters; return them by their names."""
    parts("explorer")
    return Explorer.registry
