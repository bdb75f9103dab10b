"""How many numbers a Transformer has to learn: Table 3 of the paper, counted again."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from attend.config import TransformerConfig
from attend.models.weights import expected_shapes

VOCABULARY = 37_000
"""The paper's word for it is "about" (its section 5.1)."""
ROUNDED_UP = 40_960
"""What the authors' library had for the same data: ``wmt_ende_bpe32k`` in Tensor2Tensor, 2017."""


class Row(NamedTuple):
    """A row of Table 3.

    Attributes
    ----------
    name
        What differs from the base model, as a reader sees it.
    changed
        The same as sizes by name.
    published
        Parameters in millions.
    """

    name: str
    changed: dict[str, int]
    published: int


TABLE = (
    Row("base", {}, 65),
    Row("d_k = 16", {"d_k": 16}, 58),
    Row("d_k = 32", {"d_k": 32}, 60),
    Row("N = 2", {"N": 2}, 36),
    Row("N = 4", {"N": 4}, 50),
    Row("N = 8", {"N": 8}, 80),
    Row("d_model = 256", {"d_model": 256}, 28),
    Row("d_model = 1024", {"d_model": 1024}, 168),
    Row("d_ff = 1024", {"d_ff": 1024}, 53),
    Row("d_ff = 4096", {"d_ff": 4096}, 90),
    Row("big", {"d_model": 1024, "d_ff": 4096, "h": 16}, 213),
)
"""All rows that have a number. Those with other heads (A) have the base model's; (D) and (E), which
change the training and the positions, give none."""


def count(config: TransformerConfig) -> int:
    """Return how many numbers a Transformer of these sizes learns, the table once."""
    return sum(prod(shape) for shape in expected_shapes(config).values())


def row(name: str) -> Row:
    """Return a row of the table."""
    return next(one for one in TABLE if one.name == name)


def sizes_of(name: str, vocabulary: int = VOCABULARY) -> TransformerConfig:
    """Return the sizes of a row."""
    return TransformerConfig(vocabulary, **row(name).changed)


def ours(name: str, vocabulary: int = VOCABULARY) -> float:
    """Return our count for a row, in millions."""
    return count(sizes_of(name, vocabulary)) / 1e6


def published(name: str) -> int:
    """Return the published number of a row, in millions."""
    return row(name).published


def missing(name: str, vocabulary: int = VOCABULARY) -> float:
    """Return by how many millions the published number is higher than our count."""
    return published(name) - ours(name, vocabulary)


def agreeing(vocabulary: int, biases: bool = False) -> int:
    """Return how many rows our count rounds to the published number.

    Parameters
    ----------
    vocabulary
        Rows of the table of vectors.
    biases
        Whether each of the four projections of an attention has a learned row to add as well, which
        the paper's formulas do not have.
    """
    counts = [
        (one, count(sizes_of(one.name, vocabulary)) + biases * _biases(sizes_of(one.name)))
        for one in TABLE
    ]
    return sum(round(found / 1e6) == one.published for one, found in counts)


def _biases(c: TransformerConfig) -> int:
    return 3 * c.N * (2 * c.h * c.d_k + c.h * c.d_v + c.d_model)


def fitting(name: str) -> tuple[int, int]:
    """Return the shortest and longest table with which our count rounds to the published number."""
    sizes = sizes_of(name)
    rest = count(sizes) - VOCABULARY * sizes.d_model
    low, high = ((published(name) + half) * 1_000_000 - rest for half in (-0.5, 0.5))
    return -int(-low // sizes.d_model), int(high // sizes.d_model)


def fitting_all_but_big() -> tuple[int, int]:
    """Return the shortest and longest table that fits all rows of the base model's kind."""
    ranges = [fitting(one.name) for one in TABLE if one.name != "big"]
    return max(low for low, _ in ranges), min(high for _, high in ranges)


class Parts(NamedTuple):
    """Where the numbers of a model are, in millions."""

    table: float
    attention: float
    feed_forward: float
    norms: float


def parts(name: str = "base") -> Parts:
    """Count the parts of a row apart."""
    totals = dict.fromkeys(Parts._fields, 0)
    for weight, shape in expected_shapes(sizes_of(name)).items():
        totals[_part_of(weight)] += prod(shape)
    return Parts(**{part: total / 1e6 for part, total in totals.items()})


def _part_of(weight: str) -> str:
    if weight == "embedding":
        return "table"
    if "feed_forward" in weight:
        return "feed_forward"
    return "norms" if "norm_" in weight else "attention"


def tied() -> float:
    """Return how many millions of numbers it saves to use one table thrice, in the base model."""
    return 2 * parts("base").table


def row_count() -> int:
    """Return how many rows of the table have a number."""
    return len(TABLE)
