"""The shapes in the signatures say the same to `attend.arrays.checked` and to another checker.

Copies of the array modules are imported with beartype and jaxtyping enforcing every signature,
results included, on both libraries.
"""

import ast
import importlib
import inspect
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from jaxtyping import TypeCheckError, install_import_hook
from two_libraries import LIBRARIES, TORCH, as_torch, normal

ARRAYS = ("arrays", "masks", "attention", "chunked", "positions", "layers", "pre_norm")
MODULES = [f"attend.{name}" for name in ARRAYS]


@pytest.fixture(scope="module")
def checked() -> SimpleNamespace:
    """Import the array modules a second time, with every signature enforced."""
    ours = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "attend"}
    for name in ours:
        del sys.modules[name]
    try:
        with install_import_hook(MODULES, "beartype.beartype"):
            copies = [importlib.import_module(name) for name in MODULES]
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] == "attend"]:
            del sys.modules[name]
        sys.modules.update(ours)
    functions = {name: thing for module in copies for name, thing in functions_of(module)}
    return SimpleNamespace(**functions)


def functions_of(module: ModuleType) -> list[tuple[str, object]]:
    """List what is defined in a module: its functions, and classes to call them with."""
    return [
        (name, thing)
        for name, thing in vars(module).items()
        if getattr(thing, "__module__", None) == module.__name__ and not name.startswith("_")
    ]


def arguments(library) -> SimpleNamespace:
    """Draw one of everything."""
    q, k, v = normal(1, 2, 4, 6), normal(2, 2, 5, 6), normal(3, 2, 5, 3)
    x, vector = normal(4, 2, 4, 8), normal(5, 8)
    inner = SimpleNamespace(
        W_1=normal(6, 8, 12), b_1=normal(7, 12), W_2=normal(8, 12, 8), b_2=normal(9, 8)
    )
    heads = SimpleNamespace(
        W_Q=normal(10, 8, 6), W_K=normal(11, 8, 6), W_V=normal(12, 8, 4), W_O=normal(13, 4, 8), h=2
    )
    norm = SimpleNamespace(gain=vector, bias=vector)
    layer = SimpleNamespace(
        self_attention=heads, memory_attention=heads, feed_forward=inner, norm_1=norm, norm_2=norm
    )
    layer.norm_3 = norm
    tokens, table = np.array([[1, 2, 0]]), normal(14, 5, 8)
    mask = np.ones((4, 5), bool)
    everything = SimpleNamespace(
        **{name: value for name, value in locals().items() if name != "library"}
    )
    return as_torch(everything) if library is TORCH else everything


RIGHT = {
    "softmax": lambda f, a: f.softmax(a.x, axis=1),
    "scores": lambda f, a: f.scores(a.q, a.k),
    "masked_softmax": lambda f, a: f.masked_softmax(f.scores(a.q, a.k), a.mask),
    "attention": lambda f, a: f.attention(a.q, a.k, a.v, a.mask, scale=0.5),
    "split_heads": lambda f, a: f.split_heads(a.x, 4),
    "merge_heads": lambda f, a: f.merge_heads(f.split_heads(a.x, 4)),
    "keys_values": lambda f, a: f.keys_values(a.x, a.x, a.heads),
    "over_heads": lambda f, a: f.over_heads(a.mask),
    "multi_head_attention": lambda f, a: f.multi_head_attention(
        a.x, a.x, a.x, a.heads, f.causal_mask(4, like=a.x)
    ),
    "attend_with_heads": lambda f, a: f.attend_with_heads(
        a.x, f.keys_values(a.x, a.x, a.heads), a.heads
    ),
    "chunked_attention": lambda f, a: f.chunked_attention(
        a.q, a.k, a.v, f.causal, rows=3, columns=2
    ),
    "take": lambda f, a: f.take(a.q, a.k, a.v, a.mask),
    "lowered_exp": lambda f, a: f.lowered_exp(a.x, a.x + 1),
    "or_one": lambda f, a: f.or_one(a.x),
    "ask": lambda f, a: f.ask(
        f.causal, f.places(4, 5, a.q), f.shape_of_scores(a.q, a.k), slice(0, 2), slice(1, 5)
    ),
    "shape_of_scores": lambda f, a: f.shape_of_scores(a.q, a.k),
    "causal_mask": lambda f, a: f.causal_mask(2, 3, like=a.x),
    "causal": lambda f, a: f.causal(*f.places(2, 3, like=a.x)),
    "places": lambda f, a: f.places(2, 3, like=a.x),
    "padding_mask": lambda f, a: f.padding_mask(a.tokens),
    "positional_encoding": lambda f, a: f.positional_encoding(3, 8, like=a.x),
    "positions_like": lambda f, a: f.positions_like(a.x, 2),
    "layer_norm": lambda f, a: f.layer_norm(a.x, a.vector, a.vector),
    "relu": lambda f, a: f.relu(a.x),
    "feed_forward": lambda f, a: f.feed_forward(a.x, a.inner),
    "add_norm": lambda f, a: f.add_norm(a.x, a.x, a.norm),
    "require_length": lambda f, a: f.require_length(a.q, a.k),
    "require_fit": lambda f, a: f.require_fit(f.scores(a.q, a.k), a.mask),
    "look_up": lambda f, a: f.look_up(a.tokens, a.table),
    "say": lambda f, a: f.say(a.x, a.table),
    "encoder_layer": lambda f, a: f.encoder_layer(a.x, a.layer),
    "pre_norm_encoder_layer": lambda f, a: f.pre_norm_encoder_layer(a.x, a.layer),
    "begin_layer": lambda f, a: f.begin_layer(a.x, a.layer),
    "decoder_layer": lambda f, a: f.decoder_layer(
        a.x, f.begin_layer(a.x, a.layer), a.layer, f.DecoderMasks(None, None)
    ),
}
FOR_TORCH = {"fused_attention", "four_dimensions", "mask_of_four"}
"""Only for torch; they have a test of their own below."""

WRONG = {
    "scores: another d_k": lambda f, a: f.scores(a.q, a.v),
    "scores: whole numbers": lambda f, a: f.scores(a.tokens, a.tokens),
    "attention: another m": lambda f, a: f.attention(a.q, a.k, a.x),
    "attention: another d_k": lambda f, a: f.attention(a.x, a.k, a.v),
    "attention: a mask of numbers": lambda f, a: f.attention(a.q, a.k, a.v, a.q),
    "chunked_attention: another m": lambda f, a: f.chunked_attention(a.q, a.k, a.x),
    "chunked_attention: a mask of numbers": lambda f, a: f.chunked_attention(a.q, a.k, a.v, a.q),
    "causal: both on rows": lambda f, a: f.causal(a.tokens.mT, a.tokens.mT),
    "masked_softmax: one axis": lambda f, a: f.masked_softmax(a.vector),
    "split_heads: one axis": lambda f, a: f.split_heads(a.vector, 2),
    "merge_heads: two axes": lambda f, a: f.merge_heads(a.table),
    "over_heads: one axis": lambda f, a: f.over_heads(a.mask[0]),
    "multi_head_attention: another m": lambda f, a: f.multi_head_attention(
        a.x, a.x, a.x[:, :3], a.heads
    ),
    "multi_head_attention: another d_model": lambda f, a: f.multi_head_attention(
        a.x, a.k, a.k, a.heads
    ),
    "padding_mask: no whole numbers": lambda f, a: f.padding_mask(a.x),
    "layer_norm: another d": lambda f, a: f.layer_norm(a.q, a.vector, a.vector),
    "layer_norm: gain of two axes": lambda f, a: f.layer_norm(a.x, a.table, a.vector),
    "look_up: a table of one axis": lambda f, a: f.look_up(a.tokens, a.vector),
    "pre_norm_encoder_layer: one axis": lambda f, a: f.pre_norm_encoder_layer(a.vector, a.layer),
    "encoder_layer: one axis": lambda f, a: f.encoder_layer(a.vector, a.layer),
    "positional_encoding: a fraction": lambda f, a: f.positional_encoding(3.0, 8),
    "causal_mask: a word": lambda f, a: f.causal_mask("3"),
    "add_norm: another length": lambda f, a: f.add_norm(a.x, a.q, a.norm),
    "relu: whole numbers": lambda f, a: f.relu(a.tokens),
    "begin_layer: one axis": lambda f, a: f.begin_layer(a.vector, a.layer),
    "positions_like: a fraction": lambda f, a: f.positions_like(a.x, 0.5),
}


@LIBRARIES
@pytest.mark.parametrize("name", RIGHT)
def test_right_shapes_pass(checked, library, name):
    RIGHT[name](checked, arguments(library))
    with checked.vouched():
        RIGHT[name](checked, arguments(library))


@LIBRARIES
@pytest.mark.parametrize("name", WRONG)
def test_wrong_shapes_are_caught_by_the_signature(checked, library, name):
    # Once by our own comparison, once by another's reading of the same signature.
    a = arguments(library)
    with pytest.raises((ValueError, TypeError), match=f"^{name.split(':')[0]}") as error:
        WRONG[name](checked, a)
    assert not isinstance(error.value, TypeCheckError)
    with checked.vouched(), pytest.raises(TypeCheckError):
        WRONG[name](checked, a)


def test_the_fused_kernel_keeps_its_signature(checked):
    a = arguments(TORCH)
    checked.fused_attention(a.q, a.k, a.v, a.mask)
    with checked.vouched(), pytest.raises(TypeCheckError):
        checked.fused_attention(a.q, a.k, a.x)


@LIBRARIES
def test_results_are_checked_too(checked, library):
    a = arguments(library)

    def losing_a_query(q, k, v, mask):
        return v[..., :3, :], None

    with pytest.raises(TypeCheckError, match="return value"):
        checked.multi_head_attention(a.x, a.x, a.x, a.heads, attend=losing_a_query)


def test_every_function_with_shapes_in_its_signature_runs_here():
    with_shapes = set()
    for name in MODULES:
        source = Path(inspect.getsourcefile(importlib.import_module(name))).read_text("utf-8")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef) and "Array, '" in ast.unparse(node.args):
                with_shapes.add(node.name)
    assert with_shapes >= {"attention", "layer_norm", "causal_mask"}
    assert with_shapes <= set(RIGHT) | FOR_TORCH


def test_the_package_itself_is_the_unchecked_one(checked):
    import attend

    assert checked.softmax is not attend.softmax
    assert sys.modules["attend.attention"].softmax is attend.softmax
    # A list of numbers gets our message, not the checker's.
    with pytest.raises(TypeError, match="wrap lists"):
        attend.softmax([1.0])
