"""Make kernel.js of kernel.wat: WebAssembly's text becomes bytes, and the bytes base64.

Run ``python scripts/build_kernel.py`` after any change of kernel.wat. A test compares the two.
"""

from __future__ import annotations

import base64
from pathlib import Path

import wasmtime

ENGINE = Path(__file__).resolve().parents[1] / "src" / "attend_course" / "kit" / "engine"
MAGIC = 8
"""Bytes before the first section: the word that marks WebAssembly, and its version."""


def without_names(module: bytes) -> bytes:
    """Leave out the sections of kind 0, which hold names for people who debug."""
    kept, place = module[:MAGIC], MAGIC
    while place < len(module):
        size, content = unsigned(module, place + 1)
        if module[place]:
            kept += module[place : content + size]
        place = content + size
    return kept


def unsigned(module: bytes, place: int) -> tuple[int, int]:
    """Read a whole number, seven bits a byte, the lowest first; return it and the place behind."""
    number = shift = 0
    while True:
        byte = module[place]
        number |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return number, place


def script(text: str) -> str:
    """Return the module kernel.js for the text of kernel.wat."""
    encoded = base64.b64encode(without_names(bytes(wasmtime.wat2wasm(text)))).decode()
    return (
        f'// Made of kernel.wat by scripts/build_kernel.py.\nexport const KERNEL = "{encoded}";\n'
    )


if __name__ == "__main__":
    text = (ENGINE / "kernel.wat").read_text(encoding="utf-8")
    (ENGINE / "kernel.js").write_text(script(text), encoding="utf-8")
