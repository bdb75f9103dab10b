"""More cases of every exercise than a reader runs: sizes and numbers drawn by hypothesis."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from attend import softmax
from attend_course.chapters.encoder_decoder.checks import _model
from attend_course.chapters.training.checks import padded_targets

SIZES = st.integers(1, 5)
Draw = Callable[[Any], Any]
STRATEGIES: dict[str, st.SearchStrategy[tuple]] = {}


def strategy(name: str) -> Callable[[Callable], Callable]:
    """Register how the arguments of an exercise are drawn: a function of a generator and sizes."""

    def register(make: Callable[..., tuple]) -> Callable[..., tuple]:
        sizes = st.lists(SIZES, min_size=6, max_size=6)
        seeds = st.integers(0, 2**32 - 1)
        STRATEGIES[name] = st.builds(
            lambda seed, drawn: make(np.random.default_rng(seed).normal, *drawn), seeds, sizes
        )
        return make

    return register


@cache
def drawn(name: str, count: int = 40) -> list[tuple]:
    """Return drawn arguments of an exercise, the same in every run."""
    found = []

    @settings(
        max_examples=count,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(STRATEGIES[name])
    def collect(arguments: tuple) -> None:
        found.append(arguments)

    collect()
    return found


@strategy("encoder_decoder.check_mask")
def _(normal: Draw, n: int, m: int, *_: int) -> tuple:
    return (n + m - 1,)


@strategy("encoder_decoder.check_greedy")
def _(normal: Draw, n: int, m: int, *_: int) -> tuple:
    seed = int(abs(normal()) * 1e6)
    return _model(seed, 4 + n + m), 1 + 4 * n


@strategy("encoder_decoder.check_words")
def _(normal: Draw, n: int, m: int, *_: int) -> tuple:
    starts = normal(size=m) > 0
    starts[0] = False
    return softmax(normal(size=(n, m))), starts.cumsum()


@strategy("encoder_decoder.check_change")
def _(normal: Draw, n: int, m: int, *_: int) -> tuple:
    return softmax(normal(size=(n, m))), softmax(normal(size=(n, m)))


@strategy("queries_keys_values.check_hard_lookup")
def _(normal: Draw, m: int, d_k: int, d_v: int, *_: int) -> tuple:
    return normal(size=d_k), 3 * normal(size=(m, d_k)), normal(size=(m, d_v))


@strategy("queries_keys_values.check_queries_keys_values")
def _(normal: Draw, n: int, m: int, d: int, d_k: int, d_v: int, *_: int) -> tuple:
    return tuple(normal(size=s) for s in ((n, d), (m, d), (d, d_k), (d, d_k), (d, d_v)))


@strategy("queries_keys_values.check_self_attention")
def _(normal: Draw, n: int, d: int, d_k: int, d_v: int, *_: int) -> tuple:
    return tuple(normal(size=s) for s in ((n, d), (d, d_k), (d, d_k), (d, d_v)))


@strategy("scores.check_one_score")
def _(normal: Draw, d_k: int, *_: int) -> tuple:
    return normal(size=d_k), normal(size=d_k)


@strategy("scores.check_all_scores")
def _(normal: Draw, b: int, n: int, m: int, d_k: int, *_: int) -> tuple:
    return normal(size=(b, n, d_k)), normal(size=(b, m, d_k))


@strategy("scores.check_best_key")
@strategy("scores.check_cosines")
def _(normal: Draw, n: int, m: int, d_k: int, *_: int) -> tuple:
    return normal(size=(n, d_k)), 2 * normal(size=(m, d_k))


@strategy("scaling.check_scores_of_words")
def _(normal: Draw, n: int, d: int, d_k: int, *_: int) -> tuple:
    return normal(size=(n, d)), normal(size=(d, d_k)), normal(size=(d, d_k))


@strategy("scaling.check_stable_softmax")
def _(normal: Draw, n: int, m: int, size: int, *_: int) -> tuple:
    return (10.0**size * normal(size=(n, m)),)


@strategy("scaling.check_masked_weights")
def _(normal: Draw, n: int, m: int, size: int, *_: int) -> tuple:
    mask = normal(size=(n, m)) > 0
    return np.where(mask, 3 * normal(size=(n, m)), 4.0**size * normal(size=(n, m))), mask


@strategy("scaling.check_temperature")
def _(normal: Draw, n: int, m: int, t: int, *_: int) -> tuple:
    return normal(size=(n, m)), t / 2


@strategy("weighted_sum.check_mixture")
def _(normal: Draw, n: int, m: int, d_v: int, *_: int) -> tuple:
    return np.exp(normal(size=(n, m))), normal(size=(m, d_v))


@strategy("weighted_sum.check_attention")
def _(normal: Draw, n: int, m: int, d_k: int, d_v: int, *_: int) -> tuple:
    mask = normal(size=(n, m)) > 0
    mask[:, 0] = True
    return *(2 * normal(size=s) for s in ((n, d_k), (m, d_k), (m, d_v))), mask


@strategy("weighted_sum.check_score_gradient")
def _(normal: Draw, m: int, d_v: int, *_: int) -> tuple:
    return softmax(normal(size=m)), normal(size=(m, d_v)), normal(size=d_v)


@strategy("weighted_sum.check_weights_of_a_point")
def _(normal: Draw, *_: int) -> tuple:
    corners = normal(size=(3, 2)) + 3 * np.array([[1, 0], [-1, 1], [-1, -1]])
    return softmax(normal(size=3)) @ corners, corners


@strategy("multi_head.check_cut")
def _(normal: Draw, b: int, n: int, h: int, d: int, *_: int) -> tuple:
    return normal(size=(b, n, h * d)), h


@strategy("multi_head.check_multi_head")
def _(normal: Draw, n: int, m: int, d: int, h: int, d_k: int, d_v: int) -> tuple:
    shapes = ((n, d), (m, d), (d, h * d_k), (d, h * d_k), (d, h * d_v), (h * d_v, d))
    return *(normal(size=s) for s in shapes), h


@strategy("multi_head.check_heads_off")
def _(normal: Draw, h: int, n: int, d_v: int, d: int, *_: int) -> tuple:
    off = [head for head in range(h) if normal() > 0]
    return normal(size=(h, n, d_v)), normal(size=(h * d_v, d)), off


@strategy("multi_head.check_keys_in_use")
def _(normal: Draw, n: int, m: int, *_: int) -> tuple:
    mask = normal(size=(n, m)) > -0.5
    mask[:, 0] = True
    return (softmax(np.where(mask, normal(size=(n, m)), -np.inf)),)


@strategy("whole_transformer.check_memory")
def _(normal: Draw, n: int, m: int, d: int, d_k: int, d_v: int, *_: int) -> tuple:
    filled = normal(size=m) > 0.3
    filled[0] = False
    shapes = ((n, d), (m, d), (d, d_k), (d, d_k), (d, d_v))
    return *(normal(size=s) for s in shapes), filled


@strategy("whole_transformer.check_encoding")
def _(normal: Draw, n: int, half: int, times: int, *_: int) -> tuple:
    return n * times, 2 * half


@strategy("whole_transformer.check_norm")
def _(normal: Draw, n: int, d: int, size: int, *_: int) -> tuple:
    return 10.0 ** (size - 3) * normal(size=(n, d + 1)) + 1, normal(size=d + 1), normal(size=d + 1)


@strategy("whole_transformer.check_count")
def _(normal: Draw, more: int, N: int, half: int, d_ff: int, h: int, d: int) -> tuple:
    return 3 + more, N, 2 * half, d_ff, h, d, 1 + (d + h) % 4


@strategy("training.check_shift")
def _(normal: Draw, *lengths: int) -> tuple:
    return (padded_targets(*lengths[:4], seed=int(abs(normal()) * 1e6)),)


@strategy("training.check_loss")
def _(normal: Draw, n: int, vocabulary: int, share: int, *_: int) -> tuple:
    target = np.abs(2 * normal(size=n)).astype(int) % (vocabulary + 2)
    target[0] = 1
    return 3 * normal(size=(n, vocabulary + 2)), target, share / 10


@strategy("training.check_adam")
def _(normal: Draw, steps: int, d: int, *_: int) -> tuple:
    return normal(size=(steps, d)) * 10.0 ** normal(size=d), abs(normal())


@strategy("training.check_matches")
def _(normal: Draw, a: int, b: int, n: int, *_: int) -> tuple:
    words, reference = (np.abs(2 * normal(size=3 * size)).astype(int) for size in (a, b))
    return words, reference, 1 + n % 3


@strategy("looking_inside.check_error_rate")
def _(normal: Draw, n: int, m: int, *_: int) -> tuple:
    found, sure, more = normal(size=(3, n, m)) > 0.4
    sure[0, 0] = True
    return found, sure, sure | more


@strategy("looking_inside.check_shares")
def _(normal: Draw, n: int, m: int, d_v: int, d: int, *_: int) -> tuple:
    return softmax(normal(size=(n, m))), normal(size=(m, d_v)), normal(size=(d_v, d))


@strategy("looking_inside.check_rollout")
def _(normal: Draw, layers: int, h: int, n: int, *_: int) -> tuple:
    return softmax(normal(size=(layers, h, n, n))), float(softmax(normal(size=2))[0])


@strategy("looking_inside.check_as_far")
def _(normal: Draw, m: int, *_: int) -> tuple:
    change = normal(size=m + 1)
    return softmax(normal(size=m + 1)), change - change.mean()
