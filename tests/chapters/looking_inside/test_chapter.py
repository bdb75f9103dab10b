"""What chapter 9 claims, proved, and its example. A docstring begins with the claim."""

from __future__ import annotations

import json

import numpy as np
import pytest
from conftest import ROOT
from traitlets import TraitError

from attend.models.changes import changed
from attend.models.inspection import heads_of, mean_loss, rollout
from attend.translator.alignment import alignment_error_rate
from attend.translator.evaluation import aligned_sentences, diagonal_error_rate, error_rate
from attend.translator.translator import SHIPPED, shipped
from attend_course.chapters.looking_inside import aligning, example, mixing, opinions, worth
from attend_course.chapters.looking_inside.explorer import SameMixtureExplorer
from attend_course.kit.draws import normals, uniforms
from attend_course.kit.figures import STYLES, find, read_cells

STYLE = STYLES["light-narrow"]


# Which head aligns words


@pytest.mark.claim("our-pairs-are-translated")
def test_our_pairs_are_translated_as_we_do():
    """At least nine of ten of our pairs are translated word for word as we translate them."""
    found = shipped().batch([pair.english for pair in example.pairs()])
    right = [one == pair.german for one, pair in zip(found, example.pairs(), strict=True)]
    assert np.mean(right) >= 0.9
    assert right[0]


def test_links_are_within_the_words_and_no_everyday_pair_is_ours():
    for pair in example.pairs():
        rows, columns = aligning.words_of(
            example.read(pair).memory(0)[0], example.read(pair)
        ).shape  # fmt: skip
        assert all(0 <= i < rows and 0 <= j < columns for i, j in pair.links)
        # A mark at the end is linked to the mark at the end, and a word to at most two.
        assert (rows - 1, columns - 1) in pair.links
        assert all(sum(i == row for i, _ in pair.links) <= 2 for row in range(rows))
    assert not {p.english for p in example.pairs()} & {p.english for p in example.everyday()}
    rule = json.loads(example.ALIGNED.read_text(encoding="utf-8"))["rule"]
    assert len(rule) > 2


@pytest.mark.claim("error-rate-ends")
def test_an_error_rate_is_0_for_equal_sets_and_1_for_sets_apart():
    """The error rate is 0 for two equal sets of links, 1 without a common link, between else."""
    for pair in example.pairs():
        drawn = set(pair.links)
        assert alignment_error_rate([drawn], [drawn]) == 0
        elsewhere = {(i, j + 100) for i, j in drawn}
        assert alignment_error_rate([elsewhere], [drawn]) == 1
        part = set(sorted(drawn)[:-1])
        assert 0 < alignment_error_rate([part], [drawn]) < 1
    common, both = aligning.hand_common_count(), 3 + 4
    assert aligning.hand_error() == pytest.approx(1 - 2 * common / both)


@pytest.mark.claim("a-head-aligns-words")
def test_one_head_aligns_far_better_than_places_do():
    """The head chosen on other pairs has less than half the error rate of the diagonal on ours."""
    head = aligning.aligner()
    assert aligning.aligner_error() < aligning.diagonal_error() / 2
    # The same head, chosen and judged by the functions that measure translators.
    others = aligned_sentences(shipped())
    rates = {one: error_rate(others, aligning.place(one)) for one in example.memory_heads()}
    assert min(rates, key=lambda one: rates[one]) == head
    assert diagonal_error_rate(others) > 2 * rates[head]


@pytest.mark.claim("some-heads-align-late")
def test_some_heads_align_one_step_late():
    """Some memory head errs in over six of ten links as it stands, in under four one step late."""
    heads = aligning.late_heads()
    assert aligning.late_head() in heads
    for head in heads:
        now, late = (error_rates_of(head, shift) for shift in (0, 1))
        assert late < 0.4 < 0.6 < now
    best = aligning.late_head()
    assert best.layer == 0
    assert aligning.late_errors()[0] > 0.9
    assert aligning.late_errors()[1] == min(error_rates_of(h, 1) for h in heads)


def error_rates_of(head, shift):
    return aligning.error_rate(aligning.place(head, shift), example.pairs())


# A weight with little behind it


@pytest.mark.claim("full-stop-has-short-values")
def test_the_full_stop_gets_more_weight_than_it_brings():
    """The full stop has more than an even share of the weight, and a smaller one of the lengths."""
    assert example.running().source_names[-1] == "."
    assert worth.stop_weight() > 1.5 * example.even_share()
    assert worth.stop_part() < 0.8 * worth.stop_weight()
    assert (worth.stop_shares()[:, 1] < worth.stop_shares()[:, 0]).all()
    # Its values are the shortest of nearly all heads.
    shortest = [
        worth.value_lengths(layer).argmin(axis=-1) == example.source_count() - 1
        for layer in range(example.saved().config.N)
    ]
    assert np.mean(shortest) > 0.9


# What a head is worth


def test_the_stored_results_are_those_of_the_translator_that_ships():
    """Run the command that they name if this fails: the weights have changed since."""
    report = worth.measured()
    checksums = json.loads((SHIPPED / "checksums.json").read_text(encoding="utf-8"))
    assert report["weights"] == checksums["weights.safetensors"]
    assert list(report["alone"]) == [head.name for head in heads_of(example.saved().config)]
    assert {step["head"] for step in report["pruned"]} < set(report["alone"])
    page = (ROOT / "book" / "09-looking-inside.md").read_text(encoding="utf-8")
    assert report["command"] in page
    assert (ROOT / report["command"].split()[1]).is_file()
    assert "machine" in report
    assert not [
        private for private in ("/root", "/home", "/work", "/tmp") if private in str(report)
    ]


@pytest.mark.claim("most-heads-are-cheap-alone")
def test_most_heads_can_go_alone():
    """More than half of all heads cost less than one point of BLEU when they go alone."""
    lost = worth.measured_losses("bleu")
    assert worth.cheap_heads() == (lost < 1).sum() > example.head_count() / 2
    dearest = worth.dearest()
    assert dearest.kind == "memory"
    whole, without = worth.measured()["whole"], worth.measured()["alone"][dearest.name]
    assert whole["bleu"] - without["bleu"] == pytest.approx(lost.max()) == worth.dearest_cost()
    # The three kinds in their order: the memory attention depends most on its heads.
    assert lost[2].mean() > max(lost[0].mean(), lost[1].mean())


@pytest.mark.claim("aligning-heads-are-missed")
def test_heads_that_align_better_tend_to_be_missed_more():
    """Over the memory heads, error rate and damage are in opposite order, but not fully."""
    assert -0.95 < worth.promise_kept() < -0.3
    head = aligning.aligner()
    one = mean_loss(changed(example.model(), [head.off]), *worth.batch()) - worth.own_loss()
    assert worth.own_damages()[head.layer, head.head] == pytest.approx(one)


@pytest.mark.claim("damages-do-not-add-up")
def test_damages_do_not_add_up():
    """All memory heads of the last layer together cost more than twice the sum of their damages."""
    assert worth.damage_together() > 2 * worth.sum_of_damages() > 0
    layer = [head for head in example.memory_heads() if head.layer == worth.last_layer()]
    off = changed(example.model(), [head.off for head in layer])
    together = mean_loss(off, *worth.batch()) - worth.own_loss()
    assert worth.damage_together() == pytest.approx(together)


@pytest.mark.claim("pruning-costs-more-than-its-parts")
def test_pruning_costs_more_than_its_heads_one_by_one():
    """The heads that pruning takes cost more together than the sum of what each costs alone."""
    bleu, free = worth.pruned_bleu(), worth.free_until()
    assert len(bleu) == worth.gone_count() + 1
    assert (bleu[: free + 1] >= bleu[0] - 1).all()
    assert 0 < free < worth.gone_count()
    assert bleu[free + 1] < bleu[0] - 1
    # It ended where a fifth was lost, and not before.
    assert bleu[-1] < 0.8 * bleu[0] <= bleu[:-1].min()
    alone = [worth.measured()["alone"][head.name]["bleu"] for head in worth.gone()]
    assert worth.added_up() == pytest.approx(sum(bleu[0] - one for one in alone))
    assert worth.lost_together() == pytest.approx(bleu[0] - bleu[-1])
    assert worth.lost_together() > worth.added_up()


@pytest.mark.claim("last-memory-heads-stay")
def test_no_memory_head_of_the_last_layer_is_pruned():
    """Among the heads that went until a fifth of BLEU was lost, none is a memory head on top."""
    assert worth.gone_in_last_memory() == 0
    counts = [worth.gone_of(kind) for kind in ("encoder", "decoder", "memory")]
    assert sum(counts) == worth.gone_count()


# Back through the layers


@pytest.mark.claim("rollout-rows-sum-to-one")
def test_rows_of_a_rollout_sum_to_one():
    """If the rows of all maps sum to 1, so do those of their rollout, and none is negative."""
    for pair in example.pairs()[:5]:
        found = rollout(opinions.encoder_maps(example.read(pair)))
        np.testing.assert_allclose(found.sum(axis=-1), 1)
        assert (found >= 0).all()
    np.testing.assert_allclose(opinions.hand_rollout(), [[0.625, 0.375], [0.25, 0.75]])
    product = opinions.hand_mixed(1) @ opinions.hand_mixed(0)
    np.testing.assert_allclose(opinions.hand_rollout(), product)


@pytest.mark.claim("gradient-times-input-is-a-slope")
def test_gradient_times_input_is_the_slope_of_stretching_a_vector():
    """It is how fast ln p grows as the one vector of a source piece is made longer."""
    reading, place = example.running(), mixing.step()
    found = opinions.slopes(reading.pair)
    assert found.shape == (len(reading.target), len(reading.source))
    for piece in (0, reading.source_names.index(mixing.MEANT)):
        logs = [np.log(probability_with(piece, stretch)) for stretch in (1.001, 0.999)]
        assert found[place, piece] == pytest.approx((logs[0] - logs[1]) / 0.002, rel=1e-3)


def probability_with(piece: int, stretch: float) -> float:
    """The probability at the step that is asked, with one source vector made longer."""
    reading, model, first = example.running(), changed(example.model(), []), []

    def look_up(tokens, table):
        rows = table[tokens].copy()
        if not first:  # the source is looked up first
            rows[0, piece] *= stretch
        first.append(tokens)
        return rows

    model.change = lambda operations: operations._replace(look_up=look_up)
    given = np.array([[model.config.start, *reading.target[:-1]]])
    logits = model.forward(np.array([reading.source]), given)[0, mixing.step()]
    powers = np.exp(logits - logits.max())
    return powers[reading.target[mixing.step()]] / powers.sum()


@pytest.mark.claim("opinions-disagree")
def test_no_opinion_agrees_fully_with_hiding():
    """Each opinion ranks pieces somewhat as hiding does, and none names the same first always."""
    agreed = [opinions.agreement(name) for name in opinions.in_order()]
    assert agreed == sorted(agreed, reverse=True)
    assert all(0 < one < 0.9 for one in agreed)
    assert all(opinions.hits(name) < 0.95 for name in opinions.OPINIONS)
    assert agreed[0] - agreed[-1] > 0.1
    assert opinions.first() == opinions.in_order()[0]


def test_rollout_agrees_less_with_hiding_than_the_plain_average_does():
    """A question asks why; if it is no longer so, the question has to change."""
    assert opinions.agreement("rollout") < opinions.agreement("plain average")
    assert opinions.hits("rollout") < opinions.hits("plain average")


def test_hiding_a_piece_is_a_change_of_the_model():
    reading = example.running()
    found = opinions.hidden(reading)
    assert found.shape == (len(reading.target), len(reading.source))
    assert ((found >= 0) & (found <= 1)).all()
    garden = reading.source_names.index(mixing.MEANT)
    assert found[mixing.step()].argmax() == garden


# Two rows, one output


@pytest.mark.claim("other-weights-same-mixture")
def test_other_weights_give_the_same_mixture():
    """In the worked case two rows that share less than half of their weight mix to one output."""
    other = mixing.other_weights()
    np.testing.assert_allclose(mixing.WEIGHTS @ mixing.VALUES, other @ mixing.VALUES, atol=1e-12)
    assert mixing.hand_apart() > 0.5
    assert other.min() == pytest.approx(0, abs=1e-12)
    assert other.sum() == pytest.approx(1)
    # The two keys with most of the weight now have none of it.
    assert other[mixing.WEIGHTS.max() == mixing.WEIGHTS] == pytest.approx([0, 0])
    for seed in range(50):
        values, weights = normals(950 + seed, (4, 2)), uniforms(990 + seed, 4)
        weights /= weights.sum()
        for share in (-1, 0.3, 1):
            slid = mixing.slid(weights, values, share)
            np.testing.assert_allclose(slid @ values, weights @ values, atol=1e-9)
            assert slid.sum() == pytest.approx(1)
            assert slid.min() >= 0


@pytest.mark.claim("free-directions-are-counted")
@pytest.mark.parametrize(("m", "d_v"), [(4, 2), (6, 3), (3, 2), (2, 4), (9, 1)])
def test_free_directions_are_counted(m, d_v):
    """Independent values leave m - d_v - 1 directions, and none if m is at most d_v + 1."""
    from attend.models.inspection import free_directions

    found = free_directions(normals(1000 + m, (m, d_v)))
    assert len(found) == max(0, m - d_v - 1)


@pytest.mark.claim("short-sentences-fix-the-weights")
def test_short_sentences_leave_no_other_weights_and_long_ones_do():
    """No memory head has a free direction for our sentence, and each has some for the long one."""
    assert mixing.free_in_ours() == 0
    assert mixing.long_pieces() > example.d_v() + 1 > example.source_count()
    assert mixing.free_in_long() == mixing.long_pieces() - example.d_v() - 1


# Another row, the same word


@pytest.mark.claim("another-row-same-word")
def test_another_row_leaves_the_word_as_it_was():
    """A head with most of its weight on one word can give all to another; the prediction stays."""
    one = mixing.quiet_swap()
    assert one.apart > 0.9
    assert one.moved < mixing.SMALL
    assert mixing.quiet_own() > mixing.SURE > 0.5
    row = mixing.row_at(one.head)
    pieces = example.running().source_names
    assert pieces[row.argmax()] == mixing.MEANT != mixing.quiet_key() == pieces[one.key]
    # The likeliest piece is still the same, and nearly as likely.
    change = {**one.head.off, "make": "row", "query": mixing.step(), "row": [0.0] * len(row)}
    change["row"][one.key] = 1.0
    after = mixing._predicted([change])
    assert after.argmax() == mixing.before().argmax() == example.running().target[mixing.step()]
    assert mixing.probability() > 0.5
    quiet = {s.head for s in mixing.swaps() if s.apart > mixing.FAR and s.moved < mixing.SMALL}
    assert len(quiet) == mixing.quiet_heads() > 1


@pytest.mark.claim("all-rows-at-once-matter")
def test_all_rows_at_once_move_the_prediction():
    """Swapped alike, or made even, all memory heads together move most of the probability."""
    assert mixing.same_everywhere() > 0.5
    assert mixing.even_everywhere() > 0.5


@pytest.mark.claim("even-weights-break-the-translator")
def test_even_weights_break_the_translator():
    """With even weights in every memory head the loss on our pairs grows by more than 1."""
    assert worth.loss_with("uniform") > worth.own_loss() + 1
    even = changed(example.model(), [{"make": "uniform", "kind": "memory"}])
    assert worth.loss_with("uniform") == pytest.approx(mean_loss(even, *worth.batch()))


# Figures


def test_tables_show_what_was_measured_and_computed():
    picture = find("looking_inside.damage")(STYLE)
    for number, kind in enumerate(("encoder", "decoder", "memory")):
        cells, _ = read_cells(picture, f"bleu-{kind}")
        np.testing.assert_allclose(cells, worth.measured_losses("bleu")[number], atol=0.0501)
        cells, _ = read_cells(picture, f"loss-{kind}")
        np.testing.assert_allclose(cells, worth.measured_losses("loss")[number], atol=0.00501)
    picture = find("looking_inside.error_rates")(STYLE)
    for shift in (0, 1):
        cells, _ = read_cells(picture, f"errors-{shift}")
        np.testing.assert_allclose(cells, aligning.error_rates(shift), atol=0.00501)


def test_the_map_of_the_aligner_bears_the_links_that_were_drawn():
    picture, head = find("looking_inside.aligner")(STYLE), aligning.aligner()
    words = aligning.words_of(example.running().memory(head.layer)[head.head], example.running())
    cells, _ = read_cells(picture, "aligner")
    np.testing.assert_allclose(cells, words, atol=0.00501)
    frames = {patch.get_gid() for ax in picture.axes for patch in ax.patches}
    drawn = {f"drawn-{i}-{j}" for i, j in example.running().pair.links}
    assert drawn == {gid for gid in frames if gid and gid.startswith("drawn-")}


def test_opinions_are_drawn_row_by_row():
    picture, reading = find("looking_inside.asked")(STYLE), example.running()
    for name in opinions.OPINIONS:
        rows = opinions.OPINIONS[name](reading)[: opinions.rows(reading)]
        cells, _ = read_cells(picture, name.replace(" ", "-"))
        np.testing.assert_allclose(cells, rows / rows.max(axis=-1, keepdims=True), atol=0.00501)


def artists(picture):
    return {a.get_gid(): a for a in picture.findobj(lambda a: a.get_gid() is not None)}


def test_curves_and_dots_stand_where_the_numbers_are():
    curve = artists(find("looking_inside.pruning")(STYLE))["pruned"]
    np.testing.assert_allclose(curve.get_ydata(), worth.pruned_bleu())
    dots = artists(find("looking_inside.promise")(STYLE))
    for layer in range(example.saved().config.N):
        np.testing.assert_allclose(
            dots[f"promise-{layer}"].get_xydata(),
            np.stack([aligning.error_rates()[layer], worth.own_damages()[layer]], axis=-1),
        )
    dots = artists(find("looking_inside.swaps")(STYLE))
    drawn = np.concatenate([dots[f"swaps-{layer}"].get_xydata() for layer in range(4)])
    np.testing.assert_allclose(drawn, [(s.apart, s.moved) for s in mixing.swaps()])
    bars = artists(find("looking_inside.full_stop")(STYLE))
    for (layer, column), share in np.ndenumerate(worth.stop_shares()):
        assert bars[f"stop-{layer}-{column}"].get_height() == pytest.approx(share)
    maps = artists(find("looking_inside.memory_maps")(STYLE))
    for head in example.memory_heads():
        found = np.ravel(maps[f"map-{head.layer}-{head.head}"].get_array())
        np.testing.assert_allclose(found, example.running().memory(head.layer)[head.head].ravel())


# The explorer


def test_the_explorer_begins_with_the_worked_case():
    explorer = SameMixtureExplorer()
    np.testing.assert_allclose(explorer.weights[0], mixing.WEIGHTS, atol=1e-4)
    np.testing.assert_allclose(explorer.weights[0], explorer.weights[1])
    explorer.share = -1.0
    np.testing.assert_allclose(explorer.weights[1], mixing.other_weights(), atol=1e-4)
    np.testing.assert_allclose(*explorer.outputs, atol=1e-9)
    assert explorer.results["apart"] == pytest.approx(mixing.hand_apart(), abs=1e-3)
    said = "none on “friends” and “garden”. The outputs are (0.00, 0.00) and (0.00, 0.00)."
    assert said in explorer.summary()


def test_a_function_that_is_no_mixture_gives_two_outputs():
    explorer = SameMixtureExplorer(compute=lambda weights, values: values[weights.argmax()])
    explorer.share = -1.0
    assert np.abs(explorer.outputs[0] - explorer.outputs[1]).max() > 1


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"words": ["a", "b", "c"]}, "words: 4, got 3"),
        ({"words": []}, "words: 1 to 4, got 0"),
        ({"values": [[0.0, 0.0], [1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]}, "on one line"),
        ({"values": [[1.0, 2.0]] * 4}, "on one line"),
        ({"values": [[0.0, 0.0], [1.0, 1.0], [2.0, 0.0]]}, "4 points of two numbers"),
        ({"values": [[5.0, 0.0], [1.0, 1.0], [2.0, 0.0], [0.0, 1.0]]}, "values"),
        ({"scores": [1.0, 2.0]}, "scores are 4 numbers, got 2"),
        ({"scores": [1.0, 2.0, 3.0, 51.0]}, "scores"),
        ({"share": 1.5}, "share must be -1 to 1"),
        ({"share": float("nan")}, "share must be -1 to 1"),
    ],
)
def test_the_explorer_refuses_what_does_not_fit(setting, message):
    with pytest.raises((ValueError, TraitError), match=message):
        SameMixtureExplorer(**setting)


def test_the_explorer_names_an_unfit_result():
    explorer = SameMixtureExplorer(compute=lambda weights, values: weights)
    with pytest.raises(ValueError, match=r"it returned shape \(4,\), an output is \(2,\)"):
        _ = explorer.outputs
