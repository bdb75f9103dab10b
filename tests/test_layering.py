"""The house stays a house: imports point one way, and torch stays where it belongs."""

import ast
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from importlib.util import find_spec
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src"

ARRAYS = {"arrays", "state", "masks", "attention", "chunked", "positions", "layers"}
MODEL = {
    "allocation",
    "assembly",
    "config",
    "weights",
    "array_transformer",
    "beam",
    "decoding",
    "recording",
}
TEXT = {"files", "tokenizer", "corpus"}
MEANING = {"translate", "alignment", "evaluation"}
SHOWN = ARRAYS | {"", "draws"}

# Who may import whom. Each name stands for a file or, in the second half, for a whole folder;
# "" is the package itself, which offers the array functions.
MAY_IMPORT = {
    # arrays of either library
    "arrays": set(),
    "state": {"arrays"},
    "masks": {"arrays"},
    "attention": {"arrays", "state"},
    "chunked": {"arrays", "attention", "masks"},
    "positions": {"arrays"},
    "layers": {"arrays", "attention", "positions", "state"},
    "": ARRAYS,
    # no torch
    "allocation": set(),
    "assembly": ARRAYS,
    "config": set(),
    "files": set(),
    "draws": set(),
    "tokenizer": {"files"},
    "corpus": {"tokenizer", "files"},
    "weights": {"config", "tokenizer", "files"},
    "array_transformer": ARRAYS | {"allocation", "assembly", "config", "weights"},
    "onnx_transformer": ARRAYS | {"allocation", "assembly", "config"},
    "beam": {"arrays", "state", "config"},
    "decoding": {"arrays", "state", "config", "assembly", "beam"},
    "recording": {"arrays"},
    "alignment": {"arrays", "recording", "tokenizer"},
    "translate": ARRAYS | MODEL | TEXT | {"alignment"},
    "evaluation": MODEL | TEXT | {"alignment", "translate"},
    "stream": {"corpus", "tokenizer"},
    "plan": {"config", "stream"} | TEXT,
    # torch
    "modules": ARRAYS | {"config"},
    "transformer": ARRAYS | {"allocation", "assembly", "config", "modules"},
    "onnx_export": ARRAYS | {"assembly", "files", "modules", "onnx_transformer", "transformer"},
    "loss": {"arrays"},
    "checkpoints": {"files", "config", "weights"},
    "examiner": TEXT | MODEL | {"loss", "transformer"},
    "training": TEXT | MODEL | {"transformer", "loss", "checkpoints", "plan", "stream"},
    "distributed": TEXT | {"transformer", "checkpoints", "plan", "stream", "training"},
    "training_command": TEXT
    | MODEL
    | {"transformer", "examiner", "plan", "stream", "training", "distributed", "checkpoints"},
    # what is shown: it may compute, never with torch
    "examples": SHOWN | MODEL | TEXT | MEANING,
    "figures": SHOWN | {"examples"},
    "widgets": SHOWN | {"examples"},
    "checks": SHOWN | {"examples"},
    "sphinx_ext": SHOWN | {"examples", "figures", "widgets", "checks"},
}
TORCH = {
    "modules",
    "transformer",
    "onnx_export",
    "loss",
    "checkpoints",
    "examiner",
    "training",
    "distributed",
    "training_command",
}
FOLDERS = {"examples", "figures", "widgets", "checks", "sphinx_ext"}
NEEDS = {"sphinx_ext": "myst_nb", "evaluation": "sacrebleu"}
"""What is tested without torch, but not without these."""


@cache
def modules() -> dict[str, Path]:
    """List every module of the package by its full name."""
    found = {}
    for path in sorted((SOURCE / "attend").rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def group(module: str) -> str:
    """Return the row of the table that a module belongs to."""
    return [*module.split("."), ""][1]


@cache
def imports(module: str) -> frozenset[str]:
    """List what a module imports, also inside its functions, with full names."""
    path, found = modules()[module], set()
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    tree = ast.parse(path.read_text("utf-8"))
    # What a file does when it is run as a program is not part of the module.
    tree.body = [node for node in tree.body if "__main__" not in ast.unparse(node)[:30]]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, base]).strip(".")
            names = {f"{base}.{alias.name}" for alias in node.names}
            of_modules = {name for name in names if name in modules()}
            found |= of_modules or {base}
            found |= {base} if names - of_modules else set()
    return frozenset(found)


def ours(module: str) -> set[str]:
    return {name for name in imports(module) if name.split(".")[0] == "attend"}


def reached(module: str) -> set[str]:
    """Collect everything that is imported on the way, in the end."""
    seen: set[str] = set()
    todo = [module]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += imports(name) if name in modules() else ()
    return seen


def outside(names: set[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


def torch_free() -> list[str]:
    return [module for module in modules() if group(module) not in TORCH]


# ---------------------------------------------------------------------------------- by reading


@pytest.mark.parametrize("module", modules())
def test_a_module_has_its_place(module):
    assert group(module) in MAY_IMPORT, (
        f"{module} is not in the table: decide what it may import and write it down here "
        "and in docs/architecture.md"
    )


@pytest.mark.parametrize("module", modules())
def test_imports_point_one_way(module):
    own = group(module)
    wrong = {name for name in ours(module) if group(name) not in MAY_IMPORT.get(own, set()) | {own}}
    assert not wrong, f"{module} must not import {', '.join(sorted(wrong))}"


def test_the_table_has_no_circle():
    order = [*TopologicalSorter(MAY_IMPORT).static_order()]
    assert order.index("arrays") < order.index("attention") < order.index("training")


def test_no_two_modules_import_each_other():
    graph = {
        module: {name for name in imports(module) if name in modules() and name != module}
        for module in modules()
        # Parts of a folder are offered by its __init__, which they may mention in turn.
        if group(module) not in FOLDERS
    }
    assert [*TopologicalSorter(graph).static_order()]


@pytest.mark.parametrize("module", torch_free())
def test_torch_is_imported_only_where_it_belongs(module):
    assert "torch" not in outside(reached(module))


def test_figures_and_widgets_are_among_those_without_torch():
    assert not {"figures", "widgets", "checks", "examples", "translate", "recording"} & TORCH


def test_the_array_modules_need_numpy_and_nothing_else():
    allowed = {"attend", "numpy", "jaxtyping"} | set(sys.stdlib_module_names)
    for module in modules():
        if group(module) in ARRAYS | {"", "assembly"}:
            assert outside(imports(module)) <= allowed, module


@pytest.mark.parametrize("module", modules())
def test_nothing_imports_a_notebook_or_a_test(module):
    strange = {"notebooks", "book", "tests", "import_ipynb", "importnb", "nbimporter", "papermill"}
    assert not strange & outside(imports(module))


def test_this_file_can_read_imports():
    assert "attend.arrays" in imports("attend.attention")
    assert "attend.layers" in imports("attend.transformer")
    assert "torch" in outside(imports("attend.modules"))
    assert "torch" in outside(reached("attend.training"))
    assert "attend.arrays" in reached("attend.figures.scaling")


# ---------------------------------------------------------------------------------- by running

BLOCKED = """
import sys
from importlib import import_module

class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "torch":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, NotInstalled())
try:
    import torch
except ModuleNotFoundError:
    pass
else:
    raise SystemExit("the blocker does not block")
"""


def importable() -> list[str]:
    """List the modules that need no torch, and whose other needs are installed here."""
    absent = {name for name, package in NEEDS.items() if find_spec(package) is None}
    return [name for name in torch_free() if group(name) not in absent]


def run(code: str) -> str:
    """Run code in a fresh interpreter and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_everything_but_the_torch_group_works_without_torch():
    run(f"{BLOCKED}\nfor name in {importable()!r}: import_module(name)")


def test_the_mathematics_runs_without_torch():
    printed = run(
        BLOCKED
        + """
import attend
import numpy as np
x = np.eye(4)
p = attend.HeadProjections(x, x, x, x, 2)
mask = attend.causal_mask(4) & attend.padding_mask(np.array([5, 6, 7, 0]))
output, weights = attend.multi_head_attention(x, x, x, p, mask)
x = attend.layer_norm(output + attend.positional_encoding(4, 4), np.ones(4), np.zeros(4))
print(weights.shape, x.shape, all(hasattr(attend, name) for name in attend.__all__))
"""
    )
    assert printed.split("\n")[0] == "(2, 4, 4) (4, 4) True"


def test_nothing_loads_torch_behind_the_back():
    # sacrebleu and the documentation tools look for torch themselves.
    names = [name for name in importable() if group(name) not in NEEDS]
    printed = run(
        f"import sys\nfrom importlib import import_module\n"
        f"for name in {names!r}: import_module(name)\n"
        "print('torch' in sys.modules)"
    )
    assert printed.strip() == "False"


@pytest.mark.parametrize("name", ["modules", "transformer", "training"])
def test_the_torch_group_says_what_is_missing(name):
    printed = run(
        f"{BLOCKED}\ntry:\n    import_module('attend.{name}')\n"
        "except ModuleNotFoundError as error:\n    print(error)"
    )
    assert "No module named" in printed
