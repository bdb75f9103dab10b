"""The few things that NumPy and torch do not share."""

import inspect
from types import SimpleNamespace
from typing import Annotated, Any, NamedTuple

import numpy as np
import pytest
import torch
from jaxtyping import Bool, Float
from two_libraries import LIBRARIES, refused

from attend import arrays, comparison


def test_the_namespace_is_the_library_of_the_arrays():
    assert arrays.namespace(np.ones(2), np.float32(1)) is np
    assert arrays.namespace(torch.ones(2), torch.nn.Parameter(torch.ones(2))) is torch


@pytest.mark.parametrize("other", [[1.0, 2.0], (1, 2), 3.0, "q", None])
def test_what_is_no_array_is_refused_by_name(other):
    says = ("expected a NumPy array or a torch tensor", type(other).__name__, "numpy.array(...)")
    with refused(TypeError, *says):
        arrays.namespace(other)
    with refused(TypeError, *says):
        arrays.namespace(torch.ones(2), other)


def test_mixed_libraries_are_refused():
    with refused(TypeError, "mixed", "convert all to one library"):
        arrays.namespace(np.ones(2), torch.ones(2))


@LIBRARIES
def test_an_error_names_rule_arrays_shapes_and_hint(library):
    q, k = library(np.ones((3, 4))), library(np.ones(5))
    arrays.require(True, "the rule", "The hint.", q=q)
    with pytest.raises(ValueError, match=r"^the rule; received q \(3, 4\), k \(5,\)\. The hint\.$"):
        arrays.require(False, "the rule", "The hint.", q=q, k=k)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "bfloat16"])
def test_the_lowest_number_is_finite_and_nothing_is_below(dtype):
    array = torch.ones(1, dtype=getattr(torch, dtype))
    lowest = torch.full_like(array, arrays.lowest(array))
    assert torch.isfinite(lowest).all()
    assert torch.isinf(lowest * 1.1).all()
    if dtype != "bfloat16":
        assert arrays.lowest(np.ones(1, dtype)) == arrays.lowest(array)


@pytest.mark.parametrize(
    ("shape", "target", "fits"),
    [
        ((), (2, 3), True),
        ((3,), (2, 3), True),
        ((2, 1), (2, 3), True),
        ((5, 1, 1, 3), (5, 4, 2, 3), True),
        ((2,), (2, 3), False),
        ((2, 3), (3,), False),
        ((2, 3), (1, 3), False),
    ],
)
def test_broadcasting_to_a_shape_never_enlarges_it(shape, target, fits):
    assert comparison.broadcasts_to(shape, target) is fits


@pytest.mark.parametrize(
    ("shapes", "fit"),
    [([(2,), (1,), ()], True), ([(2, 1), (3,)], True), ([(2,), (3,)], False)],
)
def test_broadcasting_together(shapes, fit):
    assert comparison.broadcast_together(*shapes) is fit


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "bfloat16", "int64", "bool"])
def test_every_tensor_can_be_read_in_numpy(dtype):
    tensor = torch.tensor([0.0, 1.0, 2.0]).to(getattr(torch, dtype))
    assert arrays.to_numpy(tensor).tolist() == tensor.tolist()


def test_reading_in_numpy_leaves_the_gradient_behind():
    array = np.ones(2)
    assert arrays.to_numpy(array) is array
    assert arrays.to_numpy(torch.ones(2, requires_grad=True)).tolist() == [1.0, 1.0]


@LIBRARIES
@pytest.mark.parametrize("shape", [(4,), (3, 4), (1, 3, 4), (5, 3, 4), (2, 5, 1, 4), (0, 3, 4)])
def test_projecting_is_a_product(library, shape):
    rng = np.random.default_rng(0)
    x, W = rng.normal(size=shape), rng.normal(size=(4, 6))
    found = np.asarray(arrays.project(library(x), library(W)))
    assert found.shape == (x @ W).shape
    np.testing.assert_allclose(found, x @ W, rtol=0, atol=1e-14)


@arrays.checked
def inner(x: Float[arrays.Array, "n d"]) -> int:
    """Count the rows of what it is given."""
    return x.shape[0]


@arrays.checked
def outer(x: Float[arrays.Array, "... d"], n: int = 1, scale: float | None = None) -> int:
    """Hand on what its own signature allows, and `inner` would not."""
    return inner(x)


def test_checks_are_left_out_only_where_somebody_vouches():
    wrong = np.ones(2)
    with arrays.vouched():
        assert inner(wrong) == 2
        with arrays.vouched():
            pass
        assert inner(wrong) == 2
    with refused(ValueError, "inner needs x (n, d)", "x (2,)"):
        inner(wrong)


def test_an_error_ends_the_vouching():
    with pytest.raises(KeyError), arrays.vouched():
        raise KeyError
    with refused(ValueError, "inner needs x (n, d)"):
        inner(np.ones(2))


def test_only_the_outermost_call_is_compared():
    assert outer(np.ones(2)) == 2
    with refused(TypeError, "outer needs x (..., d) of floating-point numbers", "int64"):
        outer(np.ones(2, int))
    with refused(ValueError, "inner needs"):
        inner(np.ones(2))


def test_calls_that_look_alike_are_compared_once(monkeypatch):
    seen = []
    compare = arrays.compare
    monkeypatch.setattr(arrays, "compare", lambda *what: (seen.append(what), compare(*what)))

    @arrays.checked
    def alike(x: Float[arrays.Array, "n n"], scale: float = 1.0) -> int:
        """Count the rows of a square."""
        return x.shape[0]

    for n in range(2 * arrays.MOST_LOOKS):
        assert alike(np.ones((n, n))) == alike(scale=0.5, x=np.zeros((n, n))) == n
    assert len(seen) == 2 * arrays.MOST_LOOKS
    for wrong in (np.ones((3, 4)), np.ones((3, 3), int), torch.ones(3), [[1.0]], "x"):
        for _ in range(2):
            with refused((TypeError, ValueError), "alike"):
                alike(wrong)
    assert alike(torch.ones(3, 3)) == 3


def test_a_checked_function_is_called_as_it_is_written():
    @arrays.checked
    def some(x: Float[arrays.Array, " n"], /, n: int = 2, *, scale: float | None = None) -> Any:
        """Hand back what came."""
        return x.shape, n, scale

    assert some(np.ones(3), 4, scale=0.5) == ((3,), 4, 0.5)
    assert some(np.ones(3), n=1) == ((3,), 1, None)
    assert inspect.signature(some) == inspect.signature(some.__wrapped__)
    with pytest.raises(TypeError, match=r"some\(\) got an unexpected keyword argument 'm'"):
        some(np.ones(3), m=1)


def test_numbers_are_compared_too():
    assert outer(np.ones(2), np.int64(3), scale=np.float32(1)) == 2
    assert outer(np.ones(2), scale=torch.tensor(0.5)) == 2
    for wrong in (2.0, "2", True, None):
        with refused(TypeError, "outer", "n must be a whole number", type(wrong).__name__):
            outer(np.ones(2), wrong)
    for wrong in ("2", False, np.ones(2)):
        with refused(TypeError, "outer", "scale must be a number", type(wrong).__name__):
            outer(np.ones(2), scale=wrong)


def test_what_is_missing_is_pythons_own_error():
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'x'"):
        outer()


class Pair(NamedTuple):
    """Two arrays whose d_ff is nobody else's."""

    A: Float[arrays.Array, "d d_ff"]
    b: Float[arrays.Array, " d_ff"] | None


def test_the_attributes_of_an_argument_are_compared():
    @arrays.checked
    def two(
        x: Float[arrays.Array, "... d"], one: Annotated[Any, Pair], other: Annotated[Any, Pair]
    ) -> None:
        """Take two pairs."""

    x = np.ones((3, 4))
    two(x, Pair(np.ones((4, 5)), np.ones(5)), SimpleNamespace(A=np.ones((4, 6)), b=None))
    with refused(ValueError, "two needs one.A (d, d_ff) and one.b (d_ff,)", "one.b (6,)"):
        two(x, Pair(np.ones((4, 5)), np.ones(6)), Pair(np.ones((4, 6)), None))
    with refused(ValueError, "x (..., d) and other.A (d, d_ff) with the same d", "(5, 5)"):
        two(x, Pair(np.ones((4, 5)), None), Pair(np.ones((5, 5)), None))
    with refused(TypeError, "mixed", "other.A Tensor"):
        two(x, Pair(np.ones((4, 5)), None), Pair(torch.ones(4, 5), None))


def test_a_length_of_one_may_stand_where_the_signature_says_so():
    @arrays.checked
    def masked(x: Float[arrays.Array, "n m"], mask: Bool[arrays.Array, "#n #m"]) -> None:
        """Take a mask."""

    x = np.ones((3, 4))
    for shape in ((3, 4), (1, 4), (3, 1), (1, 1)):
        masked(x, np.ones(shape, bool))
    with refused(ValueError, "masked needs x (n, m) and mask (#n, #m) with the same n", "(4, 4)"):
        masked(x, np.ones((4, 4), bool))


@LIBRARIES
@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("length", [1, arrays.SHORT, arrays.SHORT + 1])
def test_the_highest_number_along_an_axis_keeps_it(library, axis, length):
    shape = [2, 3, 4]
    shape[axis] = length
    x = np.random.default_rng(length).normal(size=shape)
    found = np.asarray(arrays.highest(library(x), axis))
    np.testing.assert_array_equal(found, x.max(axis, keepdims=True))


@LIBRARIES
def test_the_highest_of_nan_is_nan(library):
    x = library(np.array([[1.0, np.nan, 2.0], [-np.inf, -1.0, 0.0]]))
    np.testing.assert_array_equal(np.asarray(arrays.highest(x, -1)), [[np.nan], [0.0]])
