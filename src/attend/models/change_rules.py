"""What a change of a model may say; `attend.models.changes` makes it."""

from collections.abc import Mapping, Sequence
from math import inf, isfinite
from typing import Any

from attend.config import TransformerConfig

Change = Mapping[str, Any]

PARTS = ("scaling", "positions", "causal mask", "residual connections")
"""What a model can do without."""
KINDS = ("encoder", "decoder", "memory")
PLACE = ("kind", "layer", "head", "query")
NEEDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "off": ((), PLACE),
    "alone": (("head",), PLACE),
    "uniform": ((), PLACE),
    "row": (("row",), PLACE),
    "hidden": (("token",), ()),
    "without": (("part",), ()),
    "temperature": (("value",), ()),
}
"""What each change must say, and what it may."""


def check(change: Change, config: TransformerConfig) -> None:
    """Refuse what is no change of a model of these sizes.

    Raises
    ------
    ValueError
        That names the change, and what it needs.
    """
    make = change.get("make") if isinstance(change, Mapping) else None
    if not isinstance(make, str) or make not in NEEDS:
        raise ValueError(
            f"a change is a table with 'make', one of {sorted(NEEDS)}; received {change!r}"
        )
    must, may = NEEDS[make]
    said = {name: value for name, value in change.items() if name != "make"}
    wrong = [name for name in must if name not in said]
    wrong += [name for name in said if name not in (*must, *may)]
    wrong += [name for name, value in said.items() if not is_right(name, value, config)]
    if wrong:
        raise ValueError(
            f"the change {dict(change)!r} is wrong in {', '.join(dict.fromkeys(wrong))}; {make!r} "
            f"must say {list(must)} and may say {[n for n in may if n not in must]}. The model "
            f"has N={config.N} layers and h={config.h} heads, counted from 0"
        )


def is_right(name: str, value: Any, config: TransformerConfig) -> bool:
    """Tell whether a value can stand at a name."""
    most = {"layer": config.N, "head": config.h, "query": inf, "token": inf}
    if name in most:
        return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < most[name]
    if name == "row":
        listed = isinstance(value, Sequence) and not isinstance(value, str)
        return listed and all(is_number(x) and x >= 0 for x in value)
    if name == "value":
        return is_number(value) and value > 0
    return isinstance(value, str) and value in (KINDS if name == "kind" else PARTS)


def is_number(value: Any) -> bool:
    """Tell whether a value is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
