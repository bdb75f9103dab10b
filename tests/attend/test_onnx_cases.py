"""The cases by which ONNX judges its own runtimes: Attention, Softmax and LayerNormalization.

They come with the package ``onnx``, and were written by others for the operators of their standard.
Every case of `Attention` is computed, on NumPy and on torch:

===============================  ==============================================================
what the operator has            how it is said here
===============================  ==============================================================
boolean mask, causal, window,    a mask, by `attention`, `fused_attention`, `chunked_attention`
padded keys, past keys           (past keys are put before the new ones, as `layers.extend` does)
rows (batch, n, h d)             `split_heads` before, `merge_heads` after
fewer heads for keys             keys and values repeated for each group of queries
a mask of numbers                not a mask here: masks are boolean. It is added to `scores`
softcap                          not in the paper: it stands between `scores` and `masked_softmax`
qk_matmul_output                 `scores`, or the weights that `attention` returns
forbidden scores of -inf         ours are the lowest finite number: compared where a key is allowed
softmax_precision                always single for half precision
===============================  ==============================================================

The cases whose names end in "expanded" are the same numbers, for runtimes that lack the operator.
LayerNormalization over several axes is one over a longer row: the rows are laid out flat. Its
outputs "mean" and "inverse deviation" are left out, as `layer_norm` does not return them.
"""

import importlib
import warnings
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from onnx import defs, helper, numpy_helper
from onnx.backend.test.case import node
from two_libraries import LIBRARIES, NUMPY

import attend
from attend.arrays import namespace

TOLERANCE = {"float16": 2e-3, "bfloat16": 2e-2}


@cache
def everything() -> list:
    """Let ONNX write the cases of three operators: all of them would take ten times as long."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for module in ("attention", "softmax", "layernormalization"):
            importlib.import_module(f"{node.__name__}.{module}")
    return node._NodeTestCases


@cache
def cases(operator: str) -> dict[str, SimpleNamespace]:
    """Collect the cases of an operator by name: attributes, inputs and outputs."""
    found = {}
    for case in everything():
        nodes = case.model.graph.node
        if len(nodes) == 1 and nodes[0].op_type == operator:
            found[case.name.removeprefix("test_")] = read(nodes[0], case.data_sets)
    return found


def read(node, data_sets) -> SimpleNamespace:
    """Name the arrays of a case as the operator names them."""
    ((given, expected),) = data_sets
    schema = defs.get_schema(node.op_type)

    def by_name(names, slots, arrays):
        values = iter(array(a) for a in arrays)
        return {slot.name: next(values) for name, slot in zip(names, slots, strict=False) if name}

    return SimpleNamespace(
        options={a.name: helper.get_attribute_value(a) for a in node.attribute},
        given=by_name(node.input, schema.inputs, given),
        expected=by_name(node.output, schema.outputs, expected),
    )


def array(value) -> np.ndarray:
    return value if isinstance(value, np.ndarray) else numpy_helper.to_array(value)


def to(library, x: np.ndarray):
    """Hand an array to a library; torch reads no bfloat16 of NumPy's."""
    if library is not NUMPY and x.dtype.name == "bfloat16":
        return torch.as_tensor(x.astype(np.float32)).bfloat16()
    return library(x)


def close(found, expected: np.ndarray) -> None:
    """Compare in double precision, as closely as the type of the numbers allows."""
    found = found.double().numpy() if isinstance(found, torch.Tensor) else found.astype(float)
    tolerance = TOLERANCE.get(expected.dtype.name, 1e-5)
    expected = expected.astype(float)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def rows(case: SimpleNamespace) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return q, k and v with an axis of heads, and past keys and values in front."""
    x, c = case.given, case.options
    q, k, v = x["Q"], x["K"], x["V"]
    if q.ndim == 3:
        q = attend.split_heads(q, c["q_num_heads"])
        k, v = (attend.split_heads(part, c["kv_num_heads"]) for part in (k, v))
    if "past_key" in x:
        k = np.concatenate([x["past_key"], k], axis=-2)
        v = np.concatenate([x["past_value"], v], axis=-2)
    return q, k, v


def allowed(case: SimpleNamespace, n: int, m: int) -> np.ndarray:
    """Write what a case forbids as a mask, (batch or 1, heads or 1, n, m)."""
    x, c = case.given, case.options
    before = x["past_key"].shape[-2] if "past_key" in x else 0
    length = x.get("nonpad_kv_seqlen")
    offset = np.array([before]) if length is None else length - n
    place = (np.arange(n) + offset[:, None])[:, None, :, None]
    key = np.arange(m)
    may = np.ones((1, 1, n, m), bool)
    if length is not None:
        may = may & (key < length[:, None, None, None])
    if c.get("is_causal"):
        may = may & (key <= place)
    if c.get("left_window_size", -1) >= 0:
        may = may & (key >= place - c["left_window_size"])
    if c.get("right_window_size", -1) >= 0:
        may = may & (key <= place + c["right_window_size"])
    return may


def bias(case: SimpleNamespace, m: int) -> np.ndarray | None:
    """Return the mask of a case, as long as there are keys: what is missing is forbidden."""
    mask = case.given.get("attn_mask")
    if mask is None:
        return None
    forbidden = False if mask.dtype == bool else -np.inf
    short = [(0, 0)] * (mask.ndim - 1) + [(0, m - mask.shape[-1])]
    return np.pad(mask, short, constant_values=forbidden)


def prepared(name: str) -> SimpleNamespace:
    """Make of a case q, k, v, a boolean mask, and numbers to add to the scores, if any."""
    case = cases("Attention")[name]
    q, k, v = rows(case)
    may, added = allowed(case, q.shape[-2], k.shape[-2]), bias(case, k.shape[-2])
    if added is not None:
        may = may & (added if added.dtype == bool else added > -np.inf)
        added = None if added.dtype == bool else np.where(added > -np.inf, added, 0)
    groups = q.shape[1] // k.shape[1]
    wide = (np.repeat(part, groups, axis=1) for part in (k, v))
    return SimpleNamespace(
        rows=(q, *wide),
        present=(k, v),
        may=may,
        added=added,
        scale=case.options.get("scale"),
        cap=case.options.get("softcap", 0.0),
        case=case,
    )


def plain(p: SimpleNamespace) -> bool:
    """Tell whether a case is attention with a boolean mask: what our functions compute."""
    return p.added is None and not p.cap


def compare_output(p: SimpleNamespace, output) -> None:
    """Compare the output, its heads merged where the case has them side by side."""
    expected = p.case.expected["Y"]
    close(attend.merge_heads(output) if expected.ndim == 3 else output, expected)


def capped(x, cap: float):
    """Hold scores between -cap and cap."""
    return cap * namespace(x).tanh(x / cap)


NAMES = tuple(cases("Attention"))
PLAIN = tuple(name for name in NAMES if plain(prepared(name)))


def test_no_case_drops_in_silence():
    assert (len(NAMES), len(PLAIN)) == (93, 44)
    assert len(cases("Softmax")) == 7
    assert len(cases("LayerNormalization")) == 19


@LIBRARIES
@pytest.mark.parametrize(
    "function", [attend.attention, attend.chunked_attention, attend.fused_attention]
)
@pytest.mark.parametrize("name", PLAIN)
def test_attention_of_onnx(name, function, library):
    if function is attend.fused_attention and library is NUMPY:
        with pytest.raises(TypeError, match="takes torch tensors"):
            function(*prepared(name).rows)
        return
    p = prepared(name)
    q, k, v = (to(library, x) for x in p.rows)
    output, weights = function(q, k, v, library(p.may), scale=p.scale)
    compare_output(p, output)
    if weights is not None and p.case.options.get("qk_matmul_output_mode") == 3:
        close(weights, p.case.expected["qk_matmul_output"])


@LIBRARIES
@pytest.mark.parametrize("name", NAMES)
def test_attention_of_onnx_from_its_parts(name, library):
    p = prepared(name)
    q, k, v = (to(library, x) for x in p.rows)
    stages = [attend.scores(q, k, p.scale)]
    stages.append(capped(stages[-1], p.cap) if p.cap else stages[-1])
    stages.append(stages[-1] if p.added is None else stages[-1] + to(library, p.added))
    weights = attend.masked_softmax(stages[-1], library(p.may))
    compare_output(p, weights @ v)
    expected = p.case.expected
    if "qk_matmul_output" in expected:
        mode = p.case.options.get("qk_matmul_output_mode", 0)
        wanted = expected["qk_matmul_output"]
        seen = np.broadcast_to(p.may, wanted.shape) if mode == 2 else np.ones(wanted.shape, bool)
        found = (*stages, weights)[mode]
        close(found[library(seen.copy())], wanted[seen])
    if "present_key" in expected:
        close(p.present[0], expected["present_key"])
        close(p.present[1], expected["present_value"])


@LIBRARIES
@pytest.mark.parametrize("name", cases("Softmax"))
def test_softmax_of_onnx(name, library):
    case = cases("Softmax")[name]
    (x,) = case.given.values()
    (expected,) = case.expected.values()
    close(attend.softmax(library(x), axis=case.options.get("axis", -1)), expected)


@LIBRARIES
@pytest.mark.parametrize("name", cases("LayerNormalization"))
def test_layer_normalization_of_onnx(name, library):
    case = cases("LayerNormalization")[name]
    x, gain, bias = case.given.values()
    axis = case.options.get("axis", -1) % x.ndim
    flat = x.reshape(*x.shape[:axis], -1)
    found = attend.layer_norm(
        *map(library, (flat, gain.ravel(), bias.ravel())), case.options.get("epsilon", 1e-5)
    )
    close(found.reshape(x.shape), case.expected["Y"])
