"""What training costs, and the files of arguments of runs that are worth repeating."""

import runpy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from attend.__main__ import make_parser
from attend.config import TransformerConfig, base, course, tiny
from attend.models.recording import record_attention
from attend.models.torch_transformer import Transformer
from attend.training.plan import Plan, learning_rate

ROOT = Path(__file__).resolve().parents[1]
COST = runpy.run_path(str(ROOT / "scripts" / "cost.py"))
NEEDED = ["--pairs", "a.tsv", "--folder", "run"]


@pytest.mark.parametrize("config", [tiny(), replace(tiny(), N=3, h=4, d_k=8, d_v=2)])
def test_parameters_are_counted_by_the_model(config):
    count = COST["parameters"](config)
    assert count.total == sum(p.numel() for p in Transformer(config).parameters())
    assert count.embedding == config.vocabulary * config.d_model


def test_a_step_costs_what_torch_counts():
    config = TransformerConfig(400, N=2, d_model=64, d_ff=96, h=4, P_drop=0.0)
    work = COST["Workload"](tokens=8 * 16, length=16)
    model = Transformer(config)
    source, target = torch.randint(3, 400, (2, 8, 16))
    # While maps are recorded, attention is made of products that torch can count.
    with FlopCounterMode(display=False) as counter, record_attention(model):
        model(source, target).sum().backward()
    assert COST["step_flops"](config, work) == counter.get_total_flops()


def test_the_paper_is_met():
    work = COST["Workload"]()
    assert COST["PAPER_SECONDS"] * COST["PAPER_GPUS"] * COST["PAPER_RATE"] == pytest.approx(
        3.3e18, rel=0.01
    )
    assert COST["epochs"](work) == pytest.approx(18.5, abs=0.1)
    assert COST["hours"](3600e12, 1) == 1


def test_the_page_shows_what_the_script_prints():
    page = (ROOT / "docs" / "scaling.md").read_text()
    assert COST["report"](base(), COST["Workload"]()) in page


# ------------------------------------------------------------------------------ files of arguments


def settings(name: str):
    return make_parser().parse_args(["train", f"@{ROOT / 'configs' / name}.args", *NEEDED])


def test_every_file_of_arguments_can_be_read():
    files = sorted(path.stem for path in (ROOT / "configs").glob("*.args"))
    assert files == ["course", "multi30k_tiny", "wmt14_base"]
    for name in files:
        Plan(**{field: getattr(settings(name), field) for field in Plan().__dict__})


def test_the_base_model_is_the_papers():
    given, model = settings("wmt14_base"), base()
    for name in ("N", "d_model", "d_ff", "h", "P_drop", "epsilon_ls", "vocabulary"):
        assert getattr(given, name) == getattr(model, name)
    assert (given.tokens, given.warmup_steps) == (COST["Workload"]().tokens, 4000)
    assert given.epochs == round(COST["epochs"](COST["Workload"]()) + 0.5)


def test_the_course_is_the_default():
    given, model = settings("course"), course()
    assert vars(given) == vars(make_parser().parse_args(["train", *NEEDED]))
    for name in ("N", "d_model", "d_ff", "h", "P_drop", "epsilon_ls", "vocabulary"):
        assert getattr(given, name) == getattr(model, name)


def test_the_tiny_model_has_the_published_learning_rate():
    given = settings("multi30k_tiny")
    peak = given.rate * learning_rate(given.warmup_steps, given.d_model, given.warmup_steps)
    assert peak == pytest.approx(5e-3, rel=0.001)
    assert (given.d_ff, given.tokens, given.vocabulary) == (256, 8192, 10_000)
    assert (given.P_drop, given.tokenize, given.average) == (0.3, "none", 10)
    assert (given.groups, given.clip) == (2, 25)
    updates_of_an_epoch = 63  # of the 28,995 pairs that are kept
    assert 7_900 < given.epochs * updates_of_an_epoch <= 8_000


def test_remarks_in_a_file_are_left_out(tmp_path):
    (tmp_path / "a.args").write_text("# --N 9\n--N 3  # --N 4\n\n--h 2 --d_ff 8\n")
    given = make_parser().parse_args(["train", f"@{tmp_path / 'a.args'}", *NEEDED])
    assert (given.N, given.h, given.d_ff) == (3, 2, 8)
