"""The model as ONNX files: the lines of the course, written down as graphs.

ONNX is a format for graphs of array operations that many runtimes compute, without Python and
without torch. Nothing is written a second time for it: torch follows `attend.transformer.start` and
`attend.transformer.step` while they run and notes what they do. `attend.models.onnx_transformer`
runs the files.
"""

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from copy import deepcopy
from io import StringIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from attend import transformer
from attend.arrays import vouched
from attend.files import write_atomically
from attend.layers import TAUGHT, Operations
from attend.models.modules import FUSED
from attend.models.onnx_transformer import remembered
from attend.models.torch_transformer import Transformer
from attend.state import State

ANY = torch.export.Dim.AUTO
"""A length that differs from call to call."""


def export(model: Transformer, folder: str | Path) -> None:
    """Write ``start.onnx``, ``step.onnx`` and ``config.json`` into a folder.

    Parameters
    ----------
    model
        A trained model; it stays as it is.
    folder
        Is made if it is not there.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    model = deepcopy(model).cpu().float().eval().requires_grad_(False)
    write_atomically(folder / "start.onnx", trace_start(model))
    write_atomically(folder / "step.onnx", trace_step(model))
    write_atomically(folder / "config.json", json.dumps(model.config.as_dict(), indent=1).encode())


def operations_with(positions: Tensor) -> Operations:
    """Return the operations of a graph that is given its positions, (n, d_model).

    The softmax is the taught one; norm and feed-forward are torch's, which ONNX has words for.
    """
    return FUSED._replace(attend=TAUGHT.attend, place=lambda x, start: positions)


class Start(nn.Module):
    """What ``start.onnx`` computes: `attend.transformer.start`."""

    def __init__(self, model: Transformer) -> None:
        super().__init__()
        self.model = model

    def forward(self, source: Tensor, positions: Tensor) -> tuple[Any, list[Tensor]]:
        """Return the mask of the memory, and its keys and values layer by layer."""
        with vouched():
            state = transformer.start(source, self.model, operations_with(positions))
        return state.memory_mask, [x for layer in state.layers for x in layer.memory]


class Step(nn.Module):
    """What ``step.onnx`` computes: `attend.transformer.step` with one new token a sentence."""

    def __init__(self, model: Transformer) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        tokens: Tensor,
        positions: Tensor,
        mask: Tensor,
        past: list[Tensor],
        memory: list[Tensor],
    ) -> tuple[Tensor, list[Tensor]]:
        """Return the logits, and the keys and values of the targets layer by layer."""
        before, operations = State(remembered(past, memory), mask, 0), operations_with(positions)
        with vouched():
            logits, state = transformer.step(tokens, before, self.model, operations)
        return logits, [x for layer in state.layers for x in layer.past or ()]


def trace_start(model: Transformer) -> bytes:
    """Follow a start on two sentences of five tokens; return its graph for any number of both."""
    source = torch.full((2, 5), model.config.end)
    positions = torch.zeros(5, model.config.d_model)
    lengths = ({0: ANY, 1: ANY}, {0: ANY})
    return trace(Start(model), (source, positions), lengths)


def trace_step(model: Transformer) -> bytes:
    """Follow a step on two sentences; return its graph for any number and any lengths."""
    c = model.config
    tokens, positions = torch.full((2, 1), c.end), torch.zeros(1, c.d_model)
    mask = torch.ones(2, 1, 5, dtype=torch.bool)
    past = [torch.zeros(2, c.h, 3, d) for _ in range(c.N) for d in (c.d_k, c.d_v)]
    memory = [torch.zeros(2, c.h, 5, d) for _ in range(c.N) for d in (c.d_k, c.d_v)]
    rows = [{0: ANY, 2: ANY} for _ in past]
    lengths: tuple = ({0: ANY}, {}, {0: ANY, 2: ANY}, rows, rows)
    return trace(Step(model), (tokens, positions, mask, past, memory), lengths)


def trace(module: nn.Module, example: tuple, lengths: tuple) -> bytes:
    """Let torch follow a module on an example; return the graph as the content of a file."""
    module.eval()
    with quiet():
        program = torch.onnx.export(module, example, dynamic_shapes=lengths, dynamo=True)
    if program is None:
        raise RuntimeError("torch has written no graph")
    return program.model_proto.SerializeToString()


@contextmanager
def quiet() -> Iterator[None]:
    """Keep torch from talking about itself: libraries it misses, old functions it calls."""
    log = logging.getLogger("torch.onnx")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()):
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        log.setLevel(before)
