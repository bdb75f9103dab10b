"""The explorer of chapter 8: a beam search as a tree, and what the length penalty makes of it."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import numpy as np
import traitlets

from attend.decoding.beam import length_penalty
from attend.decoding.tree import Node
from attend.translator.translator import shipped
from attend_course.chapters.training import example
from attend_course.kit.explorers import drawing, rules
from attend_course.kit.explorers.base import Explorer

__all__ = ["BeamExplorer"]

LONGEST = 300
DIGITS = 4
CORNER, SAID = "rank ↓ α →", "translations on rows, values of alpha on columns"


class BeamExplorer(Explorer):
    """A beam search of the course's translator, with all that it followed.

    The beginnings stand in a tree. Each finished translation has a score for several values of
    alpha: its log-probability, divided by the length penalty (section 6.1 of Vaswani et al. 2017).
    On a page the engine in the browser searches, in Jupyter `attend.decoding.tree` does.

    Parameters
    ----------
    **traits
        Values of the traits below.

    Attributes
    ----------
    sentence : str
        One English sentence.
    beam : int
        How many beginnings are followed at once, 1 to 8.
    alpha : float
        Strength of the length penalty, 0 to 5.
    cell : list of two int
        The translation and the column of the score that is explained.
    locked : bool
        Whether it stays while the pointer moves.

    Examples
    --------
    >>> BeamExplorer(beam=1).translation
    'Der Brief kam zu spät an.'
    """

    module = "training"
    title = "Explorer: a beam search as a tree"
    takes_function = False
    examples: ClassVar[list[dict[str, Any]]] = [
        {"beam": 1, "cell": [0, 0]},
        {"beam": 2, "alpha": 4.0, "cell": [1, 3], "locked": True},
        {"sentence": "I am happy.", "alpha": 0.0},
        {"sentence": "The <b>book</b> is red.", "beam": 3},
    ]

    sentence = traitlets.Unicode(example.ENGLISH).tag(sync=True, state="input")
    beam = traitlets.Int(example.BEAM, min=1, max=8).tag(sync=True, state="input")
    alpha = traitlets.Float(example.ALPHA, min=0, max=5).tag(sync=True, state="input")
    cell = traitlets.List([0, 1]).tag(sync=True, state="view")
    locked = traitlets.Bool(False).tag(sync=True, state="view")

    def _results(self) -> dict[str, Any]:
        try:
            sentences = shipped().sentences(self.sentence)
            rules.require(len(sentences) == 1, f"one sentence, please; there are {len(sentences)}")
        except (ValueError, traitlets.TraitError) as error:
            if not self.results:
                raise traitlets.TraitError(f"sentence: {error}") from error
            return {**self.results, "fault": f"This sentence was not translated: {error}."}
        nodes = followed(example.tree(sentences[0], self.beam, self.alpha)[0])
        found = translations(nodes, self.alpha)
        return {
            "key": self.key,
            "fault": None,
            "tokens": list(example.pieces(shipped().tokenizer.encode(sentences[0]))),
            "tree": [_shown(node) for node in nodes],
            "found": found,
            "scores": [[score(one, alpha) for alpha in example.ALPHAS] for one in found],
        }

    @property
    def page_state(self) -> dict[str, Any]:
        """The settings and their results: a page has no translator before it has fetched it."""
        return {**self.state, "results": self.results}

    @property
    def key(self) -> str:
        """What the results answer, as a text."""
        return json.dumps({name: getattr(self, name) for name in self.input_names()})

    @property
    def translation(self) -> str:
        """The best translation."""
        return str(self.results["found"][0]["text"])

    @traitlets.validate("sentence")
    def _check_sentence(self, proposal: Any) -> str:
        count = len(proposal["value"])
        rules.require(count <= LONGEST, f"sentence has at most {LONGEST} characters, got {count}")
        return proposal["value"]

    @traitlets.validate("cell")
    def _check_cell(self, proposal: Any) -> list[int]:
        return rules.place(proposal["value"], 100)

    def picture(self) -> drawing.Picture:
        """Return the scores: a row for each finished translation, a column for each alpha."""
        rows = [f"{rank}. {one['text']}" for rank, one in enumerate(self.results["found"], 1)]
        columns = [f"{alpha:g}" for alpha in example.ALPHAS]
        return drawing.Picture(
            "Scores", rows, np.array(self.results["scores"]), columns, corner=CORNER, said=SAID
        )


def followed(nodes: tuple[Node, ...]) -> list[Node]:
    """Leave out what was begun in the last step of a search and then not followed.

    If nothing was finished all stays.
    """
    depths = [0]
    for node in nodes[1:]:
        assert node.parent is not None
        depths.append(depths[node.parent] + 1)
    if not any(node.finished for node in nodes):
        return list(nodes)
    last = max(depths)
    # They stand last, so that no number of another node changes.
    return [n for n, depth in zip(nodes, depths, strict=True) if n.finished or depth < last]


def translations(nodes: list[Node], alpha: float) -> list[dict[str, Any]]:
    """Return the finished translations, the best first; the likeliest leaf where there is none."""
    ends = [i for i, node in enumerate(nodes) if node.finished]
    if not ends:
        ends = [max(range(1, len(nodes)), key=lambda i: (_depth(nodes, i), nodes[i].log_p))]
    found = [_translation(nodes, end) for end in ends]
    return sorted(found, key=lambda one: -score(one, alpha))


def score(found: dict[str, Any], alpha: float) -> float:
    """Return the score of a translation: its log-probability, divided by the length penalty."""
    return float(found["log_p"] / length_penalty(found["length"], alpha))


def _path(nodes: list[Node], end: int) -> list[int]:
    path: list[int] = []
    at = end
    while at > 0:
        path.insert(0, at)
        at = nodes[at].parent or 0
    return path


def _depth(nodes: list[Node], end: int) -> int:
    return len(_path(nodes, end))


def _translation(nodes: list[Node], end: int) -> dict[str, Any]:
    path = _path(nodes, end)
    written = [nodes[i].token for i in path if not nodes[i].finished]
    text = "".join(map(shipped().tokenizer.piece, written)).replace("▁", " ").strip()
    log_p = round(nodes[end].log_p, DIGITS)
    return {"node": end, "text": text, "length": len(path), "log_p": log_p}


def _shown(node: Node) -> dict[str, Any]:
    (piece,) = example.pieces([node.token])
    log_p = round(node.log_p, DIGITS)
    return {"parent": node.parent, "piece": piece, "log_p": log_p, "finished": node.finished}
