"""Change a trained Transformer, and see what the part was good for.

A change is plain data, so that it can stand in a notebook, travel to a browser, or lie in a file::

    {"make": "off", "kind": "memory", "layer": 3, "head": 1}   # a head gives nothing
    {"make": "alone", "kind": "memory", "layer": 3, "head": 1}  # the others of its layer do
    {"make": "uniform", "kind": "encoder", "head": 0}          # the same weight for every key
    {"make": "row", "kind": "encoder", "layer": 0, "head": 2, "query": 1, "row": [0, 1]}
    {"make": "hidden", "token": 4}              # nobody may attend to this source token
    {"make": "without", "part": "scaling"}      # or "positions", "causal mask",
                                                # "residual connections"
    {"make": "temperature", "value": 2.0}       # divides the logits

Of ``kind``, ``layer``, ``head`` and ``query``, what is not named is left open: without ``layer``, a
change holds in every layer. The keys of a ``row`` that it does not name get the weight 0, and a key
that the query may not attend to keeps it; the row is taken as it is, whatever its sum. Several
changes of one row of weights are made in their order.

The model's code knows nothing of this. It is built with the functions of
`attend.layers.Operations`, and a changed model is built with others.
"""

from collections.abc import Callable, Sequence
from copy import copy
from functools import partial
from typing import Any, NamedTuple, TypeVar

from jaxtyping import Float, Integer

from attend.arrays import Array, namespace
from attend.attention import Attend, masked_softmax, scores, softmax
from attend.layers import Operations, Where, remember, say
from attend.masks import padding_mask
from attend.models.change_rules import Change, check
from attend.state import State

Model = TypeVar("Model", bound=Any)


def changed(model: Model, changes: Sequence[Change]) -> Model:
    """Return the same model with some things changed; `model` itself stays as it is.

    Parameters
    ----------
    model
        An `attend.models.array_transformer.ArrayTransformer` or an
        `attend.models.torch_transformer.Transformer`. A model that is changed already keeps its
        changes.
    changes
        What to change; see the head of this file.

    Returns
    -------
    other
        Shares the weights with `model`. It decodes and is recorded like any model.

    Raises
    ------
    ValueError
        If a change is none, or names a layer or a head that the model does not have.
    TypeError
        If the model cannot be changed, as one that is stored as a graph.

    Examples
    --------
    >>> from attend.translator.translator import shipped
    >>> odd = changed(shipped().model, [{"make": "hidden", "token": 5}])
    """
    before = getattr(model, "change", None)
    if before is None:
        raise TypeError(
            f"a {type(model).__name__} cannot be changed; take the model that it was made from"
        )
    for change in changes:
        check(change, model.config)
    other = copy(model)
    other.change = Changes((*getattr(before, "changes", ()), *changes))
    return other


class Changes(NamedTuple):
    """Changes of a model, ready to be made."""

    changes: tuple[Change, ...]

    def __call__(self, operations: Operations) -> Operations:
        """Return the functions to compute with instead."""
        parts = [change["part"] for change in self.of("without")]
        for part in parts:
            operations = WITHOUT[part](operations)
        rewrites = [change for change in self.changes if change["make"] in REWRITES]
        scale = 1.0 if "scaling" in parts else None
        hidden = [change["token"] for change in self.of("hidden")]
        temperature = 1.0
        for change in self.of("temperature"):
            temperature *= change["value"]
        return operations._replace(
            at=partial(rewriting, changes=rewrites, scale=scale),
            visible=partial(visible, hidden=hidden),
            say=lambda x, embedding: say(x, embedding) / temperature,
        )

    def of(self, make: str) -> list[Change]:
        """List the changes of one sort."""
        return [change for change in self.changes if change["make"] == make]


# ------------------------------------------------------------------- what is left out of the paper


def nowhere(x: Float[Array, "... n d_model"], start: int) -> Float[Array, "n d_model"]:
    """Add nothing where a position is added (section 3.5)."""
    return namespace(x).zeros_like(x[0])


def read_again(tokens: Integer[Array, "batch n"], state: State) -> tuple[Array, State]:
    """Read all tokens anew: without the causal mask, earlier ones look at the new one too."""
    if state.tokens is not None:
        tokens = namespace(tokens).concatenate([state.tokens, tokens], axis=1)
    layers = tuple(layer._replace(past=None) for layer in state.layers)
    return tokens, State(layers, state.memory_mask, 0, tokens)


WITHOUT: dict[str, Callable[[Operations], Operations]] = {
    "scaling": lambda o: o,  # it is part of `rewritten`
    "positions": lambda o: o._replace(place=nowhere),
    "causal mask": lambda o: o._replace(causal=lambda n, m, like: None, remember=read_again),
    "residual connections": lambda o: o._replace(add=lambda x, change: change),
}


def visible(tokens: Integer[Array, "batch m"], pad: int, hidden: Sequence[int]) -> Array:
    """Forbid every query to attend to padding, and to the tokens at some places."""
    mask = padding_mask(tokens, pad)
    for place in hidden:
        # A copy: a mask that somebody holds does not change under their hands.
        mask = mask & (namespace(tokens).arange(mask.shape[-1], device=mask.device) != place)
    return mask


# ----------------------------------------------------------------------------- weights by hand


def rewriting(
    attend: Attend, where: Where, changes: Sequence[Change], scale: float | None
) -> Attend:
    """Return the attention function of a place: another one, if something is changed there."""
    here = [c for c in changes if fits(c, "kind", where.kind) and fits(c, "layer", where.layer)]
    if not here and scale is None:
        return attend
    return partial(rewritten, where=where, changes=here, scale=scale)


def fits(change: Change, name: str, value: int | str) -> bool:
    """Tell whether a change holds for a value: it names that, or none."""
    return change.get(name, value) == value


def rewritten(
    q: Array,
    k: Array,
    v: Array,
    mask: Array | None = None,
    *,
    where: Where,
    changes: Sequence[Change],
    scale: float | None,
) -> tuple[Array, Array]:
    """Attend as equation (1) says, but change the weights before they are used."""
    weights = masked_softmax(scores(q, k, scale), mask)
    xp = namespace(weights)
    allowed = xp.ones_like(weights) * (1 if mask is None else mask)
    for change in changes:
        new, elsewhere = REWRITES[change["make"]](change, allowed)
        weights = xp.where(chosen(change, weights, where.first, elsewhere), new, weights)
    return weights @ v, weights


def chosen(change: Change, weights: Array, first: int, elsewhere: bool) -> Array:
    """Mark the heads and queries of a map that a change is about, (h, n, 1)."""
    h, n, _ = weights.shape[-3:]
    xp, place = namespace(weights), {"device": weights.device}
    head, query = xp.arange(h, **place)[:, None, None], xp.arange(first, first + n, **place)
    is_head = (head == change.get("head", head)) != elsewhere
    return is_head & (query == change.get("query", query))[None, :, None]


def off(change: Change, allowed: Array) -> tuple[Array, bool]:
    """Give no key any weight."""
    return 0.0 * allowed, False


def alone(change: Change, allowed: Array) -> tuple[Array, bool]:
    """Give no key any weight in the other heads."""
    return 0.0 * allowed, True


def uniform(change: Change, allowed: Array) -> tuple[Array, bool]:
    """Give every key that may be attended to the same weight."""
    return allowed / allowed.sum(axis=-1, keepdims=True).clip(1), False


def row(change: Change, allowed: Array) -> tuple[Array, bool]:
    """Take the weights that somebody wrote."""
    xp, m = namespace(allowed), allowed.shape[-1]
    given = [*change["row"][:m], *[0.0] * (m - len(change["row"]))]
    return allowed * xp.asarray(given, dtype=allowed.dtype, device=allowed.device), False


REWRITES: dict[str, Callable[[Change, Array], tuple[Array, bool]]] = {
    "off": off,
    "alone": alone,
    "uniform": uniform,
    "row": row,
}


# ------------------------------------------------------------------------------------ how far apart


def distance(
    model: Any, other: Any, source: Integer[Array, "1 m"], target: Integer[Array, "1 n"]
) -> float:
    """Say how far two models are apart on one sentence, from 0 to 1.

    Both read the source and, piece by piece, the same translation. At each place they say what may
    follow; the share of the probability that one would have to move to agree with the other (the
    total variation distance) is averaged over the places.

    Parameters
    ----------
    model, other
        Usually a model, and what `changed` made of it.
    source
        A sentence.
    target
        A translation, the end included: usually the model's own.

    Returns
    -------
    float
        0 if they agree everywhere, 1 if they put all their probability on different pieces.
    """
    apart = abs(shares(model, source, target) - shares(other, source, target)).sum(axis=-1) / 2
    return float(apart.mean())


def shares(model: Any, source: Array, target: Array) -> Float[Array, "n vocabulary"]:
    """Let a model read a translation; return the probability of what may follow at each place."""
    xp = namespace(source, target)
    start = xp.full_like(target[:, :1], model.config.start)
    given = xp.concatenate([start, target[:, :-1]], axis=1)
    # A model that reads its tokens again may not have the later ones yet.
    size = given.shape[1] if model.operations.remember is remember else 1
    state, rows = model.start(source), []
    for place in range(0, given.shape[1], size):
        logits, state = model.step(given[:, place : place + size], state)
        rows.append(softmax(logits[0]))
    return xp.concatenate(rows, axis=0)
