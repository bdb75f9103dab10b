"""What chapter 5 claims, proved, and its example. A docstring begins with the claim."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from traitlets import TraitError

from attend import attention, causal_mask, fused_attention, scores, softmax
from attend_course.chapters.weighted_sum import example
from attend_course.chapters.weighted_sum.explorer import WeightedSumExplorer
from attend_course.kit.draws import normals
from attend_course.kit.figures import STYLES, draw, find, read_cells

SIZES = [(1, 1, 2, 2), (3, 5, 4, 2), (6, 4, 2, 7), (5, 9, 8, 3)]


def triple(n: int, m: int, d_k: int, d_v: int, seed: int = 1) -> tuple[np.ndarray, ...]:
    """Draw queries, keys and values."""
    shapes = ((n, d_k), (m, d_k), (m, d_v))
    return tuple(2 * normals(seed + place, shape) for place, shape in enumerate(shapes))


def in_loops(q: np.ndarray, k: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Compute attention one number at a time, as the page does."""
    out = np.zeros((len(q), v.shape[1]))
    for i, query in enumerate(q):
        powers = [np.exp(sum(query * key) / len(key) ** 0.5) for key in k]
        for c in range(v.shape[1]):
            out[i, c] = sum(p * value[c] for p, value in zip(powers, v, strict=True)) / sum(powers)
    return out


def measured(function, x: np.ndarray, step: float = 1e-6) -> np.ndarray:
    """Measure the slopes of a function toward each entry of x: shape (*result, *x)."""
    slopes = []
    for place in range(x.size):
        nudge = step * np.eye(x.size)[place].reshape(x.shape)
        slopes.append((function(x + nudge) - function(x - nudge)) / (2 * step))
    return np.stack(slopes, axis=-1).reshape(*np.shape(slopes[0]), *x.shape)


@pytest.mark.claim("output-is-a-mixture")
@pytest.mark.parametrize("sizes", SIZES)
def test_an_output_lies_in_the_convex_hull_of_the_values(sizes):
    """Every output is a convex combination of the values: it lies in their convex hull."""
    q, k, v = triple(*sizes)
    output, weights = attention(q, k, v)
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(axis=-1), 1)
    # A point is in the hull when in no direction it goes further than the furthest value.
    directions = normals(50, (sizes[3], 500))
    assert ((output @ directions).max(axis=0) <= (v @ directions).max(axis=0) + 1e-9).all()


@pytest.mark.claim("output-is-a-mixture")
def test_the_outputs_of_the_sentence_lie_inside_and_bare_scores_lead_outside():
    """The five outputs of the sentence lie in the hull of its values; mixed by scores, not all."""
    assert all(example.inside(output, example.VALUES) for output in example.outputs())
    wrong = example.scaled_scores() @ example.VALUES
    assert not all(example.inside(output, example.VALUES) for output in wrong)


@pytest.mark.claim("components-stay-between")
def test_each_component_stays_between_those_of_the_values():
    """No component of an output is above the largest or below the smallest of the values'."""
    for sizes in SIZES:
        q, k, v = triple(*sizes, seed=11)
        output, _ = attention(q, k, v)
        assert (output <= v.max(axis=0) + 1e-9).all()
        assert (output >= v.min(axis=0) - 1e-9).all()


@pytest.mark.claim("equal-values")
def test_equal_values_give_that_value():
    """If all values are the same, every output is that value, whatever the weights."""
    q, k, _ = triple(4, 6, 3, 2)
    value = np.array([1.5, -2.0, 0.25])
    output, _ = attention(q, k, np.tile(value, (6, 1)))
    np.testing.assert_allclose(output, np.tile(value, (4, 1)))


@pytest.mark.claim("equal-scores-give-the-mean")
def test_equal_scores_give_the_mean_of_the_values():
    """If all scores of a query are equal, its output is the mean of the values."""
    _, k, v = triple(1, 6, 3, 2)
    # Keys that agree in the first component score alike, whatever its size and sign.
    for first in (-40.0, 0.0, 2.5):
        alike = np.column_stack([np.full(6, first), k[:, 1:]])
        output, _ = attention(np.array([[3.0, 0.0, 0.0]]), alike, v)
        np.testing.assert_allclose(output[0], v.mean(axis=0))


@pytest.mark.claim("linear-in-values")
def test_the_output_is_linear_in_the_values():
    """For given weights the output is linear in V: scaled and added values give such outputs."""
    q, k, v = triple(4, 6, 3, 5)
    other = normals(77, (6, 5))
    both, _ = attention(q, k, 2 * v - 3 * other)
    np.testing.assert_allclose(both, 2 * attention(q, k, v)[0] - 3 * attention(q, k, other)[0])


@pytest.mark.claim("not-linear-in-keys")
def test_the_output_is_not_linear_in_the_keys():
    """Doubling the keys does not double the output: the softmax stands between."""
    once, _ = attention(example.QUERIES, example.KEYS, example.VALUES)
    twice, _ = attention(example.QUERIES, 2 * example.KEYS, example.VALUES)
    assert np.abs(twice - 2 * once).max() > 0.5


@pytest.mark.claim("pairs-in-any-order")
def test_the_order_of_the_pairs_does_not_matter():
    """Keys and values may change places together: without a mask no output changes."""
    q, k, v = triple(3, 7, 4, 2)
    order = np.array([4, 0, 6, 2, 5, 1, 3])
    np.testing.assert_allclose(attention(q, k[order], v[order])[0], attention(q, k, v)[0])
    assert np.abs(attention(q, k[order], v)[0] - attention(q, k, v)[0]).max() > 0.1


@pytest.mark.claim("d-v-is-free")
@pytest.mark.parametrize("sizes", SIZES)
def test_outputs_have_the_length_of_values(sizes):
    """There is one output a query, as long as a value: d_v need not equal d_k, nor n equal m."""
    n, m, _, d_v = sizes
    output, weights = attention(*triple(*sizes))
    assert (output.shape, weights.shape) == ((n, d_v), (n, m))


@pytest.mark.claim("loops-matrices-fused-agree")
@pytest.mark.parametrize("sizes", SIZES)
def test_three_forms_agree(sizes):
    """Attention in loops, as matrices, and in torch's routine is the same for every d_v."""
    q, k, v = triple(*sizes)
    output, _ = attention(q, k, v)
    np.testing.assert_allclose(output, in_loops(q, k, v))
    fused, nothing = fused_attention(*map(torch.tensor, (q, k, v)))
    np.testing.assert_allclose(fused.numpy(), output)
    assert nothing is None


def steps_of_torch(q: np.ndarray, k: np.ndarray, v: np.ndarray) -> set[str]:
    """Return what torch calls the operations of one fused attention."""
    rows = [torch.tensor(x) for x in (q, k, v)]
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        fused_attention(*rows)
    return {event.key for event in profile.key_averages()}


KERNEL = "aten::_scaled_dot_product_flash_attention_for_cpu"


@pytest.mark.claim("fused-kernel-runs", "loops-matrices-fused-agree")
@pytest.mark.parametrize("sizes", [(1, 1, 2, 2), (5, 7, 4, 4), (6, 9, 8, 8)])
def test_the_fused_kernel_is_run_where_values_are_as_long_as_keys(sizes):
    """With d_v = d_k torch's fused kernel is run, and gives what loops and matrices give."""
    q, k, v = triple(*sizes)
    expected = in_loops(q, k, v)
    assert KERNEL in steps_of_torch(q, k, v)
    np.testing.assert_allclose(attention(q, k, v)[0], expected)
    np.testing.assert_allclose(fused_attention(*map(torch.tensor, (q, k, v)))[0], expected)
    batch = [np.stack([[x, 2 * x], [x + 1, x]]) for x in (q, k, v)]
    assert KERNEL in steps_of_torch(*batch)
    found, _ = fused_attention(*map(torch.tensor, batch))
    np.testing.assert_allclose(found, attention(*batch)[0])
    np.testing.assert_allclose(found[0, 0], expected)


@pytest.mark.claim("fused-kernel-runs")
def test_other_values_take_the_steps_one_by_one():
    """With another d_v, as on the page, torch takes product, softmax and product instead."""
    for rows in ((example.QUERIES, example.KEYS, example.VALUES), triple(3, 5, 4, 2)):
        steps = steps_of_torch(*rows)
        assert KERNEL not in steps
        assert "aten::_scaled_dot_product_attention_math" in steps


@pytest.mark.claim("first-word-keeps-its-value")
def test_under_a_causal_mask_the_first_output_is_the_first_value():
    """Under a causal mask the first word may attend only to itself: its output is its value."""
    np.testing.assert_allclose(example.causal_outputs()[0], example.VALUES[0])
    q, k, v = triple(4, 4, 3, 2)
    np.testing.assert_allclose(attention(q, k, v, causal_mask(4))[0][0], v[0])


@pytest.mark.claim("slope-toward-a-value")
def test_the_slope_toward_a_value_is_its_weight():
    """A component of an output grows with that component of value j by w_j, with no other by 0."""
    q, k, v = triple(3, 4, 2, 2)
    _, weights = attention(q, k, v)
    slopes = measured(lambda v: attention(q, k, v)[0], v)
    expected = np.einsum("ij,ce->icje", weights, np.eye(2))
    np.testing.assert_allclose(slopes, expected, atol=1e-8)
    page = measured(lambda v: attention(example.QUERIES, example.KEYS, v)[0], example.VALUES)
    np.testing.assert_allclose(page[example.ATE, 0], example.value_slopes(), atol=1e-8)


@pytest.mark.claim("softmax-jacobian")
def test_the_jacobian_of_the_softmax():
    """A weight w_i grows with its own score by w_i (1 - w_i), with another one by -w_i w_j."""
    row = 2 * normals(5, 6)
    found = torch.autograd.functional.jacobian(softmax, torch.tensor(row))
    np.testing.assert_allclose(found, example.softmax_slopes(softmax(row)), atol=1e-12)
    np.testing.assert_allclose(measured(softmax, row), found, atol=1e-8)
    # What one weight wins, the others lose.
    np.testing.assert_allclose(found.numpy().sum(axis=0), 0, atol=1e-12)


@pytest.mark.claim("slope-toward-a-score")
def test_the_slope_toward_a_score():
    """With its score j an output moves by w_j times the way from the output to value j."""
    row, v = 2 * normals(6, 5), normals(7, (5, 3))
    slopes = measured(lambda s: softmax(s) @ v, row)
    np.testing.assert_allclose(slopes.T, example.score_slopes(softmax(row), v), atol=1e-8)
    chain = example.softmax_slopes(softmax(row)) @ v
    np.testing.assert_allclose(chain, example.score_slopes(softmax(row), v))


@pytest.mark.claim("gradients-of-the-whole")
def test_gradients_of_the_whole_function():
    """Torch finds A^T G toward the values, and w_j (v_j - o) · g toward a query's score j."""
    q, k, v = (torch.tensor(x, requires_grad=True) for x in triple(3, 5, 4, 2))
    g = torch.tensor(normals(9, (3, 2)))
    points = scores(q, k)
    points.retain_grad()
    weights = softmax(points)
    output = weights @ v
    (output * g).sum().backward()
    torch.testing.assert_close(v.grad, weights.detach().mT @ g)
    for i in range(3):
        slopes = example.score_slopes(weights[i].detach().numpy(), v.detach().numpy())
        np.testing.assert_allclose(points.grad[i], slopes @ g[i].numpy())


@pytest.mark.claim("other-weights-same-output")
def test_other_weights_can_give_the_same_output():
    """Five values in the plane: other weights can give the same output."""
    weights = example.weights()[example.ATE]
    other = example.other_weights()
    assert (other >= 0).all()
    assert other.sum() == pytest.approx(1)
    assert np.abs(other - weights).max() > 0.05
    np.testing.assert_allclose(other @ example.VALUES, weights @ example.VALUES)


# The example, its figures and its explorer


def test_the_example_by_hand():
    np.testing.assert_array_equal(example.hand_output(), [1, 1])
    np.testing.assert_allclose(example.hand_parts().sum(axis=0), example.hand_output())
    np.testing.assert_allclose(example.parts().sum(axis=0), example.outputs()[example.ATE])
    np.testing.assert_allclose(example.measured_slope(), example.ate_slopes()[1], atol=1e-8)


@pytest.mark.parametrize(
    ("points", "ring"),
    [
        ([[0, 0], [1, 0], [1, 1], [0, 1], [0.5, 0.5], [0.5, 0]], [0, 1, 2, 3]),
        ([[2, 2], [0, 0], [1, 1]], [1, 0]),
        ([[1, 1], [1, 1], [1, 1]], [0]),
        ([[1, 1]], [0]),
    ],
)
def test_corners_of_a_hull(points, ring):
    assert example.corners(np.array(points, dtype=float)) == ring


def test_what_lies_inside():
    square = np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [0.0, 2.0]])
    assert example.inside(np.array([1.0, 2.0]), square)
    assert not example.inside(np.array([1.0, 2.1]), square)


@pytest.mark.parametrize(
    ("picture", "name", "expected"),
    [
        ("product", "weights", example.weights()),
        ("product", "values", example.VALUES),
        ("product", "outputs", example.outputs()),
        ("pulls", "value-slopes", example.value_slopes()),
        ("pulls", "score-slopes", example.ate_slopes()),
    ],
)
def test_figures_show_what_is_computed(picture, name, expected):
    numbers, _ = read_cells(find(f"weighted_sum.{picture}")(STYLES["light"]), name)
    np.testing.assert_allclose(numbers, expected, atol=0.0051)


def test_the_arrows_end_at_the_output():
    picture = find("weighted_sum.mixture")(STYLES["light"])
    (end,) = picture.findobj(lambda artist: artist.get_gid() == "output")
    np.testing.assert_allclose(np.ravel(end.get_data()), example.outputs()[example.ATE])
    bars = [picture.findobj(lambda a, j=j: a.get_gid() == f"bar-{j}")[0] for j in range(5)]
    np.testing.assert_allclose([bar.get_height() for bar in bars], example.weights()[example.ATE])


def test_the_graph_names_every_step_and_shape():
    svg = draw("weighted_sum.graph").svg
    words = ("MatMul", "Scale", "Mask (opt.)", "Softmax", "weights (5, 5)", "(5, 4)", "(5, 2)")
    assert all(f">{word}<" in svg for word in words)


def test_the_explorer_shows_what_the_chapter_computes():
    explorer = WeightedSumExplorer()
    np.testing.assert_allclose(explorer.weights, example.weights())
    np.testing.assert_allclose(explorer.outputs, example.outputs())
    explorer.causal = True
    np.testing.assert_allclose(explorer.outputs, example.causal_outputs())


def test_the_explorer_says_when_outputs_leave_the_hull():
    explorer = WeightedSumExplorer(compute=lambda weights, values: 2 * weights @ values)
    assert "outputs lie outside" in explorer.summary()
    assert "Every output lies inside" in WeightedSumExplorer().summary()
    assert "for “goat” and “map”" in WeightedSumExplorer().summary()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"words": []}, "words: 1 to 8, got 0"),
        ({"words": ["a" * 21]}, "1 to 20 characters"),
        ({"scores": [[1.0, 2.0]]}, "one row and one column a word"),
        ({"scores": [[1.0, 2.0], [3.0]]}, "all equally long"),
        ({"scores": [[60.0]]}, "scores must be -50 to 50"),
        ({"values": [[float("nan"), 0.0]]}, "values must be -4 to 4"),
        ({"values": [[1.0, 2.0, 3.0]]}, "two numbers for each word"),
        ({"cell": [0, 8]}, "cell is"),
        ({"words": ["a", "b"]}, "2 words need 2 by 2 scores and 2 values, got 5 by 5 and 5"),
    ],
)
def test_the_explorer_refuses_what_does_not_fit(setting, message):
    with pytest.raises((ValueError, TraitError), match=message):
        WeightedSumExplorer(**setting)


@pytest.mark.parametrize(
    ("compute", "message"),
    [
        (lambda a, v: (a @ v)[0], r"it returned shape \(2,\), the outputs are \(5, 2\)"),
        (lambda a, v: a @ v * np.nan, "it returned numbers that are not finite"),
    ],
)
def test_the_explorer_names_an_unfit_result(compute, message):
    explorer = WeightedSumExplorer(compute=compute)
    with pytest.raises(ValueError, match=message):
        _ = explorer.outputs
