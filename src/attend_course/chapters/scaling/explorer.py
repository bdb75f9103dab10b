"""The explorer of chapter 4: what dividing by sqrt(d_k) does to scores and weights."""

from __future__ import annotations

import math
import re
from typing import Any, ClassVar

import numpy as np
import traitlets

from attend.attention import masked_softmax, scores
from attend.masks import causal_mask, padding_mask
from attend_course.chapters.scaling import example
from attend_course.kit.draws import token_vectors
from attend_course.kit.explorers import drawing, rules
from attend_course.kit.explorers.base import Explorer, as_lists, result, returned

__all__ = ["ScalingExplorer"]

MOST_TOKENS, LONGEST_WORD, LARGEST_D_K, LARGEST_SCORE = 16, 100, 512, 1e6
PAD = "<pad>"
_GAP = re.compile(r"[\s\ufeff]+")
_WIDTHS = [2**power for power in range(10)]
_SHOWN_PRODUCTS = 3
_TITLES = {"scores": "Scores", "scaled_scores": "Scaled scores", "weights": "Weights"}


class ScalingExplorer(Explorer):
    """Scores, scaled scores and weights of a sentence, section 3.2.1 of Vaswani et al. (2017).

    Each word has a query and a key of d_k random components with mean 0 and variance 1, drawn by
    `attend_course.kit.draws` from the word and the seed. The same word always has the same vectors.

    Parameters
    ----------
    compute : callable, optional
        ``compute(scores, scale, mask)`` with scores (n, n) not yet scaled, the factor ``scale``
        and a boolean mask (n, n) or None; it returns the weights (n, n), queries on rows.
        Without it ``attend.masked_softmax(scores * scale, mask)`` computes.
    **traits
        Values of the traits below.

    Attributes
    ----------
    sentence : str
        1 to 16 words.
    d_k : int
        Length of a query or key, 1 to 512.
    scaled : bool
        Whether the scores are divided by sqrt(d_k).
    mask : str
        ``"none"``; ``"causal"``: no later keys; ``"padding"``: two words ``<pad>`` fill the
        sentence up, as far as 16 words allow, and no query may attend to them.
    temperature : float
        Divides the scores as well, 0.01 to 100; the paper has 1.
    seed : int
        Seed of the random vectors, 0 to 999 999 999.
    overrides : list of [row, column, score]
        Scores set by hand; places outside the sentence wait until it is long enough.
    stage : str
        The matrix shown large: ``"scores"``, ``"scaled_scores"`` or ``"weights"``.
    cell : list of two int
        Row and column of the cell that is explained.
    locked : bool
        Whether that cell stays while the pointer moves.

    Examples
    --------
    >>> ScalingExplorer(d_k=4).weights.shape
    (7, 7)
    """

    module = "scaling"
    title = "Explorer: scores, scaled scores, weights"
    examples: ClassVar[list[dict[str, Any]]] = [
        {"d_k": 512, "scaled": False},
        {"d_k": 1, "sentence": "one"},
        {"mask": "causal", "overrides": [[0, 0, 1000.0], [3, 1, -1e6], [9, 9, 5.0]]},
        {"mask": "padding", "temperature": 0.1, "stage": "scores"},
        {"sentence": "a b c d e f g h i j k l m n o p", "mask": "padding", "d_k": 100},
        {
            "sentence": '<b>bold</b> \u05e9\u05dc\u05d5\u05dd \U0001f327\ufe0f "quoted" &amp; bold',
            "seed": 999999999,
        },
        {"stage": "scaled_scores", "cell": [6, 6], "locked": True, "d_k": 3},
    ]

    sentence = traitlets.Unicode(example.SENTENCE).tag(sync=True, state="input")
    d_k = traitlets.Int(example.D_K).tag(sync=True, state="input")
    scaled = traitlets.Bool(True).tag(sync=True, state="input")
    mask = traitlets.Unicode("none").tag(sync=True, state="input")
    temperature = traitlets.Float(1.0).tag(sync=True, state="input")
    seed = traitlets.Int(example.SEED).tag(sync=True, state="input")
    overrides: traitlets.List = traitlets.List().tag(sync=True, state="input")
    stage = traitlets.Unicode("weights").tag(sync=True, state="view")
    cell = traitlets.List([0, 1]).tag(sync=True, state="view")
    locked = traitlets.Bool(False).tag(sync=True, state="view")

    @property
    def tokens(self) -> list[str]:
        """The words of the sentence, padding included: n of them."""
        words = [word for word in _GAP.split(self.sentence) if word]
        return [*words, PAD, PAD][:MOST_TOKENS] if self.mask == "padding" else words

    scores = result("scores", "The scores before scaling, (n, n).")
    scaled_scores = result("scaled_scores", "The scores after scaling and temperature, (n, n).")
    weights = result("weights", "The attention weights, (n, n).")
    row_sums = result("row_sums", "The sums of the rows of the weights, (n,).")

    @property
    def allowed(self) -> np.ndarray | None:
        """The mask, True = may attend, (n, n); None if all may."""
        n = len(self.tokens)
        if self.mask == "none":
            return None
        if self.mask == "causal":
            return causal_mask(n)
        filled = np.array([token == PAD for token in self.tokens], dtype=int)
        return np.repeat(padding_mask(filled, pad=1), n, axis=0)

    def _results(self) -> dict[str, Any]:
        tokens, allowed = self.tokens, self.allowed
        q, k = (token_vectors(tokens, role, LARGEST_D_K, self.seed) for role in "qk")
        drawn = {width: scores(q[:, :width], k[:, :width], scale=1.0) for width in _WIDTHS}
        bare = self._overwritten(scores(q[:, : self.d_k], k[:, : self.d_k], scale=1.0))
        scale = (1 / math.sqrt(self.d_k) if self.scaled else 1.0) / self.temperature
        weights = self._weights(bare, scale, allowed)
        return {
            "computed_by": self.computed_by,
            "tokens": tokens,
            "d_k": self.d_k,
            "scale": scale,
            "scores": as_lists(bare),
            "scaled_scores": as_lists(bare * scale),
            "weights": as_lists(weights),
            "mask": None if allowed is None else as_lists(allowed),
            "row_sums": as_lists(weights.sum(axis=-1)),
            "spread": float(bare.std()),
            "scaled_spread": float((bare * scale).std()),
            "mean_largest": float(weights.max(axis=-1).mean()),
            "spreads": [float(matrix.std()) for matrix in drawn.values()],
            "q": as_lists(q[:, : min(self.d_k, _SHOWN_PRODUCTS)]),
            "k": as_lists(k[:, : min(self.d_k, _SHOWN_PRODUCTS)]),
        }

    def _overwritten(self, bare: np.ndarray) -> np.ndarray:
        for i, j, value in self.overrides:
            if i < len(bare) and j < len(bare):
                bare[i, j] = value
        return bare

    def _weights(self, bare: np.ndarray, scale: float, allowed: np.ndarray | None) -> np.ndarray:
        if self._compute is None:
            return masked_softmax(bare * scale, allowed)
        found = self._compute(bare.copy(), scale, allowed)
        return returned(found, bare.shape, "the scores have")

    @traitlets.validate("sentence")
    def _check_sentence(self, proposal: Any) -> str:
        words = [word for word in _GAP.split(proposal["value"]) if word]
        rules.require(
            1 <= len(words) <= MOST_TOKENS, f"sentence needs 1 to 16 words, got {len(words)}"
        )
        longest = max(map(len, words))
        rules.require(longest <= LONGEST_WORD, f"a word has at most 100 characters, got {longest}")
        return proposal["value"]

    @traitlets.validate("d_k")
    def _check_d_k(self, proposal: Any) -> int:
        return rules.between("d_k", proposal["value"], 1, LARGEST_D_K)

    @traitlets.validate("temperature")
    def _check_temperature(self, proposal: Any) -> float:
        return rules.between("temperature", proposal["value"], 0.01, 100)

    @traitlets.validate("seed")
    def _check_seed(self, proposal: Any) -> int:
        return rules.between("seed", proposal["value"], 0, 999_999_999)

    @traitlets.validate("mask")
    def _check_mask(self, proposal: Any) -> str:
        return rules.one_of("mask", proposal["value"], ("none", "causal", "padding"))

    @traitlets.validate("stage")
    def _check_stage(self, proposal: Any) -> str:
        return rules.one_of("stage", proposal["value"], ("scores", "scaled_scores", "weights"))

    @traitlets.validate("cell")
    def _check_cell(self, proposal: Any) -> list[int]:
        return rules.place(proposal["value"], MOST_TOKENS)

    @traitlets.validate("overrides")
    def _check_overrides(self, proposal: Any) -> list[list[float]]:
        for entry in proposal["value"]:
            rules.require(
                _is_override(entry), f"an override is [row, column, score up to 1e6], got {entry}"
            )
        return [list(entry) for entry in proposal["value"]]

    def picture(self) -> drawing.Picture:
        """Return the matrix that is shown large."""
        return drawing.Picture(_TITLES[self.stage], self.tokens, self._matrix(self.stage))


def _is_override(entry: Any) -> bool:
    if not isinstance(entry, (list, tuple)) or len(entry) != 3:
        return False
    inside = all(rules.is_index(index, MOST_TOKENS) for index in entry[:2])
    return inside and rules.is_number(entry[2], LARGEST_SCORE)
