"""What chapter 8 claims, proved, and its example. A docstring begins with the claim."""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
import pytest
import torch
from sacrebleu.metrics import BLEU
from torch.utils.flop_counter import FlopCounterMode
from traitlets import TraitError

from attend import softmax
from attend.decoding.beam import length_penalty
from attend.decoding.writing import beam_search, greedy
from attend.models.torch_transformer import Transformer
from attend.text.tokenizer import END, START, Tokenizer
from attend.training import reversal
from attend.training.loss import smoothed_loss
from attend.training.plan import learning_rate
from attend.training.smoothing import best_gap, least_loss, smoothed_labels
from attend.translator.ngrams import sentence_bleu
from attend.translator.translator import shipped
from attend_course.chapters.training import example
from attend_course.chapters.training.explorer import BeamExplorer, followed
from attend_course.kit.draws import normals
from attend_course.kit.figures import STYLES, find, read_cells

TEXTS = [
    example.TEXT,
    "low lower lowest newer wider new",
    "aa ab aab abab ba",
    "the then they there",
]


def merged_by_hand(text: str, count: int) -> list[tuple[str, str]]:
    """Glue the most frequent neighbours, the first in the alphabet where two are as frequent."""
    words, learned = [[" ", *word] for word in text.split()], []
    while len(learned) < count:
        seen: dict[tuple[str, str], int] = {}
        for word in words:
            for pair in pairwise(word):
                seen[pair] = seen.get(pair, 0) + 1
        best = min(seen, key=lambda pair: (-seen[pair], pair), default=None)
        if best is None or seen[best] < 2:
            break
        learned.append(best)
        for word in words:
            i = 0
            while i < len(word) - 1:
                if (word[i], word[i + 1]) == best:
                    word[i : i + 2] = ["".join(best)]
                i += 1
    return learned


@pytest.mark.claim("same-merges-by-hand")
@pytest.mark.parametrize("text", TEXTS)
def test_the_tokenizer_learns_what_one_merges_by_hand(text):
    """The tokenizer learns the merges that one makes by hand: the most frequent pair, each time."""
    by_hand = merged_by_hand(text, 6)
    assert Tokenizer.train([text], merges=6, frequent=1).merges == tuple(by_hand)


@pytest.mark.claim("same-merges-by-hand")
def test_the_merges_on_the_page_are_those_of_the_tokenizer():
    """The merges on the page are the most frequent pairs, each ahead of the next, and learned."""
    shown = example.by_hand()
    assert [one.pair for one in shown] == list(example.small_tokenizer().merges)
    assert [one.pair for one in shown] == merged_by_hand(example.TEXT, 9)
    assert all(one.times > one.runner_up for one in shown)
    assert shown[-1].runner_up == 1


@pytest.mark.claim("no-text-is-unknown")
@pytest.mark.parametrize(
    "text", ["lately", "Zürich 42 ½", "新しい", "\N{GRINNING FACE} ok", "qxzzy"]
)
def test_no_text_is_unknown(text):
    """Any text is cut into pieces, letters and bytes that make the same text again."""
    for tokenizer in (example.small_tokenizer(), example.shipped().tokenizer):
        tokens = tokenizer.encode(text)
        assert tokenizer.decode(tokens) == text
        assert all(0 <= token < len(tokenizer) for token in tokens)


@pytest.mark.claim("batches-by-length-waste-less")
def test_batches_of_similar_length_hold_less_padding():
    """Sorted by length, the same sentences in batches of the same sizes hold less padding."""
    assert example.share_by_length() < 0.7 * example.share_as_they_come()
    # However the sentences come: the order of the file is no bad luck.
    pairs, sizes = list(example.encoded()), [len(batch.source) for batch in example.by_length()]
    for seed in range(20):
        random.Random(seed).shuffle(pairs)
        rest, cut = list(pairs), []
        for size in sizes:
            cut.append(example.pad_batch(rest[:size]))
            rest = rest[size:]
        assert example.padded_share(cut) > example.share_by_length()


@pytest.mark.claim("row-i-is-asked-for-the-next-piece")
def test_row_i_depends_on_pieces_up_to_i_and_is_asked_for_the_next():
    """Row i of the decoder has read pieces 0 to i, none after it, and is asked for piece i + 1."""
    target, model = example.target(), example.shipped().model
    assert target[0] == START
    assert target[-1] == END
    rows = example.logits()
    for i in range(len(rows)):
        changed = target[:-1].copy()
        changed[i + 1 :] = 77
        other = model.forward(example.source(), changed[None])[0]
        np.testing.assert_allclose(other[: i + 1], rows[: i + 1], atol=1e-9)
        changed[i] = 77
        assert np.abs(model.forward(example.source(), changed[None])[0, i] - rows[i]).max() > 0.1
        # The trained model finds the piece after it, and neither itself nor the one after that.
        p = softmax(rows[i])
        assert p[target[i + 1]] > 0.25
        assert p[target[i]] < 0.05
    assert example.wanted()[:-1] == example.given()[1:]


def lesson(steps: int) -> reversal.Lesson:
    return reversal.Lesson(steps=steps)


@pytest.fixture(scope="module")
def short() -> dict[str, tuple[list[float], float]]:
    """Train the small models of the page again, for a while; return losses and shares."""
    torch.set_num_threads(1)
    found = {}
    for name, rate, given, steps in (
        ("with warm-up", reversal.paper_rate, reversal.shifted, 60),
        ("without warm-up", reversal.rate_without_rise, reversal.shifted, 60),
        ("not shifted", reversal.paper_rate, reversal.not_shifted, 60),
    ):
        model = reversal.small_model()
        losses = reversal.learn(
            model, lesson(300)._replace(steps=steps), rate(model, lesson(300)), given
        )
        found[name] = losses, reversal.share_right(model, reversal.new_pairs(50))
    return found


@pytest.mark.claim("without-the-shift-nothing-is-learned")
def test_a_model_that_is_given_its_answers_learns_to_copy(short):
    """Without the shift the loss falls to its floor, and no new sequence is reversed."""
    losses, right = short["not shifted"]
    assert np.mean(losses[-10:]) < example.small_floor() + 0.1
    assert right == example.share_reversed("not shifted") == 0
    assert example.last_loss("not shifted") < example.small_floor() + 0.01


@pytest.mark.claim("without-warm-up-it-learns-less")
def test_without_warm_up_less_is_learned_in_as_many_steps(short):
    """Without warm-up the small model has a higher loss after as many steps, and is right less."""
    with_, without = (np.mean(short[name][0][-20:]) for name in ("with warm-up", "without warm-up"))
    assert without > with_ + 0.3
    assert example.last_loss("without warm-up") > example.last_loss("with warm-up") + 0.1
    assert example.share_reversed("with warm-up") > example.share_reversed("without warm-up") + 0.1


def test_stored_curves_are_those_of_the_code(short):
    for name, (losses, _) in short.items():
        width = example.experiments()["smoothed"]
        means = np.reshape(losses, (-1, width)).mean(axis=1)
        # A shorter lesson draws other sequences, so the curves are alike and not the same.
        np.testing.assert_allclose(means, example.curve(name)[1][: len(means)], atol=0.15)
        assert abs(means[0] - example.curve(name)[1][0]) < 0.05
    stored = example.experiments()["lesson"]
    assert reversal.Lesson(**stored) == reversal.Lesson()
    assert example.experiments()["command"] == "python scripts/experiments.py"


@pytest.mark.claim("one-row-has-most-of-the-loss")
def test_one_row_loses_more_than_all_others_together():
    """The row that has read "kam" loses more than all other rows together."""
    surprises = example.surprises()
    assert example.given()[example.hardest()] == "kam"
    assert surprises[example.hardest()] > surprises.sum() - surprises[example.hardest()]


@pytest.mark.claim("loss-is-log-probability")
def test_the_loss_is_the_log_probability_of_the_translation():
    """The loss times n is minus the logarithm of the probability of the whole translation."""
    product = np.prod(example.right_p())
    assert example.loss() * example.steps() == pytest.approx(-np.log(product))
    assert example.log_p(example.target()[1:]) == pytest.approx(np.log(product))


@pytest.mark.claim("gradient-is-softmax-minus-labels")
@pytest.mark.parametrize("share", [0.0, 0.1])
def test_the_slope_toward_the_logits_is_softmax_minus_labels(share):
    """The slope of a row's loss toward its logits is the softmax minus the labels."""
    for seed in range(5):
        logits = torch.tensor(3 * normals(820 + seed, (1, 1, 9)), requires_grad=True)
        smoothed_loss(logits, torch.tensor([[4]]), share, pad=0).backward()
        expected = softmax(logits.detach().numpy()[0, 0]) - smoothed_labels(4, 9, share)
        np.testing.assert_allclose(logits.grad[0, 0].numpy(), expected, atol=1e-7)


@pytest.mark.claim("smoothed-labels-sum-to-one")
def test_smoothed_labels_sum_to_one():
    """Smoothed labels sum to 1, and are as the page says."""
    labels = smoothed_labels(3, example.config().vocabulary, example.EPSILON_LS)
    assert labels.sum() == pytest.approx(1)
    assert labels[3] == example.right_label() == pytest.approx(0.9 + 0.1 / 4000)
    assert labels[0] == example.other_label() == pytest.approx(0.1 / 4000)


@pytest.mark.claim("best-gap-of-smoothed-labels")
@pytest.mark.parametrize(("vocabulary", "share"), [(5, 0.1), (50, 0.1), (20, 0.3)])
def test_descent_ends_where_the_formula_says(vocabulary, share):
    """The right logit is best ln(1 + P (1 - e) / e) above the others; further, the loss rises."""
    logits = torch.zeros(1, 1, vocabulary, requires_grad=True)
    search = torch.optim.Adam([logits], lr=0.05)
    for _ in range(600):
        search.zero_grad()
        smoothed_loss(logits, torch.tensor([[1]]), share, pad=0).backward()
        search.step()
    row = logits.detach().numpy()[0, 0]
    assert row[1] - np.delete(row, 1).mean() == pytest.approx(best_gap(vocabulary, share), abs=0.05)
    assert example.loss_at(example.gap()) < example.loss_at(example.gap() + 1) < example.loss_at(20)
    assert example.loss_at(20, 0.0) < example.loss_at(15, 0.0) < example.loss_at(example.gap(), 0.0)


@pytest.mark.claim("least-loss-of-smoothed-labels")
def test_no_logits_have_less_than_the_entropy_of_the_labels():
    """With smoothed labels no loss is below their entropy, which the best gap reaches."""
    least = least_loss(9, 0.1)
    for seed in range(50):
        logits = torch.tensor(4 * normals(840 + seed, (1, 1, 9)))
        assert smoothed_loss(logits, torch.tensor([[2]]), 0.1, pad=0).item() >= least - 1e-9
    best = torch.tensor(np.log(smoothed_labels(2, 9, 0.1)))[None, None]
    assert smoothed_loss(best, torch.tensor([[2]]), 0.1, pad=0).item() == pytest.approx(least)
    assert example.floor() == pytest.approx(example.loss_at(example.gap()))


@pytest.mark.claim("first-step-of-adam")
def test_the_first_step_of_adam_is_the_rate_whatever_the_gradient():
    """In its first step Adam moves each number by the learning rate, down its gradient."""
    gradients = torch.tensor([1e-3, 1e3, -7.0, -1e-2])
    x = torch.zeros(4, requires_grad=True)
    adam = torch.optim.Adam([x], lr=0.01, betas=(0.9, 0.98), eps=1e-9)
    (gradients * x).sum().backward()
    adam.step()
    np.testing.assert_allclose(x.detach().numpy(), [-0.01, -0.01, 0.01, 0.01], rtol=1e-4)


@pytest.mark.claim("rate-is-highest-at-the-end-of-warm-up")
@pytest.mark.parametrize("warmup", [1, 100, 4000])
def test_the_rate_is_highest_where_warm_up_ends(warmup):
    """The learning rate rises in a straight line to its peak at the end of warm-up, then falls."""
    rates = np.array([learning_rate(t, 512, warmup) for t in range(1, 4 * warmup + 1)])
    assert rates.argmax() == warmup - 1
    np.testing.assert_allclose(rates[:warmup], rates[0] * np.arange(1, warmup + 1))
    assert (np.diff(rates[warmup - 1 :]) < 0).all()
    assert rates[4 * warmup - 1] == pytest.approx(rates.max() / 2)
    assert learning_rate(16 * warmup, 512, warmup) == pytest.approx(rates.max() / 4)


@pytest.mark.claim("bleu-by-hand-is-sacrebleu")
@pytest.mark.parametrize("text", ["greedy", example.OTHER_WORDS, example.WRONG_WORD])
def test_bleu_by_hand_is_that_of_sacrebleu(text):
    """BLEU by hand, with its shares and its penalty, is what sacreBLEU computes."""
    text = example.greedy_text() if text == "greedy" else text
    theirs = BLEU(smooth_method="none").corpus_score([text], [[example.GERMAN]])
    assert example.score(text) == pytest.approx(theirs.score)
    assert [example.found_runs(text, n).found for n in range(1, 5)] == theirs.counts
    assert [example.found_runs(text, n).total for n in range(1, 5)] == theirs.totals
    assert example.penalty(text) == pytest.approx(theirs.bp)


@pytest.mark.claim("bleu-prefers-a-wrong-word")
def test_a_wrong_word_has_a_better_mark_than_a_right_translation_in_other_words():
    """BLEU gives the translation with a wrong word more than the right one in other words."""
    assert example.wrong_bleu() > example.other_bleu() + 10
    assert example.WRONG_WORD != example.GERMAN


def test_four_words_of_eight_have_the_bleu_of_the_question():
    words = list("abcdefgh")
    assert sentence_bleu(words[:4], words) == pytest.approx(100 * np.exp(-1))
    assert round(sentence_bleu(words[:4], words)) == 37


@pytest.mark.claim("greedy-loses-the-three-days")
def test_greedy_search_takes_the_likelier_piece_and_loses_the_days():
    """After "Der Brief kam" greedy search takes "zu", the likelier piece, and loses "drei Tage"."""
    assert example.fork_p("zu") > example.fork_p("drei")
    assert [piece for piece, _ in example.at_fork()[:2]] == ["zu", "drei"]
    assert example.greedy_text().startswith("Der Brief kam zu")
    assert "drei Tage" not in example.greedy_text()
    assert example.beam_text() == example.GERMAN
    # In single precision, as the translator ships, it is the same.
    assert shipped()(example.ENGLISH) == example.GERMAN
    assert shipped()(example.ENGLISH, beam=1) == example.greedy_text()


@pytest.mark.claim("the-better-sentence-begins-worse")
def test_the_more_probable_sentence_begins_less_well():
    """The beam's translation is less probable at the fork and more probable as a whole."""
    assert example.beam_log_p() > example.greedy_log_p() + 0.1
    written = example.found()[0].tokens
    length = example.FORK + 1
    assert example.log_p(written[:length]) < example.log_p(example.greedy_tokens()[:length])


@pytest.mark.claim("a-beam-of-one-is-greedy")
def test_a_beam_of_one_is_greedy_search():
    """A beam search with one beginning writes what greedy search writes."""
    model, encode = example.shipped().model, example.shipped().tokenizer.encode
    for english, _ in example.everyday()[:6]:
        source = np.array([encode(english)])
        assert beam_search(model, source, beam=1) == greedy(model, source)


@pytest.mark.claim("a-larger-alpha-never-prefers-the-shorter")
def test_a_larger_alpha_never_turns_to_a_shorter_translation():
    """Of two translations, if the longer is ahead at some alpha, it is so at every larger one."""
    generator = np.random.default_rng(0)
    turned = 0
    for _ in range(500):
        short, long = sorted(generator.integers(1, 40, size=2))
        p, q = -generator.exponential(3, size=2)
        ahead = [
            q / length_penalty(long, alpha) >= p / length_penalty(short, alpha)
            for alpha in np.linspace(0, 5, 26)
        ]
        assert ahead == sorted(ahead)
        turned += ahead[0] != ahead[-1]
    assert turned > 20
    # The question on the page.
    assert -2.5 / length_penalty(13, 1) > -2.0 / length_penalty(7, 1)


@pytest.mark.claim("lengths-grow-with-alpha")
def test_translations_grow_with_alpha_and_little_until_it_is_large():
    """Everyday translations do not get shorter with alpha; few change at 1, more at 4."""
    means = [example.mean_length(alpha) for alpha in example.ALPHAS]
    assert means == sorted(means)
    assert means[0] < means[-1]
    assert example.changed_by(1.0) <= 0.1 * example.everyday_count()
    assert example.changed_by(4.0) > example.changed_by(1.0)


@pytest.mark.claim("heat-makes-more-different-sentences")
def test_more_heat_makes_more_different_translations():
    """The higher the temperature, the more of the drawn translations differ."""
    counts = [example.different(heat) for heat in example.TEMPERATURES]
    assert counts == sorted(set(counts))
    assert counts[-1] == example.DRAWS
    assert all(set(text) <= set("".join(example.drawn(0.5))) for text in example.drawn(0.5))
    assert example.like_beam(0.5) > example.like_beam(1.0) > example.like_beam(2.0) == 0
    assert example.others(2.0) > 0.9


@pytest.mark.claim("the-cache-changes-nothing")
def test_reading_on_gives_the_logits_of_reading_anew():
    """With the cache a step gives the logits that reading everything anew gives."""
    model, target = example.shipped().model, example.target()[:-1]
    state = start = model.start(example.source())
    for place, token in enumerate(target):
        kept, state = model.step(np.array([[token]]), state)
        anew, _ = model.step(target[None, : place + 1], start)
        np.testing.assert_allclose(kept[0, -1], anew[0, -1], atol=1e-9)


@pytest.mark.claim("the-cache-reads-each-row-once")
def test_rows_are_counted_as_they_are_read():
    """With the cache n rows go through the decoder, without it n (n + 1) / 2."""
    for n in (1, 5, 10, 40):
        assert example.rows_read(n) == sum(1 for _ in range(n))
        assert example.rows_read(n, cached=False) == sum(range(1, n + 1))
    # What torch counts grows as the rows do: the memory's share is the same in both.
    model = Transformer(example.config()).eval()
    source, tokens = torch.arange(10, 20)[None], torch.arange(50, 60)[None]

    def counted(cached: bool) -> int:
        with FlopCounterMode(display=False) as counter:
            state = start = model.start(source)
            for place in range(10):
                if cached:
                    _, state = model.step(tokens[:, place : place + 1], state)
                else:
                    model.step(tokens[:, : place + 1], start)
        return counter.get_total_flops() // 2

    assert counted(True) == example.cache(10)["with"]["multiply_adds"]
    assert counted(False) == example.cache(10)["without"]["multiply_adds"]


# The example


def test_the_pieces_are_whole_words_on_both_sides():
    assert example.source_line() == "▁The ▁letter ▁arrived ▁three ▁days ▁too ▁late ."
    assert example.target_line() == "▁Der ▁Brief ▁kam ▁drei ▁Tage ▁zu ▁spät ▁an ."


def test_the_epochs_stand_in_a_row():
    records = example.epochs()
    assert [r["at"] for r in records] == sorted(r["at"] for r in records)
    assert example.epoch_count() == len(records)
    assert example.step_count() == records[-1]["at"]
    assert records[11]["run"] == 1 > records[10]["run"]
    for record in records:
        assert record["loss"] > record["validation_loss"]
    # Most is learned early, and a jump comes between the first two runs.
    assert records[2]["validation_bleu"] > 0.5 * records[-1]["validation_bleu"]
    fall = np.diff([record["validation_loss"] for record in records])
    assert fall[10] < 3 * fall[9]


@pytest.mark.parametrize("style", STYLES)
def test_the_map_of_the_shift_has_the_right_pieces_on_its_diagonal(style):
    cells, _ = read_cells(find("training.shift")(STYLES[style]), "shares")
    near = 0.0501 if "narrow" in style else 0.00501
    np.testing.assert_allclose(cells, example.shares(), atol=near)
    np.testing.assert_allclose(np.diagonal(cells), example.right_p(), atol=near)


def lines_of(name: str) -> dict[str, np.ndarray]:
    """Return the lines of a figure by their names, (2, points)."""
    picture = find(f"training.{name}")(STYLES["light"])
    lines = [line for ax in picture.axes for line in ax.lines if line.get_gid()]
    return {line.get_gid(): np.array(line.get_data()) for line in lines}


def test_curves_show_what_was_computed_or_stored():
    smoothing = lines_of("smoothing")
    x, y = smoothing["loss-0.1"]
    assert y[50] == pytest.approx(example.loss_at(float(x[50])))
    assert smoothing["best"].ravel() == pytest.approx([example.gap(), example.floor()])
    x, y = lines_of("rate")["rate"]
    assert y.max() == pytest.approx(1000 * example.paper_rate(4000))
    for name in ("with warm-up", "without warm-up"):
        np.testing.assert_allclose(lines_of("warmup")[name], example.curve(name))
    history = lines_of("history")
    for key in ("loss", "validation_loss", "validation_bleu"):
        np.testing.assert_allclose(history[key][1], [epoch[key] for epoch in example.epochs()])


def bars_of(name: str) -> dict[str, float]:
    """Return the heights of a figure's bars by their names."""
    picture = find(f"training.{name}")(STYLES["light"])
    return {bar.get_gid(): bar.get_height() for ax in picture.axes for bar in ax.patches}


def test_bars_have_the_right_heights():
    for heat in example.TEMPERATURES:
        shares = [bars_of("temperature")[f"share-{heat}-{i}"] for i in range(3)]
        expected = [example.fork_p("zu", heat), example.fork_p("drei", heat), example.others(heat)]
        assert shares == pytest.approx(expected)
        assert sum(shares) == pytest.approx(1)
    bars = bars_of("cache")
    for i, record in enumerate(example.experiments()["cache"]):
        for side in ("with", "without"):
            assert bars[f"multiply_adds-{side}-{i}"] == record[side]["multiply_adds"] / 1e6
            assert bars[f"seconds-{side}-{i}"] == record[side]["seconds"] / 1e-3


# The explorer


def test_the_explorer_shows_the_search():
    explorer = BeamExplorer()
    assert explorer.translation == example.beam_text()
    texts = [one["text"] for one in explorer.results["found"]]
    assert texts == [example.shipped().tokenizer.decode(one.tokens) for one in example.found()]
    column = [row[1] for row in explorer.results["scores"]]
    assert column == pytest.approx([one.score for one in example.found()], abs=1e-4)
    explorer.beam = 1
    assert explorer.translation == example.greedy_text()
    assert len(explorer.results["tree"]) == 1 + len(example.greedy_tokens())


def test_what_was_begun_last_and_not_followed_is_left_out():
    nodes = example.nodes()
    shown = followed(nodes)
    assert sum(node.finished for node in shown) == len(example.found())
    assert len(shown) == len(nodes) - example.BEAM
    assert set(shown) < set(nodes)
    # Every unfinished beginning but those of the last steps goes on, or had its chance to.
    assert all(not nodes[node.parent].finished for node in shown[1:])
    unfinished = [node for node in nodes if not node.finished]
    assert followed(tuple(unfinished)) == unfinished


def test_a_sentence_that_cannot_be_translated_is_told_and_loses_nothing():
    explorer = BeamExplorer()
    before = explorer.results["tree"]
    explorer.sentence = "Я дома."
    assert "Latin letters" in explorer.results["fault"]
    explorer.sentence = "I am here. You are there."
    assert "one sentence, please; there are 2" in explorer.results["fault"]
    assert explorer.results["tree"] == before
    with pytest.raises(TraitError, match="sentence: there is nothing to translate"):
        BeamExplorer(sentence=" ")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"sentence": "a" * 301}, "sentence has at most 300 characters, got 301"),
        ({"beam": 9}, "beam"),
        ({"alpha": -1.0}, "alpha"),
        ({"cell": [0, 100]}, "cell is .row, column., both 0 to 99"),
    ],
)
def test_impossible_settings_are_refused(setting, message):
    with pytest.raises(TraitError, match=message):
        BeamExplorer(**setting)
