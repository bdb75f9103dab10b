"""What chapter 6 claims, proved, and its example. A docstring begins with the claim."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from traitlets import TraitError

from attend import (
    HeadProjections,
    attention,
    causal_mask,
    merge_heads,
    multi_head_attention,
    softmax,
    split_heads,
)
from attend.layers import add_norm
from attend.models.recording import record_attention
from attend.translator.translator import shipped
from attend_course.chapters.encoder_decoder import example as translation
from attend_course.chapters.multi_head import example
from attend_course.chapters.multi_head.explorer import MultiHeadExplorer
from attend_course.kit.draws import normals, uniforms
from attend_course.kit.figures import STYLES, find, read_cells

SIZES = [(3, 4, 2), (5, 6, 1), (2, 12, 4), (7, 9, 3)]
"""n, d_model and h."""


def projections(d_model: int, h: int, seed: int = 300) -> HeadProjections:
    """Draw the four matrices of h heads."""
    drawn = (0.7 * normals(seed + place, (d_model, d_model)) for place in range(4))
    return HeadProjections(*drawn, h)


def in_loops(x: np.ndarray, p: HeadProjections) -> np.ndarray:
    """Compute head by head, as the page does."""
    d, found = p.W_Q.shape[1] // p.h, []
    for i in range(p.h):
        mine = slice(i * d, (i + 1) * d)
        found.append(attention(x @ p.W_Q[:, mine], x @ p.W_K[:, mine], x @ p.W_V[:, mine])[0])
    return np.concatenate(found, axis=-1) @ p.W_O


def of_torch(p: HeadProjections) -> torch.nn.MultiheadAttention:
    """Give torch's module the same matrices."""
    module = torch.nn.MultiheadAttention(len(p.W_O), p.h, bias=False, batch_first=True).double()
    with torch.no_grad():
        module.in_proj_weight.copy_(torch.tensor(np.hstack([p.W_Q, p.W_K, p.W_V]).T))
        module.out_proj.weight.copy_(torch.tensor(p.W_O.T))
    return module


@pytest.mark.claim("heads-agree")
@pytest.mark.parametrize("sizes", SIZES)
def test_loops_matrices_and_torch_agree(sizes):
    """Multi-head attention head by head, all heads at once, and in torch is the same."""
    n, d_model, h = sizes
    x, p = normals(310, (n, d_model)), projections(d_model, h)
    output, weights = multi_head_attention(x, x, x, p)
    np.testing.assert_allclose(in_loops(x, p), output)
    t = torch.tensor(x)[None]
    with torch.no_grad():
        theirs, maps = of_torch(p)(t, t, t, average_attn_weights=False)
    np.testing.assert_allclose(theirs[0].numpy(), output)
    np.testing.assert_allclose(maps[0].numpy(), weights)


@pytest.mark.claim("split-then-merge")
@pytest.mark.parametrize("sizes", SIZES)
def test_merging_takes_back_splitting(sizes):
    """Cutting rows into heads and joining them gives the rows back, number by number."""
    n, d_model, h = sizes
    x = normals(320, (2, n, d_model))
    assert split_heads(x, h).shape == (2, h, n, d_model // h)
    assert np.array_equal(merge_heads(split_heads(x, h)), x)
    d = d_model // h
    assert np.array_equal(split_heads(x, h)[:, -1], x[..., d_model - d :])


@pytest.mark.claim("one-head-is-attention")
def test_one_head_without_a_mixing_matrix_is_plain_attention():
    """With one head and W_O = I, multi-head attention is attention with projections."""
    x, p = normals(330, (5, 6)), projections(6, 1)._replace(W_O=np.eye(6))
    expected, weights = attention(x @ p.W_Q, x @ p.W_K, x @ p.W_V)
    output, maps = multi_head_attention(x, x, x, p)
    np.testing.assert_allclose(output, expected)
    np.testing.assert_allclose(maps[0], weights)


@pytest.mark.claim("output-is-sum-of-heads")
@pytest.mark.parametrize("sizes", SIZES)
def test_the_output_is_a_sum_over_heads(sizes):
    """Concat and W_O give the sum over the heads of head_i times its rows of W_O."""
    n, d_model, h = sizes
    x, p = normals(340, (n, d_model)), projections(d_model, h)
    d, total = d_model // h, np.zeros((n, d_model))
    for i in range(h):
        mine = slice(i * d, (i + 1) * d)
        head, _ = attention(x @ p.W_Q[:, mine], x @ p.W_K[:, mine], x @ p.W_V[:, mine])
        total += head @ p.W_O[mine]
    np.testing.assert_allclose(total, multi_head_attention(x, x, x, p)[0])


@pytest.mark.claim("three-attentions-one-function")
def test_one_function_makes_the_maps_of_all_three_attentions():
    """Multi-head attention of x and M gives the translator's maps: M = x, masked, or the memory."""
    x, layer = translation.decoder_rows(), translation.decoder_parameters()[0]
    memory, causal = translation.memory(), causal_mask(len(x))
    found, own = multi_head_attention(x, x, x, layer.self_attention, causal)
    np.testing.assert_allclose(own.mean(axis=0), translation.own_map(), atol=1e-9)
    x = add_norm(x, found, layer.norm_1)
    found, across = multi_head_attention(x, memory, memory, layer.memory_attention)
    assert found.shape == x.shape
    np.testing.assert_allclose(across, translation.first_memory_maps(), atol=1e-9)
    np.testing.assert_allclose(
        across.mean(axis=0), translation.place_weights(translation.running().memory, "1")
    )
    with record_attention(translation.exact_model()) as recording:
        translation.exact_model().encode(translation.source())
    x = example.inputs(translation.SENTENCE)[0]
    _, weights = multi_head_attention(x, x, x, example.projections(0))
    np.testing.assert_allclose(weights, recording.of("encoder", 0)[0], atol=1e-9)


@pytest.mark.claim("heads-have-no-order")
def test_heads_may_change_places():
    """If heads change places with their columns and their rows of W_O, the output is the same."""
    x, p = normals(350, (4, 12)), projections(12, 3)
    order = np.arange(12).reshape(3, 4)[[2, 0, 1]].ravel()
    moved = HeadProjections(p.W_Q[:, order], p.W_K[:, order], p.W_V[:, order], p.W_O[order], 3)
    output, weights = multi_head_attention(x, x, x, p)
    other, maps = multi_head_attention(x, x, x, moved)
    np.testing.assert_allclose(other, output)
    np.testing.assert_allclose(maps, weights[[2, 0, 1]])
    wrong = moved._replace(W_O=p.W_O)
    assert np.abs(multi_head_attention(x, x, x, wrong)[0] - output).max() > 0.1


@pytest.mark.claim("two-heads-take-two-things")
def test_two_heads_do_what_is_asked_of_two_neighbours():
    """Two heads give x_(i-1) B + x_(i+1) F up to rounding, whatever the words say."""
    np.testing.assert_allclose(example.two_heads(), example.wanted(), atol=1e-12)
    for seed in range(20):
        x = 5 * normals(360 + seed, example.CONTENT.shape)
        np.testing.assert_allclose(example.two_heads(x), example.wanted(x), atol=1e-12)
    lost = 1 - example.neighbour_weights()[0][1:, :].max(axis=-1)
    assert (lost == 0).all()


@pytest.mark.claim("one-head-cannot")
def test_no_single_head_does_it():
    """Over the two sentences of the proof, no head comes below its least squared error."""
    n = len(example.TOKENS)
    wanted, least = example.proof_wanted(), example.one_head_error()
    assert least > 0.5
    np.testing.assert_allclose(wanted, np.stack([example.U @ example.B, example.U @ example.F]))
    shares = softmax(4 * normals(370, (5000, 2, n)))
    matrices = 2 * normals(371, (5000, 2, 2))
    errors = [
        ((example.one_head(w, m) - wanted) ** 2).sum()
        for w, m in zip(shares, matrices, strict=True)
    ]
    assert min(errors) >= least - 1e-9
    # The bound is reached, so it is no mere caution; two heads are below it by far.
    assert example.compromise_error() == pytest.approx(least)
    assert ((example.proof_two_heads() - wanted) ** 2).sum() < 1e-20


@pytest.mark.claim("one-head-cannot")
def test_a_head_that_is_trained_for_it_does_not_do_it_either():
    """Gradient descent on everything that one head may choose ends at the least error."""
    torch.manual_seed(0)
    choices = torch.randn(2, len(example.TOKENS), requires_grad=True)
    m = torch.randn(2, 2, requires_grad=True)
    x, wanted = (torch.tensor(part) for part in (example.speaking_pair(), example.proof_wanted()))
    search = torch.optim.Adam([choices, m], lr=0.05)
    for _ in range(400):
        given = torch.einsum("sn,snc,cd->sd", torch.softmax(choices.double(), -1), x, m.double())
        error = ((given - wanted) ** 2).sum()
        search.zero_grad()
        error.backward()
        search.step()
    assert example.one_head_error() - 1e-9 <= error.item() < 1.2 * example.one_head_error()


@pytest.mark.claim("one-head-cannot")
def test_the_bound_holds_for_other_matrices_too():
    """For drawn B, F and u the error of one head is never below that of the nearest such pair."""
    for seed in range(200):
        a, b = normals(400 + seed, (2, 3, 3))
        u, line = normals(700 + seed, (2, 3))
        wanted = np.stack([u @ a, u @ b])
        w = 2 * uniforms(900 + seed, 2)
        error = ((np.outer(w, line) - wanted) ** 2).sum()
        assert error >= example.least_error(u, a, b) - 1e-9
    # The same asked of both neighbours is no difficulty.
    assert example.least_error(u, a, 3 * a) == pytest.approx(0)


def heads_of_width(h: int, d_model: int) -> HeadProjections:
    """Draw h heads of length d_model / h."""
    return projections(d_model, h)


@pytest.mark.claim("parameters-do-not-change")
@pytest.mark.parametrize("h", example.HEAD_COUNTS)
def test_parameters_do_not_depend_on_the_heads(h):
    """The matrices hold 4 d_model^2 numbers for every h, in torch's module too."""
    module = torch.nn.MultiheadAttention(512, h, bias=False)
    counted = sum(parameter.numel() for parameter in module.parameters())
    assert example.cost(h).parameters == counted == 4 * 512**2


@pytest.mark.claim("multiply-adds-do-not-change")
@pytest.mark.parametrize("h", [1, 2, 4, 8])
def test_multiply_adds_do_not_depend_on_the_heads(h):
    """All matrix products together take as many multiply-adds for every h, as torch counts."""
    p = heads_of_width(h, 16)
    x = torch.tensor(normals(380, (6, 16)))
    of_torch_arrays = HeadProjections(*(torch.tensor(w) for w in p[:4]), h)
    with FlopCounterMode(display=False) as counter:
        multi_head_attention(x, x, x, of_torch_arrays)
    assert counter.get_total_flops() == 2 * example.cost(h, 16, 6).multiply_adds
    assert example.cost(h, 16, 6).multiply_adds == example.cost(1, 16, 6).multiply_adds


@pytest.mark.claim("maps-grow-with-heads")
@pytest.mark.parametrize("h", [1, 2, 4, 8])
def test_maps_grow_with_the_heads(h):
    """There is one map of n by n scores for each head: h n^2 numbers go through the softmax."""
    x, p = normals(390, (6, 16)), heads_of_width(h, 16)
    weights = multi_head_attention(x, x, x, p)[1]
    assert weights.size == example.cost(h, 16, 6).softmax_entries == h * 36


def test_a_cost_needs_heads_of_equal_width():
    with pytest.raises(ValueError, match="d_model = 512 must be divisible by h = 3"):
        example.cost(3)


@pytest.mark.claim("keys-in-use")
def test_keys_in_use_are_the_keys_that_share_equally():
    """If r keys share the weight equally and others have none, the keys in use are r."""
    for r in range(1, 8):
        row = np.zeros((1, 7))
        row[0, :r] = 1 / r
        assert example.keys_in_use(row) == pytest.approx(r)
    assert 1 < example.keys_in_use(np.array([[0.9, 0.1]])) < 2


@pytest.mark.claim("trained-heads-differ")
def test_heads_of_a_layer_differ():
    """In no layer of the trained encoder do two heads have the same map of the sentence."""
    for layer in range(example.config().N):
        maps = example.head_weights(layer)
        for one in range(len(maps)):
            for other in range(one):
                assert np.abs(maps[one] - maps[other]).max() > 0.1


@pytest.mark.claim("two-heads-answer-two-questions")
def test_two_heads_answer_the_questions_of_sold():
    """Two heads of layer 2 give "sold" who sold and what was sold: each most of its weight."""
    who, what = example.answering("who"), example.answering("what")
    assert who.layer == what.layer
    assert who.head != what.head
    maps = example.head_weights(who.layer)
    sold = example.TOKENS.index("sold")
    assert maps[who.head, sold, example.TOKENS.index("sister")] == who.share > 0.5
    assert maps[what.head, sold, 3:6].sum() == what.share > 0.5


@pytest.mark.claim("trained-heads-have-habits")
@pytest.mark.parametrize("feature", list(example.PATTERNS))
def test_shown_heads_look_where_they_are_said_to(feature):
    """The head shown for a place gives it clearly more weight than an even spread would."""
    chosen = example.habit(feature)
    even = example.even_habits()[example.FEATURES.index(feature)]
    assert chosen.share > 1.5 * even
    # No head that is not shown already has a stronger habit.
    number, earlier = example.FEATURES.index(feature), []
    for one in example.chosen_heads():
        if one.feature == feature:
            break
        earlier.append((one.layer, one.head))
    left = example.habits()[..., number].copy()
    for place in earlier:
        left[place] = -np.inf
    assert left.max() == pytest.approx(chosen.share)
    measured = [
        example.share_at(
            example.head_weights(chosen.layer, s)[chosen.head], example.PATTERNS[feature]
        )
        for s in example.everyday()[:40]
    ]
    assert np.mean(measured) == pytest.approx(chosen.share)


@pytest.mark.claim("no-habit-is-a-law")
def test_no_head_gives_half_of_its_weight_to_one_place():
    """No head gives, on average, half of its weight to one of four places; built ones give all."""
    shares = example.habits()[..., :4]
    assert shares.shape == (example.config().N, example.config().h, 4)
    assert shares.max() < 0.5
    for weights, side in zip(example.neighbour_weights(), (-1, 1), strict=True):
        assert np.diagonal(weights, side).min() == 1


@pytest.mark.claim("heads-do-not-see-each-other")
def test_what_a_head_finds_does_not_depend_on_the_others():
    """Give one head other matrices, and no other head finds anything else or looks elsewhere."""
    x, p = normals(355, (5, 12)), projections(12, 3)
    drawn, mine = projections(12, 3, seed=800), slice(4, 8)
    changed = [matrix.copy() for matrix in p[:3]]
    for matrix, other in zip(changed, drawn[:3], strict=True):
        matrix[:, mine] = other[:, mine]
    apart = HeadProjections(*changed, np.eye(12), 3)
    one, maps = multi_head_attention(x, x, x, p._replace(W_O=np.eye(12)))
    two, others = multi_head_attention(x, x, x, apart)
    differ = np.abs(one - two).max(axis=0) > 1e-9
    assert np.flatnonzero(differ).tolist() == list(range(4, 8))
    np.testing.assert_array_equal(maps[[0, 2]], others[[0, 2]])
    assert np.abs(maps[1] - others[1]).max() > 0.01


@pytest.mark.claim("shown-maps-follow-their-titles")
def test_most_rows_of_the_shown_maps_look_where_the_title_says():
    """Most rows of three maps look most where the title says; the fourth has no strong cell."""
    before, itself, after, spread = (
        example.head_weights(one.layer)[one.head] for one in example.chosen_heads()
    )
    rows = np.arange(example.piece_count())
    assert (before.argmax(axis=-1) < rows).mean() > 0.5
    assert (itself.argmax(axis=-1) == rows).mean() > 0.5
    assert (after.argmax(axis=-1) > rows).mean() > 0.5
    # The next piece gets more than an even share, on average over the rows that have one.
    assert np.diagonal(after, 1).mean() > 1.5 / example.piece_count()
    assert np.diagonal(before, -1).mean() > 1.5 / example.piece_count()
    assert (after.argmax(axis=-1) > rows + 1).any()
    assert spread.max() < 0.5


# The example


def test_the_pieces_are_those_of_the_translator():
    pieces = shipped().tokenizer.pieces(example.SENTENCE)
    assert tuple(piece.strip("▁") for piece in pieces) == example.TOKENS
    assert example.piece_count() == len(example.TOKENS)


def test_double_precision_changes_no_map():
    look = shipped().look(example.SENTENCE)
    for layer in range(example.config().N):
        recorded = look.recording.of("encoder", layer)[0]
        np.testing.assert_allclose(example.head_weights(layer), recorded, atol=1e-4)


def test_parts_add_up_to_what_the_layer_computes():
    for layer in range(example.config().N):
        x, p = example.inputs()[layer], example.projections(layer)
        expected = multi_head_attention(x, x, x, p)[0]
        np.testing.assert_allclose(example.head_parts(layer).sum(axis=0), expected, atol=1e-9)
        np.testing.assert_allclose(example.output(layer), expected, atol=1e-9)


def test_four_different_heads_are_shown():
    shown = {(chosen.layer, chosen.head) for chosen in example.chosen_heads()}
    assert len(shown) == len(example.SHOWN_FEATURES) == 4


@pytest.mark.parametrize("style", STYLES)
def test_figures_show_what_attend_computes(style):
    picture = find("multi_head.patterns")(STYLES[style])
    for number, chosen in enumerate(example.chosen_heads()):
        cells, _ = read_cells(picture, f"pattern-{number}")
        expected = example.head_weights(chosen.layer)[chosen.head]
        np.testing.assert_allclose(cells, expected, atol=0.00501)
    cells, _ = read_cells(find("multi_head.habits")(STYLES[style]), "habits")
    np.testing.assert_allclose(cells[:-1].ravel(), example.habits()[..., :4].ravel(), atol=0.00501)
    np.testing.assert_allclose(cells[-1], example.even_habits()[:4], atol=0.00501)
    picture = find("multi_head.neighbours")(STYLES[style])
    for head in range(2):
        cells, _ = read_cells(picture, f"head-{head}")
        np.testing.assert_allclose(cells, example.neighbour_weights()[head], atol=0.00501)


def test_the_chart_of_costs_has_the_right_heights():
    picture = find("multi_head.cost")(STYLES["light"])
    bars = {bar.get_gid(): bar.get_height() for ax in picture.axes for bar in ax.patches}
    for number, h in enumerate(example.HEAD_COUNTS):
        found = example.cost(h)
        assert bars[f"parameters-{number}"] == found.parameters / 1e6
        assert bars[f"multiply_adds-{number}"] == found.multiply_adds / 1e6
        assert bars[f"softmax_entries-{number}"] == found.softmax_entries / 1e3


# The explorer


@pytest.mark.parametrize("layer", range(4))
def test_the_explorer_shows_what_the_model_computes(layer):
    explorer, parts = MultiHeadExplorer(layer=layer), example.head_parts(layer)
    np.testing.assert_allclose(explorer.weights, example.head_weights(layer), atol=1e-4)
    lengths = np.linalg.norm(parts, axis=-1)
    np.testing.assert_allclose(explorer.lengths, lengths, atol=0.005)
    np.testing.assert_allclose(
        explorer.totals, np.linalg.norm(parts.sum(axis=0), axis=-1), atol=0.005
    )
    explorer.off = [0, 2]
    kept = np.linalg.norm(parts[[1, 3]].sum(axis=0), axis=-1)
    np.testing.assert_allclose(explorer.totals, kept, atol=0.005)
    lost = np.linalg.norm(parts[[0, 2]].sum(axis=0), axis=-1)
    np.testing.assert_allclose(explorer.results["moved"], lost, atol=0.005)


def test_a_changed_score_changes_one_row_of_one_head():
    explorer = MultiHeadExplorer()
    before = explorer.weights
    explorer.changes = [[0, 2, 3, 1, 8.0]]
    changed = np.argwhere(np.abs(explorer.weights - before).max(axis=-1) > 0)
    assert changed.tolist() == [[2, 3]]
    np.testing.assert_allclose(explorer.weights.sum(axis=-1), 1)
    explorer.layer = 1
    other = MultiHeadExplorer(layer=1)
    np.testing.assert_allclose(explorer.weights, other.weights)


def test_the_summary_says_what_is_seen():
    explorer = MultiHeadExplorer(cell=[3, 0])
    leaders = [f"“{example.TOKENS[row.argmax()]}”" for row in explorer.weights[:, 3]]
    assert f"“her” gives most weight to {', '.join(leaders)}" in explorer.summary()
    assert "All heads are on" in explorer.summary()
    explorer.off = [1]
    assert "Without the heads that are off its output moves by" in explorer.summary()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"words": []}, "words: 1 to 12, got 0"),
        ({"words": ["a" * 21]}, "1 to 20 characters"),
        ({"scores": [[1.0]]}, r"scores are \(N, h, n, n\)"),
        ({"scores": [[[[60.0]]]]}, "scores must be -50 to 50"),
        ({"scores": [[["a"]], 1]}, "scores must be numbers"),
        ({"products": [1.0]}, "rows of numbers for each layer"),
        ({"products": [[[float("nan")]]]}, "rows of numbers for each layer"),
        ({"layer": 12}, "layer must be 0 to 11, got 12"),
        ({"head": -1}, "head must be 0 to 11, got -1"),
        ({"off": [8]}, "off lists heads from 0 to 7"),
        ({"changes": [[0, 0, 0, 1.0]]}, "a change is"),
        ({"changes": [[0, 0, 0, 0, 51.0]]}, "a change is"),
        ({"cell": [0, 12]}, "cell is"),
        ({"words": ["a", "b"]}, "2 words need 2 by 2 scores a head"),
    ],
)
def test_the_explorer_refuses_what_does_not_fit(setting, message):
    with pytest.raises((ValueError, TraitError), match=message):
        MultiHeadExplorer(**setting)


@pytest.mark.parametrize(
    ("compute", "message"),
    [
        (lambda s: s[0], r"it returned shape \(7, 7\), the scores are \(4, 7, 7\)"),
        (lambda s: s * np.nan, "it returned numbers that are not finite"),
    ],
)
def test_the_explorer_names_an_unfit_result(compute, message):
    explorer = MultiHeadExplorer(compute=compute)
    with pytest.raises(ValueError, match=message):
        _ = explorer.weights
