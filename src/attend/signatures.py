"""What a signature says about its arrays, read once.

``q: Float[Array, "... n d_k"], k: Float[Array, "... m d_k"]`` is a rule: `q` holds floating-point
numbers and has at least two dimensions, and its last is as long as the last of `k`. What stands for
``...`` must broadcast over all arrays. ``#n`` is n, or 1. `attend.arrays.checked` asks for it, and
`attend.comparison` compares.
"""

import inspect
from collections.abc import Callable, Iterator
from functools import wraps
from types import NoneType, UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

KINDS = ("Float", "Bool", "Integer")
"""What numbers of an array may be asked for; ``Shaped`` is anything."""


class Expected(NamedTuple):
    """An array, or a number, that a signature asks for.

    Attributes
    ----------
    place
        Which argument of a call it is, or belongs to.
    path
        The name of the argument, and the attributes that lead from there: ``p``, ``W_Q``.
    leads
        Whether any dimensions may stand before the named ones: ``...``.
    letters
        The named dimensions.
    kind
        What is in it: ``Float``, ``Bool``, ``Integer``, ``Shaped`` (anything), ``int``, ``float``.
    types
        The types of number that are of this kind; empty if all are.
    optional
        Whether None may stand in its place.
    """

    place: int
    path: tuple[str, ...]
    leads: bool
    letters: tuple[str, ...]
    kind: str
    types: frozenset[str]
    optional: bool

    @property
    def name(self) -> str:
        """What an error calls it."""
        return ".".join(self.path)

    def __str__(self) -> str:
        words = ["..."] * self.leads + [letter.split("@")[0] for letter in self.letters]
        return f"{self.name} ({', '.join(words)}{',' * (len(words) == 1 and not self.leads)})"


def read(function: Callable[..., Any]) -> tuple[Expected, ...]:
    """Read what a function's signature asks for."""
    parameters = inspect.signature(function).parameters
    shared = {letter for p in parameters.values() for letter in _letters(p.annotation)}
    return tuple(
        expected
        for place, (name, parameter) in enumerate(parameters.items())
        for expected in _read(place, (name,), parameter.annotation, shared, False)
    )


def _read(
    place: int, path: tuple[str, ...], annotation: Any, shared: set[str], optional: bool
) -> Iterator[Expected]:
    alternatives = _alternatives(annotation)
    optional = optional or NoneType in alternatives
    for said in alternatives:
        if hasattr(said, "dim_str"):
            kind, words = said.__name__.split("[")[0], said.dim_str.split()
            leads = words[:1] == ["..."]
            # A letter that only the attributes of an argument have is theirs alone.
            own = "@" + ".".join(path[:-1])
            letters = tuple(w if w.strip("#") in shared else w + own for w in words[leads:])
            types = frozenset(said.dtypes if kind in KINDS else ())
            yield Expected(place, path, leads, letters, kind, types, optional)
        elif said is int or said is float:
            yield Expected(place, path, False, (), said.__name__, frozenset(), optional)
        elif hasattr(said, "_fields"):
            for field, kind in inspect.get_annotations(said).items():
                yield from _read(place, (*path, field), kind, shared, optional)


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    """Take ``X | None`` apart. ``Annotated[Any, X]`` is anything with the attributes of X."""
    if get_origin(annotation) is Annotated:
        return annotation.__metadata__
    if get_origin(annotation) in (Union, UnionType):
        return tuple(said for one in get_args(annotation) for said in _alternatives(one))
    return (annotation,)


def _letters(annotation: Any) -> Iterator[str]:
    for said in _alternatives(annotation):
        yield from getattr(said, "dim_str", "").replace("#", "").split()


# --------------------------------------------------------------------- another with the same names


class _Bare(str):
    """A name that stands in a signature without quotes."""

    __slots__ = ()
    __repr__ = str.__str__


def like(function: Callable[..., Any], lines: str, **known: Any) -> Callable[..., Any]:
    """Write a function with the parameters of another.

    One that takes ``*given, **named`` and hands them on would do, but a call of it takes twice the
    time, and a model makes thousands.

    Parameters
    ----------
    function
        Whose name and parameters it has.
    lines
        What it does. ``{call}`` hands all arguments on as they came, ``{names}`` lists them,
        ``{named}`` gives each by its name, and ``{first}`` is the first.
    **known
        What the lines speak of besides, with names that no parameter has.
    """
    parameters = inspect.signature(function).parameters.values()
    defaults = {f"default_{p.name}": p.default for p in parameters if p.default is not p.empty}
    bare = [
        p.replace(
            annotation=p.empty,
            default=p.empty if p.default is p.empty else _Bare(f"default_{p.name}"),
        )
        for p in parameters
    ]
    names = [p.name for p in parameters]
    named = [f"{name}={name}" for name in names]
    call = [n if p.kind is p.KEYWORD_ONLY else p.name for n, p in zip(named, bare, strict=True)]
    said = {"call": call, "names": names, "named": named, "first": names[:1]}
    body = lines.format(**{what: ", ".join(words) for what, words in said.items()})
    written: dict[str, Any] = known | defaults
    source = f"def {function.__name__}{inspect.Signature(bare)}:\n{body}"
    exec(compile(source, f"<what asks {function.__qualname__}>", "exec"), written)
    return wraps(function)(written[function.__name__])
