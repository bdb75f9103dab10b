"""The Transformer run by ONNX Runtime, from the files that `attend.models.onnx_export` writes.

It decodes like the other two: `attend.decoding.writing` takes any of them. One call computes a
whole step, which makes it the fastest with a single sentence, where calls cost more than
arithmetic.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attend.arrays import Array, require
from attend.config import TransformerConfig
from attend.models.allocation import keep_freed_memory
from attend.positions import positions_like
from attend.state import KeyValues, LayerState, State
from attend.transformer import require_tokens


class OnnxTransformer:
    """A trained Transformer that ONNX Runtime computes.

    Parameters
    ----------
    folder
        What `attend.models.onnx_export.export` wrote.
    threads
        How many threads compute. One is best for few sentences: the matrices are small.

    Raises
    ------
    ValueError
        If a file is missing or damaged, or fewer than one thread is given.
    """

    def __init__(self, folder: str | Path, threads: int = 1) -> None:
        keep_freed_memory()
        folder = Path(folder)
        self.config = TransformerConfig.from_dict(json.loads(read(folder / "config.json")))
        self._start, self._step = (
            session(folder / name, threads) for name in ("start.onnx", "step.onnx")
        )
        self._inputs = [given.name for given in self._step.get_inputs()]
        # Of this only shape and type are asked.
        self._row = np.zeros((1, self.config.d_model), np.float32)

    def __repr__(self) -> str:
        return f"OnnxTransformer({self.config})"

    def start(self, source: NDArray) -> State:
        """Encode the source, (batch, m) tokens, and project the memory, once for all steps."""
        require_tokens("source", source)
        rows = np.broadcast_to(self._row, (source.shape[1], self.config.d_model))
        given = {"source": source.astype(np.int64), "positions": positions_like(rows)}
        mask, *memory = self._start.run(None, given)
        nothing = [array[..., :0, :] for array in memory]
        return State(remembered(nothing, memory), mask, 0)

    def step(self, tokens: NDArray, state: State) -> tuple[NDArray, State]:
        """Read the next target tokens, (batch, 1), and say what may follow: (batch, 1, vocabulary).

        Raises
        ------
        ValueError
            If there is not one token a sentence.
        """
        one_token(tokens)
        past = [x for layer in state.layers for x in layer.past or ()]
        memory = [x for layer in state.layers for x in layer.memory]
        mask = state.memory_mask
        if mask is None:
            mask = np.ones((len(tokens), 1, memory[0].shape[-2]), bool)
        given = (tokens, positions_like(self._row, state.length), mask, *past, *memory)
        logits, *past = self._step.run(None, dict(zip(self._inputs, given, strict=True)))
        return logits, State(remembered(past, memory), state.memory_mask, state.length + 1)


def remembered(past: Sequence[Array], memory: Sequence[Array]) -> tuple[LayerState, ...]:
    """Sort keys and values, which stand in turn, into the layers they belong to."""
    pasts, memories = (map(KeyValues, x[::2], x[1::2]) for x in (past, memory))
    return tuple(map(LayerState, pasts, memories))


def one_token(tokens: NDArray) -> None:
    """Refuse anything but one token for each sentence: the graph has one row a sentence."""
    require(
        tokens.ndim == 2 and tokens.shape[1] == 1,
        "a step of the ONNX model reads one token of each sentence",
        "Their shape is (batch, 1). For several at once take the model that was exported.",
        tokens=tokens,
    )


def read(path: Path) -> bytes:
    """Return what a file holds, or say how to make it."""
    if not path.is_file():
        raise ValueError(
            f"{path} is missing; write the folder with attend.models.onnx_export.export"
        )
    return path.read_bytes()


def session(path: Path, threads: int) -> Any:
    """Make ONNX Runtime ready to compute a file."""
    import onnxruntime

    if threads < 1:
        raise ValueError(f"threads must be at least 1; received {threads}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    content = read(path)
    try:
        return onnxruntime.InferenceSession(content, options, ["CPUExecutionProvider"])
    except Exception as error:
        raise ValueError(f"{path} is damaged: {error}; export the model again") from error
