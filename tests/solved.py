"""The solutions of the notebooks, and wrong answers made from them by one small change each."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import nbformat
import numpy as np
from conftest import ROOT

import attend
from attend_course.kit.checks import Exercise, exercises
from attend_course.kit.rooms import part

ASKED = re.compile(r"^(check_\w+)\((\w+)\)$", re.MULTILINE)
_OPERATORS: dict[type, tuple[type, ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div, ast.Add),
    ast.Div: (ast.Mult, ast.Sub),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Eq: (ast.NotEq, ast.LtE),
    ast.Gt: (ast.Lt, ast.GtE),
}
_METHODS = {
    "sum": ("mean", "max", "prod", "cumsum"),
    "max": ("min", "mean", "sum"),
    "argmax": ("argmin", "max"),
    "abs": ("square", "asarray"),
    "sqrt": ("square", "asarray"),
    "exp": ("exp2", "asarray"),
    "log": ("log2", "asarray"),
    "softmax": ("np.asarray",),
    "ones": ("zeros",),
}


def _public(module: Any) -> dict[str, Any]:
    return {name: thing for name, thing in vars(module).items() if name[0] != "_"}


@cache
def solutions() -> dict[str, tuple[str, dict[str, Any]]]:
    """Return for every exercise the source of its solution, and the names that it may use."""
    found = {}
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        chapter, names = None, {**_public(attend), "np": np}
        for cell in nbformat.read(path, as_version=4).cells:
            imported = re.search(r"chapters\.(\w+)\.checks import", cell.source)
            if imported:
                chapter = imported[1]
                names |= _public(part(chapter, "checks"))
            asked = ASKED.search(cell.source)
            if asked and "solution" in cell.metadata.get("tags", []):
                exec(compile(cell.source[: asked.start()], "<solution>", "exec"), names)
                found[f"{chapter}.{asked[1]}"] = (cell.source[: asked.start()], names)
    return found


def function_of(source: str, names: dict[str, Any]) -> Any:
    """Return the last function that a source defines."""
    tree = ast.parse(source)
    own = dict(names)
    exec(compile(tree, "<answer>", "exec"), own)
    return own[next(n.name for n in reversed(tree.body) if isinstance(n, ast.FunctionDef))]


def solution(name: str) -> Any:
    """Return the notebook's solution of an exercise as a function."""
    return function_of(*solutions()[name])


def mutants(source: str) -> Iterator[str]:
    """Give a source with one small change each: an operator, axis, method, name or transpose."""
    tree = ast.parse(source)
    arguments = [
        a.arg for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) for a in n.args.args
    ]
    count = sum(1 for _ in ast.walk(tree))
    for place in range(count):
        for variant in range(len(arguments) + 3):
            changed = copy.deepcopy(tree)
            node = list(ast.walk(changed))[place]
            if _change(node, variant, arguments):
                ast.fix_missing_locations(changed)
                yield ast.unparse(changed)


def _change(node: ast.AST, variant: int, arguments: list[str]) -> bool:
    """Change one node in place; False where there is no variant of this number."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult) and variant == 0:
        node.left, node.right = node.right, node.left
        return True
    if isinstance(node, ast.BinOp) and variant < len(_OPERATORS.get(type(node.op), ())):
        node.op = _OPERATORS[type(node.op)][variant]()
        return True
    if isinstance(node, ast.Compare):
        others = _OPERATORS.get(type(node.ops[0]), ())
        if variant < len(others):
            node.ops[0] = others[variant]()
            return True
    if isinstance(node, ast.Attribute):
        if node.attr == "T" and variant == 0:
            node.attr = "real"
            return True
        others = _METHODS.get(node.attr, ())
        if variant < len(others):
            node.attr = others[variant]
            return True
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and variant < 2:
        if isinstance(node.value, bool):
            node.value = not node.value
            return variant == 0
        node.value += (1, -1)[variant]
        return True
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in arguments:
        others = [name for name in arguments if name != node.id]
        if variant < len(others):
            node.id = others[variant]
            return True
    if isinstance(node, ast.Name) and node.id == "softmax" and variant == 0:
        node.id = "abs"
        return True
    return False


EXERCISES: dict[str, Exercise] = dict(exercises())
