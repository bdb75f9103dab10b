"""What chapter 7 claims, proved, and its example. A docstring begins with the claim."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from traitlets import TraitError

from attend import (
    HeadProjections,
    attention,
    causal_mask,
    feed_forward,
    layer_norm,
    masked_softmax,
    multi_head_attention,
    padding_mask,
    positional_encoding,
)
from attend.decoding.writing import greedy
from attend.layers import EncoderParameters, Norm, Transform, add_norm, encoder_layer, say
from attend.models.torch_transformer import Transformer
from attend.positions import shift, step_angles
from attend.pre_norm import pre_norm_encoder_layer
from attend.transformer import embed
from attend.translator.translator import shipped
from attend_course.chapters.whole_transformer import depth, example, sizes
from attend_course.chapters.whole_transformer.explorer import REACH, WholeTransformerExplorer
from attend_course.kit.draws import normals
from attend_course.kit.figures import STYLES, find, read_cells

SEEDS = (0, 1, 2)


# The memory is asked


@pytest.mark.claim("padding-leaves-no-trace")
def test_padding_of_the_source_changes_nothing():
    """Under its mask, filling at the end of a source changes no row of the memory, no logit."""
    tokens, pad = example.tokens(), example.config().pad
    filled = np.concatenate([tokens, np.full((1, 4), pad)], axis=1)
    m = tokens.shape[1]
    np.testing.assert_allclose(example.model().encode(filled)[0, :m], example.memory(), atol=1e-12)
    wide = example.model().forward(filled, example.given())
    np.testing.assert_allclose(wide, example.model().forward(tokens, example.given()), atol=1e-10)
    # The mask it is that does it: taken for a word, the filling changes every row that asks.
    rows, memory = example.asked().queries, example.model().encode(filled)[0]
    hidden = multi_head_attention(
        rows, memory, memory, example.projections(), padding_mask(filled[0], pad)
    )
    assert (hidden[1][..., m:] == 0).all()
    np.testing.assert_allclose(hidden[0], example.memory_output(), atol=1e-12)
    seen = multi_head_attention(rows, memory, memory, example.projections())[0]
    assert np.abs(seen - example.memory_output()).max(axis=-1).min() > 1e-3


def test_the_memory_attention_is_that_of_the_model():
    maps = example.memory_weights()
    assert maps.shape == example.shapes()["memory map"]
    np.testing.assert_allclose(maps.sum(axis=-1), 1)
    look = shipped().look(example.SENTENCE)
    recorded = look.recording.of("memory", example.LAYER)[0]
    np.testing.assert_allclose(maps[:, : recorded.shape[1]], recorded, atol=1e-3)


def test_the_drawn_head_looks_at_the_words_it_translates():
    maps = example.memory_weights()[example.memory_head() - 1]
    for noun, word in example.NOUNS:
        row = example.target_pieces().index(noun)
        assert maps[row].argmax() == example.TOKENS.index(word)
        assert maps[row].max() > 0.5


# Positions


@pytest.mark.claim("order-is-lost-without-positions")
def test_without_positions_two_orders_are_one():
    """Without positions, two orders of the same pieces give the same rows and one translation."""
    plain, swapped = example.memory_unplaced(), example.memory_unplaced(example.SWAPPED)
    np.testing.assert_allclose(swapped, plain[list(example.ORDER)], atol=1e-12)
    told = {example.translation_unplaced(text) for text in (example.SENTENCE, example.SWAPPED)}
    assert len(told) == 1
    # Any order at all, with the mixture that a decoder takes of it.
    order = [5, 2, 0, 1, 4, 3]
    shuffled = example.unplaced().encode(example.tokens()[:, order])
    np.testing.assert_allclose(shuffled[0], plain[order], atol=1e-12)
    heard = example.unplaced().forward(example.tokens()[:, order], example.given())
    wanted = example.unplaced().forward(example.tokens(), example.given())
    np.testing.assert_allclose(heard, wanted, atol=1e-9)
    assert example.row_changes().min() > 0.01
    assert example.row_changes()[[1, 4]].min() > example.row_changes()[[0, 2, 3, 5]].max()


def test_with_positions_both_are_translated():
    assert example.translation() == "Der Hund fand den Jungen."
    assert example.swapped_translation() == "Der Junge fand den Hund."


@pytest.mark.claim("shift-is-a-rotation")
@pytest.mark.parametrize("d_model", [2, 10, 128])
@pytest.mark.parametrize("k", [1, 7, -4])
def test_a_shift_of_places_is_a_rotation(d_model, k):
    """One matrix moves every encoding on by k places, and it is a rotation."""
    places = positional_encoding(200, d_model, start=10)
    moved = positional_encoding(200, d_model, start=10 + k)
    np.testing.assert_allclose(places @ shift(k, d_model), moved, atol=1e-10)
    np.testing.assert_allclose(shift(k, d_model) @ shift(k, d_model).T, np.eye(d_model), atol=1e-14)
    assert np.linalg.det(shift(k, d_model)) == pytest.approx(1)
    # It is the only one: the encodings of d_model places leave no freedom.
    if d_model < 20:
        found = np.linalg.lstsq(places, moved, rcond=None)[0]
        np.testing.assert_allclose(found, shift(k, d_model), atol=1e-6)


@pytest.mark.claim("encodings-have-one-length")
@pytest.mark.parametrize("d_model", [2, 6, 128])
def test_all_encodings_are_equally_long(d_model):
    """Every encoding has the length sqrt(d_model / 2)."""
    found = example.lengths(positional_encoding(500, d_model))
    np.testing.assert_allclose(found, np.sqrt(d_model / 2))


@pytest.mark.claim("agreement-depends-on-distance")
@pytest.mark.parametrize("d_model", [2, 6, 128])
def test_agreement_answers_to_the_distance_alone(d_model):
    """The dot product of two encodings is the sum of the cosines of the hands' angles apart."""
    table = positional_encoding(300, d_model)
    for k in (0, 1, 4, 60):
        found = (table[: 300 - k] * table[k:]).sum(axis=-1)
        np.testing.assert_allclose(found, np.cos(k * step_angles(d_model)).sum(), atol=1e-9)
    assert example.near_agreement() == pytest.approx(example.far_agreement())
    assert example.agreement(3, 8) != pytest.approx(example.near_agreement(), abs=0.5)


@pytest.mark.claim("rotary-scores-depend-on-distance")
def test_rotated_queries_and_keys_see_their_distance():
    """Queries and keys turned by their places have a score that depends on the distance alone."""
    for seed in SEEDS:
        q, k = normals(70 + seed, 8), normals(80 + seed, 8)
        near = example.rotated_score(q, k, 3, 7)
        assert example.rotated_score(q, k, 203, 207) == pytest.approx(near)
        assert near == pytest.approx(float(q @ (k @ shift(4, 8))))
        assert near == pytest.approx(float((q @ shift(4, 8).T) @ k))
        assert example.rotated_score(q, k, 3, 8) != pytest.approx(near, abs=0.01)


def test_hands_have_the_wavelengths_that_are_told():
    waves = example.wavelengths()
    assert len(waves) == example.config().d_model // 2 == 64
    np.testing.assert_allclose(waves[1:] / waves[:-1], waves[1] / waves[0])
    assert example.fast_pairs() == sum(wave <= example.STRIP for wave in waves)
    angle = np.arange(example.STRIP)[:, None] / 10000 ** (2 * np.array(example.SHOWN_HANDS) / 128)
    np.testing.assert_allclose(example.hand_waves(), np.sin(angle).T)
    # What the caption tells: ten times round, and hardly begun.
    assert example.STRIP // waves[0] == 10
    assert example.STRIP / waves[example.SHOWN_HANDS[-1]] < 0.1


# The table, the feed-forward


@pytest.mark.claim("one-table-three-uses")
def test_one_row_of_the_table_has_three_uses():
    """A changed row of the table changes how its piece is read, how written, and how likely."""
    p = SimpleNamespace(**vars(example.model().parameters))
    token = int(example.tokens()[0, 1])
    p.embedding = p.embedding.copy()
    p.embedding[token] += 0.1
    source = np.array([[token]])
    factor = np.sqrt(example.config().d_model)
    for start in (0, 5):  # as the first piece of a source, or anywhere in a target
        moved = embed(source, p, start) - embed(source, example.model().parameters, start)
        np.testing.assert_allclose(moved, 0.1 * factor)
    row = example.memory()[None, :1]
    change = say(row, p.embedding) - say(row, example.model().parameters.embedding)
    np.testing.assert_allclose(change[0, 0, token], 0.1 * row.sum())
    assert np.count_nonzero(np.abs(change) > 1e-12) == 1
    # There is no other table in the model.
    wide = [name for name, t in example.saved().tensors.items() if len(t) == p.embedding.shape[0]]
    assert wide == ["embedding"]


def test_pieces_and_places_are_of_comparable_length():
    assert example.table_lengths().max() < 2
    assert example.place_length() / 2 < example.scaled_lengths().min()
    assert example.scaled_lengths().max() < 4 * example.place_length()


@pytest.mark.claim("without-the-zero-one-matrix")
def test_without_the_zero_two_products_are_one():
    """Without the maximum, a feed-forward is one matrix and one row to add; with it, it is not."""
    p = Transform(normals(1, (6, 9)), normals(2, 9), normals(3, (9, 6)), normals(4, 6))
    x = normals(5, (7, 6))
    linear = (x @ p.W_1 + p.b_1) @ p.W_2 + p.b_2
    np.testing.assert_allclose(linear, x @ (p.W_1 @ p.W_2) + (p.b_1 @ p.W_2 + p.b_2))
    # A map of one matrix takes the mean of two rows to the mean of what it makes of them.
    a, b = x[:1], x[1:2]
    both = (feed_forward(a, p) + feed_forward(b, p)) / 2
    assert np.abs(feed_forward((a + b) / 2, p) - both).max() > 0.1


def test_most_inner_numbers_are_zero():
    assert 0.5 < example.share_of_zeros() < 1
    for rows, layer in zip(example.hidden(), example.model().parameters.encoder, strict=True):
        assert rows.shape == example.shapes()["inner"]
        assert rows.shape[1] == layer.feed_forward.W_1.shape[1]


# Residual connections and norms


@pytest.mark.claim("residual-keeps-a-path")
def test_a_residual_hands_the_gradient_on_unchanged():
    """The gradient of x + f(x) is the gradient itself and what comes through f."""
    x = torch.tensor(normals(1, (5, 6)), requires_grad=True)
    g = torch.tensor(normals(2, (5, 6)))
    w = torch.tensor(normals(3, (6, 6)))

    def f(rows):
        return torch.relu(rows @ w) @ w

    (through,) = torch.autograd.grad((f(x) * g).sum(), x)
    (whole,) = torch.autograd.grad(((x + f(x)) * g).sum(), x)
    torch.testing.assert_close(whole, g + through)
    # Where f is silent, all of it arrives; without the addition, nothing does.
    (alone,) = torch.autograd.grad(((x + 0 * f(x)) * g).sum(), x)
    torch.testing.assert_close(alone, g)


def rows_normed(x):
    return layer_norm(x, np.ones(x.shape[-1]), np.zeros(x.shape[-1]))


@pytest.mark.claim("norm-forgets-shift-and-scale")
def test_a_norm_forgets_what_is_added_and_multiplied():
    """Adding 100 to a row or multiplying it by 10 changes its norm only by the epsilon."""
    x = 3 * normals(1, (20, 32)) + 1
    np.testing.assert_allclose(rows_normed(x + 100), rows_normed(x), atol=1e-9)
    np.testing.assert_allclose(rows_normed(10 * x), rows_normed(x), atol=1e-4)
    assert np.abs(rows_normed(-x) - rows_normed(x)).max() > 1
    np.testing.assert_allclose(example.hand_norm(), [-1, 1, -1, 1], atol=1e-5)
    assert (example.hand_mean(), example.hand_variance()) == (5, 9)


@pytest.mark.claim("normalised-rows-have-one-length")
@pytest.mark.parametrize("d", [2, 32, 128])
def test_normalised_rows_are_as_long_as_the_root_of_their_count(d):
    """Before gain and bias a normalised row has the length sqrt(d), if its variance is not tiny."""
    x = 3 + normals(2, (50, d)) * np.arange(1, d + 1)
    x = x[x.var(axis=-1) > 0.01]
    assert len(x) > 20
    for factor in (1, 50):
        np.testing.assert_allclose(example.lengths(rows_normed(factor * x)), np.sqrt(d), rtol=1e-3)
    # Where it is not, the epsilon counts.
    assert example.lengths(rows_normed(x * 1e-4 / x.std())).max() < 0.1 * np.sqrt(d)


@pytest.mark.claim("without-norms-numbers-grow")
def test_without_norms_numbers_and_gradients_grow():
    """Without norms, 24 layers make numbers and gradients more than 10,000 times as large."""
    for seed in SEEDS:
        found = depth.measured("no norms", depth.DEEP, seed)
        assert found.sizes[-1] > 1e4 * found.sizes[0]
        assert found.reaches > 1e5
        assert (np.diff(np.log(found.sizes)) > 0).all()
        assert depth.measured("post-norm", depth.DEEP, seed).sizes[-1] == pytest.approx(1, abs=0.01)


@pytest.mark.claim("without-residuals-rows-become-alike")
def test_without_residuals_the_rows_of_all_words_are_one():
    """Without residual connections, rows agree to five digits after 4 layers; with them, not."""
    for seed in SEEDS:
        found = depth.measured("no residuals", depth.SHALLOW, seed)
        assert found.apart[0] > 0.9
        assert found.apart[-1] < 1e-5
        assert found.sizes[-1] == pytest.approx(1, abs=0.01)
        assert depth.measured("post-norm", depth.SHALLOW, seed).apart[-1] > 0.3
        # The gradient toward the input is there all the same.
        assert found.reaches > 0.1
        assert found.query_gradients[-1] < 1e-4 * found.query_gradients[0]


@pytest.mark.claim("without-both-no-gradient-arrives")
def test_without_both_the_gradient_vanishes():
    """Without residuals and norms, less than 1/100,000 of the gradient passes 24 layers."""
    for seed in SEEDS:
        found = depth.measured("neither", depth.DEEP, seed)
        assert found.reaches < 1e-5
        assert (np.diff(found.gradients) > 0).mean() > 0.9
        assert depth.measured("post-norm", depth.DEEP, seed).reaches > 0.01


@pytest.mark.claim("pre-norm-shrinks-last-gradients")
def test_in_pre_norm_the_last_gradient_falls_with_the_depth():
    """The gradient of the last W_1 falls with the depth in pre-norm and stays in post-norm."""
    for seed in SEEDS:
        last = {
            (kind, layers): depth.measured(kind, layers, seed).inner_gradients[-1]
            for kind in ("post-norm", "pre-norm")
            for layers in (depth.SHALLOW, depth.DEEP)
        }
        assert last["pre-norm", depth.DEEP] < 0.6 * last["pre-norm", depth.SHALLOW]
        assert 0.75 < last["post-norm", depth.DEEP] / last["post-norm", depth.SHALLOW] < 1.33
        sums = depth.measured("pre-norm", depth.DEEP, seed).sizes
        assert sums[-1] > 2 * sums[0]


@pytest.mark.claim("pre-norm-keeps-rows-apart")
def test_pre_norm_keeps_rows_apart():
    """In a deep untrained stack, rows differ over ten times as much in pre-norm as in post-norm."""
    for seed in SEEDS:
        found = [depth.measured(kind, depth.DEEP, seed).apart[-1] for kind in depth.KINDS[:2]]
        assert found[1] > 10 * found[0]


def of_torch(p: EncoderParameters, first: bool) -> torch.nn.TransformerEncoderLayer:
    """Give torch's layer the same numbers."""
    a, f, width = p.self_attention, p.feed_forward, depth.D_MODEL
    layer = torch.nn.TransformerEncoderLayer(
        width, a.h, depth.D_FF, 0.0, batch_first=True, norm_first=first, dtype=torch.float64
    )
    numbers = {
        "self_attn.in_proj_weight": torch.cat([a.W_Q.T, a.W_K.T, a.W_V.T]),
        "self_attn.in_proj_bias": torch.zeros(3 * width),
        "self_attn.out_proj.weight": a.W_O.T,
        "self_attn.out_proj.bias": torch.zeros(width),
        "linear1.weight": f.W_1.T,
        "linear1.bias": f.b_1,
        "linear2.weight": f.W_2.T,
        "linear2.bias": f.b_2,
    }
    for number, norm in ((1, p.norm_1), (2, p.norm_2)):
        numbers |= {f"norm{number}.weight": norm.gain, f"norm{number}.bias": norm.bias}
    layer.load_state_dict(numbers)
    return layer.train()


@pytest.mark.claim("layers-agree-with-torch")
@pytest.mark.parametrize("first", [False, True])
def test_layers_are_those_of_torch(first):
    """A post-norm and a pre-norm layer of attend are torch's, with the same numbers in them."""
    p = depth._parameters(5)
    bend = [
        Norm(1 + torch.tensor(normals(s, 64)) / 4, torch.tensor(normals(s + 1, 64))) for s in (6, 8)
    ]
    p = p._replace(norm_1=bend[0], norm_2=bend[1])
    x = torch.tensor(normals(9, (2, 7, depth.D_MODEL)))
    ours = (pre_norm_encoder_layer if first else encoder_layer)(x, p)[0]
    torch.testing.assert_close(ours, of_torch(p, first)(x))
    other = (encoder_layer if first else pre_norm_encoder_layer)(x, p)[0]
    assert (other - ours).abs().max() > 0.1


def test_every_kind_has_its_curves():
    for kind in depth.KINDS:
        found = depth.measured(kind, depth.SHALLOW)
        assert len(found.sizes) == len(found.apart) == len(found.gradients) == depth.SHALLOW + 1
        assert found.sizes[0] == pytest.approx(1, abs=0.1)
        assert np.isfinite(found.query_gradients).all()


# The assembly


def my_transformer(source, target, p):
    """Assemble the model as the page does."""

    def attended(x, memory, q, norm, mask=None):
        return add_norm(x, multi_head_attention(x, memory, memory, q, mask)[0], norm)

    def embedded(tokens):
        places = positional_encoding(len(tokens), p.embedding.shape[1])
        return p.embedding[tokens] * np.sqrt(p.embedding.shape[1]) + places

    memory = embedded(source)
    for layer in p.encoder:
        memory = attended(memory, memory, layer.self_attention, layer.norm_1)
        memory = add_norm(memory, feed_forward(memory, layer.feed_forward), layer.norm_2)
    rows = embedded(target)
    for layer in p.decoder:
        causal = causal_mask(len(target))
        rows = attended(rows, rows, layer.self_attention, layer.norm_1, causal)
        rows = attended(rows, memory, layer.memory_attention, layer.norm_2)
        rows = add_norm(rows, feed_forward(rows, layer.feed_forward), layer.norm_3)
    return rows @ p.embedding.T


@pytest.mark.claim("the-assembly-is-the-translator")
def test_the_parts_assembled_are_the_translator():
    """The lines of the page, with the trained numbers, give the translator's logits and words."""
    source, target = example.tokens()[0], example.given()[0]
    mine = my_transformer(source, target, example.model().parameters)
    theirs = example.model().forward(source[None], target[None])[0]
    np.testing.assert_allclose(mine, theirs, atol=1e-9)
    likeliest = [int(token) for token in mine.argmax(axis=-1)]
    written = greedy(shipped().model, source[None])[0]
    assert likeliest[: len(written)] == written
    assert likeliest[-1] == example.config().end


def test_the_trace_names_every_sub_layer_with_its_shape():
    c, m, n = example.config(), example.piece_count(), example.given().shape[1]
    assert example.sub_layer_count() == 5 * c.N
    for one in example.trace():
        assert one.shape == ((m if one.stack == "encoder" else n), c.d_model)
    p = example.model().parameters
    x = embed(example.tokens(), p)
    first = multi_head_attention(x, x, x, p.encoder[0].self_attention)[0]
    moved = (example.lengths(first) / example.lengths(x)).mean()
    assert example.traced("encoder", "self-attention").moved == pytest.approx(moved)
    assert example.smallest_move().moved < example.largest_move().moved
    means = {
        kind: np.mean([s.moved for s in example.trace() if (s.name == "feed-forward") == kind])
        for kind in (True, False)
    }
    assert means[True] > means[False]


def test_shapes_are_those_of_the_model():
    c, m, n = example.config(), example.piece_count(), example.given().shape[1]
    assert example.shapes()["decoder map"] == (c.h, n, n)
    assert example.shapes()["encoder map"] == (c.h, m, m)
    assert example.shapes()["logits"] == (n, c.vocabulary)
    assert example.shapes()["target"] == (n,)
    assert example.shapes()["table"] == (c.vocabulary, c.d_model)


# The parameters


@pytest.mark.claim("counts-are-those-of-torch")
@pytest.mark.parametrize("row", sizes.TABLE, ids=lambda row: row.name)
def test_the_count_is_that_of_the_model(row):
    """The count of each row of Table 3 is the number of parameters of attend's torch model."""
    # On the device that holds no numbers, so that the big model costs nothing.
    with torch.device("meta"):
        model = Transformer(sizes.sizes_of(row.name))
    assert sum(p.numel() for p in model.parameters()) == sizes.count(sizes.sizes_of(row.name))


@pytest.mark.claim("one-table-length-fits-ten-rows")
def test_one_length_of_the_table_fits_all_rows_but_the_big_one():
    """With 41,004 to 41,208 pieces our count rounds to every published number but the big one's."""
    low, high = sizes.fitting_all_but_big()
    assert (low, high) == (41_004, 41_208)
    for vocabulary in (low, high):
        assert sizes.agreeing(vocabulary) == sizes.row_count() - 1 == 10
        assert round(sizes.ours("big", vocabulary)) != sizes.published("big")
    assert sizes.agreeing(low - 1) < 10
    assert sizes.agreeing(high + 1) < 10
    assert sizes.fitting("big")[1] < sizes.VOCABULARY


def test_what_is_told_of_the_longer_table_is_so():
    assert sizes.agreeing(sizes.VOCABULARY) == 0
    assert sizes.agreeing(sizes.ROUNDED_UP) == 9
    assert round(sizes.ours("d_ff = 1024", sizes.ROUNDED_UP)) != sizes.published("d_ff = 1024")
    assert sizes.agreeing(sizes.ROUNDED_UP, biases=True) == 10
    differences = {row.name: sizes.missing(row.name) for row in sizes.TABLE}
    assert differences.pop("big") < 0
    assert all(1 < found < 4.5 for found in differences.values())
    assert max(differences, key=differences.__getitem__) == "d_model = 1024"


def test_rows_with_other_heads_have_as_many_parameters():
    base = sizes.sizes_of("base")
    for h in (1, 4, 16, 32):
        other = replace(base, h=h, d_k=512 // h, d_v=512 // h)
        assert sizes.count(other) == sizes.count(base)


@pytest.mark.claim("feed-forward-holds-most-of-an-encoder-layer")
def test_the_feed_forward_holds_most_of_an_encoder_layer():
    """In the base and the big model the feed-forward holds most parameters of an encoder layer."""
    for name in ("base", "big"):
        c = sizes.sizes_of(name)
        attention_, inner = 4 * c.d_model**2, 2 * c.d_model * c.d_ff + c.d_ff + c.d_model
        layer = attention_ + inner + 4 * c.d_model
        assert inner > layer / 2 > attention_
        assert sizes.parts(name).feed_forward == pytest.approx(2 * c.N * inner / 1e6)
        assert sizes.parts(name).attention == pytest.approx(3 * c.N * attention_ / 1e6)
        assert layer == pytest.approx(12 * c.d_model**2, rel=0.01)
        decoder = layer + attention_ + 2 * c.d_model
        assert decoder == pytest.approx(16 * c.d_model**2, rel=0.01)
        assert sum(sizes.parts(name)) == pytest.approx(sizes.ours(name))


def test_one_table_saves_two():
    assert sizes.tied() == pytest.approx(2 * 37_000 * 512 / 1e6)


# The example


def test_the_pieces_are_those_of_the_translator():
    pieces = shipped().tokenizer.pieces(example.SENTENCE)
    assert tuple(piece.strip("▁") for piece in pieces) == example.TOKENS
    swapped = shipped().tokenizer.pieces(example.SWAPPED)
    assert [piece.strip("▁") for piece in swapped] == [example.TOKENS[i] for i in example.ORDER]
    assert all(piece.startswith("▁") or piece == "." for piece in pieces)


@pytest.mark.parametrize("style", STYLES)
def test_figures_show_what_attend_computes(style):
    cells, _ = read_cells(find("whole_transformer.memory_map")(STYLES[style]), "memory")
    expected = example.memory_weights()[example.memory_head() - 1]
    np.testing.assert_allclose(cells, expected, atol=0.00501)
    picture = find("whole_transformer.order")(STYLES[style])
    bars = {bar.get_gid(): bar.get_height() for ax in picture.axes for bar in ax.patches}
    for place, change in enumerate(example.row_changes()):
        assert bars[f"placed-{place}"] == change
        assert bars[f"unplaced-{place}"] == pytest.approx(0, abs=1e-12)


def drawn_lines(name: str) -> dict[str, np.ndarray]:
    """Return the lines of a figure by their names."""
    picture = find(name)(STYLES["light"])
    return {line.get_gid(): line.get_ydata() for ax in picture.axes for line in ax.lines}


def test_curves_are_what_is_computed():
    lines = drawn_lines("whole_transformer.encodings")
    distances = np.arange(-40, 41)
    expected = np.cos(distances[:, None] * step_angles(128)).mean(axis=-1)
    np.testing.assert_allclose(lines["agreement"], expected, atol=1e-10)
    for row, wave in enumerate(example.hand_waves()):
        np.testing.assert_allclose(lines[f"wave-{row}"] - 2.6 * row, wave, atol=1e-12)
    lines = drawn_lines("whole_transformer.depth_curves")
    for kind in depth.KINDS:
        np.testing.assert_array_equal(lines[f"apart-{kind}"], depth.measured(kind).apart)
        np.testing.assert_array_equal(lines[f"sizes-{kind}"], depth.measured(kind).sizes)
    picture = find("whole_transformer.traced")(STYLES["light"])
    bars = {bar.get_gid(): bar.get_width() for bar in picture.axes[0].patches}
    assert [bars[f"step-{n}"] for n in range(len(bars))] == [s.moved for s in example.trace()]


# The explorer


def test_the_explorer_moves_without_a_change_of_weights():
    explorer = WholeTransformerExplorer()
    before, encodings = explorer.weights, explorer.encodings
    explorer.start = 100
    assert np.abs(explorer.encodings - encodings).max() > 0.5
    np.testing.assert_allclose(explorer.encodings, positional_encoding(6, 32, 100))
    np.testing.assert_allclose(explorer.weights, before)
    np.testing.assert_allclose(explorer.scores[0], explorer.results["agreements"][REACH:][:6])


def test_a_mask_built_by_hand_renormalises_its_rows():
    explorer = WholeTransformerExplorer(blocked=[[1, 0], [1, 1], [2, 5], [2, 5]])
    expected = masked_softmax(explorer.scores, explorer.mask)
    np.testing.assert_allclose(explorer.weights, expected)
    assert explorer.blocked == [[1, 0], [1, 1], [2, 5]]
    np.testing.assert_allclose(explorer.weights.sum(axis=-1), 1)
    explorer.blocked = [[1, j] for j in range(6)]
    assert not explorer.weights[1].any()
    q = positional_encoding(6, 32)
    np.testing.assert_allclose(explorer.weights, attention(q, q, q, explorer.mask)[1])


def test_without_positions_every_open_cell_gets_the_same():
    explorer = WholeTransformerExplorer(placed=False, blocked=[[0, 1], [0, 2]])
    np.testing.assert_allclose(explorer.weights[0], [0.25, 0, 0, 0.25, 0.25, 0.25])
    assert not explorer.encodings.any()
    assert not explorer.scores.any()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"words": []}, "words: 1 to 12, got 0"),
        ({"start": -1}, "start must be 0 to 1000, got -1"),
        ({"d_model": 3}, "d_model must be even, 2 to 64, got 3"),
        ({"d_model": 66}, "d_model must be even, 2 to 64, got 66"),
        ({"blocked": [[0]]}, r"a blocked cell is \[row, column\]"),
        ({"blocked": [[0, 12]]}, "a blocked cell is"),
        ({"blocked": [[0, 1.5]]}, "a blocked cell is"),
        ({"cell": [0, 12]}, "cell is"),
    ],
)
def test_the_explorer_refuses_what_does_not_fit(setting, message):
    with pytest.raises(TraitError, match=message):
        WholeTransformerExplorer(**setting)


@pytest.mark.parametrize(
    ("compute", "message"),
    [
        (lambda s, mask: s[0], r"it returned shape \(6,\), the scores are \(6, 6\)"),
        (lambda s, mask: s * np.nan, "it returned numbers that are not finite"),
    ],
)
def test_the_explorer_names_an_unfit_result(compute, message):
    explorer = WholeTransformerExplorer(compute=compute)
    with pytest.raises(ValueError, match=message):
        _ = explorer.weights


def test_heads_are_projected_like_those_of_the_model():
    assert isinstance(depth._parameters(0).self_attention, HeadProjections)
    assert example.memory_keys().shape == (4, 6, 32)
