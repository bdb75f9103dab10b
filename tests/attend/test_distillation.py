"""A teacher's translations: all that a beam finds, the nearest kept, an interrupted run resumed."""

import json

import numpy as np
import pytest
import torch

from attend.__main__ import main as attend_main
from attend.config import tiny
from attend.decoding.writing import beam_search, n_best
from attend.models.torch_transformer import Transformer
from attend.models.weights import save_model
from attend.text.corpus import SentencePair
from attend.text.tokenizer import Tokenizer
from attend.training import distillation
from attend.training.plan import Plan, falling_rate, learning_rate

PAIRS = [SentencePair(f"a {letter} c", f"{letter} d e") for letter in "bdefgh"]
TOKENIZER = Tokenizer.train([side for pair in PAIRS for side in pair] * 20, merges=0)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return Transformer(tiny(len(TOKENIZER))).eval()


def test_n_best_begins_with_what_beam_search_returns(model):
    source = torch.tensor([TOKENIZER.encode("a b c"), TOKENIZER.encode("a g c")])
    found = n_best(model, source, beam=5, limit=6)
    assert [best.tokens for best, *_ in found] == beam_search(model, source, beam=5, limit=6)
    for hypotheses in found:
        assert [one.score for one in hypotheses] == sorted(
            (one.score for one in hypotheses), reverse=True
        )
        assert len({tuple(one.tokens) for one in hypotheses}) == len(hypotheses)


@pytest.mark.parametrize(
    ("found", "kept"),
    [
        (["Er geht nach Hause.", "Er läuft heim."], None),  # the reference was found
        (["Ganz etwas anderes!"], None),  # nothing near it
        ([], None),
        (["Er geht heim.", "Er geht jetzt nach Hause."], "Er geht jetzt nach Hause."),
    ],
)
def test_the_nearest_translation_is_kept_if_it_teaches_anything(found, kept):
    pair = SentencePair("He is going home.", "Er geht nach Hause.")
    assert distillation.nearest(pair, found) == kept


def test_chosen_translations_are_read_as_written(tmp_path):
    chosen = {PAIRS[0]: 'b "ß" e', PAIRS[2]: "e"}
    assert distillation.save_chosen(tmp_path / "chosen.json", chosen.items()) == 2
    assert distillation.load_chosen(tmp_path / "chosen.json") == chosen
    (tmp_path / "chosen.json").write_text('["no triple"]')
    with pytest.raises(ValueError, match="holds no chosen translations"):
        distillation.load_chosen(tmp_path / "chosen.json")


def test_what_is_on_disk_is_not_translated_again(tmp_path, model, monkeypatch):
    monkeypatch.setattr(distillation, "BLOCK", 2)
    sources = [pair.source for pair in PAIRS]
    first = list(distillation.translate_all(model, TOKENIZER, sources, tmp_path, 2))
    assert len(first) == 3
    (tmp_path / "translations-0001.json").unlink()
    asked = []
    honest = distillation.translations
    monkeypatch.setattr(
        distillation, "translations", lambda *given: asked.append(given[2]) or honest(*given)
    )
    assert list(distillation.translate_all(model, TOKENIZER, sources, tmp_path, 2)) == first
    assert asked == [list(first[1])]


def test_the_command_writes_what_training_reads(tmp_path, model, capsys):
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("".join(f"{s}\t{t}\n" for s, t in PAIRS))
    tensors = {name: x.numpy() for name, x in model.state_dict().items()}
    save_model(tmp_path / "teacher", model.config, TOKENIZER, tensors)
    given = [
        "distill",
        "--pairs",
        str(pairs),
        "--model",
        str(tmp_path / "teacher"),
        "--held-out",
        "1",
    ]
    assert attend_main([*given, "--folder", str(tmp_path / "taught"), "--beam", "2"]) == 0
    assert "translations chosen for 4 pairs" in capsys.readouterr().out
    json.loads((tmp_path / "taught" / "chosen.json").read_text())


def test_the_command_says_what_is_wrong_in_one_line(tmp_path, capsys):
    where = ["--model", str(tmp_path), "--folder", str(tmp_path)]
    assert attend_main(["distill", "--pairs", "nothing.zip", *where]) == 2
    told = capsys.readouterr().err
    assert "holds no model" in told
    assert told.count("\n") == 1


# ------------------------------------------------------------------------------------ the command


def command(tmp_path, *more: str) -> int:
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("".join(f"{s}\t{t}\n" for s, t in PAIRS * 4))
    return attend_main(
        [
            "train",
            *("--pairs", str(pairs), "--held-out", "1", "--N", "1", "--d_model", "8"),
            *("--d_ff", "8", "--h", "2", "--vocabulary", "300", "--epochs", "1", *more),
        ]
    )


def test_a_run_on_rough_pairs_and_one_that_begins_with_the_mean_of_two(tmp_path):
    for name in ("one", "two"):
        seed = str(len(name) + ord(name[0]))
        command(tmp_path, "--folder", str(tmp_path / name), "--rough", "--seed", seed)
    both = [str(tmp_path / "one"), str(tmp_path / "two")]
    command(tmp_path, "--folder", str(tmp_path / "three"), "--begin-with", *both)
    assert (tmp_path / "three" / "average.safetensors").exists()


@pytest.mark.parametrize("option", [["--chosen", "chosen.json"], ["--frames", "5"]])
def test_what_needs_rough_pairs_says_so(tmp_path, capsys, option):
    assert command(tmp_path, "--folder", str(tmp_path / "run"), *option) == 2
    assert f"{option[0]} is used together with --rough" in capsys.readouterr().err


# --------------------------------------------------------------------------------- a falling rate


def test_a_falling_rate_has_the_papers_peak_and_ends_near_zero():
    plan = Plan(warmup_steps=10, falling=110)
    rates = [falling_rate(step, 64, plan) for step in range(1, 111)]
    peak = learning_rate(10, 64, 10)
    assert max(rates) == pytest.approx(peak)
    assert int(np.argmax(rates)) == 9
    assert rates[59] == pytest.approx(peak / 2)
    assert rates[-1] == pytest.approx(peak / 1000)
    assert np.all(np.diff(rates[9:]) < 0)


def test_without_falling_it_is_the_papers():
    plan = Plan(warmup_steps=10)
    steps = range(1, 40)
    assert [falling_rate(s, 64, plan) for s in steps] == [learning_rate(s, 64, 10) for s in steps]


def test_a_rate_falls_after_it_has_risen():
    with pytest.raises(ValueError, match="falls after it has risen"):
        Plan(warmup_steps=100, falling=100)
