"""What chapter 3 claims, proved; its figures; and its explorer.

Each docstring of a proof begins with the claim, as the ledger shows it.
"""

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from traitlets import TraitError

from attend import scores
from attend_course.chapters.scores import example, figures
from attend_course.chapters.scores.explorer import ScoresExplorer
from attend_course.kit.draws import normals
from attend_course.kit.figures.style import STYLES, expected_colours, read_cells

SHAPES = [(1, 1, 1), (2, 5, 3), (7, 3, 64), (6, 6, 2)]
"""Numbers of queries, of keys, and d_k."""


def drawn(n, m, d_k):
    """Draw n queries and m keys."""
    return normals(17 + n, (n, d_k)), normals(71 + m, (m, d_k))


def turn(d_k, seed=5):
    """Return a turn of d_k-dimensional space."""
    return np.linalg.qr(normals(seed, (d_k, d_k)))[0]


def bare(q, k):
    return scores(q, k, scale=1.0)


# Claims


@pytest.mark.claim("score-is-lengths-times-cosine")
@pytest.mark.parametrize("d_k", [2, 3, 64])
@pytest.mark.parametrize("angle", [0, 30, 90, 135, 180])
def test_score_of_arrows_of_known_length_and_angle(d_k, angle):
    """A score is the length of the query times the length of the key times the cosine of the angle between them, in any number of dimensions."""  # noqa: E501
    start, turned = np.radians(25), np.radians(25 + angle)
    # Arrows built from length and angle in a plane, and that plane laid askew in space.
    flat = np.zeros((2, d_k))
    flat[0, :2] = 2.5 * np.array([np.cos(start), np.sin(start)])
    flat[1, :2] = 0.75 * np.array([np.cos(turned), np.sin(turned)])
    q, k = (flat @ turn(d_k))[:, None]
    assert bare(q, k).item() == pytest.approx(2.5 * 0.75 * np.cos(np.radians(angle)), abs=1e-12)
    assert example.angles(q, k).item() == pytest.approx(angle, abs=1e-5)


@pytest.mark.claim("right-angle-scores-zero")
@pytest.mark.parametrize("d_k", [2, 5, 64])
def test_orthogonal_vectors_score_zero(d_k):
    """A query and a key at a right angle have the score 0, however long they are."""
    axes = turn(d_k)
    lengths = np.logspace(-2, 3, d_k)[:, None]
    found = bare(lengths * axes, lengths[::-1] * axes)
    off = found[~np.eye(d_k, dtype=bool)]
    assert np.abs(off).max() < 1e-9
    assert (np.diag(found) > 0).all()


@pytest.mark.claim("sign-of-a-score")
@pytest.mark.parametrize(("n", "m", "d_k"), [(5, 4, 2), (9, 9, 3), (20, 30, 64)])
def test_the_sign_of_a_score_says_which_side(n, m, d_k):
    """A score is positive if the angle is below 90 degrees, and negative if it is above."""
    q, k = drawn(n, m, d_k)
    # The law of cosines gives the angle without a dot product of the two.
    gap = ((q[:, None] - k[None]) ** 2).sum(axis=-1)
    squares = (q**2).sum(axis=-1)[:, None] + (k**2).sum(axis=-1)
    below = gap < squares
    assert below.any()
    assert (~below).any()
    assert np.array_equal(bare(q, k) > 0, below)


@pytest.mark.claim("doubling-a-query")
@pytest.mark.parametrize(("n", "m", "d_k"), [(3, 4, 2), (7, 3, 64)])
def test_doubling_a_query_doubles_its_row(n, m, d_k):
    """Doubling one query doubles its row of scores and changes no other row."""
    q, k = drawn(n, m, d_k)
    before = bare(q, k)
    for i in range(n):
        longer = q.copy()
        longer[i] *= 2
        change = bare(longer, k) - before
        np.testing.assert_allclose(change[i], before[i], rtol=1e-12)
        assert not np.delete(change, i, axis=0).any()


@pytest.mark.claim("doubling-a-key")
def test_doubling_a_key_doubles_its_column():
    """Doubling one key doubles its column of scores and changes no other column."""
    q, k = drawn(5, 4, 3)
    longer = k.copy()
    longer[2] *= 2
    change = bare(q, longer) - bare(q, k)
    np.testing.assert_allclose(change[:, 2], bare(q, k)[:, 2], rtol=1e-12)
    assert not np.delete(change, 2, axis=1).any()


@pytest.mark.claim("scores-are-not-symmetric")
def test_scores_are_symmetric_only_by_chance():
    """The score of query i with key j differs in general from that of query j with key i; they are equal when queries and keys are the same vectors."""  # noqa: E501
    found = example.all_scores()
    assert not np.allclose(found, found.T)
    for seed in range(10):
        q, k = normals(seed, (6, 8)), normals(seed + 100, (6, 8))
        assert not np.allclose(bare(q, k), bare(q, k).T)
        np.testing.assert_allclose(bare(q, q), bare(q, q).T)


@pytest.mark.claim("row-sums-are-free")
@pytest.mark.parametrize("target", [-100.0, 0.0, 0.5, 1.0, 37.0])
def test_a_row_of_scores_can_sum_to_anything(target):
    """A row of scores can sum to any number."""
    _, k = drawn(1, 5, 4)
    total = k.sum(axis=0)
    query = (target * total / (total @ total))[None]
    assert bare(query, k).sum() == pytest.approx(target, abs=1e-9)


@pytest.mark.claim("only-directions-toward-each-other-count")
@pytest.mark.parametrize("d_k", [2, 3, 64])
def test_turning_everything_changes_no_score(d_k):
    """Turning all queries and all keys together changes no score."""
    q, k = drawn(6, 4, d_k)
    turned = turn(d_k)
    assert not np.allclose(q @ turned, q)
    np.testing.assert_allclose(bare(q @ turned, k @ turned), bare(q, k), atol=1e-9)


@pytest.mark.claim("scores-are-n-times-m")
@pytest.mark.parametrize(("n", "m", "d_k"), SHAPES)
def test_one_score_for_each_pair(n, m, d_k):
    """There are n times m scores, whatever d_k is, each of one query and one key."""
    q, k = drawn(n, m, d_k)
    found = bare(q, k)
    assert found.size == example.score_count(n, m) == n * m
    alone = [[bare(q[i : i + 1], k[j : j + 1]).item() for j in range(m)] for i in range(n)]
    np.testing.assert_allclose(found, alone)


@pytest.mark.claim("multiply-adds-of-scores")
@pytest.mark.parametrize(("n", "m", "d_k"), SHAPES)
def test_multiply_adds_are_counted(n, m, d_k):
    """All scores together take n times m times d_k multiply-adds."""
    q, k = drawn(n, m, d_k)
    *_, (_, _, _, done) = example.running_total(q, k)
    with FlopCounterMode(display=False) as counter:
        scores(torch.tensor(q), torch.tensor(k), scale=1.0)
    # The counter of torch takes a multiply-add for two operations.
    assert counter.get_total_flops() == 2 * done
    assert done == example.multiply_adds(n, d_k, m) == n * m * d_k


@pytest.mark.claim("twice-the-words")
@pytest.mark.parametrize("n", [1, 4, 100])
def test_twice_the_words_need_four_times_the_scores(n):
    """Twice as many words have four times as many scores."""
    q, k = drawn(2 * n, 2 * n, 2)
    assert bare(q, k).size == 4 * bare(q[:n], k[:n]).size == example.score_count(2 * n)


@pytest.mark.claim("cosine-ranks-otherwise")
def test_cosines_can_prefer_another_key():
    """The key with the highest score need not be the key at the smallest angle."""
    row = example.TOKENS.index("Hungry")
    assert example.winners()[row] == "gulls"
    assert example.cosine_winners()[row] == "chips"
    assert example.length("k", "gulls") > example.length("k", "chips")
    assert example.angle("Hungry", "gulls") > example.angle("Hungry", "chips")


# The example


def test_the_example_has_each_kind_of_score():
    found = example.all_scores()
    assert found[example.FOCUS] == 7
    assert (found > 0).any()
    assert (found == 0).any()
    assert (found < 0).any()
    assert len(set(example.row_sums())) == 4


def test_the_loops_give_the_scores():
    found = np.zeros((4, 4))
    for i, j, score, _ in example.running_total(example.queries(), example.keys()):
        found[i, j] = score
    np.testing.assert_array_equal(found, example.all_scores())
    assert example.progress().max() == example.multiply_adds(4) == 32


def test_the_shadow_times_the_length_is_the_score():
    product = example.shadow("steal", "gulls") * example.length("q", "steal")
    assert product == pytest.approx(example.all_scores()[example.FOCUS])
    assert example.shadow("steal", "gulls") == pytest.approx(
        example.length("k", "gulls") * example.cosine("steal", "gulls")
    )


def test_a_vector_of_length_0_has_no_angle():
    assert np.isnan(example.angles(np.zeros((1, 2)), np.ones((1, 2)))).all()


# Figures


def texts(picture):
    """Read the texts that have a name."""
    return {a.get_gid(): a.get_text() for a in picture.findobj(lambda a: hasattr(a, "get_text"))}


def read(text):
    return float(text.replace("−", "-"))


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES)
def test_the_heat_maps_show_the_numbers(style):
    cosines = example.cosines(example.queries(), example.keys())
    drawn_maps = [
        (figures.matrix, "scores", example.all_scores(), None),
        (figures.cosine, "scores", example.all_scores(), None),
        (figures.cosine, "cosines", cosines, None),
        (figures.loops, "done", example.progress(), 64),
        (figures.loops, "scores", example.all_scores(), None),
    ]
    for function, name, expected, limit in drawn_maps:
        numbers, colours = read_cells(function(style), name)
        np.testing.assert_allclose(numbers, expected, atol=0.005)
        np.testing.assert_allclose(colours, expected_colours(expected, style, limit), atol=1e-6)


def test_the_product_shows_both_factors_and_the_result():
    found = texts(figures.product(STYLES["light"]))
    parts = {"q": example.queries(), "k": example.keys().T, "scores": example.all_scores()}
    for name, matrix in parts.items():
        for (i, j), value in np.ndenumerate(matrix):
            assert read(found[f"{name}-entry-{i}-{j}"]) == value


def test_sums_and_best_keys_are_marked():
    found = texts(figures.matrix(STYLES["light"]))
    assert [read(found[f"sum-{i}"]) for i in range(4)] == example.row_sums().tolist()
    picture = figures.cosine(STYLES["light"])
    marked = {a.get_gid() for a in picture.findobj() if "-best-" in (a.get_gid() or "")}
    assert {"scores-best-0-1", "cosines-best-0-3"} <= marked
    assert len(marked) == 8


def test_titles_of_the_angles_are_computed():
    titles = [ax.get_title() for ax in figures.angles(STYLES["light"]).axes]
    assert titles == ["acute: 8°, score 7", "right: 90°, score 0", "obtuse: 143°, score −4"]


def test_growth_shows_the_counts():
    picture = figures.growth(STYLES["light"])
    found = texts(picture)
    assert found["square-32"] == "n = 32\n1024"
    (points,) = [a for a in picture.findobj() if a.get_gid() == "growth-points"]
    np.testing.assert_allclose(points.get_ydata() * 1000, np.array(example.LONG) ** 2)


# The explorer


def test_the_explorer_shows_what_the_chapter_computes():
    explorer = ScoresExplorer()
    np.testing.assert_array_equal(explorer.scores, example.all_scores())
    np.testing.assert_allclose(
        explorer.angles, example.angles(example.queries(), example.keys()), atol=1e-9
    )
    assert explorer.summary() == (
        "The row of steal is (−4, 7, 0, 3): its highest score is with gulls. The row sums to 6."
    )
    explorer.q = [[3, -1], [-2, 2], [4, 2], [-1, 3]]
    np.testing.assert_array_equal(explorer.scores, example.doubled("steal"))
    assert "8.13" in explorer.static_html()


def test_an_arrow_without_length_has_no_angle_and_the_score_0():
    explorer = ScoresExplorer(q=[[0, 0]] * 4)
    assert np.isnan(explorer.angles).all()
    assert not explorer.scores.any()
    assert "no direction" in explorer.static_html()
    assert "with Hungry and gulls and steal and chips" in explorer.summary()


def test_the_readers_function_gives_the_scores():
    explorer = ScoresExplorer(compute=example.cosines)
    np.testing.assert_allclose(explorer.scores[example.FOCUS], 0.98995, atol=1e-5)
    assert "cosines gives" in explorer.static_html()
    assert repr(explorer) == "ScoresExplorer(compute=cosines)"


@pytest.mark.parametrize(
    ("compute", "message"),
    [
        (lambda q, k: q @ k.T @ q, r"it returned shape \(4, 2\), the scores have \(4, 4\)"),
        (lambda q, k: q @ k.T / 0, "it returned numbers that are not finite"),
        (lambda q, k: q @ k, "failed. ValueError"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_an_unfit_result_of_the_readers_function_is_named(compute, message):
    explorer = ScoresExplorer(compute=compute)
    with pytest.raises(ValueError, match=message):
        _ = explorer.scores


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"q": [[1, 2]]}, r"q is 4 pairs \[across, up\] of numbers from -4 to 4"),
        ({"k": [[1, 2]] * 3 + [[5, 0]]}, "k is 4 pairs"),
        ({"k": [[1, 2]] * 3 + [[float("nan"), 0]]}, "k is 4 pairs"),
        ({"q": [[1, "2"]] * 4}, "q is 4 pairs"),
        ({"cell": [0, 4]}, r"cell is \[row, column\], both 0 to 3, got \[0, 4\]"),
        ({"cell": [0]}, "cell is"),
    ],
)
def test_bad_settings_are_refused(setting, message):
    with pytest.raises(TraitError, match=message):
        ScoresExplorer(**setting)
