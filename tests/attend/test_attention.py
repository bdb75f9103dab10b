"""Attention against loops, against torch, and against what must hold for any numbers."""

from math import exp, sqrt

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from torch.nn.functional import scaled_dot_product_attention
from two_libraries import (
    LIBRARIES,
    as_torch,
    assert_equal_results,
    close,
    normal,
    refused,
    twice,
)

import attend
from attend import causal_mask, layers

QUICK = settings(max_examples=60, deadline=None)
MODERATE = st.floats(-50, 50)
ANY_FLOAT32 = st.floats(width=32, allow_nan=False, allow_infinity=False)
MATRICES = arrays.array_shapes(min_dims=2, max_dims=4, min_side=1, max_side=6)

# Batch dimensions of q, of k and v; then n, m, d_k, d_v.
SHAPES = [
    ((), (), 1, 1, 1, 1),
    ((), (), 3, 5, 4, 2),
    ((2,), (2,), 5, 3, 7, 7),
    ((2, 3), (2, 3), 4, 6, 8, 5),
    ((2, 1), (1, 3), 4, 4, 3, 6),
    ((3,), (), 1, 9, 16, 1),
    ((2, 1, 3), (2, 2, 3), 6, 2, 2, 9),
]
MASKS = {
    "none": lambda shape: None,
    "causal": lambda shape: np.tril(np.ones(shape[-2:], bool), shape[-1] - shape[-2]),
    "keys": lambda shape: (np.arange(shape[-1]) % 3 != 1)[None, :],
    "random": lambda shape: np.random.default_rng(7).random(shape) < 0.6,
    "nothing": lambda shape: np.zeros((1, 1), bool),
}
FLOATS = ["float16", "bfloat16", "float32", "float64"]


def rows(shape) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw queries, keys and values."""
    of_q, of_k, n, m, d_k, d_v = shape
    return normal(1, *of_q, n, d_k), normal(2, *of_k, m, d_k), normal(3, *of_k, m, d_v)


def mask_for(name: str, shape) -> np.ndarray | None:
    of_q, of_k, n, m, *_ = shape
    return MASKS[name]((*np.broadcast_shapes(of_q, of_k), n, m))


def in_loops(q, k, v, may=None) -> tuple[list, list]:
    """Compute equation (1) of the paper number by number."""
    output, weights = [], []
    for i, query in enumerate(q):
        seen = [j for j in range(len(k)) if may is None or may[i][j]]
        powers = {
            j: exp(sum(a * b for a, b in zip(query, k[j], strict=True)) / sqrt(len(query)))
            for j in seen
        }
        row = [powers.get(j, 0.0) / (sum(powers.values()) or 1.0) for j in range(len(k))]
        weights.append(row)
        output.append(
            [sum(w * value[c] for w, value in zip(row, v, strict=True)) for c in range(len(v[0]))]
        )
    return output, weights


# ----------------------------------------------------------------------------- loops and torch


@LIBRARIES
@pytest.mark.parametrize("mask", MASKS)
def test_attention_is_the_loop_form(library, mask):
    q, k, v = normal(1, 4, 6), normal(2, 5, 6), normal(3, 5, 3)
    may = MASKS[mask]((4, 5))
    wide = None if may is None else np.broadcast_to(may, (4, 5))
    output, weights = in_loops(q.tolist(), k.tolist(), v.tolist(), wide)
    given_mask = None if may is None else library(may)
    result = attend.attention(library(q), library(k), library(v), given_mask)
    close(result[0], output)
    close(result[1], weights)


@pytest.mark.parametrize("scale", [None, 1.0, 0.3])
@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("function", [attend.attention, attend.fused_attention])
def test_attention_and_its_gradients_are_those_of_torch(function, shape, mask, scale):
    may = as_torch(mask_for(mask, shape))
    ours = [as_torch(x).requires_grad_() for x in rows(shape)]
    theirs = [as_torch(x).requires_grad_() for x in rows(shape)]
    result = function(*ours, may, scale=scale)[0]
    expected = scaled_dot_product_attention(*theirs, attn_mask=may, scale=scale)
    close(result, expected, 1e-10)
    direction = as_torch(normal(4, *result.shape))
    (result * direction).sum().backward()
    (expected * direction).sum().backward()
    for one, other in zip(ours, theirs, strict=True):
        close(one.grad, other.grad, 1e-10)


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_numpy_attention_is_torch_attention(shape, mask):
    assert_equal_results(*twice(attend.attention, *rows(shape), mask_for(mask, shape)))


@pytest.mark.parametrize("scale", [None, 1.0, 0.25])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_numpy_scores_are_torch_scores(shape, scale):
    q, k, _ = rows(shape)
    numpys, torches = twice(attend.scores, q, k, scale=scale)
    assert_equal_results(numpys, torches)
    factor = 1 / sqrt(q.shape[-1]) if scale is None else scale
    close(numpys, np.einsum("...nd,...md->...nm", q, k) * factor)


@pytest.mark.parametrize("axis", [-1, 0, 1, -2])
def test_softmax_is_that_of_torch_along_any_axis(axis):
    x = normal(1, 3, 4, 5)
    numpys, torches = twice(attend.softmax, x, axis=axis)
    assert_equal_results(numpys, torches)
    close(torches, torch.softmax(as_torch(x), dim=axis))


def test_the_gradient_of_the_softmax_is_right():
    x = as_torch(normal(1, 2, 3)).requires_grad_()
    assert torch.autograd.gradcheck(attend.softmax, (x,))


@LIBRARIES
def test_attention_keeps_the_type_of_its_numbers(library):
    q = library(np.ones((2, 3), np.float32))
    for part in attend.attention(q, q, q, causal_mask(2, like=q), scale=0.5):
        assert part.dtype == q.dtype


# ---------------------------------------------------------------------------- for any numbers


@QUICK
@given(st.data())
def test_a_row_sums_to_one_if_it_may_attend_and_else_to_zero(data):
    x = data.draw(arrays.arrays(np.float64, MATRICES, elements=MODERATE))
    mask = data.draw(arrays.arrays(bool, x.shape))
    numpys, torches = twice(attend.masked_softmax, x, mask)
    assert_equal_results(numpys, torches)
    close(numpys.sum(-1), mask.any(-1).astype(float))
    assert (numpys >= 0).all()
    assert (numpys[~mask] == 0).all()


@QUICK
@given(arrays.arrays(np.float64, MATRICES, elements=MODERATE))
def test_no_mask_is_a_mask_of_true(x):
    full = attend.masked_softmax(x, np.ones(x.shape, bool))
    close(attend.masked_softmax(x), full, 0)


@QUICK
@given(arrays.arrays(np.float64, MATRICES, elements=MODERATE), st.floats(-1000, 1000))
def test_the_softmax_ignores_a_shift(x, shift):
    close(attend.softmax(x + shift), attend.softmax(x), 1e-10)


@QUICK
@given(arrays.arrays(np.float64, MATRICES, elements=MODERATE))
def test_the_softmax_keeps_the_order(x):
    weights = attend.softmax(x)
    ranked = np.take_along_axis(weights, np.argsort(x, axis=-1, kind="stable"), axis=-1)
    assert (np.diff(ranked, axis=-1) >= 0).all()


@QUICK
@given(st.data(), st.integers(1, 6), st.integers(1, 6))
def test_shuffled_tokens_give_shuffled_rows(data, n, m):
    q, k, v = normal(1, n, 4), normal(2, m, 4), normal(3, m, 3)
    mask = data.draw(arrays.arrays(bool, (n, m)))
    by, of = (data.draw(st.permutations(range(size))) for size in (n, m))
    output, weights = attend.attention(q, k, v, mask)
    shuffled = attend.attention(q[by], k[of], v[of], mask[by][:, of])
    close(shuffled[0], output[by])
    close(shuffled[1], weights[by][:, of])


@QUICK
@given(st.data())
def test_extreme_scores_stay_finite_in_single_precision(data):
    # Warnings are errors in this suite, so that none is given is tested too.
    x = data.draw(arrays.arrays(np.float32, MATRICES, elements=ANY_FLOAT32))
    mask = data.draw(arrays.arrays(bool, x.shape))
    for weights in (*twice(attend.softmax, x), *twice(attend.masked_softmax, x, mask)):
        assert np.isfinite(np.asarray(weights)).all()
    close(attend.softmax(x).sum(-1), np.ones(x.shape[:-1], np.float32), 1e-5)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("sign", [-1, 1])
def test_the_largest_numbers_of_a_type_are_safe_scores(dtype, sign):
    most = np.finfo(dtype).max
    x = np.array([[most, -most, 0.0], [sign * most, sign * most, -sign * most]], dtype)
    for weights in twice(attend.softmax, x):
        close(weights[0], [1.0, 0.0, 0.0])
        close(weights[1], [0.5, 0.5, 0.0] if sign == 1 else [0.0, 0.0, 1.0])


@pytest.mark.parametrize(("dtype", "low"), [("float16", -6e4), ("float32", -1e30)])
def test_a_forbidden_key_stays_below_the_lowest_scores(dtype, low):
    x, mask = np.array([[low, 5.0, low]], dtype), np.array([[True, False, True]])
    for weights in twice(attend.masked_softmax, x, mask):
        close(weights, [[0.5, 0.0, 0.5]])


# ------------------------------------------------------------------- rows that see nothing


@pytest.mark.parametrize("size", [1.0, 30.0])
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("function", [attend.attention, attend.fused_attention])
def test_a_query_that_may_attend_to_nothing_gets_zeros(function, dtype, size):
    leaves = [
        (as_torch(x) * size).to(getattr(torch, dtype)).requires_grad_()
        for x in rows(((2,), (2,), 4, 5, 8, 3))
    ]
    mask = torch.ones(4, 5, dtype=torch.bool)
    mask[1] = False
    mask[2, 1:] = False
    output, weights = function(*leaves, mask)
    assert output.dtype == leaves[0].dtype
    assert (output[:, 1] == 0).all()
    assert (output[:, 0] != 0).any()
    if weights is not None:
        assert (weights[:, 1] == 0).all()
        assert (weights[:, 2] == torch.eye(5, dtype=weights.dtype)[0]).all()
    (output * output).sum().backward()
    for leaf in leaves:
        assert torch.isfinite(leaf.grad).all()
    assert (leaves[0].grad[:, 1] == 0).all()


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_forbidden_key_gets_no_gradient(dtype):
    q, k, v = (as_torch(x).to(getattr(torch, dtype)) for x in rows(((), (), 3, 4, 6, 2)))
    k.requires_grad_()
    v.requires_grad_()
    mask = torch.tensor([True, True, True, False])
    attend.attention(q, k, v, mask)[0].square().sum().backward()
    assert (k.grad[3] == 0).all()
    assert (v.grad[3] == 0).all()
    assert (v.grad[:3] != 0).any()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_numpy_gives_zeros_too(dtype):
    q, k, v = (x.astype(dtype) for x in rows(((), (), 3, 4, 6, 2)))
    output, weights = attend.attention(q, k, v, np.zeros((3, 4), bool))
    assert output.dtype == weights.dtype == dtype
    assert (output == 0).all()
    assert (weights == 0).all()


# ------------------------------------------------------------------------------------- causality


@pytest.mark.parametrize(("n", "m"), [(5, 5), (3, 5), (1, 4)])
def test_nothing_reaches_a_query_from_a_later_key(n, m):
    q, k, v = (as_torch(x) for x in rows(((2,), (2,), n, m, 4, 3)))
    k.requires_grad_()
    v.requires_grad_()
    output, _ = attend.attention(q, k, v, causal_mask(n, m, like=q))
    for row in range(n):
        projected = (output[:, row] * as_torch(normal(row, 3))).sum()
        of_k, of_v = torch.autograd.grad(projected, (k, v), retain_graph=True)
        last = m - n + row
        assert (of_k[:, last + 1 :] == 0).all()
        assert (of_v[:, last + 1 :] == 0).all()
        assert (of_v[:, : last + 1] != 0).all()


# ------------------------------------------------------------------------------------------ heads


def heads(d_model=8, h=2, d_k=3, d_v=5) -> attend.HeadProjections:
    """Draw the matrices of a multi-head attention whose d_k and d_v differ from d_model / h."""
    return attend.HeadProjections(
        normal(11, d_model, h * d_k),
        normal(12, d_model, h * d_k),
        normal(13, d_model, h * d_v),
        normal(14, h * d_v, d_model),
        h,
    )


@pytest.mark.parametrize("shape", [(4, 6), (2, 4, 6), (2, 3, 4, 6)])
@pytest.mark.parametrize("h", [1, 2, 3, 6])
def test_splitting_gives_each_head_its_columns(shape, h):
    x = normal(1, *shape)
    numpys, torches = twice(attend.split_heads, x, h)
    assert_equal_results(numpys, torches)
    d = shape[-1] // h
    for head in range(h):
        close(numpys[..., head, :, :], x[..., head * d : (head + 1) * d], 0)


@pytest.mark.parametrize("shape", [(4, 6), (2, 4, 6), (2, 3, 4, 6), (2, 0, 6)])
def test_merging_undoes_splitting(shape):
    x = normal(1, *shape)
    close(attend.merge_heads(attend.split_heads(x, 3)), x, 0)
    assert_equal_results(*twice(attend.merge_heads, normal(2, 2, 3, *shape[-2:])))


@LIBRARIES
@pytest.mark.parametrize("mask", [None, "causal", "padding"])
def test_several_heads_are_a_loop_over_heads(library, mask):
    p, x, memory = heads(h=3), normal(1, 2, 4, 8), normal(2, 2, 6, 8)
    may = {
        None: None,
        "causal": causal_mask(4, 6),
        "padding": np.arange(6)[None, None, :] < np.array([4, 6])[:, None, None],
    }[mask]
    joined, maps = [], []
    for head in range(3):
        of_k, of_v = np.s_[:, head * 3 : head * 3 + 3], np.s_[:, head * 5 : head * 5 + 5]
        q, k, v = x @ p.W_Q[of_k], memory @ p.W_K[of_k], memory @ p.W_V[of_v]
        output, weights = attend.attention(q, k, v, may)
        joined.append(output)
        maps.append(weights)
    p = attend.HeadProjections(*(library(matrix) for matrix in p[:4]), p.h)
    result = attend.multi_head_attention(
        library(x), library(memory), library(memory), p, None if may is None else library(may)
    )
    close(result[0], np.concatenate(joined, axis=-1) @ np.asarray(p.W_O))
    close(result[1], np.stack(maps, axis=1))


def test_several_heads_are_those_of_torch():
    theirs = torch.nn.MultiheadAttention(8, 4, bias=False, batch_first=True, dtype=torch.float64)
    W_Q, W_K, W_V = (part.mT for part in theirs.in_proj_weight.chunk(3))
    p = attend.HeadProjections(W_Q, W_K, W_V, theirs.out_proj.weight.mT, 4)
    x, memory = as_torch(normal(1, 2, 3, 8)), as_torch(normal(2, 2, 5, 8))
    mask = causal_mask(3, 5, like=x)
    expected = theirs(x, memory, memory, attn_mask=~mask, average_attn_weights=False)
    result = attend.multi_head_attention(x, memory, memory, p, mask)
    for ours, other in zip(result, expected, strict=True):
        close(ours, other)


@pytest.mark.parametrize("batch", [(), (2,), (2, 3)])
def test_numpy_heads_are_torch_heads(batch):
    x, memory = normal(1, *batch, 4, 8), normal(2, *batch, 6, 8)
    result = twice(attend.multi_head_attention, x, memory, memory, heads(), causal_mask(4, 6))
    assert_equal_results(*result)


def test_the_fused_kernel_may_stand_for_a_single_head():
    x, p, mask = as_torch(normal(1, 2, 5, 8)), as_torch(heads()), causal_mask(5, like=torch.ones(1))
    taught = attend.multi_head_attention(x, x, x, p, mask)
    fused = attend.multi_head_attention(x, x, x, p, mask, attend=attend.fused_attention)
    close(fused[0], taught[0])
    assert fused[1] is None


# ----------------------------------------------------------------------------------------- errors


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape)


WRONG = {
    "a softmax of nothing": (
        lambda to: attend.softmax(to(ones(2, 0))),
        ("softmax needs at least one number along axis -1", "x (2, 0)", "Axes are counted"),
    ),
    "a softmax along no axis": (
        lambda to: attend.softmax(to(ones(2, 3)), axis=2),
        ("softmax needs at least one number along axis 2", "x (2, 3)", "Axes are counted"),
    ),
    "other d_k": (
        lambda to: attend.attention(to(ones(3, 4)), to(ones(5, 6)), to(ones(5, 2))),
        (
            "attention needs q (..., n, d_k) and k (..., m, d_k) with the same d_k",
            "q (3, 4), k (5, 6)",
        ),
    ),
    "other d_k in scores": (
        lambda to: attend.scores(to(ones(3, 4)), to(ones(5, 6))),
        (
            "scores needs q (..., n, d_k) and k (..., m, d_k) with the same d_k",
            "k (5, 6)",
            "letter",
        ),
    ),
    "d_k of zero": (
        lambda to: attend.scores(to(ones(3, 0)), to(ones(5, 0))),
        ("scores: queries and keys", "d_k of at least 1", "q (3, 0), k (5, 0)", "is a row"),
    ),
    "a single query without its row": (
        lambda to: attend.attention(to(ones(4)), to(ones(5, 4)), to(ones(5, 2))),
        ("attention needs q (..., n, d_k)", "q (4,)", "a single row stands in brackets"),
    ),
    "a key without value": (
        lambda to: attend.attention(to(ones(3, 4)), to(ones(5, 4)), to(ones(6, 2))),
        ("k (..., m, d_k) and v (..., m, d_v) with the same m", "k (5, 4), v (6, 2)", "letter"),
    ),
    "a value without its row": (
        lambda to: attend.attention(to(ones(3, 4)), to(ones(5, 4)), to(ones(5))),
        ("attention needs v (..., m, d_v)", "v (5,)", "a single row stands in brackets"),
    ),
    "other batches": (
        lambda to: attend.attention(to(ones(2, 3, 4)), to(ones(3, 5, 4)), to(ones(3, 5, 2))),
        ("attention needs q (..., n, d_k), k", "broadcast", "q (2, 3, 4)", "before the named ones"),
    ),
    "other batches in scores": (
        lambda to: attend.scores(to(ones(2, 3, 4)), to(ones(3, 5, 4))),
        ("scores needs q", "whose dimensions ... broadcast", "q (2, 3, 4), k (3, 5, 4)", "or one"),
    ),
    "a mask of other shape": (
        lambda to: attend.attention(*[to(ones(3, 4))] * 3, to(ones(3, 2) > 0)),
        ("a mask needs one entry for each query and key", "mask (3, 2), scores (3, 3)", "columns"),
    ),
    "a mask larger than the scores": (
        lambda to: attend.masked_softmax(to(ones(3, 4)), to(ones(2, 3, 4) > 0)),
        ("a shape that broadcasts", "mask (2, 3, 4), scores (3, 4)", "Rows are queries (n)"),
    ),
    "heads that do not fit": (
        lambda to: attend.split_heads(to(ones(3, 8)), 3),
        ("must split into h = 3 equal heads", "x (3, 8)", "the same d for every head"),
    ),
    "no heads": (
        lambda to: attend.split_heads(to(ones(3, 8)), 0),
        ("must split into h = 0 equal heads", "x (3, 8)", "the same d for every head"),
    ),
    "merging without heads": (
        lambda to: attend.merge_heads(to(ones(3, 8))),
        ("merge_heads needs x (..., h, n, d)", "x (3, 8)", "A dimension is missing"),
    ),
}


@LIBRARIES
@pytest.mark.parametrize(("call", "says"), WRONG.values(), ids=WRONG)
def test_wrong_shapes_are_refused_with_rule_shapes_and_hint(library, call, says):
    with refused(ValueError, *says):
        call(library)


@LIBRARIES
@pytest.mark.parametrize("dtype", ["float64", "int64"])
def test_a_mask_of_numbers_is_refused(library, dtype):
    x, mask = library(ones(2, 2)), library(np.ones((2, 2), dtype))
    with refused(TypeError, "a mask is boolean, True = may attend", dtype, "mask.astype(bool)"):
        attend.attention(x, x, x, mask)


ALL = {
    "softmax": (lambda x: attend.softmax(x), "x"),
    "masked_softmax": (lambda x: attend.masked_softmax(x, x > 1), "x"),
    "scores": (lambda x: attend.scores(x, x * 1.0), "q"),
    "attention": (lambda x: attend.attention(x * 1.0, x * 1.0, x), "v"),
    "chunked_attention": (lambda x: attend.chunked_attention(x * 1.0, x, x * 1.0), "k"),
    "split_heads": (lambda x: attend.split_heads(x, 1), "x"),
    "merge_heads": (lambda x: attend.merge_heads(x[None]), "x"),
    "layer_norm": (lambda x: attend.layer_norm(x, x[0] * 1.0, x[0] * 1.0), "x"),
    "feed_forward": (lambda x: attend.feed_forward(x * 1.0, layers.Transform(*[x] * 4)), "W_1"),
}


@LIBRARIES
@pytest.mark.parametrize("dtype", ["int64", "uint8", "bool"])
@pytest.mark.parametrize("function", ALL)
def test_numbers_of_another_kind_are_refused_by_name(library, function, dtype):
    call, name = ALL[function]
    x = library(np.array([[1, 0], [3, 4]], dtype))
    with refused(TypeError, f"{function} needs", name, "floating-point numbers", name, "float()"):
        call(x)


TWINS = [attend.fused_attention, attend.chunked_attention]
GIVEN = st.tuples(*[st.lists(st.integers(0, 3), min_size=1, max_size=4)] * 3)


@pytest.mark.parametrize("twin", TWINS)
@settings(max_examples=400, deadline=None)
@given(GIVEN, st.none() | st.lists(st.integers(1, 3), max_size=4), st.booleans())
def test_the_twins_of_attention_refuse_what_it_refuses_and_say_the_same(twin, shapes, may, fit):
    if fit:
        q, k, v = shapes
        shapes = q, [*k[:-1], q[-1]], [*k[:-1], v[-1]]
    rows_ = [torch.ones(shape) for shape in shapes]
    mask = None if may is None else torch.ones(may) > 0
    said = {}
    for function in (attend.attention, twin):
        try:
            said[function] = function(*rows_, mask)[0].shape
        except (ValueError, TypeError) as error:
            said[function] = (type(error), str(error).replace(function.__name__, "attention"))
    assert said[twin] == said[attend.attention]


def test_the_fused_kernel_takes_torch_tensors_only():
    with refused(TypeError, "the fused kernel takes torch tensors", "ndarray"):
        attend.fused_attention(ones(2, 3), ones(2, 3), ones(2, 3))
    x = torch.ones(2, 3)
    with refused(TypeError, "fused_attention needs mask", "a mask is boolean", "float32"):
        attend.fused_attention(x, x, x, torch.ones(2, 2))


def test_mixed_libraries_and_lists_are_refused():
    numpys, torches = ones(2, 2), torch.ones(2, 2)
    for wrong in (
        lambda: attend.attention(numpys, torches, numpys),
        lambda: attend.attention(numpys, numpys, numpys, torches > 0),
        lambda: attend.scores(numpys, torches),
        lambda: attend.multi_head_attention(torch.ones(2, 8), *[ones(2, 8)] * 2, heads()),
    ):
        with refused(TypeError, "mixed", "convert all to one library"):
            wrong()
    for wrong in (
        lambda: attend.softmax([1.0, 2.0]),
        lambda: attend.split_heads([[1.0, 2.0]], 2),
        lambda: attend.merge_heads([[[1.0, 2.0]]]),
        lambda: attend.attention(numpys, numpys, numpys, [[True, True], [True, True]]),
        lambda: attend.multi_head_attention(*[[[1.0]]] * 3, heads()),
        lambda: attend.multi_head_attention(*[ones(2, 8)] * 3, heads(), [[True, True]]),
    ):
        with refused(TypeError, "expected a NumPy array or a torch tensor", "list", "wrap lists"):
            wrong()


@pytest.mark.parametrize("position", [0, 1, 2])
def test_rows_that_are_not_d_model_long_are_refused(position):
    given_rows = [ones(3, 8), ones(3, 8), ones(3, 8)]
    given_rows[position] = ones(3, 7)
    with refused(ValueError, "multi_head_attention needs q", "with the same d_model", "(3, 7)"):
        attend.multi_head_attention(*given_rows, heads())


@pytest.mark.parametrize(
    ("name", "shape"), [("W_K", (8, 4)), ("W_V", (7, 10)), ("W_O", (8, 8)), ("W_Q", (7, 6))]
)
def test_projections_that_do_not_fit_are_refused(name, shape):
    p = heads()._replace(**{name: ones(*shape)})
    with refused(ValueError, "needs", f"p.{name} (", "with the same", f"p.{name} {shape}"):
        attend.multi_head_attention(*[ones(3, 8)] * 3, p)


def test_what_lacks_an_attribute_is_refused():
    for wrong in (None, ones(3, 3)):
        with refused(TypeError, "needs p with the attribute W_Q", type(wrong).__name__):
            attend.multi_head_attention(*[ones(3, 8)] * 3, wrong)
    with refused(TypeError, "attention", "received NoneType"):
        attend.attention(None, ones(2, 2), ones(2, 2))


def test_a_mask_for_heads_needs_both_axes():
    with refused(ValueError, "needs mask (..., #n, #m)", "mask (3,)"):
        attend.multi_head_attention(*[ones(3, 8)] * 3, heads(), np.ones(3, bool))
    with refused(ValueError, "a mask needs one entry for each query and key", "(2, 1, 3, 3)"):
        attend.multi_head_attention(*[ones(3, 8)] * 3, heads(), np.ones((2, 3, 3), bool))


# -------------------------------------------------------------------------------- half precision


@pytest.mark.parametrize("function", [attend.attention, attend.chunked_attention])
@pytest.mark.parametrize("d_k", [64, 512])
@LIBRARIES
def test_products_outside_the_range_of_half_precision_are_right(library, d_k, function):
    signs = np.sign(normal(1, 6, d_k))
    q, k, v = 40 * signs[:4], 40 * signs, normal(3, 6, 3)
    half = [x.astype(np.float16) for x in (q, k, v)]
    expected = scaled_dot_product_attention(*(torch.tensor(x).float() for x in half))
    found = function(*map(library, half))[0]
    assert found.dtype == library(half[0]).dtype
    close(np.asarray(found, float), expected.double(), 1e-2)


def test_scores_outside_the_range_of_half_precision_still_give_weights():
    q = torch.full((1, 64), 200.0).half()
    k = torch.stack([q[0], -q[0], q[0]])
    for function in (attend.attention, attend.chunked_attention):
        close(function(q, k, k)[0].float(), q.float(), 1e-2)


@LIBRARIES
def test_the_shares_of_more_keys_than_half_precision_counts(library):
    x = library(np.zeros((1, 70_000), np.float16))
    close(np.asarray(attend.softmax(x), float), np.full((1, 70_000), 1 / 70_000), 1e-7)


@pytest.mark.parametrize("named", [False, True])
def test_half_precision_comes_back_as_it_was(named):
    for dtype in (torch.float16, torch.bfloat16):
        x = torch.ones(2, 3, dtype=dtype)
        found = attend.attention(q=x, k=x, v=x) if named else attend.attention(x, x, x)
        assert {part.dtype for part in found} == {dtype}


# --------------------------------------------------------------------------------- fused kernels


FUSED = [
    (shape, mask)
    for shape in ((5, 4), (2, 5, 4), (2, 3, 5, 4), (2, 2, 3, 5, 4))
    for mask in ((), (5,), (1, 5), (5, 5), "batch", "all")
]


@pytest.mark.parametrize(("shape", "mask"), FUSED, ids=str)
def test_the_fused_kernel_is_taken_whatever_the_dimensions(shape, mask):
    q = as_torch(normal(1, *shape)).requires_grad_()
    size = {"batch": (*shape[:-2], 1, 5)[-4:], "all": (*shape[:-1], 5)}.get(mask, mask)
    may = torch.ones(size, dtype=torch.bool)
    with torch.profiler.profile() as profile:
        found = attend.fused_attention(q, q, q, may)[0]
    names = {event.key for event in profile.key_averages()}
    assert "aten::_scaled_dot_product_flash_attention_for_cpu" in names
    assert "aten::_scaled_dot_product_attention_math" not in names
    close(found, attend.attention(q, q, q, may)[0], 1e-10)
