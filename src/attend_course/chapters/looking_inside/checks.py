"""Checks of chapter 9, "Looking inside"."""

from __future__ import annotations

import numpy as np

from attend import softmax
from attend_course.kit.cases import arrays, weights
from attend_course.kit.checks import Case, Exercise, Mistake
from attend_course.kit.draws import normals, uniforms
from attend_course.kit.rules import without

# ------------------------------------------------------------------------ sure and possible links

Links = np.ndarray


def _error_rate(found: Links, sure: Links, possible: Links) -> float:
    hits = (found & sure).sum() + (found & possible).sum()
    return float(1 - hits / (found.sum() + sure.sum()))


def _links_case(says: str, seed: int, n: int, m: int) -> Case:
    found, sure, more = uniforms(seed, 3 * n * m).reshape(3, n, m)
    sure = sure < 0.3
    sure[0, 0] = True
    return Case(says, (found < 0.4, sure, sure | (more < 0.3)))


_NONE = np.zeros((2, 3), dtype=bool)
_ONE = np.array([[True, False, False], [False, False, False]])

check_error_rate = Exercise(
    name="sure and possible links",
    reference=_error_rate,
    cases=(
        _links_case("three German and three English words", 901, 3, 3),
        _links_case("four German and six English words", 902, 4, 6),
        _links_case("five German words and two English ones", 903, 5, 2),
        Case("no link found, one sure", (_NONE, _ONE, _ONE)),
        Case("all links found, one sure, all possible", (~_NONE, _ONE, ~_NONE)),
    ),
    mistakes=(
        Mistake(
            "possible links left out",
            lambda found, sure, possible: 1 - 2 * (found & sure).sum() / (found.sum() + sure.sum()),
            "You counted the sure links twice and the possible ones not at all. A found link that "
            "is possible counts once, one that is sure counts in both.",
        ),
        Mistake(
            "possible links in the place of sure ones",
            lambda found, sure, possible: (
                1 - 2 * (found & possible).sum() / (found.sum() + possible.sum())
            ),
            "You compared with the possible links alone. To miss a possible link is no mistake: "
            "below the line stand the sure ones.",
        ),
        Mistake(
            "possible links below the line",
            lambda found, sure, possible: (
                1 - ((found & sure).sum() + (found & possible).sum())
                / (found.sum() + possible.sum())
            ),
            "The possible links stand below the line. Then whoever leaves one out is punished; "
            "count the found and the sure links there.",
        ),
        Mistake(
            "the share that agrees",
            lambda found, sure, possible: 1 - _error_rate(found, sure, possible),
            "This is the share that agrees. An error rate is one minus that.",
        ),
        Mistake(
            "what is wrong among the found",
            lambda found, sure, possible: 1 - (found & possible).sum() / max(1, found.sum()),
            "You asked how many of the found links are wrong. Sure links that were not found "
            "count as well.",
        ),
        Mistake(
            "what was missed among the sure",
            lambda found, sure, possible: 1 - (found & sure).sum() / sure.sum(),
            "You asked how many sure links were missed. Found links that are not possible count "
            "as well.",
        ),
        Mistake(
            "cells that differ",
            lambda found, sure, possible: float((found != sure).mean()),
            "You counted the cells that differ, over all cells. Most cells hold no link in either; "
            "count links, not cells.",
        ),
        Mistake(
            "one rate a word",
            lambda found, sure, possible: (
                1 - ((found & sure).sum(axis=1) + (found & possible).sum(axis=1))
                / np.maximum(1, found.sum(axis=1) + sure.sum(axis=1))
            ),
            "This is one number for each German word. One number is asked: sum over all cells.",
        ),
    ),
)  # fmt: skip


# ------------------------------------------------------------------------ what is taken, in shares


def _carried(w: np.ndarray, v: np.ndarray, w_o: np.ndarray) -> np.ndarray:
    return w * np.linalg.norm(v @ w_o, axis=-1)


def _shares(w: np.ndarray, v: np.ndarray, w_o: np.ndarray) -> np.ndarray:
    lengths = _carried(w, v, w_o)
    return lengths / lengths.sum(axis=-1, keepdims=True)


def _shares_case(says: str, seed: int, sizes: tuple[int, int, int, int]) -> Case:
    n, m, d_v, d_model = sizes
    return Case(says, (weights(seed, n, m), *arrays(seed + 1, (m, d_v), (d_v, d_model))))


def _parts_of(w: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    return w * lengths / (w * lengths).sum(axis=-1, keepdims=True)


check_shares = Exercise(
    name="shares of what is taken",
    reference=_shares,
    cases=(
        _shares_case("three queries and three keys, d_v = d_model = 3", 911, (3, 3, 3, 3)),
        _shares_case("four queries and six keys, d_v = 2, d_model = 5", 921, (4, 6, 2, 5)),
        _shares_case("one query and five keys, d_v = 4, d_model = 3", 931, (1, 5, 4, 3)),
        Case(
            "one key whose value is all zeros",
            (weights(941, 2, 3), np.array([[0.0, 0.0], [1.0, 2.0], [3.0, -1.0]]), np.eye(2)),
        ),
    ),
    mistakes=(
        Mistake(
            "the weights",
            lambda w, v, w_o: w.copy(),
            "These are the weights. Each stands for a vector: multiply it by the length of that "
            "key's value behind W_O.",
        ),
        Mistake(
            "lengths, not shares",
            _carried,
            "These are the lengths. Divide each row by its sum, so that shares are left.",
        ),
        Mistake(
            "values before W_O",
            lambda w, v, w_o: _parts_of(w, np.linalg.norm(v, axis=-1)),
            "You measured the values themselves. W_O makes some of them longer than others: "
            "measure v W_O.",
        ),
        Mistake(
            "squared lengths",
            lambda w, v, w_o: _parts_of(w, ((v @ w_o) ** 2).sum(axis=-1)),
            "You took squared lengths. A root is missing.",
        ),
        Mistake(
            "sums of sizes",
            lambda w, v, w_o: _parts_of(w, np.abs(v @ w_o).sum(axis=-1)),
            "You added up the sizes of the components. A length is the root of the sum of squares.",
        ),
        Mistake(
            "columns made to sum to 1",
            lambda w, v, w_o: _carried(w, v, w_o) / _carried(w, v, w_o).sum(axis=0, keepdims=True),
            "Your columns sum to 1. A query takes: divide each row by its sum.",
        ),
        Mistake(
            "all made to sum to 1",
            lambda w, v, w_o: _carried(w, v, w_o) / _carried(w, v, w_o).sum(),
            "All cells together sum to 1. Each query has shares of its own: divide row by row.",
        ),
        Mistake(
            "a softmax of the lengths",
            lambda w, v, w_o: softmax(_carried(w, v, w_o)),
            "A softmax makes shares of scores. Lengths are no scores: divide by their sum.",
        ),
        Mistake(
            "lengths without weights",
            lambda w, v, w_o: _parts_of(np.ones_like(w), np.linalg.norm(v @ w_o, axis=-1)),
            "The weights are missing: a long value of which nothing is taken brings nothing.",
        ),
        Mistake(
            "divided by the length",
            lambda w, v, w_o: _parts_of(w, 1 / np.maximum(1e-9, np.linalg.norm(v @ w_o, axis=-1))),
            "You divided by the lengths. A longer value brings more: multiply.",
        ),
    ),
    rules=(
        without(
            "That is right, and `carried_lengths` did the work. Write it with a norm.",
            "carried_lengths",
        ),
    ),
)


# ------------------------------------------------------------------------ rollout of heads


def _rollout(maps: np.ndarray, share: float) -> np.ndarray:
    found = itself = np.eye(maps.shape[-1])
    for layer in maps.mean(axis=1):
        found = (share * layer + (1 - share) * itself) @ found
    return found


def _in_other_order(maps: np.ndarray, share: float) -> np.ndarray:
    return _rollout(maps[::-1], share)


def _bare(maps: np.ndarray, share: float) -> np.ndarray:
    return _rollout(maps, 1.0)


def _added(maps: np.ndarray, share: float) -> np.ndarray:
    found = itself = np.eye(maps.shape[-1])
    for layer in maps.mean(axis=1):
        found = (layer + itself) @ found
    return found


def _by_heads(maps: np.ndarray, share: float) -> np.ndarray:
    return np.mean([_rollout(maps[:, [h]], share) for h in range(maps.shape[1])], axis=0)


def _mean_of_layers(maps: np.ndarray, share: float) -> np.ndarray:
    return share * maps.mean(axis=(0, 1)) + (1 - share) * np.eye(maps.shape[-1])


def _maps_case(says: str, seed: int, sizes: tuple[int, int, int], share: float) -> Case:
    layers, h, n = sizes
    return Case(says, (softmax(2 * normals(seed, (layers, h, n, n))), share))


check_rollout = Exercise(
    name="rollout with heads and a share",
    reference=_rollout,
    cases=(
        _maps_case("two layers of two heads, three words, a share of 0.3", 951, (2, 2, 3), 0.3),
        _maps_case("three layers of two heads, four words, a share of 0.5", 952, (3, 2, 4), 0.5),
        _maps_case("four layers of three heads, two words, a share of 0.8", 953, (4, 3, 2), 0.8),
        _maps_case("one layer of one head, five words, a share of 1", 954, (1, 1, 5), 1.0),
        _maps_case("two layers of four heads, three words, a share of 0", 955, (2, 4, 3), 0.0),
    ),
    mistakes=(
        Mistake(
            "layers in the other order",
            _in_other_order,
            "The first layer stands on the left. A later layer mixes what the earlier ones made: "
            "it stands on the left of them.",
        ),
        Mistake(
            "no residual connection",
            _bare,
            "The residual connections are left out. Of each layer's row, 1 - share passes by the "
            "attention.",
        ),
        Mistake(
            "the shares changed places",
            lambda maps, share: _rollout(maps, 1 - share),
            "The shares have changed places: `share` belongs to the map, the rest to the row "
            "itself.",
        ),
        Mistake(
            "half in any case",
            lambda maps, share: _rollout(maps, 0.5),
            "You took one half. Here the share is given.",
        ),
        Mistake(
            "added, not shared out",
            _added,
            "You added the map and the identity. Then rows sum to 2, 4, 8, ...: give each a share, "
            "so that they sum to 1.",
        ),
        Mistake(
            "rolled out head by head",
            _by_heads,
            "You rolled out each head number by itself and averaged at the end. Head 1 of one "
            "layer is not joined to head 1 of the next: average the heads of a layer first.",
        ),
        Mistake(
            "the mean over all layers",
            _mean_of_layers,
            "You averaged the layers. They come one after the other: multiply.",
        ),
        Mistake(
            "the last layer alone",
            lambda maps, share: _rollout(maps[-1:], share),
            "This is the last layer alone. Go on to the first.",
        ),
        Mistake(
            "heads and layers changed places",
            lambda maps, share: _rollout(maps.swapaxes(0, 1), share),
            "You went from head to head and averaged layers. Axis 0 is the layers, axis 1 the "
            "heads.",
        ),
        Mistake(
            "maps transposed",
            lambda maps, share: _rollout(maps.swapaxes(-1, -2), share),
            "The maps are transposed. Queries are on rows: row i says what row i is made of.",
        ),
        Mistake(
            "heads added up",
            lambda maps, share: _rollout(maps.sum(axis=1, keepdims=True), share),
            "You added the heads up. Average them, or rows no longer sum to 1.",
        ),
    ),
    rules=(
        without(
            "That is right, and `rollout` of the course did the work. Write the loop.",
            "rollout",
        ),
    ),
)


# ------------------------------------------------------------------------ as far as weights can go


def _as_far(w: np.ndarray, u: np.ndarray) -> np.ndarray:
    falling = u < 0
    return w + (w[falling] / -u[falling]).min() * u


def _moved(w: np.ndarray, u: np.ndarray, step: float) -> np.ndarray:
    return w + step * u


def _clipped(w: np.ndarray, u: np.ndarray) -> np.ndarray:
    cut = np.maximum(0, w + u)
    return cut / cut.sum()


def _change_case(says: str, seed: int, m: int) -> Case:
    bare = normals(seed + 1, m)
    return Case(says, (weights(seed, 1, m)[0], bare - bare.mean()))


check_as_far = Exercise(
    name="as far as weights can go",
    reference=_as_far,
    cases=(
        _change_case("three weights", 961, 3),
        _change_case("six weights", 971, 6),
        _change_case("two weights", 981, 2),
        Case(
            "four weights of which one does not move",
            (np.array([0.4, 0.3, 0.2, 0.1]), np.array([1.0, -1.0, 0.0, 0.0])),
        ),
        Case(
            "a weight that is 0 already and would fall",
            (np.array([0.5, 0.0, 0.5]), np.array([1.0, -0.5, -0.5])),
        ),
    ),
    mistakes=(
        Mistake(
            "as far as the last one",
            lambda w, u: _moved(w, u, (w[u < 0] / -u[u < 0]).max()),
            "You went on until the last falling weight is 0. The first one is negative by then: "
            "stop at the smallest of the steps.",
        ),
        Mistake(
            "the other way",
            lambda w, u: _moved(w, u, -(w[u > 0] / u[u > 0]).min()),
            "You went the other way. Along u: weights with a negative number in u fall.",
        ),
        Mistake(
            "all weights asked",
            lambda w, u: _moved(w, u, np.min(w[u != 0] / np.abs(u[u != 0]))),
            "You asked the weights that grow as well. They set no limit: ask those that fall.",
        ),
        Mistake(
            "one step",
            lambda w, u: w + u,
            "You went one step of length 1. Go on until the first weight is 0.",
        ),
        Mistake(
            "cut off at 0",
            _clipped,
            "You went a step, cut off what was negative, and divided by the sum. That leaves the "
            "direction, and the output changes. Stop in time instead.",
        ),
        Mistake(
            "the length of the way",
            lambda w, u: (w[u < 0] / -u[u < 0]).min(),
            "This is how far it is. Asked are the weights there: w plus that many times u.",
        ),
        Mistake(
            "the smallest weight",
            lambda w, u: _moved(w, u, w.min()),
            "You went as many steps as the smallest weight is large. How soon a weight is 0 "
            "depends on how fast it falls too: divide.",
        ),
        Mistake(
            "the fastest alone",
            lambda w, u: _moved(w, u, w[u.argmin()] / -u.min()),
            "You asked the weight that falls fastest. A slower one may be 0 sooner, if it began "
            "lower.",
        ),
        Mistake(
            "only the change",
            lambda w, u: (w[u < 0] / -u[u < 0]).min() * u,
            "This is the change alone. Add the weights.",
        ),
    ),
    rules=(
        without("That is right, and `room` did the work. Find the step yourself.", "room"),
    ),
)  # fmt: skip
