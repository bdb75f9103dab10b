"""What chapter 1 claims, proved, and its example. A docstring begins with the claim."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from traitlets import TraitError

from attend import causal_mask, layers, softmax, transformer
from attend.layers import encoder_layer, feed_forward
from attend.models.recording import record_attention
from attend.translator.alignment import alignment_map
from attend.translator.evaluation import choose_alignment
from attend.translator.translator import SHIPPED, shipped
from attend_course.chapters.encoder_decoder import example
from attend_course.chapters.encoder_decoder.explorer import EncoderDecoderExplorer
from attend_course.kit.draws import normals, uniforms
from attend_course.kit.figures import STYLES, find, read_cells


def given() -> np.ndarray:
    """Return the start mark and all written pieces of the running sentence but the last."""
    return np.array([example._given()])


@pytest.mark.claim("rows-before-the-first-layer")
def test_a_row_before_the_layers_is_its_piece_and_its_place():
    """Before the first layer a row is the piece's vector times the root of d_model, plus its place.

    What is added for a place depends on the place alone: the same piece at two places differs by
    the two vectors of these places.
    """
    np.testing.assert_allclose(example._after(example.SENTENCE, 0), example.from_embedding())
    root, m = example.root(), len(example.source_pieces())
    assert root**2 == pytest.approx(example.config().d_model)
    table = example.exact_model().parameters.embedding
    places = example.from_embedding() - root * table[example.source()[0]]
    other = example._after(example.SENTENCES[2], 0)[:m]
    tokens = example._tokens(example.SENTENCES[2])[0, :m]
    np.testing.assert_allclose(other - root * table[tokens], places, atol=1e-12)


@pytest.mark.claim("layers-keep-the-shape")
def test_a_layer_keeps_the_shape_of_its_input():
    """A layer takes a matrix and returns a matrix of the same shape; both stacks hold N layers."""
    model = example.exact_model()
    x = example._after(example.SENTENCE, 0)
    for layer in model.parameters.encoder:
        after, _ = encoder_layer(x, layer)
        assert after.shape == x.shape
        x = after
    assert x.shape == example.memory().shape == example.tables()["memory"]
    start, masks = model.start(example.source()), layers.DecoderMasks(None, None)
    y = normals(1, (1, 6, x.shape[-1]))
    for layer, state in zip(model.parameters.decoder, start.layers, strict=True):
        after, _, _ = layers.decoder_layer(y, state, layer, masks)
        assert after.shape == y.shape
    sizes = example.config()
    assert len(model.parameters.encoder) == len(model.parameters.decoder) == sizes.N


@pytest.mark.claim("memory-is-made-once")
def test_the_memory_does_not_depend_on_what_is_written():
    """The encoder runs once for a translation: no step changes what is kept of the memory."""
    model, pieces = example.exact_model(), given()[0]
    with record_attention(model) as recording:
        state = before = model.start(example.source())
        for token in pieces:
            _, state = model.step(np.array([[token]]), state)
    calls = [one for one in recording.maps if one.kind == "encoder"]
    assert len(calls) == example.config().N
    for layer, first in zip(state.layers, before.layers, strict=True):
        assert layer.memory is first.memory


@pytest.mark.claim("shares-of-a-step")
@pytest.mark.parametrize("sentence", example.SENTENCES)
def test_every_row_of_every_map_sums_to_one(sentence):
    """Whoever looks has shares that sum to 1: each row of every attention of the translator."""
    look = shipped().look(sentence)
    assert len(look.recording.maps) == 3 * shipped().model.config.N
    for one in look.recording.maps:
        assert (one.weights >= 0).all()
        np.testing.assert_allclose(one.weights.sum(axis=-1), 1, atol=1e-5)
    np.testing.assert_allclose(example.own_map(masked=False).sum(axis=-1), 1)


@pytest.mark.claim("feed-forward-is-alone")
def test_feed_forward_sees_one_row_at_a_time():
    """Feed-forward works on each row by itself: alone or among others, a row becomes the same."""
    x = example.memory()
    for layer in [*example.exact_model().parameters.encoder]:
        together = feed_forward(x, layer.feed_forward)
        alone = np.concatenate([feed_forward(x[i : i + 1], layer.feed_forward) for i in range(3)])
        np.testing.assert_allclose(together[:3], alone, atol=1e-12)


@pytest.mark.claim("the-future-changes-nothing")
def test_a_later_piece_changes_no_earlier_prediction():
    """Exchange a later target piece for another: no earlier prediction changes, later ones do."""
    model, pieces = example.exact_model(), given()
    others = np.array([5, 77, 1234, *(uniforms(8, 12) * example.config().vocabulary).astype(int)])
    for place in range(1, pieces.shape[1]):
        changed = np.repeat(pieces, len(others) + 1, axis=0)
        changed[1:, place] = others
        # The model sees all of them at once: the first row is the one that was written.
        after = model.forward(np.repeat(example.source(), len(changed), axis=0), changed)
        np.testing.assert_array_equal(after[1:, :place], after[[0] * len(others), :place])
        assert (np.abs(after[1:] - after[0])[:, place:].max(axis=(1, 2)) > 1e-3).all()


@pytest.mark.claim("memory-alone")
def test_the_decoder_learns_of_the_source_through_the_memory_alone():
    """Give the decoder the memory of another sentence, and it says what it says for that one."""
    model = example.exact_model()
    state, other = (model.start(example._tokens(text)) for text in example.SENTENCES[:2])
    assert state.memory_mask is None or state.memory_mask.all()
    swapped = [
        one._replace(memory=two.memory) for one, two in zip(state.layers, other.layers, strict=True)
    ]
    before, expected = (model.step(given(), one)[0] for one in (state, other))
    found, _ = model.step(given(), state._replace(layers=tuple(swapped)))
    np.testing.assert_array_equal(found, expected)
    assert np.abs(before - expected).max() > 1


@pytest.mark.claim("rows-meet-in-attention")
def test_rows_meet_in_attention_and_nowhere_else():
    """Where each row takes its own value alone, no row of the stacks learns of another one."""

    def own_value(q, k, v, mask=None, *, scale=None):
        return v[..., : q.shape[-2], :], None

    apart = layers.TAUGHT._replace(attend=own_value)
    model, moved = example.exact_model(), [example.SENTENCE, example.replaced("park")]
    one, other = (
        transformer.encode(example._tokens(text), model.parameters, apart)[0] for text in moved
    )
    changed = np.abs(one - other).max(axis=-1) > 0
    assert np.flatnonzero(changed).tolist() == [example.expected_word()]
    pieces = np.repeat(given(), 2, axis=0)
    pieces[1, 3] = 77
    twice = np.repeat(example.source(), 2, axis=0)
    one, other = transformer.forward(twice, pieces, model.parameters, apart)
    assert np.flatnonzero(np.abs(one - other).max(axis=-1) > 0).tolist() == [3]


@pytest.mark.claim("rows-take-from-all")
@pytest.mark.parametrize("sentence", example.SENTENCES)
def test_every_row_of_the_encoder_takes_from_every_row(sentence):
    """In every layer and head of the encoder each row gives every row some weight."""
    model = example.exact_model()
    with record_attention(model) as recording:
        model.encode(example._tokens(sentence))
    for layer in range(example.config().N):
        assert (recording.of("encoder", layer) > 0).all()


@pytest.mark.claim("mask-turned-over")
@pytest.mark.parametrize("n", [1, 2, 7])
def test_a_mask_turned_over_leaves_the_future_alone(n):
    """Read the other way, the causal mask opens later places only, and none for the last row."""
    rows, columns = np.nonzero(~causal_mask(n))
    assert (columns > rows).all()
    assert len(rows) == n * (n - 1) // 2
    assert n - 1 not in rows


@pytest.mark.claim("steps-and-one-pass-agree")
def test_step_by_step_and_one_pass_agree():
    """One pass over a known translation gives what its steps gave, one row a step."""
    model, by_steps = example.exact_model(), []
    state = model.start(example.source())
    for token in given()[0]:
        logits, state = model.step(np.array([[token]]), state)
        by_steps.append(logits[0, 0])
    at_once = model.forward(example.source(), given())[0]
    np.testing.assert_allclose(at_once, by_steps, atol=1e-9)
    np.testing.assert_allclose(softmax(at_once), example.running().probabilities, atol=1e-9)


@pytest.mark.claim("noun-looks-at-its-word")
def test_the_noun_looks_most_at_the_word_it_translates():
    """The step that writes "Garten" gives most of its weight to "garden"."""
    assert example.translation() == "Meine Freunde wollen im Garten essen."
    assert example.noun() == "Garten"
    row = example.noun_words()[example._noun_number()]
    assert row.argmax() == example.expected_word()
    assert example.noun_weight() > 0.5


@pytest.mark.claim("no-map-is-closer")
def test_no_other_place_has_a_smaller_alignment_error():
    """On the sentences it was chosen by, no measured map errs less than the one shown."""
    measured = json.loads((SHIPPED / "alignment.json").read_text())
    assert len(measured["candidates"]) >= len(example.places())
    source = measured["source"]
    (layer,), heads = source["layers"], source["heads"]
    one = f"layer {layer + 1}, head {heads[0] + 1}"
    mean = f"the mean of the heads of layer {layer + 1}"
    assert example.best_name() == (one if len(heads) == 1 else mean)
    # Measured again here: the file is not its own witness.
    again = choose_alignment(shipped())
    rates = {json.dumps(one, sort_keys=True) for one in again["candidates"]}
    assert json.loads(json.dumps(again["source"])) == source
    assert len(rates) == len(measured["candidates"])
    for one, other in zip(measured["candidates"], again["candidates"], strict=True):
        assert one["chosen_on"] == pytest.approx(other["chosen_on"], abs=1e-6)
    least = min(one["chosen_on"] for one in measured["candidates"])
    assert (
        least
        == measured["error_rate_where_chosen"]
        < min(measured["uniform"], measured["diagonal"])
    )


@pytest.mark.claim("steps-jump-in-the-source")
def test_the_steps_do_not_go_through_the_source_from_left_to_right():
    """From step to step, the source piece looked at most does not move from left to right only."""
    looked_at = example.step_map().argmax(axis=-1)
    assert (np.diff(looked_at) < 0).any()
    assert len(set(looked_at)) > example.steps() / 2


@pytest.mark.claim("one-layer-reaches-every-row")
@pytest.mark.parametrize("word", example.OTHERS)
def test_a_replaced_word_is_in_every_row_after_one_layer(word):
    """A word replaced by one of as many pieces changes no other row, and after a layer all rows."""
    sentences, place = (example.SENTENCE, example.replaced(word)), example.expected_word()
    before, after = (
        np.subtract(*(example._after(sentence, layers) for sentence in sentences))
        for layers in (0, 1)
    )
    assert before[place].any()
    assert not np.delete(before, place, axis=0).any()
    assert (np.abs(after).max(axis=-1) > 1e-3).all()
    moved = example.change_in_encoder(word)
    assert not moved[0].any()
    assert (moved[1:] > 1e-3).all()


@pytest.mark.claim("the-noun-step-depends-on-it")
@pytest.mark.parametrize("word", example.OTHERS)
def test_the_step_that_begins_the_noun_depends_on_the_word_and_the_first_does_not(word):
    """Replace "garden": the noun's step moves far, the first hardly, "im" as the new word asks."""
    moved, noun = example.change_of_steps(word), example.noun_step() - 1
    assert ((moved >= 0) & (moved <= 1)).all()
    assert moved[noun] > 0.9
    assert example.target_pieces()[noun - 1] == "▁im"
    assert example.replaced_likeliest(word)[noun - 1] == {"park": "▁im", "city": "▁in"}[word]
    before = example.change_before_noun(word)
    assert before == moved[noun - 1]
    assert before < 0.1 if word == "park" else before > 0.9
    assert (np.delete(moved, [noun - 1, noun]) < 0.1).all()
    assert {"park": "im Park", "city": "in der Stadt"}[word] in shipped()(example.replaced(word))


@pytest.mark.claim("start-mark-hands-over-little")
def test_the_start_mark_is_looked_at_much_and_hands_over_little():
    """In the first decoder layer, row 2 looks most at the start mark, which hands over little."""
    assert example.own_map()[1].argmax() == 0
    assert example.own_map()[1, 0] > 0.5
    start, *others = example.handed_over()
    assert len(others) == example.steps() - 1
    assert example.start_share() == pytest.approx(start / np.min(others))
    assert example.start_share() < 0.25


# The example


def test_greedy_takes_the_likeliest_piece():
    for sentence in example.SENTENCES:
        found = example.unroll(sentence)
        assert [step[0][0] for step in found.likely] == list(found.target)
        np.testing.assert_allclose(found.probabilities.sum(axis=-1), 1)


def test_recorded_scores_give_the_maps_of_the_translator():
    look = shipped().look_at(list(example.source()[0]), example._written())
    n = example.steps()
    for layer in range(example.config().N):
        for head in range(example.config().h):
            place = f"{layer + 1}.{head + 1}"
            for kind, mask in (("memory", None), ("decoder", causal_mask(n))):
                scores = getattr(example.running(), "own" if mask is not None else "memory")
                expected = look.recording.of(kind, layer)[0, head]
                found = example.place_weights(scores, place, mask)
                np.testing.assert_allclose(found, expected, atol=1e-4)
    np.testing.assert_allclose(
        example.place_weights(example.running().memory, "all"),
        alignment_map(look.recording, None),
        atol=1e-4,
    )


def test_the_best_place_is_one_of_the_places():
    assert example.best_place() in example.places()
    sizes = example.config()
    assert len(example.places()) == 1 + sizes.N * (1 + sizes.h)


@pytest.mark.parametrize(
    ("sentence", "says"),
    [
        ("", "nothing to translate"),
        ("I read. You read.", "one sentence at a time"),
        ("I want to go " + "and to go " * 12 + "to the garden.", "at most 20 can be shown"),
    ],
)
def test_a_sentence_that_cannot_be_shown_is_refused(sentence, says):
    with pytest.raises(ValueError, match=says):
        example.unroll(sentence)


# Figures


@pytest.mark.parametrize("style", STYLES)
def test_maps_in_figures_are_those_of_the_translator(style):
    digits = 1 if STYLES[style].narrow else 2
    cells = (
        ("unrolled", "memory", example.step_map(), digits),
        ("mask", "masked", example.own_map(), 2),
        ("mask", "bare", example.own_map(False), 2),
        ("replaced", "moved", example.change_in_encoder(), 2),
    )
    for name, part, expected, decimals in cells:
        numbers, _ = read_cells(find(f"encoder_decoder.{name}")(STYLES[style]), part)
        np.testing.assert_allclose(numbers, expected, atol=0.5000001 * 10.0**-decimals)


def test_bars_are_how_far_the_steps_move():
    picture = find("encoder_decoder.replaced")(STYLES["light"])
    for word in example.OTHERS:
        for place, moved in enumerate(example.change_of_steps(word)):
            (bar,) = picture.findobj(lambda a, w=word, p=place: a.get_gid() == f"step-{w}-{p}")
            assert bar.get_height() == pytest.approx(moved)


def test_the_layers_drawn_are_those_of_the_translator():
    picture = find("encoder_decoder.architecture")(STYLES["light"])
    texts = [text.get_text() for text in picture.axes[0].texts]
    assert texts.count(f"× {example.config().N}") == 2


# The explorer


def test_the_explorer_shows_the_translators_own_maps():
    explorer = EncoderDecoderExplorer()
    assert explorer.translation == example.translation()
    np.testing.assert_allclose(explorer.weights, example.step_map(), atol=2e-3)
    explorer.map = "own"
    np.testing.assert_allclose(explorer.weights, example.own_map(), atol=2e-3)
    explorer.masked = False
    np.testing.assert_allclose(explorer.weights, example.own_map(False), atol=2e-3)


def test_the_explorer_takes_any_sentence_under_python():
    explorer = EncoderDecoderExplorer()
    explorer.sentence = "The dog has read the book."
    assert "Hund" in explorer.translation
    assert explorer.sentence in explorer.state["record"]["sentences"]
    before = explorer.weights
    explorer.sentence = "これは本です。"
    assert "was not translated" in explorer.results["error"]
    np.testing.assert_array_equal(explorer.weights, before)


def test_the_readers_function_computes_each_head():
    def uniform(scores, mask):
        return np.ones(scores.shape) / scores.shape[1]

    explorer = EncoderDecoderExplorer(compute=uniform)
    assert np.ptp(explorer.weights) == pytest.approx(0)
    wrong = EncoderDecoderExplorer(compute=lambda scores, mask: scores[0])
    assert "it returned shape" in wrong.results["error"]


@pytest.mark.parametrize(
    ("traits", "says"),
    [
        ({"map": "encoder"}, "map must be memory or own, got 'encoder'"),
        ({"place": "9"}, "place must be one of best, all, 1"),
        ({"cell": [0]}, "cell is [row, column], both 0 to 19, got [0]"),
        ({"cell": [20, 0]}, "cell is [row, column], both 0 to 19, got [20, 0]"),
        ({"sentence": "a" * 301}, "sentence has at most 300 characters, got 301"),
        ({"sentence": " "}, "nothing to translate"),
    ],
)
def test_bad_settings_are_refused_with_the_rule(traits, says):
    with pytest.raises(TraitError, match=re.escape(says)):
        EncoderDecoderExplorer(**traits)
