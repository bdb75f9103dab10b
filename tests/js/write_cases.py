"""Write cases.json: what `attend` computes, for the browser's engine to compute again.

Run it after a change of the mathematics: ``python tests/js/write_cases.py``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from attend.attention import attention, masked_softmax, scores, softmax
from attend.masks import causal_mask, padding_mask
from attend.positions import positional_encoding
from attend_course.kit.draws import normals, token_seed, token_vectors, uniforms

FILE = Path(__file__).with_name("cases.json")
# n queries, m keys, d_k, d_v
SHAPES = [
    (1, 1, 1, 1),
    (1, 5, 2, 3),
    (2, 2, 1, 4),
    (3, 3, 4, 4),
    (2, 7, 3, 1),
    (4, 4, 8, 2),
    (5, 6, 16, 3),
    (7, 7, 5, 5),
    (8, 8, 2, 2),
    (6, 9, 7, 4),
    (12, 12, 6, 3),
    (16, 16, 64, 8),
]
EXTREMES = [0.0, 1e-300, 1e-8, 30.0, 800.0, 1e5, 1e30, 1e300]


def draw(seed: int, *shape: int) -> np.ndarray:
    """Return seeded numbers with few digits, so that the file stays small."""
    return normals(seed, shape).round(3)


def masks(n: int, m: int, seed: int) -> dict[str, np.ndarray | None]:
    """Return a mask of every kind that fits n queries and m keys."""
    holes = uniforms(seed, n * m).reshape(n, m) > 0.5
    holes[0] = False
    row = padding_mask((np.arange(m) < max(1, m - 2)).astype(int))
    kinds = {"none": None, "row": row, "holes": holes, "nothing": np.zeros((n, m), dtype=bool)}
    return kinds | ({"causal": causal_mask(n, m)} if n <= m else {})


def attention_cases() -> Iterator[tuple[str, list[Any], Any]]:
    """Attention over shapes, masks and scales."""
    for place, (n, m, d_k, d_v) in enumerate(SHAPES):
        q, k, v = draw(place, n, d_k), draw(place + 100, m, d_k), draw(place + 200, m, d_v)
        for mask in masks(n, m, place).values():
            for scale in (None, 1.0) if d_k < 64 else (None,):
                output, weights = attention(q, k, v, mask, scale=scale)
                yield "attention", [q, k, v, mask, scale], {"output": output, "weights": weights}


def score_cases() -> Iterator[tuple[str, list[Any], Any]]:
    """Scores with the paper's factor and with others."""
    for place, (n, m, d_k, _) in enumerate(SHAPES[:-1]):
        q, k = draw(place + 300, n, d_k), draw(place + 400, m, d_k)
        for scale in (None, 1.0, 0.25):
            yield "scores", [q, k, scale], scores(q, k, scale)


def softmax_cases() -> Iterator[tuple[str, list[Any], Any]]:
    """Rows of every size, up to scores that overflow a careless exponential."""
    for place, size in enumerate(EXTREMES):
        for n in (1, 2, 9):
            row = draw(place + 500, n) * size
            yield "softmax", [row], softmax(row)
            both = np.stack([row, -row])
            mask = np.stack([np.arange(n) > 0, np.arange(n) < 1])
            yield "maskedSoftmax", [both, mask], masked_softmax(both, mask)
    yield "softmax", [np.array([112 / 8, 96 / 8])], softmax(np.array([14.0, 12.0]))


def mask_cases() -> Iterator[tuple[str, list[Any], Any]]:
    """Masks."""
    for n, m in [(1, 1), (1, 4), (3, 3), (2, 6), (5, 5), (16, 16)]:
        yield "causalMask", [n, m], causal_mask(n, m)
    for tokens in ([1], [0], [3, 0, 0], [0, 5, 0, 7], [2, 2, 2]):
        yield "paddingMask", [tokens], padding_mask(np.array(tokens))


def position_cases() -> Iterator[tuple[str, list[Any], Any]]:
    """Positional encodings, near the beginning and far from it."""
    for n, d_model, start in [(1, 2, 0), (3, 4, 0), (5, 6, 7), (2, 64, 1000), (4, 10, 99)]:
        yield "positionalEncoding", [n, d_model, start], positional_encoding(n, d_model, start)


def draw_cases() -> Iterator[tuple[str, list[Any], Any]]:
    """The seeded generator, which must agree to more digits than pictures need."""
    words = ["rain", "Rain", "", "naïve", "雨", "🌧️", "שלום", "<b>", '"', "a" * 300]
    for seed in (0, 1, 3, 2**31, 2**32 - 1):
        yield "uniforms", [seed, 5], uniforms(seed, 5)
        yield "normals", [seed, 7], normals(seed, 7)
    for seed, word in enumerate(words):
        yield "tokenSeed", [word, "q", seed], token_seed(word, "q", seed)
        yield (
            "tokenVectors",
            [[word, "rain"], "k", 3, seed],
            token_vectors([word, "rain"], "k", 3, seed),
        )


def plain(value: Any) -> Any:
    """Return arrays as lists, without digits that differ between machines."""
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    return float(f"{value:.14g}") if isinstance(value, float) else value


def cases() -> list[dict[str, Any]]:
    """Compute all cases."""
    kinds = (
        attention_cases,
        score_cases,
        softmax_cases,
        mask_cases,
        position_cases,
        draw_cases,
    )
    return [
        {"function": function, "arguments": plain(arguments), "result": plain(result)}
        for kind in kinds
        for function, arguments, result in kind()
    ]


def main() -> None:
    """Write the file, one case a line."""
    lines = [json.dumps(case, ensure_ascii=False, separators=(",", ":")) for case in cases()]
    FILE.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
