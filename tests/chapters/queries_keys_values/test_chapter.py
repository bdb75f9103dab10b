"""What chapter 2 claims and shows. Each proof's docstring is the claim, as the ledger has it."""

import re

import numpy as np
import pytest
from traitlets import TraitError

from attend import attention, scores, softmax
from attend_course.chapters.queries_keys_values import example as two
from attend_course.chapters.queries_keys_values.explorer import QueriesKeysValuesExplorer
from attend_course.kit.draws import normals
from attend_course.kit.figures import STYLES, find, read_cells

MATRICES = tuple(normals(300 + place, (5, width)) for place, width in enumerate((3, 3, 4)))


def attend(x, matrices=MATRICES):
    """Run equation (1) of the chapter with three matrices, undivided."""
    return attention(*(x @ w for w in matrices), scale=1.0)


# Claims


@pytest.mark.claim("published-lookup")
def test_the_published_lookup():
    """The query (0, 0, 10) finds (550, 5.5) in the table of the TensorFlow tutorial."""
    np.testing.assert_allclose(two.table_weights(1), [0, 0, 0.5, 0.5], atol=1e-12)
    np.testing.assert_allclose(two.look_up(1), [550, 5.5], rtol=1e-12)
    # The tutorial divides the scores; its table does not feel it.
    divided, _ = attention(two.TABLE_QUERIES[[1]], two.TABLE_KEYS, two.TABLE_VALUES)
    np.testing.assert_allclose(divided[0], [550, 5.5], rtol=1e-12)


@pytest.mark.claim("hard-lookup-is-the-limit")
@pytest.mark.parametrize("seed", range(5))
def test_a_large_query_gets_the_value_of_the_best_key(seed):
    """As a query is multiplied by ever larger numbers, its output goes to one best key's value."""
    q, k, v = (normals(10 * seed + i, shape) for i, shape in enumerate(((1, 3), (6, 3), (6, 2))))
    best = v[scores(q, k)[0].argmax()]
    gaps = [abs(attention(size * q, k, v)[0][0] - best).max() for size in (1, 10, 100, 10_000)]
    assert gaps[0] > 1e-3
    assert gaps[-1] < 1e-9
    assert gaps == sorted(gaps, reverse=True)


@pytest.mark.claim("zero-query-shares-evenly")
@pytest.mark.parametrize("m", [1, 4, 9])
def test_a_zero_query_takes_the_same_from_every_word(m):
    """A query whose scores are all 0 gives every one of m keys the weight 1 / m."""
    _, weights = attention(np.zeros((1, 3)), normals(m, (m, 3)), normals(m, (m, 2)))
    np.testing.assert_allclose(weights, 1 / m)
    np.testing.assert_allclose(two.plain_weights()[0], 0.25)


@pytest.mark.claim("plain-scores-are-symmetric")
def test_scores_of_x_with_itself_are_symmetric():
    """With x as queries and keys scores are symmetric; weights and projected scores are not."""
    for x in (two.x(), normals(5, (6, 4))):
        bare = scores(x, x, scale=1.0)
        np.testing.assert_array_equal(bare, bare.T)
        assert not np.allclose(softmax(bare), softmax(bare).T)
    assert not np.allclose(two.projected_scores(), two.projected_scores().T)


@pytest.mark.claim("none-above-itself")
def test_with_the_vectors_as_they_are_no_word_gives_another_more_than_itself():
    """With x in all three roles no word of the example gives more to another than to itself."""
    weights = two.plain_weights()
    assert (weights <= np.diag(weights)[:, None] + 1e-12).all()
    assert weights[2, 1] == pytest.approx(weights[2, 2])
    assert weights[3, 1:] == pytest.approx(weights[3, 3])
    assert weights[1, 1] > np.delete(weights[1], 1).max()


@pytest.mark.claim("nothing-agrees-better")
@pytest.mark.parametrize("d_model", [1, 3, 64])
def test_no_vector_of_the_same_size_agrees_better_than_the_vector_itself(d_model):
    """Of all vectors of one size, none has a larger dot product with a vector than that vector."""
    x, others = normals(1, (1, d_model)), normals(2, (2000, d_model))
    others *= np.linalg.norm(x) / np.linalg.norm(others, axis=-1, keepdims=True)
    own = scores(x, x, scale=1.0).item()
    found = scores(x, others, scale=1.0)
    assert (found <= own * (1 + 1e-12)).all()
    assert found.min() < own


@pytest.mark.claim("matrices-differ-in-one-row")
def test_the_three_matrices_differ_in_their_last_row():
    """W_Q, W_K and W_V have the same first two rows, and the key of "seal" scores 0 with all."""
    for other in (two.W_K, two.W_V):
        np.testing.assert_array_equal(other[:2], two.W_Q[:2])
        assert (other[2] != two.W_Q[2]).any()
    assert (two.W_K[2] != two.W_V[2]).any()
    assert not two.projected_scores()[:, 1].any()


@pytest.mark.claim("projections-act-on-rows")
@pytest.mark.parametrize("row", range(4))
def test_one_word_changes_its_own_row_of_q_k_v_and_every_output(row):
    """Changing one word changes its own row of Q, K and V only, and in general every output."""
    x = 0.3 * normals(8, (4, 5))
    changed = x.copy()
    changed[row] += normals(9, 5)
    for w in MATRICES:
        differs = ~np.isclose(x @ w, changed @ w).all(axis=-1)
        assert differs.tolist() == [i == row for i in range(4)]
    outputs = [attend(rows)[0] for rows in (x, changed)]
    assert (abs(outputs[0] - outputs[1]).max(axis=-1) > 1e-6).all()


@pytest.mark.claim("shapes-of-self-attention")
@pytest.mark.parametrize(
    ("n", "d_model", "d_k", "d_v"), [(1, 2, 3, 4), (10, 512, 64, 64), (7, 5, 1, 9)]
)
def test_shapes(n, d_model, d_k, d_v):
    """For n words the weights are (n, n) and the output is (n, d_v), whatever d_model and d_k."""
    widths = (d_k, d_k, d_v)
    matrices = [normals(i, (d_model, width)) / d_model for i, width in enumerate(widths)]
    output, weights = attend(normals(4, (n, d_model)), matrices)
    assert (output.shape, weights.shape) == ((n, d_v), (n, n))


@pytest.mark.claim("identity-is-plain")
def test_the_identity_makes_x_all_three():
    """With the identity as all three matrices, self-attention uses x itself in all three roles."""
    identity = np.eye(3)
    output, weights = attend(two.x(), (identity, identity, identity))
    np.testing.assert_array_equal(output, two.plain_output())
    np.testing.assert_array_equal(weights, two.plain_weights())
    np.testing.assert_allclose(output, softmax(two.x() @ two.x().T) @ two.x())


@pytest.mark.claim("published-self-attention")
def test_the_published_self_attention():
    """The three outputs of R. Karim's worked example come out as published, to four digits."""
    published = [[1.9366, 6.6831, 1.5951], [2.0, 7.9640, 0.0540], [1.9997, 7.7599, 0.3584]]
    np.testing.assert_array_equal(two.published_scores(), [[2, 4, 4], [4, 16, 12], [4, 12, 10]])
    np.testing.assert_allclose(two.published_output(), published, atol=5e-5)


@pytest.mark.claim("permutation-equivariance")
@pytest.mark.parametrize("order", [[3, 2, 1, 0], [1, 2, 3, 0], [0, 2, 1, 3]])
def test_another_order_of_words_gives_the_same_outputs_in_that_order(order):
    """Self-attention of words in another order gives the same outputs in that other order."""
    x = normals(12, (4, 5))
    output, weights = attend(x)
    reordered, reordered_weights = attend(x[order])
    np.testing.assert_allclose(reordered, output[order], rtol=1e-9)
    np.testing.assert_allclose(reordered_weights, weights[np.ix_(order, order)], rtol=1e-9)
    assert not np.allclose(reordered, output)


# The example, its figures and its explorer


def test_what_the_page_says_of_the_sentence():
    plain, projected = two.plain_output()[two.SEAL], two.output()[two.SEAL]
    assert plain[1] > plain[0]
    assert two.plain_weights()[two.SEAL].argmax() == two.SEAL
    assert two.weights()[two.SEAL].argmax() == two.TOKENS.index("letters")
    mirrored = two.output(two.OTHER_SENTENCE)[two.SEAL]
    np.testing.assert_allclose(mirrored, projected[::-1])
    np.testing.assert_allclose(two.powers() / two.total(), two.weights()[two.SEAL])
    np.testing.assert_allclose(
        two.plain_powers() / two.plain_total(), two.plain_weights()[two.SEAL]
    )
    # "Only seal has any sea to give."
    assert two.values()[:, 0].tolist() == [0, 1, 0, 0]


def test_constants_cannot_be_changed_by_accident():
    with pytest.raises(ValueError, match="read-only"):
        two.W_Q[0, 0] = 5


@pytest.mark.parametrize("style", STYLES)
def test_figures_show_what_the_example_computes(style):
    picture = find("queries_keys_values.symmetric_or_not")(STYLES[style])
    for name, matrix in (("plain", two.plain_scores()), ("projected", two.projected_scores())):
        np.testing.assert_array_equal(read_cells(picture, name)[0], matrix)
    artists = gids(find("queries_keys_values.one_graph")(STYLES[style]))
    for name, weights in (("x itself", two.plain_weights()), ("projected", two.weights())):
        for j, weight in enumerate(weights[two.SEAL]):
            line = artists[f"{name}-line-{two.SEAL}-{j}"]
            assert line.get_linewidth() / 9 == pytest.approx(weight)
            assert line.get_xdata().tolist() == [j, two.SEAL]
            assert float(artists[f"{name}-share-{j}"].get_text()) == pytest.approx(
                weight, abs=0.005
            )
    roles = gids(find("queries_keys_values.three_roles")(STYLES[style]))
    matrices = {"x": two.x(), "W_Q": two.W_Q, "W_K": two.W_K, "W_V": two.W_V}
    matrices |= {"Q": two.queries(), "K": two.keys(), "V": two.values()}
    for name, matrix in matrices.items():
        shown = [roles[f"{name}-entry-{i}-{j}"].get_text() for i, j in np.ndindex(matrix.shape)]
        assert [float(text.replace("−", "-")) for text in shown] == matrix.ravel().tolist()
    lookup = gids(find("queries_keys_values.hard_and_soft")(STYLES[style]))
    for number in range(3):
        widths = [lookup[f"lookup-{number}-{j}"].get_width() / 0.6 for j in range(4)]
        np.testing.assert_allclose(widths, two.table_weights(number), atol=1e-9)
    plane = gids(find("queries_keys_values.same_word_two_sentences")(STYLES[style]))
    for sentence in two.SENTENCES:
        dot = plane[f"output-{two.words(sentence)[-1]}"]
        np.testing.assert_allclose(np.ravel(dot.get_data()), two.output(sentence)[two.SEAL])


def gids(picture):
    """Return the artists of a picture by their names."""
    return {artist.get_gid(): artist for artist in picture.findobj(lambda a: a.get_gid())}


def test_the_explorer_shows_what_the_chapter_computes():
    explorer = QueriesKeysValuesExplorer()
    np.testing.assert_allclose(explorer.output, two.plain_output())
    explorer.projected = True
    np.testing.assert_allclose(explorer.weights, two.weights())
    np.testing.assert_allclose(explorer.scores, two.projected_scores())
    explorer.sentence = two.OTHER_SENTENCE
    np.testing.assert_allclose(explorer.output, two.output(two.OTHER_SENTENCE))
    explorer.x = two.x().tolist()
    np.testing.assert_allclose(explorer.output, two.output())
    assert "“seal” takes most from “herring”, 0.78" in explorer.summary()
    explorer.cell = [0, 0]
    assert "“This” takes the same, 0.25, from “This”, “seal”" in explorer.summary()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"sentence": "This seal"}, "sentence must be one of This seal closes letters"),
        ({"stage": "values"}, "stage must be one of scores, weights, got 'values'"),
        ({"x": [[1, 2, 3]]}, "x is 4 rows of 3 numbers from -10 to 10"),
        ({"W_Q": [[1, 2]] * 2}, "W_Q is 3 rows of 2 numbers"),
        ({"W_K": [[1, 11]] * 3}, "W_K is 3 rows of 2 numbers"),
        ({"W_V": [[1, float("nan")]] * 3}, "W_V is 3 rows of 2 numbers"),
        ({"W_V": [["a", "b"]] * 3}, "W_V is 3 rows of 2 numbers"),
        ({"cell": [0, 4]}, r"cell is \[row, column\], both 0 to 3, got \[0, 4\]"),
        ({"cell": [True, 1]}, r"cell is \[row, column\]"),
    ],
)
def test_bad_settings_of_the_explorer_are_refused(setting, message):
    with pytest.raises(TraitError, match=message):
        QueriesKeysValuesExplorer(**setting)


@pytest.mark.parametrize(
    ("compute", "message"),
    [
        (lambda q, k, v: v, "return two results: the output and the weights"),
        (lambda q, k, v: (v[:2], q @ k.T), r"output has shape \(2, 3\), it should be \(4, 3\)"),
        (lambda q, k, v: (v, q), r"weights has shape \(4, 3\), it should be \(4, 4\)"),
        (lambda q, k, v: (v * np.nan, q @ k.T), "output holds numbers that are not finite"),
    ],
)
def test_an_unfit_function_of_the_reader_is_named(compute, message):
    assert re.search(message, QueriesKeysValuesExplorer(compute=compute).results["error"])


def test_the_readers_function_computes_what_is_drawn():
    def hard(q, k, v):
        weights = np.eye(4)[(q @ k.T).argmax(axis=-1)]
        return weights @ v, weights

    explorer = QueriesKeysValuesExplorer(compute=hard, projected=True)
    np.testing.assert_array_equal(explorer.output[two.SEAL], two.values()[3])
    assert "hard gives" in explorer.static_html()
