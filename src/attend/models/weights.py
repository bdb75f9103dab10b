"""A trained model in a folder: weights, sizes and tokenizer, read with NumPy alone.

The folder holds ``weights.safetensors``, ``config.json``, ``tokenizer.json`` and
``checksums.json``. No file can carry code. A file that was cut off or altered is refused.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from attend.config import TransformerConfig
from attend.files import read_json, write_atomically
from attend.models.stored import SCALE, read_weights
from attend.text.tokenizer import Tokenizer

Tensors = Mapping[str, NDArray]


FILES = ("weights.safetensors", "config.json", "tokenizer.json")
"""What a model is read from."""


class Saved(NamedTuple):
    """What a folder holds, the weights in float32."""

    config: TransformerConfig
    tokenizer: Tokenizer
    tensors: dict[str, NDArray]


def expected_shapes(config: TransformerConfig) -> dict[str, tuple[int, ...]]:
    """Return the name and shape of every weight of a Transformer of these sizes."""
    shapes: dict[str, tuple[int, ...]] = {"embedding": (config.vocabulary, config.d_model)}
    encoder = {"self_attention": _attention(config), "feed_forward": _feed_forward(config)}
    decoder = encoder | {"memory_attention": _attention(config)}
    for stack, parts, norms in (("encoder", encoder, 2), ("decoder", decoder, 3)):
        layer = parts | {f"norm_{i + 1}": _norm(config) for i in range(norms)}
        for number in range(config.N):
            for part, weights in layer.items():
                shapes |= {f"{stack}.{number}.{part}.{w}": size for w, size in weights.items()}
    return shapes


def _attention(c: TransformerConfig) -> dict[str, tuple[int, ...]]:
    keys, values = c.h * c.d_k, c.h * c.d_v
    sizes: dict[str, tuple[int, ...]] = {"W_Q": (c.d_model, keys), "W_K": (c.d_model, keys)}
    return sizes | {"W_V": (c.d_model, values), "W_O": (values, c.d_model)}


def _feed_forward(c: TransformerConfig) -> dict[str, tuple[int, ...]]:
    first: dict[str, tuple[int, ...]] = {"W_1": (c.d_model, c.d_ff), "b_1": (c.d_ff,)}
    return first | {"W_2": (c.d_ff, c.d_model), "b_2": (c.d_model,)}


def _norm(c: TransformerConfig) -> dict[str, tuple[int, ...]]:
    return {"gain": (c.d_model,), "bias": (c.d_model,)}


def check_tensors(config: TransformerConfig, tensors: Tensors) -> None:
    """Refuse weights that do not fit the sizes, naming every one that is at fault.

    Raises
    ------
    ValueError
        With all missing, unexpected and misshaped names.
    """
    # Before a name is made for each layer: a number of layers may be anything.
    if len(tensors) < config.N:
        raise ValueError(
            f"the weights do not fit the configuration; {len(tensors)} tensors cannot be N = "
            f"{config.N} layers"
        )
    expected = expected_shapes(config)
    faults = [f"missing: {name}" for name in expected if name not in tensors]
    faults += [f"unexpected: {name}" for name in tensors if name not in expected]
    faults += [
        f"misshaped: {name} is {tuple(tensors[name].shape)}, expected {shape}"
        for name, shape in expected.items()
        if name in tensors and tuple(tensors[name].shape) != shape
    ]
    if faults:
        raise ValueError("the weights do not fit the configuration; " + "; ".join(faults))


def quantize(tensors: Tensors) -> dict[str, NDArray]:
    """Write each matrix as whole numbers from -127 to 127, with one scale a row.

    A row is divided by a 127th of its largest entry and rounded. That takes a quarter of the room
    of float32. Vectors stay as they are: they are few.
    """
    small: dict[str, NDArray] = {}
    for name, tensor in tensors.items():
        if tensor.ndim != 2:
            small[name] = tensor.astype(np.float32)
            continue
        largest = np.abs(tensor).max(axis=1, keepdims=True).astype(np.float32)
        scale = np.where(largest > 0, largest / 127, np.float32(1))
        small[name] = np.rint(tensor / scale).astype(np.int8)
        small[name + SCALE] = scale[:, 0]
    return small


def dequantize(tensors: Tensors) -> dict[str, NDArray]:
    """Return float32 weights, of whole numbers times their scales too."""
    wide: dict[str, NDArray] = {}
    for name, tensor in tensors.items():
        if name.endswith(SCALE):
            continue
        scale = tensors.get(name + SCALE)
        wide[name] = tensor.astype(np.float32) * (1 if scale is None else scale[:, None])
    return wide


def save_model(
    folder: str | Path, config: TransformerConfig, tokenizer: Tokenizer, tensors: Tensors
) -> None:
    """Write a model into a folder, the checksums last.

    Parameters
    ----------
    folder
        Is made if it is not there.
    config, tokenizer
        The sizes, and what cuts text into pieces.
    tensors
        The weights, as they are or from `quantize`.

    Raises
    ------
    ValueError
        If weights, sizes and tokenizer do not fit each other.
    """
    folder = Path(folder)
    check_tensors(config, dequantize(tensors))
    _check_vocabulary(config, tokenizer)
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "weights.safetensors", save(dict(tensors)))
    write_atomically(folder / "config.json", json.dumps(config.as_dict(), indent=1).encode())
    tokenizer.save(folder / "tokenizer.json")
    write_checksums(folder, FILES)


def write_checksums(folder: Path, names: Iterable[str]) -> None:
    """Write down what the files hold, so that a later reader notices any change."""
    sums = {name: _checksum(folder / name) for name in names}
    write_atomically(folder / "checksums.json", json.dumps(sums, indent=1).encode())


def _checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_model(folder: str | Path) -> Saved:
    """Read a model that `save_model` wrote.

    Raises
    ------
    ValueError
        If a file is missing, cut off or altered, or if the parts do not fit each other.
    """
    folder = Path(folder)
    _check_files(folder)
    config = _config(folder / "config.json")
    tokenizer = Tokenizer.load(folder / "tokenizer.json")
    tensors = dequantize(read_weights(folder / "weights.safetensors"))
    check_tensors(config, tensors)
    _check_vocabulary(config, tokenizer)
    return Saved(config, tokenizer, tensors)


def _config(path: Path) -> TransformerConfig:
    try:
        return TransformerConfig.from_dict(read_json(path))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error


def _check_files(folder: Path) -> None:
    listed = folder / "checksums.json"
    if not listed.is_file():
        raise ValueError(f"{folder} holds no model: checksums.json is missing")
    try:
        sums = dict(read_json(listed))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{listed} is damaged: {error}; copy the folder again") from error
    for name in set(FILES) | set(sums):
        if not (folder / name).is_file():
            raise ValueError(f"{folder} is not complete: {name} is missing")
        if _checksum(folder / name) != sums.get(name):
            raise ValueError(
                f"{folder / name} was cut off or altered: its checksum is not the one in "
                "checksums.json; copy the folder again"
            )


def _check_vocabulary(config: TransformerConfig, tokenizer: Tokenizer) -> None:
    if len(tokenizer) != config.vocabulary:
        raise ValueError(
            f"the tokenizer knows {len(tokenizer)} pieces, the configuration says "
            f"vocabulary={config.vocabulary}; they belong to different models"
        )
