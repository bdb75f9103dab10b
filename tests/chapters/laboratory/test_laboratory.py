"""The laboratory computes with the shipped translator, or with a reader's own model."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import traitlets

from attend.config import tiny
from attend.models.changes import changed, distance
from attend.models.torch_transformer import Transformer
from attend.text.tokenizer import Tokenizer
from attend.translator.translator import shipped
from attend_course.chapters.laboratory.explorer import Laboratory

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
    assert np.array(found["damage"]).shape == (3, 4, 4)
    assert found["damage"][2][3][1] == 0  # it is off already
    assert (np.array(found["changed"]["memory"][3]["weights"]).reshape(4, -1)[1] == 0).all()


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
    assert (found["N"], found["h"], found["engine"]) == (2, 2, None)
    assert len(found["untouched"]["memory"]) == 2
    laboratory.changes = [{"make": "without", "part": "positions"}]
    assert laboratory.results["distance"] > 0
    assert "attend-tiny" in laboratory.static_html()
