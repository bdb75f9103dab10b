"""The Transformer on NumPy alone: a tree of arrays, and the functions of `attend.transformer`."""

from types import SimpleNamespace
from typing import Any

from numpy.typing import NDArray

from attend import transformer
from attend.arrays import vouched
from attend.config import TransformerConfig
from attend.layers import TAUGHT, Change, Operations, as_published
from attend.models.allocation import keep_freed_memory
from attend.models.weights import Tensors, check_tensors
from attend.state import State
from attend.transformer import See, look_away


def tree(tensors: Tensors, h: int) -> SimpleNamespace:
    """Hang weights named like ``encoder.0.norm_1.gain`` into a tree of attributes.

    Numbered children become a list. A node that has ``W_Q`` is told its number of heads.
    """
    root: dict[str, Any] = {}
    for name, tensor in tensors.items():
        *path, last = name.split(".")
        node = root
        for part in path:
            node = node.setdefault(part, {})
        node[last] = tensor
    return _grow(root, h)


def _grow(node: Any, h: int) -> Any:
    if not isinstance(node, dict):
        return node
    grown = {name: _grow(child, h) for name, child in node.items()}
    if all(name.isdigit() for name in grown):
        return [grown[name] for name in sorted(grown, key=int)]
    return SimpleNamespace(**grown, **({"h": h} if "W_Q" in grown else {}))


class ArrayTransformer:
    """A trained Transformer that computes with NumPy.

    Parameters
    ----------
    config
        The sizes.
    tensors
        The weights by name, as `attend.models.weights.read_model` returns them.

    Attributes
    ----------
    see
        Receives each attention map; see `attend.models.recording`.
    change
        Receives the functions that it is built with, and returns those it computes with; see
        `attend.models.changes`.

    Raises
    ------
    ValueError
        If a weight is missing, unexpected or misshaped.
    """

    def __init__(self, config: TransformerConfig, tensors: Tensors) -> None:
        check_tensors(config, tensors)
        keep_freed_memory()
        self.config = config
        self.parameters = tree(tensors, config.h)
        self.parameters.pad = config.pad
        self.see: See = look_away
        self.change: Change = as_published

    def __repr__(self) -> str:
        return f"ArrayTransformer({self.config})"

    @property
    def operations(self) -> Operations:
        """The functions to compute with."""
        return self.change(TAUGHT)

    def encode(self, source: NDArray) -> NDArray:
        """Read the source, (batch, m) tokens, into a memory (batch, m, d_model)."""
        with vouched():
            return transformer.encode(source, self.parameters, self.operations, self.see)

    def start(self, source: NDArray) -> State:
        """Encode the source and project the memory, once for all steps of decoding."""
        with vouched():
            return transformer.start(source, self.parameters, self.operations, self.see)

    def step(self, tokens: NDArray, state: State) -> tuple[NDArray, State]:
        """Read the next target tokens, (batch, n), and say what may follow each."""
        with vouched():
            return transformer.step(tokens, state, self.parameters, self.operations, self.see)

    def forward(self, source: NDArray, target: NDArray) -> NDArray:
        """Say for each target token what may follow it: logits (batch, n, vocabulary)."""
        with vouched():
            return transformer.forward(source, target, self.parameters, self.operations, self.see)
