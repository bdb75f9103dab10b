"""The laboratory computes with the shipped translator, or with a reader's own model."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import traitlets

from attend.config import tiny
from attend.models.changes import changed, distance
from attend.models.recording import record_attention
from attend.models.torch_transformer import Transformer
from attend.text.tokenizer import Tokenizer
from attend.translator.translator import shipped
from attend_course.chapters.laboratory.explorer import Laboratory
from attend_course.kit.explorers import MIME

OFF = {"make": "off", "kind": "memory", "layer": 3, "head": 1}


def test_the_default_shows_what_the_translator_writes():
    found = Laboratory().results["untouched"]
    look = shipped().look(Laboratory().sentence)
    assert (found["text"], found["source"]) == (look.text, look.source_pieces)
    for kind in ("encoder", "decoder", "memory"):
        for layer, one in enumerate(found[kind]):
            wanted = look.recording.of(kind, layer)[0]
            weights = np.array(one["weights"]).reshape(one["h"], one["n"], one["m"])
            np.testing.assert_allclose(weights, wanted, atol=6e-5)


def test_a_change_is_made_and_measured():
    laboratory = Laboratory(sentence="I am happy.", changes=[OFF], heads=True)
    found, target = laboratory.results, laboratory.results["untouched"]["tokens"]["target"]
    source = np.array([shipped().tokenizer.encode("I am happy.")])
    other = changed(shipped().model, [OFF])
    wanted = distance(shipped().model, other, source, np.array([target]))
    assert found["distance"] == pytest.approx(wanted, abs=1e-4)
    assert np.array(found["damage"]["heads"]).shape == (3, 4, 4)
    assert found["damage"]["heads"][2][3][1] == 0  # it is off already
    assert len(found["damage"]["words"]) == 4  # I, am, happy, and the full stop
    alone = changed(other, [{"make": "hidden", "token": 2}])
    wanted = distance(other, alone, source, np.array([target]))
    assert found["damage"]["words"][2] == pytest.approx(wanted, abs=1e-4)
    assert (np.array(found["changed"]["memory"][3]["weights"]).reshape(4, -1)[1] == 0).all()


def test_another_word_is_a_change_and_maps_are_compared_on_one_translation():
    laboratory = Laboratory(sentence="The dog is here.", instead=[[1, "cat"], [9, "none"]])
    found = laboratory.results
    assert found["changed"]["text"] == shipped()("The cat is here.")
    target = found["untouched"]["tokens"]["target"]
    source = np.array([shipped().tokenizer.encode("The cat is here.")])
    with record_attention(shipped().model) as recording:
        shipped().model.forward(source, np.array([[1, *target[:-1]]]))
    for kind in ("encoder", "decoder", "memory"):
        wanted = recording.of(kind, 3)[0].reshape(-1)
        np.testing.assert_allclose(found["reading"][kind][3]["weights"], wanted, atol=6e-5)
    assert 0 < found["distance"] < 1
    assert "“dog” becomes “cat”" in laboratory.summary()
    laboratory.instead = [[1, "dog"]]
    assert laboratory.results["changed"] is None


@pytest.mark.parametrize(
    "wrong", [[3], [[0]], [[-1, "a"]], [[0, " "]], [[0, "a" * 101]], [["0", "a"]]]
)
def test_a_replacement_that_is_none_is_refused(wrong):
    with pytest.raises(traitlets.TraitError, match="word's number"):
        Laboratory(instead=wrong)


def test_a_first_sentence_must_be_read():
    with pytest.raises(traitlets.TraitError, match="nothing to translate"):
        Laboratory(sentence="")


def test_what_cannot_be_read_is_said_and_the_last_translation_stays():
    laboratory = Laboratory(sentence="I am happy.")
    for text, words in (("", "nothing to translate"), ("Я дома.", "Latin letters")):
        laboratory.sentence = text
        assert words in laboratory.results["fault"]
        assert laboratory.results["untouched"]["text"] == shipped()("I am happy.")


def test_a_change_that_is_none_is_refused():
    with pytest.raises(traitlets.TraitError, match="wrong in layer"):
        Laboratory(changes=[{"make": "off", "layer": 9}])
    with pytest.raises(TypeError, match="needs its tokenizer"):
        Laboratory(shipped().model)


def test_any_transformer_can_be_opened():
    torch.manual_seed(0)
    tokenizer = Tokenizer.train(["a b c d e f g"] * 30, merges=5)
    model = Transformer(tiny(len(tokenizer))).eval()
    laboratory = Laboratory(model, tokenizer, sentence="a b c", layer=1, head=0)
    found = laboratory.results
    assert (found["N"], found["h"]) == (2, 2)
    assert len(found["untouched"]["memory"]) == 2
    laboratory.changes = [{"make": "without", "part": "positions"}]
    assert laboratory.results["distance"] > 0
    assert "attend-tiny" in laboratory.static_html()
    # A page of the course could not compute it, and does not put the shipped translator there.
    assert MIME not in laboratory._repr_mimebundle_()[0]
    assert MIME in Laboratory()._repr_mimebundle_()[0]
