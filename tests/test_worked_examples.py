"""Examples that others have published, computed again.

Credit: J. Alammar, "The Illustrated Transformer"; "Neural machine translation with a Transformer
and Keras", an earlier edition of the TensorFlow tutorial "Transformer model for language
understanding"; R. Karim, "Illustrated: Self-Attention".
"""

import pytest
from two_libraries import LIBRARIES, close

import attend


@LIBRARIES
def test_alammar_divides_112_and_96_by_8(library):
    raw = library([[112.0, 96.0]])
    q, k = library([[1.0] * 64]), library([[112 / 64] * 64, [96 / 64] * 64])
    close(attend.scores(q, k, scale=1.0), raw)
    close(attend.scores(q, k), [[14.0, 12.0]])
    close(attend.softmax(attend.scores(q, k)), [[0.8808, 0.1192]], 5e-5)


@LIBRARIES
@pytest.mark.parametrize(
    ("query", "weights", "output"),
    [
        ([0.0, 10.0, 0.0], [0.0, 1.0, 0.0, 0.0], [10.0, 0.0]),
        ([0.0, 0.0, 10.0], [0.0, 0.0, 0.5, 0.5], [550.0, 5.5]),
        ([10.0, 10.0, 0.0], [0.5, 0.5, 0.0, 0.0], [5.5, 0.0]),
    ],
)
def test_tensorflow_looks_keys_up(library, query, weights, output):
    k = library([[10.0, 0, 0], [0, 10, 0], [0, 0, 10], [0, 0, 10]])
    v = library([[1.0, 0], [10, 0], [100, 5], [1000, 6]])
    result = attend.attention(library([query]), k, v)
    close(result[0], [output], 1e-6)
    close(result[1], [weights], 1e-6)


@LIBRARIES
def test_karim_projects_three_inputs(library):
    x = library([[1.0, 0, 1, 0], [0, 2, 0, 2], [1, 1, 1, 1]])
    W_K = library([[0.0, 0, 1], [1, 1, 0], [0, 1, 0], [1, 1, 0]])
    W_Q = library([[1.0, 0, 1], [1, 0, 0], [0, 0, 1], [0, 1, 1]])
    W_V = library([[0.0, 2, 0], [0, 3, 0], [1, 0, 3], [1, 1, 0]])
    output, _ = attend.attention(x @ W_Q, x @ W_K, x @ W_V, scale=1.0)
    close(attend.scores(x @ W_Q, x @ W_K, 1.0), [[2.0, 4, 4], [4, 16, 12], [4, 12, 10]])
    published = [[1.9366, 6.6831, 1.5951], [2.0, 7.9640, 0.0540], [1.9997, 7.7599, 0.3584]]
    close(output, published, 5e-5 / 2)
