"""The running example of chapter 6, "Multi-head attention".

One sentence, read by the translator of the course: every attention map of its encoder, and what
each head adds to the output. Beside it a worked case with two numbers a word, in which two heads
do what no single head can.

The model is computed in double precision here, so that a rounded number is the same on every
machine. Layers and heads are counted from 0, as in the code; pages count them from 1.
"""

from __future__ import annotations

import json
from functools import lru_cache
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np

from attend.attention import (
    HeadProjections,
    keys_values,
    merge_heads,
    multi_head_attention,
    scores,
    split_heads,
)
from attend.config import TransformerConfig
from attend.config import base as base_config
from attend.layers import encoder_layer
from attend.models.recording import record_attention
from attend.text.corpus import pad
from attend.transformer import embed
from attend.translator.translator import SHIPPED
from attend_course.kit.exact import model, saved

SENTENCE = "My sister sold her old car."
TOKENS = ("My", "sister", "sold", "her", "old", "car", ".")
"""The pieces into which the translator cuts the sentence: six words and the full stop."""

EVERYDAY = SHIPPED.parent / "everyday.json"


# ------------------------------------------------------------------------ the trained model


def config() -> TransformerConfig:
    """Return the sizes of the translator."""
    return model().config


@lru_cache(maxsize=64)
def tokens(sentence: str = SENTENCE) -> tuple[int, ...]:
    """Return the numbers of a sentence's pieces."""
    tokenizer = saved().tokenizer
    assert tokenizer is not None
    return tuple(tokenizer.encode(sentence))


@lru_cache(maxsize=64)
def inputs(sentence: str = SENTENCE) -> tuple[np.ndarray, ...]:
    """Return what the self-attention of each encoder layer is given: each (n, d_model)."""
    parameters = model().parameters
    x = embed(np.array([tokens(sentence)]), parameters)
    found = []
    for layer in parameters.encoder:
        found.append(x[0])
        x, _ = encoder_layer(x, layer)
    return tuple(found)


def projections(layer: int = 0) -> SimpleNamespace:
    """Return W_Q, W_K, W_V, W_O and h of an encoder layer's self-attention."""
    return model().parameters.encoder[layer].self_attention


def head_scores(layer: int = 0, sentence: str = SENTENCE) -> np.ndarray:
    """Return the scaled scores of every head of a layer: (h, n, n)."""
    x, p = inputs(sentence)[layer], projections(layer)
    return scores(split_heads(x @ p.W_Q, p.h), split_heads(x @ p.W_K, p.h))


def head_weights(layer: int = 0, sentence: str = SENTENCE) -> np.ndarray:
    """Return the attention map of every head of a layer: (h, n, n), each row sums to 1."""
    x = inputs(sentence)[layer]
    weights = multi_head_attention(x, x, x, projections(layer))[1]
    assert weights is not None
    return weights


def wide_queries(layer: int = 0) -> np.ndarray:
    """Return the queries of all heads side by side: (n, h * d_k)."""
    return inputs()[layer] @ projections(layer).W_Q


def queries(layer: int = 0) -> np.ndarray:
    """Return the queries of every head: (h, n, d_k)."""
    return split_heads(wide_queries(layer), projections(layer).h)


def head_outputs(layer: int = 0) -> np.ndarray:
    """Return the mixtures of every head: (h, n, d_v)."""
    x, p = inputs()[layer], projections(layer)
    return head_weights(layer) @ keys_values(x, x, p).v


def concatenated(layer: int = 0) -> np.ndarray:
    """Return the mixtures of all heads side by side: (n, h * d_v)."""
    return merge_heads(head_outputs(layer))


def output(layer: int = 0) -> np.ndarray:
    """Return the output of a layer's multi-head attention: (n, d_model)."""
    return concatenated(layer) @ projections(layer).W_O


def carried(layer: int = 0) -> np.ndarray:
    """Return each head's values after its own rows of W_O: (h, n, d_model).

    Weighted and added over the keys they are what the head adds to the output.
    """
    x, p = inputs()[layer], projections(layer)
    _, v = keys_values(x, x, p)
    return v @ p.W_O.reshape(p.h, -1, p.W_O.shape[1])


def head_parts(layer: int = 0) -> np.ndarray:
    """Return what each head adds to the output of its layer: (h, n, d_model)."""
    return head_weights(layer) @ carried(layer)


@lru_cache(maxsize=1)
def shown_scores() -> list[list[list[list[float]]]]:
    """Return the scores of all layers for the explorer, rounded: (N, h, n, n) as lists."""
    return np.round([head_scores(layer) for layer in range(config().N)], 4).tolist()


@lru_cache(maxsize=1)
def shown_products() -> list[list[list[float]]]:
    """Return the dot products of what the heads of each layer carry, rounded, as lists.

    They are all that the explorer needs to tell how long each head's part is, and their sum. Of
    the symmetric (h * n, h * n) only the lower half is kept: row r holds r + 1 numbers.
    """
    rows = [carried(layer).reshape(-1, config().d_model) for layer in range(config().N)]
    whole = np.round([x @ x.T for x in rows], 3).tolist()
    return [[row[: place + 1] for place, row in enumerate(matrix)] for matrix in whole]


# ------------------------------------------------------------------------ patterns of heads

PATTERNS = {"before": -1, "itself": 0, "after": 1}
"""Where a head may look, seen from the query: so many places to the right."""
FEATURES = ("before", "itself", "after", "last piece", "keys in use")
SHOWN_FEATURES = ("before", "itself", "after", "keys in use")
"""The features for each of which the leading head is drawn."""


def share_at(weights: np.ndarray, offset: int) -> np.ndarray:
    """Return the mean weight on the key `offset` places to the right of the query.

    Queries without such a key do not count.

    Parameters
    ----------
    weights
        Attention maps, (..., n, n).
    offset
        0 for the query's own place, -1 for the one before it.
    """
    return np.diagonal(weights, offset, axis1=-2, axis2=-1).mean(axis=-1)


def keys_in_use(weights: np.ndarray) -> np.ndarray:
    """Return over how many keys a query spreads its weight, on average: 1 to m.

    It is the exponential of the entropy. Equal weights on r keys, and none elsewhere, give r.
    """
    logs = np.log(np.where(weights > 0, weights, 1.0))
    return np.exp(-(weights * logs).sum(axis=-1)).mean(axis=-1)


def features(weights: np.ndarray) -> np.ndarray:
    """Return the `FEATURES` of attention maps, (..., n, n), as numbers: (..., 5)."""
    near = [share_at(weights, offset) for offset in PATTERNS.values()]
    last = weights[..., :-1, -1].mean(axis=-1)
    return np.stack([*near, last, keys_in_use(weights)], axis=-1)


@lru_cache(maxsize=1)
def everyday() -> tuple[str, ...]:
    """Return everyday English sentences, none of which the translator has learned from."""
    return tuple(pair["english"] for pair in json.loads(EVERYDAY.read_text(encoding="utf-8")))


@lru_cache(maxsize=1)
def habits() -> np.ndarray:
    """Return the features of every encoder head, mean over everyday sentences: (N, h, 5)."""
    rows = [list(tokens(sentence)) for sentence in everyday()]
    with record_attention(model()) as recording:
        model().encode(pad(rows))
    # What was filled up gets no weight, and its own rows are cut off.
    maps = np.stack([recording.of("encoder", layer) for layer in range(config().N)], axis=1)
    cut = [whole[..., : len(row), : len(row)] for whole, row in zip(maps, rows, strict=True)]
    return np.mean([features(weights) for weights in cut], axis=0)


def even_habits() -> np.ndarray:
    """Return the features that equal weights on all keys would have: (5,)."""
    lengths = [len(tokens(sentence)) for sentence in everyday()]
    return np.mean([features(np.full((n, n), 1 / n)) for n in lengths], axis=0)


class Chosen(NamedTuple):
    """A head that is shown because it leads in one feature."""

    feature: str
    layer: int
    head: int
    share: float

    @property
    def name(self) -> str:
        """What a reader is told, counted from 1."""
        return f"layer {self.layer + 1}, head {self.head + 1}"


def chosen_heads() -> tuple[Chosen, ...]:
    """Return for each feature the head that leads in it, over everyday sentences.

    A head that leads in two features is shown for the first.
    """
    left, found = habits().copy(), []
    for feature in SHOWN_FEATURES:
        number = FEATURES.index(feature)
        layer, head = np.unravel_index(left[..., number].argmax(), left.shape[:2])
        found.append(Chosen(feature, int(layer), int(head), float(left[layer, head, number])))
        left[layer, head] = -np.inf
    return tuple(found)


ANSWERS = {"who": ("sister",), "what": ("her", "old", "car")}
"""What "sold" asks for, and the words that answer."""
QUESTION_LAYER = 1
"""The layer whose heads the chapter opens on."""


def answering(question: str) -> Chosen:
    """Return the head of the opening layer in which "sold" gives the answer most of its weight."""
    columns = [TOKENS.index(word) for word in ANSWERS[question]]
    shares = head_weights(QUESTION_LAYER)[:, TOKENS.index("sold"), columns].sum(axis=-1)
    head = int(shares.argmax())
    return Chosen(question, QUESTION_LAYER, head, float(shares[head]))


def piece_count() -> int:
    """Return how many pieces the sentence has."""
    return len(tokens())


def everyday_count() -> int:
    """Return over how many sentences habits are measured."""
    return len(everyday())


def head_count() -> int:
    """Return how many heads the encoder has in all its layers."""
    return config().N * config().h


def habit(feature: str) -> Chosen:
    """Return the head that is shown for a feature."""
    return next(chosen for chosen in chosen_heads() if chosen.feature == feature)


# ------------------------------------------------------------------------ two heads or one

CONTENT = np.array(
    [[1.0, 2.0], [3.0, -1.0], [2.0, 4.0], [-2.0, 3.0], [0.0, 1.0], [4.0, -3.0], [1.0, 0.0]]
)
"""Two numbers for each piece of the sentence."""
B = np.array([[1.0, 0.0], [0.0, 0.0]])
"""What is wanted of the word before: its first number."""
F = np.array([[0.0, 0.0], [0.0, 1.0]])
"""What is wanted of the word that follows: its second number."""
SHARP = 60.0
"""Scaled score of the neighbour that a head looks for; all other keys have 0."""
U = np.array([1.0, 1.0])
"""What the one word says that says something, in the two sentences of the proof."""
PLACE = 3
"""The word whose neighbours speak in the proof."""


def wanted(x: np.ndarray = CONTENT) -> np.ndarray:
    """Return x_(i-1) B + x_(i+1) F for every word that has both neighbours: (n - 2, 2)."""
    return x[:-2] @ B + x[2:] @ F


def with_places(x: np.ndarray = CONTENT) -> np.ndarray:
    """Put beside the two numbers of each word the place where it stands: (n, 2 + n)."""
    return np.hstack([x, np.eye(len(x))])


def neighbour_heads(n: int = len(TOKENS)) -> HeadProjections:
    """Return two heads for n words: one looks at the word before, one at the word after.

    Queries and keys are made of places alone, values of the two numbers alone. h = 2, d_k = n,
    d_v = 1.
    """
    silent, place = np.zeros((2, n)), np.eye(n)
    before, after = np.eye(n, k=1), np.eye(n, k=-1)
    w_q = np.vstack([silent, SHARP * np.sqrt(n) * place])
    keys = [np.vstack([silent, shifted]) for shifted in (before, after)]
    w_v = np.vstack([np.eye(2), np.zeros((n, 2))])
    return HeadProjections(np.hstack([w_q, w_q]), np.hstack(keys), w_v, np.eye(2), h=2)


def neighbour_weights(x: np.ndarray = CONTENT) -> np.ndarray:
    """Return the maps of the two heads: (2, n, n)."""
    rows = with_places(x)
    weights = multi_head_attention(rows, rows, rows, neighbour_heads(len(x)))[1]
    assert weights is not None
    return weights


def two_heads(x: np.ndarray = CONTENT) -> np.ndarray:
    """Return what the two heads give every word that has both neighbours: (n - 2, 2)."""
    rows = with_places(x)
    return multi_head_attention(rows, rows, rows, neighbour_heads(len(x)))[0][1:-1]


def speaking(neighbour: int) -> np.ndarray:
    """Return a sentence in which one neighbour of the word at `PLACE` says U, all else 0."""
    x = np.zeros_like(CONTENT)
    x[PLACE + neighbour] = U
    return x


def speaking_pair() -> np.ndarray:
    """Return the two sentences of the proof: the word before speaks, the word after speaks."""
    return np.stack([speaking(-1), speaking(1)])


def proof_wanted() -> np.ndarray:
    """Return what is wanted at `PLACE` in the two sentences, U B and U F: (2, 2)."""
    return np.stack([wanted(x)[PLACE - 1] for x in speaking_pair()])


def proof_two_heads() -> np.ndarray:
    """Return what the two heads give there: (2, 2)."""
    return np.stack([two_heads(x)[PLACE - 1] for x in speaking_pair()])


def least_error(u: np.ndarray, b: np.ndarray, f: np.ndarray) -> float:
    """Return the smallest squared error that one head can have over the two sentences.

    Its two outputs are multiples of one vector. The nearest such pair to u B and u F leaves the
    square of the smaller singular value of the two rows (Eckart and Young).
    """
    return float(np.linalg.svd(np.stack([u @ b, u @ f]), compute_uv=False)[-1] ** 2)


def one_head_error() -> float:
    """Return that smallest error for the worked case."""
    return least_error(U, B, F)


def one_head(weights: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Return what one head gives at `PLACE` in the two sentences: (2, 2).

    Parameters
    ----------
    weights
        Its weights for that query, a row for each sentence: (2, n). They may be anything.
    w
        W_V W_O, (2, 2): what it does to every word alike.
    """
    return np.einsum("sn,snc,cd->sd", weights, speaking_pair(), w)


def compromise() -> np.ndarray:
    """Return outputs of one head that looks half before and half after, W_V W_O = 1: (2, 2)."""
    row = np.zeros(len(TOKENS))
    row[[PLACE - 1, PLACE + 1]] = 0.5
    return one_head(np.stack([row, row]), np.eye(2))


def compromise_error() -> float:
    """Return its squared error over the two sentences."""
    return float(((compromise() - proof_wanted()) ** 2).sum())


# ------------------------------------------------------------------------ what heads cost

COST_N = 32
"""Length of the sentence for which costs are counted."""
HEAD_COUNTS = (1, 2, 4, 8, 16)
PAPER_BLEU = {1: 24.9, 4: 25.5, 8: 25.8, 16: 25.8, 32: 25.4}
"""BLEU of the paper's model by number of heads (Table 3, rows A and base)."""


class Cost(NamedTuple):
    """What multi-head attention costs for one sentence.

    Attributes
    ----------
    parameters
        Numbers in W_Q, W_K, W_V and W_O.
    multiply_adds
        Multiplications, each with an addition, in all matrix products.
    softmax_entries
        Numbers that go through the softmax, and numbers in all maps.
    """

    parameters: int
    multiply_adds: int
    softmax_entries: int


def cost(h: int, d_model: int = 512, n: int = COST_N) -> Cost:
    """Count what `h` heads of length d_k = d_v = d_model / h cost, for n tokens."""
    if d_model % h:
        raise ValueError(f"d_model = {d_model} must be divisible by h = {h}")
    d_k = d_model // h
    project = 3 * h * (d_model * d_k)
    join = (h * d_k) * d_model
    attend = h * (n * d_k * n + n * n * d_k)
    return Cost(project + join, n * (project + join) + attend, h * n * n)


def paper_gap() -> float:
    """Return by how many BLEU one head is behind the best number of heads."""
    return max(PAPER_BLEU.values()) - PAPER_BLEU[1]


def base() -> TransformerConfig:
    """Return the sizes of the paper's base model."""
    return base_config()


# ------------------------------------------------------------------------ splitting by hand

HAND_ROW = np.arange(1.0, 9.0)[None, :]
"""One row of length 8, to be cut into heads."""


def hand_pieces(h: int = 2) -> np.ndarray:
    """Return the pieces of that row: (h, 8 / h)."""
    return split_heads(HAND_ROW, h)[:, 0]
