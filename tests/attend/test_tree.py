"""The tree of a beam search: the same search, with all that it followed."""

import numpy as np
import pytest

from attend.decoding.tree import beam_tree
from attend.decoding.writing import n_best
from attend.translator.translator import shipped

SENTENCES = ("The letter arrived three days too late.", "I am happy.", "We want to go home.")


def given(sentence):
    return np.array([shipped().tokenizer.encode(sentence)])


@pytest.mark.parametrize("beam", [1, 2, 4])
@pytest.mark.parametrize("sentence", SENTENCES)
def test_the_tree_is_that_of_the_search(sentence, beam):
    model, source = shipped().model, given(sentence)
    nodes, found = beam_tree(model, source, beam, 0.6)
    assert found == n_best(model, source, beam, 0.6)[0]
    ends = [i for i, node in enumerate(nodes) if node.finished]
    assert sorted(map(tuple, (h.tokens for h in found))) == sorted(written(nodes, i) for i in ends)
    steps = [depth(nodes, i) for i in range(len(nodes))]
    assert steps == sorted(steps)
    assert (
        max(np.bincount([d for d, n in zip(steps, nodes, strict=True) if not n.finished])) == beam
    )
    for node in nodes[1:]:
        assert node.log_p < nodes[node.parent].log_p
        assert not nodes[node.parent].finished


def test_log_probabilities_are_sums_over_the_pieces():
    model, source = shipped().model, given(SENTENCES[0])
    nodes, _ = beam_tree(model, source, 3, 1.0)
    for end in (5, len(nodes) - 1):
        tokens = [nodes[i].token for i in path(nodes, end)]
        logits = model.forward(source, np.array([[model.config.start, *tokens[:-1]]]))[0]
        rows = logits.astype(float)
        log_p = rows - np.log(np.exp(rows).sum(axis=-1, keepdims=True))
        assert nodes[end].log_p == pytest.approx(log_p[range(len(tokens)), tokens].sum(), abs=1e-4)


def path(nodes, at):
    found = []
    while at:
        found.insert(0, at)
        at = nodes[at].parent
    return found


def depth(nodes, at):
    return len(path(nodes, at))


def written(nodes, at):
    return tuple(nodes[i].token for i in path(nodes, at) if not nodes[i].finished)


def test_more_than_one_sentence_is_refused():
    with pytest.raises(ValueError, match=r"a tree is that of one sentence, \(1, m\)"):
        beam_tree(shipped().model, np.array([[5, 6], [7, 8]]))
    with pytest.raises(ValueError, match="a beam holds at least one beginning; received beam=0"):
        beam_tree(shipped().model, np.array([[5, 6]]), beam=0)
