"""The house stays a house: storeys that stand on those below, and torch where it belongs."""

import ast
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from importlib.util import find_spec
from pathlib import Path

import pytest
from conftest import load_script

SOURCE = Path(__file__).resolve().parents[1] / "src"

# The storeys, from the ground up. A room may import from its own storey and from those below it.
# A name with a dot at its end is a folder with all that is in it.
STOREYS = [
    {"attend.signatures", "attend.comparison"},
    {
        "attend.arrays",
        "attend.precision",
        "attend.state",
        "attend.files",
        "attend.config",
        "attend.console",
    },
    {
        "attend.attention",
        "attend.masks",
        "attend.positions",
        "attend.chunked",
        "attend.layers",
        "attend.pre_norm",
    },
    {"attend", "attend.transformer"},
    {"attend.text."},
    {"attend.models."},
    {"attend.decoding."},
    {"attend.translator."},
    {"attend.training."},
    {"attend.__main__"},
    {"attend_course", "attend_course.kit."},
    {"attend_course.chapters."},
    {"attend_course.grading.", "attend_course.__main__"},
    {"attend_course.site."},
]
TORCH = {
    "attend.models.modules",
    "attend.models.torch_transformer",
    "attend.models.torch_gradients",
    "attend.models.onnx_export",
    "attend.training.",
}
TORCH_FREE = {"attend.training.plan", "attend.training.smoothing"}
ON_DEMAND = {
    "attend.__main__",
    "attend.training.command",
    "attend_course.chapters.looking_inside.figures",
    "attend_course.chapters.looking_inside.opinions",
    "attend_course.chapters.whole_transformer.depth",
    "attend_course.chapters.whole_transformer.figures",
}
"""What reads a command line must answer ``--help`` where there is no torch; it imports later. So do
the gradients of chapters 7 and 9, and what draws them."""
NEEDS = {"attend_course.site.": "myst_nb", "attend.translator.evaluation": "sacrebleu"}
"""What is tested without torch, but not without these."""


@cache
def modules() -> dict[str, Path]:
    """List every module of the two packages by its full name."""
    found = {}
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def lies_in(module: str, rooms: set[str]) -> bool:
    """Tell whether a module is one of `rooms`, or in a folder among them."""
    return module in rooms or any(
        room.endswith(".") and f"{module}.".startswith(room) for room in rooms
    )


def storey(module: str) -> int:
    """Return the number of the storey that a module stands on; an error if it has none."""
    return next(number for number, rooms in enumerate(STOREYS) if lies_in(module, rooms))


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
    return {name for name in imports(module) if name in modules() and name != module}


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
    return [m for m in modules() if not lies_in(m, TORCH) or m in TORCH_FREE | ON_DEMAND]


def chapter(module: str) -> str | None:
    found = module.removeprefix("attend_course.chapters.")
    return None if found == module else found.split(".")[0]


# ---------------------------------------------------------------------------------- by reading


@pytest.mark.parametrize("module", modules())
def test_imports_point_downwards(module):
    above = {name for name in ours(module) if storey(name) > storey(module)}
    assert not above, f"{module} must not import {', '.join(sorted(above))}"


@pytest.mark.parametrize("module", modules())
def test_no_chapter_imports_another(module):
    others = {name for name in ours(module) if chapter(name) not in (None, chapter(module))}
    assert chapter(module) is None or not others, f"{module} must not import {others}"


def test_no_circles():
    graph = {module: ours(module) for module in modules()}
    assert [*TopologicalSorter(graph).static_order()]


@pytest.mark.parametrize("module", sorted({*torch_free()} - ON_DEMAND))
def test_torch_is_imported_only_where_it_belongs(module):
    assert "torch" not in outside(reached(module))


def test_the_array_modules_need_numpy_and_nothing_else():
    allowed = {"attend", "numpy", "jaxtyping"} | set(sys.stdlib_module_names)
    for module in modules():
        if storey(module) <= storey("attend.transformer"):
            assert outside(imports(module)) <= allowed, module


@pytest.mark.parametrize("module", modules())
def test_nothing_imports_a_notebook_or_a_test(module):
    strange = {"notebooks", "book", "tests", "import_ipynb", "importnb", "nbimporter", "papermill"}
    assert not strange & outside(imports(module))


def test_this_file_can_read_imports():
    assert "attend.arrays" in imports("attend.attention")
    assert "attend.layers" in imports("attend.models.torch_transformer")
    assert "torch" in outside(imports("attend.models.modules"))
    assert "torch" in outside(reached("attend.training.trainer"))
    assert "attend.arrays" in reached("attend_course.chapters.scaling.figures")


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
    absent = {room for room, package in NEEDS.items() if find_spec(package) is None}
    return [name for name in torch_free() if not lies_in(name, absent)]


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
    names = [name for name in importable() if not lies_in(name, set(NEEDS))]
    printed = run(
        f"import sys\nfrom importlib import import_module\n"
        f"for name in {names!r}: import_module(name)\n"
        "print('torch' in sys.modules)"
    )
    assert printed.strip() == "False"


@pytest.mark.parametrize("name", ["models.modules", "models.torch_transformer", "training.trainer"])
def test_the_torch_group_says_what_is_missing(name):
    printed = run(
        f"{BLOCKED}\ntry:\n    import_module('attend.{name}')\n"
        "except ModuleNotFoundError as error:\n    print(error)"
    )
    assert "No module named" in printed


def test_the_picture_of_the_house_is_what_the_imports_say():
    house = load_script("house")
    assert house.TARGET.read_text("utf-8") == house.svg(), "run `python scripts/house.py`"
    assert all(upper > lower for upper, lower in house.imported())
