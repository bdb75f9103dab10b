"""The kernel that browsers run is the one that readers read."""

import importlib.util
import re
from pathlib import Path

import pytest

ENGINE = Path(__file__).resolve().parents[3] / "src" / "attend_course" / "kit" / "engine"
SCRIPT = ENGINE.parents[3] / "scripts" / "build_kernel.py"


@pytest.fixture(scope="module")
def build():
    spec = importlib.util.spec_from_file_location("build_kernel", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_kernel_js_is_made_of_kernel_wat(build):
    written = (ENGINE / "kernel.js").read_text(encoding="utf-8")
    assert written == build.script((ENGINE / "kernel.wat").read_text(encoding="utf-8")), (
        "kernel.wat was changed; run scripts/build_kernel.py"
    )


def test_another_text_makes_another_kernel(build):
    text = (ENGINE / "kernel.wat").read_text(encoding="utf-8")
    assert build.script(text) != build.script(text.replace("(i32.const 16)", "(i32.const 32)", 1))


def test_names_are_left_out(build):
    named = build.wasmtime.wat2wasm("(module (func $with_a_name))")
    assert b"with_a_name" in bytes(named)
    assert b"with_a_name" not in build.without_names(bytes(named))


@pytest.mark.parametrize("number", [0, 1, 127, 128, 300, 2**21])
def test_sizes_of_sections_are_read(build, number):
    written, rest = b"", number
    while rest >= 128:
        written, rest = written + bytes([rest % 128 + 128]), rest // 128
    assert build.unsigned(b"x" + written + bytes([rest]), 1) == (number, len(written) + 2)


def test_the_engine_stays_small_and_stands_alone():
    files = {path.name: path.read_text(encoding="utf-8") for path in ENGINE.glob("*.js")}
    lines = [line.strip() for text in files.values() for line in text.splitlines()]
    code = [line for line in lines if line and not line.startswith("//")]
    assert 400 < len(code) < 800
    for name, text in files.items():
        for imported in re.findall(r'from "([^"]*)"', text):
            assert imported.removeprefix("./") in files, name
