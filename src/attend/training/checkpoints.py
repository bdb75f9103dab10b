"""Files of tensors that a training run leaves behind: safetensors, with a checksum."""

import json
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from attend.files import write_atomically

Tensors = dict[str, Tensor]


def write_tensors(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Write named tensors, and what is to be known about them; the file is whole or not there.

    Parameters
    ----------
    path
        The file.
    tensors
        What to write, from any device.
    about
        What JSON can say, by name.
    """
    here = {name: x.detach().cpu().contiguous() for name, x in tensors.items()}
    notes = {name: json.dumps(value) for name, value in about.items()}
    write_atomically(path, save(here, notes | {"checksum": checksum(here)}))


def read_tensors(path: Path) -> tuple[Tensors, dict[str, Any]]:
    """Read what `write_tensors` wrote.

    Raises
    ------
    ValueError
        If the file is cut off, altered, or something else.
    """
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            notes = dict(file.metadata() or {})
    except SafetensorError as error:
        raise ValueError(f"{path} cannot be read: it is cut off or damaged ({error})") from error
    # Files of the first version have no checksum.
    if notes.pop("checksum", None) not in (None, checksum(tensors)):
        raise ValueError(f"{path} has been altered or damaged: its checksum does not fit")
    return tensors, {name: json.loads(value) for name, value in notes.items()}


def checksum(tensors: Mapping[str, Tensor]) -> str:
    """Return a number that changes if a tensor does."""
    total = 0
    for name in sorted(tensors):
        total = zlib.crc32(tensors[name].reshape(-1).view(torch.uint8).numpy().tobytes(), total)
    return f"{total:08x}"


def part(tensors: Mapping[str, Tensor], prefix: str) -> Tensors:
    """Take the tensors whose names begin so, and leave the beginning off."""
    return {n.removeprefix(prefix): x for n, x in tensors.items() if n.startswith(prefix)}


def epochs_of(run: Path) -> list[Path]:
    """Return the weights that a run kept, one file an epoch, the oldest first."""
    ours = re.compile(r"epoch-\d{3,}\.safetensors")
    found = [path for path in run.glob("epoch-*.safetensors") if ours.fullmatch(path.name)]
    return sorted(found, key=lambda path: (len(path.name), path.name))


def average(paths: Sequence[Path]) -> Tensors:
    """Return the mean of the weights in several files (section 6.1).

    Raises
    ------
    ValueError
        If there is no file, or if they hold the weights of different models.
    """
    if not paths:
        raise ValueError("there is no checkpoint to average; train for at least one epoch")
    return mean((read_tensors(path)[0] for path in paths), paths)


def mean(several: Iterable[Tensors], names: Sequence[object] = ()) -> Tensors:
    """Return the mean of several sets of weights, at least one.

    Raises
    ------
    ValueError
        If they are the weights of different models; `names` says which ones.
    """
    sets = iter(several)
    first = next(sets)
    total = {name: x.double() for name, x in first.items()}
    count = 1
    for tensors in sets:
        _add(total, tensors, names[count] if names else f"set {count + 1}")
        count += 1
    return {name: (x / count).to(first[name].dtype) for name, x in total.items()}


def _add(total: Tensors, tensors: Tensors, name: object) -> None:
    """Add tensors to those of the same names."""
    if {n: x.shape for n, x in tensors.items()} != {n: x.shape for n, x in total.items()}:
        raise ValueError(f"{name} holds the weights of another model; these cannot be averaged")
    for key, x in tensors.items():
        total[key] += x
