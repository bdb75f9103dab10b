"""The recipe of the translator runs from its first stage to the model card, with tiny settings."""

import json
import tomllib
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, load_script

torch = pytest.importorskip("torch")

from attend.config import TransformerConfig  # noqa: E402
from attend.models.torch_transformer import Transformer  # noqa: E402
from attend.models.weights import dequantize, quantize, read_model, save_model  # noqa: E402
from attend.text.tokenizer import Tokenizer  # noqa: E402
from attend.training.checkpoints import mean, read_tensors  # noqa: E402
from attend.translator.translator import SHIPPED, Translator  # noqa: E402

PAIRS = [
    (f"I have {n} {english}.", f"Ich habe {n} {german}.")
    for n in range(2, 8)
    for english, german in (("cats", "Katzen"), ("keys", "Schlüssel"), ("books", "Bücher"))
]
BEFORE = {
    "history_before": [[{"epoch": 1, "step": 4, "seconds": 8.0}]],
    "history": [[{"epoch": 1, "step": 2, "seconds": 4.0}, {"epoch": 2, "step": 3, "seconds": 6.0}]],
}
"""What was measured of the translator that the recipe begins with."""
SIZES = {"N": 1, "d_model": 8, "d_ff": 8, "h": 2}
TINY = """
held_out = 2
common = ["--vocabulary", "4000", "--tokens", "256", "--average", "1", "--N", "1",
          "--d_model", "8", "--d_ff", "8", "--h", "2"]
ship = ["second", "begin", "begin"]
candidates = [["begin"], ["second", "begin", "begin"]]
remarks = "It was tiny."
limits = "Nearly everything."

[[stage]]
name = "begin"
about = "where it began"

[[stage]]
name = "taught"
about = "a teacher"
hours = 0.5
command = "distill"
model = "begin"
arguments = ["--beam", "2"]

[[stage]]
name = "first"
about = "the first"
command = "train"
begin = ["begin"]
arguments = ["--rough", "--epochs", "1"]

[[stage]]
name = "second"
about = "the second"
command = "train"
begin = ["begin", "first"]
chosen = "taught"
arguments = ["--rough", "--frames", "5", "--epochs", "2", "--P_drop", "0.3"]
"""


@pytest.fixture(scope="module")
def script():
    """Return scripts/model.py, which finds its neighbours as it does when it is run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "scripts"))
        model = load_script("model")
        # A tenth of the phrases says as much about the recipe.
        measure = model.ship_translator.measure_typed
        patch.setattr(model.ship_translator, "measure_typed", partial(measure, every=10))
        yield model


@pytest.fixture(scope="module")
def made(script, tmp_path_factory) -> Path:
    """Return a folder in which the tiny recipe was followed."""
    folder = tmp_path_factory.mktemp("recipe")
    (folder / "pairs.tsv").write_text("".join(f"{s}\t{t}\n" for s, t in PAIRS), encoding="utf-8")
    (folder / "tiny.toml").write_text(TINY, encoding="utf-8")
    tokenizer = Tokenizer.load(SHIPPED / "tokenizer.json")
    torch.manual_seed(0)
    config = TransformerConfig(len(tokenizer), **SIZES)
    tensors = {name: x.numpy() for name, x in Transformer(config).state_dict().items()}
    save_model(folder / "shipped", config, tokenizer, tensors)
    (folder / "shipped" / "measured.json").write_text(json.dumps(BEFORE))
    assert script.main(words(folder, "train", "ship")) == 0
    return folder


def words(folder: Path, *steps: str) -> list[str]:
    files = {"pairs": "pairs.tsv", "recipe": "tiny.toml", "folder": "runs", "into": "shipped"}
    given = [word for name, at in files.items() for word in (f"--{name}", str(folder / at))]
    return [*given, "--steps", *steps]


def test_the_mean_of_the_named_runs_ships_in_eight_bits(made):
    runs = [made / "runs" / name / "average.safetensors" for name in ("second", "begin", "begin")]
    wanted = mean([read_tensors(path)[0] for path in runs])
    rounded = dequantize(quantize({name: x.numpy() for name, x in wanted.items()}))
    shipped = read_model(made / "shipped").tensors
    for name, tensor in rounded.items():
        np.testing.assert_array_equal(shipped[name], tensor)
    assert Translator.load(made / "shipped").align is not None


def test_each_stage_began_where_the_recipe_says(made):
    files = (made / "runs" / name / "average.safetensors" for name in ("first", "begin"))
    first, begin = (read_tensors(path)[0] for path in files)
    assert not torch.equal(first["embedding"], begin["embedding"])
    history = [
        json.loads((made / "runs" / name / "history.jsonl").read_text().splitlines()[-1])["epoch"]
        for name in ("first", "second")
    ]
    assert history == [1, 2]


def test_the_card_tells_what_was_measured_and_what_it_cost(made):
    card = (made / "shipped" / "README.md").read_text(encoding="utf-8")
    measured = json.loads((made / "shipped" / "measured.json").read_text())
    steps = [stage["steps"] for stage in measured["stages"]]
    assert steps[:2] == [7, 0]
    assert measured["stages"][1]["hours"] == 0.5
    assert measured["history_before"] == BEFORE["history_before"] + BEFORE["history"]
    assert [len(run) for run in measured["history"]] == [1, 2]
    assert min(steps[2:]) > 0
    assert f"{sum(steps)} steps" in card
    assert "the mean of the weights of second, begin (twice)" in " ".join(card.split())
    assert "| second | the second | 0.3 |" in card
    assert f"BLEU {measured['bleu']:.2f} on the 2 test pairs" in card
    assert "14 pairs to train on, 2 for validation" in card


def test_candidates_are_compared_on_validation_pairs(made, script, capsys):
    assert script.main(words(made, "choose")) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[1] for line in lines] == ["begin", "second, begin, begin"]
    assert all("of 10, " in line for line in lines)
    candidate = script.choose_mean.translator_of(["second", "begin", "begin"], made / "runs")
    sources = [source for source, _ in PAIRS]
    assert candidate.batch(sources) == Translator.load(made / "shipped").batch(sources)


def test_what_is_done_is_not_done_again(made, script, capsys):
    before = {path: path.stat().st_mtime_ns for path in (made / "runs").rglob("*")}
    assert script.main(words(made, "train")) == 0
    done = capsys.readouterr().out.splitlines()
    assert done == [f"{name}: done before" for name in ("taught", "first", "second")]
    assert before == {path: path.stat().st_mtime_ns for path in (made / "runs").rglob("*")}


def test_a_stage_that_fails_ends_the_recipe(made, script, tmp_path, capsys):
    (tmp_path / "tiny.toml").write_text(TINY.replace('"--beam", "2"', '"--beam", "0"'))
    given = words(made, "train")
    given[given.index(str(made / "tiny.toml"))] = str(tmp_path / "tiny.toml")
    given[given.index(str(made / "runs"))] = str(tmp_path / "runs")
    assert script.main(given) == 2
    assert "a beam holds at least one beginning" in capsys.readouterr().err
    assert not (tmp_path / "runs" / "first").exists()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--pairs", "x", "--steps", "tarin"], "invalid choice: 'tarin'"),
        (["--steps", "train"], "need --pairs"),
        ([], "need --pairs"),
    ],
)
def test_what_cannot_be_done_is_refused(script, capsys, given, told):
    with pytest.raises(SystemExit):
        script.main(given)
    assert told in capsys.readouterr().err


def test_the_shipped_card_is_written_by_the_recipe_from_what_was_measured(script):
    recipe = tomllib.loads(script.RECIPE.read_text(encoding="utf-8"))
    assert (SHIPPED / "README.md").read_text(encoding="utf-8") == script.model_card.card(
        SHIPPED, recipe
    )


def test_the_next_recipe_goes_on_where_this_one_ends(script):
    path = script.RECIPE.with_name("translator-next.toml")
    here, following = (tomllib.loads(p.read_text(encoding="utf-8")) for p in (script.RECIPE, path))
    assert following["stage"][:-1] == here["stage"]
    assert here["ship"] in following["candidates"]
    names = {stage["name"] for stage in following["stage"]}
    assert {name for candidate in following["candidates"] for name in candidate} <= names
