"""Attention in chunks is attention: same numbers, same gradients, and far less memory."""

import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch.overrides import TorchFunctionMode
from two_libraries import (
    LIBRARIES,
    NUMPY,
    as_torch,
    assert_equal_results,
    close,
    normal,
    refused,
    twice,
)

import attend
from attend import attention, causal, causal_mask, chunked_attention
from attend.chunked import Part, join, take

QUICK = settings(max_examples=60, deadline=None)
SIZES = st.integers(1, 9)
BATCHES = st.sampled_from([((), (), ()), ((2,), (2,), (2,)), ((2, 1), (3,), ()), ((), (2,), (2,))])
MASKS = ("none", "causal", "random", "keys", "queries", "nothing", "few", "single")
FLOATS = ["float16", "bfloat16", "float32", "float64"]


def rows(batches, n: int, m: int, d_k: int, d_v: int) -> tuple[np.ndarray, ...]:
    """Draw queries, keys and values, each with its batch."""
    of_q, of_k, of_v = batches
    return normal(1, *of_q, n, d_k), normal(2, *of_k, m, d_k), normal(3, *of_v, m, d_v)


def mask_for(name: str, batches, n: int, m: int) -> np.ndarray | None:
    """Make a mask of one of the shapes that may come."""
    batch = np.broadcast_shapes(*batches[:2])
    draw = np.random.default_rng(n * 100 + m).random
    return {
        "none": None,
        "causal": np.tril(np.ones((n, m), bool), m - n),
        "random": draw((*batch, n, m)) < 0.6,
        "keys": draw(m) < 0.6,
        "queries": draw((n, 1)) < 0.6,
        "nothing": np.zeros((1, 1), bool),
        "few": draw((n, m)) < 0.1,
        "single": np.array(True),
    }[name]


# ------------------------------------------------------------------------------- the same numbers


@QUICK
@given(BATCHES, st.tuples(SIZES, SIZES, SIZES, SIZES), st.sampled_from(MASKS), SIZES, SIZES)
@example(((2,), (2,), (2,)), (7, 9, 3, 5), "causal", 2, 3)
@example(((), (), ()), (9, 9, 3, 5), "few", 2, 2)
def test_it_is_attention_whatever_the_chunks(batches, sizes, name, r, c):
    given_rows = rows(batches, *sizes)
    mask = mask_for(name, batches, *sizes[:2])
    expected = attention(*given_rows, mask)[0]
    numpys, torches = twice(chunked_attention, *given_rows, mask, rows=r, columns=c)
    close(numpys[0], expected, 1e-10)
    assert_equal_results(numpys, torches, 1e-10)


@QUICK
@given(BATCHES, st.tuples(SIZES, SIZES, SIZES, SIZES), st.sampled_from(MASKS), SIZES, SIZES)
def test_its_gradients_are_those_of_attention(batches, sizes, name, r, c):
    mask = as_torch(mask_for(name, batches, *sizes[:2]))
    ours = [as_torch(x).requires_grad_() for x in rows(batches, *sizes)]
    theirs = [as_torch(x).requires_grad_() for x in rows(batches, *sizes)]
    result = chunked_attention(*ours, mask, rows=r, columns=c)[0]
    direction = as_torch(normal(4, *result.shape))
    (result * direction).sum().backward()
    (attention(*theirs, mask)[0] * direction).sum().backward()
    for one, other in zip(ours, theirs, strict=True):
        close(one.grad, other.grad, 1e-10)


@LIBRARIES
@pytest.mark.parametrize("scale", [None, 1.0, 0.3])
def test_the_scale_is_that_of_attention(library, scale):
    q, k, v = (library(x) for x in rows(((), (), ()), 5, 7, 4, 3))
    result = chunked_attention(q, k, v, scale=scale, rows=2, columns=2)[0]
    close(result, attention(q, k, v, scale=scale)[0])


@LIBRARIES
def test_chunks_larger_than_the_sequence_are_one_chunk(library):
    q, k, v = (library(x) for x in rows(((), (), ()), 5, 7, 4, 3))
    close(chunked_attention(q, k, v)[0], attention(q, k, v)[0])


@LIBRARIES
def test_no_query_has_no_output(library):
    q, k, v = (library(x) for x in rows(((2,), (2,), (2,)), 0, 7, 4, 3))
    for mask in (None, causal, library(np.zeros((0, 7), bool))):
        assert tuple(chunked_attention(q, k, v, mask)[0].shape) == (2, 0, 3)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("mask", [None, causal])
def test_it_keeps_the_type_of_its_numbers(dtype, mask):
    q, k, v = (as_torch(x).to(getattr(torch, dtype)) for x in rows(((), (), ()), 40, 40, 8, 5))
    result = chunked_attention(q, k, v, mask, rows=7, columns=9)[0]
    assert result.dtype == q.dtype
    full = causal_mask(40, like=q) if mask else None
    expected = attention(q.double(), k.double(), v.double(), full)[0]
    close(result.double(), expected, 16 * torch.finfo(q.dtype).eps)
    if dtype != "bfloat16":
        result = chunked_attention(q.numpy(), k.numpy(), v.numpy(), mask, rows=7, columns=9)[0]
        assert result.dtype == dtype
        close(result.astype(float), expected, 16 * torch.finfo(q.dtype).eps)


def test_it_may_stand_for_a_single_head():
    x, mask = normal(1, 2, 5, 8), causal_mask(5)
    p = attend.HeadProjections(*(normal(i, 8, 8) for i in range(4)), 2)
    taught = attend.multi_head_attention(x, x, x, p, mask)
    chunked = attend.multi_head_attention(x, x, x, p, mask, attend=chunked_attention)
    close(chunked[0], taught[0])
    assert chunked[1] is None


@QUICK
@given(st.permutations(range(4)), st.sampled_from(MASKS))
def test_parts_may_be_joined_in_any_order(order, name):
    q, k, v = rows(((), (), ()), 5, 8, 3, 2)
    wide = mask_for(name, ((), ()), 5, 8)
    mask = np.broadcast_to(True if wide is None else wide, (5, 8))
    parts = [take(q, k[s], v[s], mask[:, s]) for s in (slice(i, i + 2) for i in range(0, 8, 2))]
    a, b, c, d = (parts[i] for i in order)
    whole = take(q, k, v, mask)
    for joined in (join(join(join(a, b), c), d), join(join(a, b), join(c, d))):
        for one, other in zip(joined, whole, strict=True):
            close(one, other, 1e-10)


# ------------------------------------------------------------------------------------------ rules


@LIBRARIES
@pytest.mark.parametrize(("n", "m"), [(7, 7), (3, 7), (1, 4), (7, 3)])
def test_a_rule_is_the_mask_it_would_build(library, n, m):
    q, k, v = (library(x) for x in rows(((2,), (2,), (2,)), n, m, 4, 3))
    query, key = np.arange(m - n, m)[:, None], np.arange(m)[None, :]
    for rule, mask in (
        (causal, key <= query),
        (lambda query, key: abs(query - key) < 2, abs(query - key) < 2),
        (lambda query, key: key < 2, key < 2),
        (lambda query, key: query < 0, query < 0),
    ):
        expected = attention(q, k, v, library(mask))[0]
        for size in (1, 2, 5):
            close(chunked_attention(q, k, v, rule, rows=size, columns=size)[0], expected)


def test_causal_is_the_rule_of_the_causal_mask():
    query, key = np.arange(2, 6)[:, None], np.arange(6)[None, :]
    assert (causal(query, key) == causal_mask(4, 6)).all()
    assert (causal_mask(4, 6) == np.tril(np.ones((4, 6), bool), 2)).all()


def test_chunks_that_nobody_sees_are_not_computed(monkeypatch):
    computed = []

    def counted(q, k, v, may, scale):
        computed.append(may is None)
        return take(q, k, v, may, scale)

    monkeypatch.setattr("attend.chunked.take", counted)
    q, k, v = rows(((), (), ()), 8, 8, 4, 3)
    chunked_attention(q, k, v, causal, rows=2, columns=2)
    # Of 4 times 4 chunks 6 lie below the diagonal and need no mask, 4 on it.
    assert (len(computed), sum(computed)) == (10, 6)


# -------------------------------------------------------------------------------- extreme numbers


@QUICK
@given(st.data())
def test_extreme_scores_stay_finite(data):
    # Warnings are errors in this suite, so that none is given is tested too.
    some = st.sampled_from([0.0, 1.0, -1.0, 1e-30, 3e38, -3e38, 1e19, -1e19])
    k = np.array(data.draw(st.lists(some, min_size=1, max_size=8)), np.float32)[:, None]
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(k), max_size=len(k))))
    q, v = np.ones((1, 1), np.float32), normal(3, len(k), 2).astype(np.float32)
    for part in (mask, None):
        expected = attention(q, k, v, part)[0]
        for result in twice(chunked_attention, q, k, v, part, rows=1, columns=2):
            assert np.isfinite(np.asarray(result[0])).all()
            close(result[0], expected, 1e-5)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_the_largest_numbers_of_a_type_are_safe(dtype):
    most = np.finfo(dtype).max
    k, v = np.array([[-most], [0.0], [most], [most]], dtype), np.eye(4, dtype=dtype)
    for q, weights in ((1.0, [0, 0, 0.5, 0.5]), (-1.0, [1, 0, 0, 0])):
        for result in twice(chunked_attention, np.full((1, 1), q, dtype), k, v, columns=1):
            close(result[0], np.array([weights], dtype))


@LIBRARIES
def test_large_values_of_many_keys_do_not_overflow_half_precision(library):
    # The sum of exp(score - maximum) times value would be 4,096 * 100.
    q, k = library(np.ones((1, 2), np.float16)), library(np.ones((4096, 2), np.float16))
    v = library(np.full((4096, 1), 100, np.float16))
    close(chunked_attention(q, k, v)[0], np.array([[100]], np.float16), 2e-3)


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_query_that_may_attend_to_nothing_gets_zeros_and_finite_gradients(dtype):
    leaves = [
        (30 * as_torch(x)).to(getattr(torch, dtype)).requires_grad_()
        for x in rows(((2,), (2,), (2,)), 4, 5, 8, 3)
    ]
    mask = torch.ones(4, 5, dtype=torch.bool)
    mask[1] = False
    mask[2, :4] = False
    output = chunked_attention(*leaves, mask, rows=3, columns=2)[0]
    assert (output[:, 1] == 0).all()
    assert (output[:, 2] == leaves[2][:, 4]).all()
    (output * output).sum().backward()
    for leaf in leaves:
        assert torch.isfinite(leaf.grad).all()
    assert (leaves[0].grad[:, 1] == 0).all()


@LIBRARIES
def test_a_mask_of_nothing_gives_zeros(library):
    q, k, v = (library(x) for x in rows(((), (), ()), 5, 7, 4, 3))
    result = chunked_attention(q, k, v, library(np.zeros((5, 7), bool)), rows=2, columns=2)[0]
    close(result, np.zeros((5, 3)), 0)


# ----------------------------------------------------------------------------------------- memory


def peak(function, *arrays, **options) -> int:
    """Return how many bytes NumPy takes at most while a function runs."""
    tracemalloc.start()
    try:
        function(*arrays, **options)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def long_rows(n: int, library=NUMPY) -> list:
    return [library(normal(i, n, 16).astype(np.float32)) for i in range(3)]


def test_memory_of_16384_queries_is_far_below_that_of_all_scores():
    n = 16_384
    scores = 4 * n * n
    needed = peak(chunked_attention, *long_rows(n), causal)
    output = 4 * n * 16
    # Twice the output, while it is put together; places; and a few chunks of scores.
    assert needed < 2 * output + 16 * n + 16 * 4 * 256 * 256
    assert needed < scores / 100


def test_the_measure_sees_the_scores_of_attention():
    assert peak(attention, *long_rows(1024)) > 4 * 1024 * 1024


def test_memory_grows_like_n():
    small, large = (
        peak(chunked_attention, *long_rows(n), causal, rows=64, columns=64) for n in (1024, 4096)
    )
    assert large < 4.5 * small


def test_a_mask_that_is_given_is_not_copied():
    n = 2048
    mask = causal_mask(n)
    assert peak(chunked_attention, *long_rows(n), mask, rows=64, columns=64) < mask.nbytes / 4


class Largest(TorchFunctionMode):
    """Watches how many numbers the largest tensor holds that torch makes; views hold none."""

    def __init__(self):
        super().__init__()
        self.numbers = 0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor):
            held = result.untyped_storage().nbytes() // result.element_size()
            self.numbers = max(self.numbers, held)
        return result


@pytest.mark.parametrize("mask", [None, causal])
def test_no_tensor_holds_all_scores(mask):
    n, tensors = 2048, long_rows(2048, torch.as_tensor)
    with Largest() as chunked:
        chunked_attention(*tensors, mask)
    assert chunked.numbers <= max(n * 16, 256 * 256)
    with Largest() as explicit:
        attention(*tensors)
    assert explicit.numbers >= n * n


# ----------------------------------------------------------------------------------------- errors


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape)


def three(to, *shape: int) -> list:
    return [to(ones(*shape))] * 3


WRONG = {
    "other d_k": (
        lambda to: chunked_attention(to(ones(3, 4)), to(ones(5, 6)), to(ones(5, 2))),
        ("chunked_attention needs q", "with the same d_k", "q (3, 4), k (5, 6)", "same letter"),
    ),
    "a key without value": (
        lambda to: chunked_attention(to(ones(3, 4)), to(ones(5, 4)), to(ones(6, 2))),
        ("k (..., m, d_k) and v (..., m, d_v) with the same m", "k (5, 4), v (6, 2)", "letter"),
    ),
    "other batches": (
        lambda to: chunked_attention(to(ones(2, 3, 4)), to(ones(2, 5, 4)), to(ones(3, 5, 2))),
        ("whose dimensions ... broadcast", "v (3, 5, 2)", "before the named ones"),
    ),
    "no key": (
        lambda to: chunked_attention(to(ones(3, 4)), to(ones(0, 4)), to(ones(0, 2))),
        ("attention needs at least one key", "scores (3, 0)", "keys (m) on columns"),
    ),
    "a mask of other shape": (
        lambda to: chunked_attention(*three(to, 3, 4), to(ones(3, 2) > 0)),
        ("a mask needs one entry for each query and key", "mask (3, 2), scores (3, 3)", "columns"),
    ),
    "a mask larger than the scores": (
        lambda to: chunked_attention(*three(to, 3, 4), to(ones(2, 3, 3) > 0)),
        ("a shape that broadcasts", "mask (2, 3, 3), scores (3, 3)", "Rows are queries (n)"),
    ),
    "a rule that gives another shape": (
        lambda to: chunked_attention(*three(to, 5, 4), lambda query, key: query.mT > 0, columns=2),
        ("a mask needs one entry for each query and key", "mask (1, 5), scores (5, 2)", "keys (m)"),
    ),
    "no rows": (
        lambda to: chunked_attention(*three(to, 3, 4), rows=0),
        ("a chunk needs at least one of the rows", "rows=0", "Give a few hundred"),
    ),
    "no columns": (
        lambda to: chunked_attention(*three(to, 3, 4), columns=-2),
        ("a chunk needs at least one of the columns", "columns=-2", "Give a few hundred"),
    ),
}


@LIBRARIES
@pytest.mark.parametrize(("call", "says"), WRONG.values(), ids=WRONG)
def test_wrong_shapes_are_refused_with_rule_shapes_and_hint(library, call, says):
    with refused(ValueError, *says):
        call(library)


@LIBRARIES
def test_masks_that_are_not_boolean_are_refused(library):
    x = three(library, 3, 4)
    with refused(TypeError, "a mask is boolean, True = may attend", "int64", "mask.astype(bool)"):
        chunked_attention(*x, library(np.ones((3, 3), np.int64)))
    with refused(TypeError, "a mask is boolean, True = may attend", "int64"):
        chunked_attention(*x, lambda query, key: query - key)
    with refused(TypeError, "expected a NumPy array or a torch tensor", "bool"):
        chunked_attention(*x, lambda query, key: True)


@LIBRARIES
@pytest.mark.parametrize("position", [0, 1, 2])
def test_whole_numbers_are_refused(library, position):
    x = three(library, 3, 4)
    x[position] = library(np.ones((3, 4), np.int64))
    with refused(TypeError, "chunked_attention needs", "floating-point numbers", "int64", ".float"):
        chunked_attention(*x)


@pytest.mark.parametrize(("size", "kind"), [(2.0, "float"), ("2", "str"), (True, "bool")])
def test_sizes_that_are_no_whole_numbers_are_refused(size, kind):
    with refused(TypeError, "chunked_attention: rows must be a whole number", kind):
        chunked_attention(*three(np.asarray, 3, 4), rows=size)
    with refused(TypeError, "columns must be a whole number", kind):
        chunked_attention(*three(np.asarray, 3, 4), columns=size)


def test_mixed_libraries_and_lists_are_refused():
    numpys, torches = ones(2, 2), torch.ones(2, 2)
    for wrong in (
        lambda: chunked_attention(numpys, torches, numpys),
        lambda: chunked_attention(numpys, numpys, numpys, torches > 0),
        lambda: chunked_attention(numpys, numpys, numpys, lambda query, key: torches > 0),
    ):
        with refused(TypeError, "mixed", "convert all to one library"):
            wrong()
    for wrong in (
        lambda: chunked_attention([[1.0]], [[1.0]], [[1.0]]),
        lambda: chunked_attention(numpys, numpys, numpys, [[True, True], [True, True]]),
    ):
        with refused(TypeError, "expected a NumPy array or a torch tensor", "list", "wrap lists"):
            wrong()


def test_a_part_says_what_it_is_made_of():
    part = take(np.zeros((1, 1)), np.zeros((4, 1)), np.arange(4.0)[:, None])
    assert Part._fields == ("output", "maximum", "total")
    assert (part.output.item(), part.maximum.item(), part.total.item()) == (1.5, 0.0, 4.0)
