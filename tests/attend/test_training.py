"""Training: loss and schedule are the paper's, runs survive every death, errors are clear."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from same_runs import assert_same_run, history
from torch import Tensor

from attend.__main__ import main, make_parser
from attend.config import TransformerConfig, tiny
from attend.decoding.writing import greedy
from attend.models.torch_transformer import Transformer
from attend.text.corpus import EncodedPair, copy_task, pad, pad_batch, reverse_task
from attend.training import loss
from attend.training import run as training_run
from attend.training.checkpoints import average, epochs_of, read_tensors, write_tensors
from attend.training.examiner import Examiner
from attend.training.plan import describe
from attend.training.trainer import Plan, Trainer, fit, learning_rate, smoothed_loss

# Threads wait for each other on a busy machine, and these models are tiny.
torch.set_num_threads(1)

CONFIG = TransformerConfig(12, N=1, d_model=16, d_ff=24, h=2)
PLAN = Plan(epochs=2, tokens=128, warmup_steps=10, save_every=4, average=2)
PAIRS = copy_task(60, 6, 12)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


# -------------------------------------------------------------------------- schedule and loss


def test_the_learning_rate_is_equation_3():
    assert learning_rate(4000, 512) == pytest.approx(6.988e-4, abs=5e-8)
    assert learning_rate(1, 512) == pytest.approx(512**-0.5 * 4000**-1.5)
    assert learning_rate(16_000, 512) == pytest.approx(learning_rate(4000, 512) / 2)
    assert learning_rate(50, 64, 100) == pytest.approx(learning_rate(100, 64, 100) / 2)
    rates = [learning_rate(step, 512) for step in range(1, 9000)]
    assert max(rates) == rates[3999]


@pytest.mark.parametrize("wrong", [(0, 512, 4000), (1, 0, 4000), (1, 512, 0)])
def test_the_learning_rate_needs_positive_numbers(wrong):
    with pytest.raises(ValueError, match="learning_rate needs step, d_model and warmup_steps"):
        learning_rate(*wrong)


def case() -> tuple[Tensor, Tensor]:
    logits = torch.randn(3, 4, 7, dtype=torch.float64, requires_grad=True)
    return logits, torch.tensor([[1, 2, 6, 0], [3, 0, 0, 0], [4, 4, 1, 2]])


@pytest.mark.parametrize("epsilon_ls", [0.0, 0.1, 0.5, 1.0])
def test_the_loss_and_its_gradient_are_torchs(epsilon_ls):
    logits, target = case()
    ours = smoothed_loss(logits, target, epsilon_ls, pad=0)
    theirs = F.cross_entropy(
        logits.flatten(0, 1), target.flatten(), ignore_index=0, label_smoothing=epsilon_ls
    )
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)
    (a,), (b,) = (torch.autograd.grad(3 * loss, logits) for loss in (ours, theirs))
    torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


def test_the_loss_is_the_same_in_slices(monkeypatch):
    logits, target = case()
    whole = smoothed_loss(logits, target, 0.1, 0)
    monkeypatch.setitem(loss.CACHED, "cpu", 5 * logits.shape[-1])
    sliced = smoothed_loss(logits, target, 0.1, 0)
    torch.testing.assert_close(sliced, whole, rtol=0, atol=1e-14)
    (a,), (b,) = (torch.autograd.grad(x, logits) for x in (sliced, whole))
    torch.testing.assert_close(a, b, rtol=0, atol=1e-14)


def test_a_sure_model_has_a_finite_loss():
    logits = torch.tensor([[[0.0, 300.0, -300.0]]], requires_grad=True)
    assert smoothed_loss(logits, torch.tensor([[2]]), 0.0, 0).item() == 600


def test_the_written_gradient_is_that_of_the_loss():
    logits, target = case()
    assert torch.autograd.gradcheck(lambda x: smoothed_loss(x, target, 0.1, 0), logits)


@pytest.mark.parametrize("epsilon_ls", [0.0, 0.1, 1.0])
def test_what_has_no_share_in_the_loss_may_be_infinite(epsilon_ls):
    # One logit of a token that is not wanted is -inf; the logits of padding are nan.
    logits = torch.randn(1, 3, 5)
    if not epsilon_ls:
        logits[0, 0, 3] = -torch.inf
    ours, theirs = (logits.clone().requires_grad_() for _ in range(2))
    target = torch.tensor([[1, 2, 0]])
    expected = F.cross_entropy(
        theirs.flatten(0, 1), target[0], ignore_index=0, label_smoothing=epsilon_ls
    )
    expected.backward()
    with torch.no_grad():
        ours[0, 2] = torch.nan
    found = smoothed_loss(ours, target, epsilon_ls, 0)
    found.backward()
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(ours.grad, theirs.grad)


def test_the_losses_of_the_list_of_faults():
    logits = torch.zeros(1, 1, 5)
    assert smoothed_loss(logits, torch.tensor([[1]]), 0.0, 0).item() == pytest.approx(
        1.609, abs=1e-3
    )
    logits[0, 0, 3] = -torch.inf
    assert smoothed_loss(logits, torch.tensor([[1]]), 0.0, 0).item() == pytest.approx(
        1.386, abs=1e-3
    )


@pytest.mark.parametrize(
    ("logits", "epsilon_ls", "expected"),
    [([9.0, 0.0], 0.1, 0.4501), ([30.0, 0.0, 0.0], 0.001, 0.02)],
)
def test_the_loss_of_bfloat16_is_that_of_its_numbers_in_single(logits, epsilon_ls, expected):
    half = torch.tensor([[logits]]).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        found = smoothed_loss(half, torch.tensor([[0]]), epsilon_ls, 7)
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(expected, abs=1e-4)


def test_a_penalty_on_the_gradient_of_the_loss_is_refused():
    logits, target = case()
    loss_ = smoothed_loss(logits, target, 0.1, 0)
    with pytest.raises(RuntimeError, match="no gradient of its own; leave create_graph out"):
        torch.autograd.grad(loss_, logits, create_graph=True)


def test_the_loss_of_half_precision_is_computed_in_single():
    logits, target = case()
    half = logits.detach().bfloat16().requires_grad_()
    loss = smoothed_loss(half, target, 0.1, 0)
    assert loss.dtype == torch.float32
    loss.backward()
    assert half.grad.dtype == torch.bfloat16
    assert (half.grad[1, 1:] == 0).all()


def test_the_loss_refuses_what_does_not_fit():
    logits, target = case()
    with pytest.raises(ValueError, match=r"\(batch, n\); received logits \(3, 4, 7\), target"):
        smoothed_loss(logits, target[:, :3], 0.1, 0)
    with pytest.raises(ValueError, match=r"epsilon_ls is a share, from 0 to 1; received 1\.5"):
        smoothed_loss(logits, target, 1.5, 0)
    with pytest.raises(ValueError, match="every target token is padding"):
        smoothed_loss(logits, torch.zeros_like(target), 0.1, 0)


# ----------------------------------------------------------------------------------- the plan


@pytest.mark.parametrize(
    "name", ["epochs", "tokens", "warmup_steps", "save_every", "average", "groups", "pieces"]
)
def test_counts_of_a_plan_are_at_least_one(name):
    with pytest.raises(ValueError, match=f"{name} must be at least 1; received 0"):
        Plan(**{name: 0})


@pytest.mark.parametrize("name", ["rate", "clip"])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_factors_of_a_plan_are_positive(name, value):
    with pytest.raises(ValueError, match=f"{name} must be a number above 0"):
        Plan(**{name: value})


def test_other_fields_of_a_plan():
    with pytest.raises(ValueError, match="seed must be at least 0; received -1"):
        Plan(seed=-1)
    with pytest.raises(ValueError, match="precision is 'float32' or 'bfloat16'; received 'half'"):
        Plan(precision="half")


# ---------------------------------------------------------------------------------- the steps


def trainer(folder, plan=PLAN, config=CONFIG, pairs=PAIRS) -> Trainer:
    torch.manual_seed(plan.seed)
    return Trainer(Transformer(config), pairs, plan, folder)


def first_batch(run: Trainer):
    return [run.tensors(group) for group in next(run.order())]


def test_a_step_is_adam_with_the_papers_constants(tmp_path):
    run = trainer(tmp_path)
    group = run.optimizer.param_groups[0]
    assert (group["betas"], group["eps"], group["weight_decay"]) == ((0.9, 0.98), 1e-9, 0)
    run.learn(first_batch(run))
    assert group["lr"] == learning_rate(1, 16, 10)
    run.progress = run.progress._replace(step=29)
    run.set_rate()
    assert group["lr"] == learning_rate(30, 16, 10)


def test_the_gradient_is_clipped(tmp_path):
    norms = {}
    for clip in (0.05, 1e6):
        run = trainer(tmp_path / str(clip), replace(PLAN, clip=clip))
        run.model.eval()
        run.learn(first_batch(run))
        gradients = [p.grad.flatten() for p in run.model.parameters()]
        norms[clip] = torch.cat(gradients).norm().item()
    assert norms[0.05] == pytest.approx(0.05, rel=1e-3)
    assert norms[1e6] > 0.2


def test_the_loss_is_of_the_next_token(tmp_path):
    run = trainer(tmp_path)
    run.model.eval()
    ((source, target),) = first_batch(run)
    logits = run.model(source, target[:, :-1])
    expected = F.cross_entropy(
        logits.flatten(0, 1), target[:, 1:].flatten(), ignore_index=0, label_smoothing=0.1
    )
    torch.testing.assert_close(run.loss(source, target), expected)


def counting(predict, rows: list[int]):
    """Return the function, and let it note how many rows it reads."""

    def count(source, target):
        rows.append(len(source))
        return predict(source, target)

    return count


@pytest.mark.parametrize("pieces", [2, 3, 1000])
def test_a_batch_in_pieces_gives_the_same_step(tmp_path, pieces):
    runs = {n: trainer(tmp_path / str(n), replace(PLAN, pieces=n)) for n in (1, pieces)}
    losses, rows = {}, []
    for n, run in runs.items():
        run.model.double().eval()
        run.predict = counting(run.predict, rows)
        ((source, target),) = first_batch(run)
        # Rows that ask for other numbers of tokens: a plain mean of pieces would be another loss.
        target[: len(target) // 2, 3:] = 0
        losses[n] = run.learn([(source, target)])
    assert losses[pieces] == pytest.approx(losses[1], rel=0, abs=1e-12)
    one, other = (run.model.state_dict() for run in runs.values())
    for name in one:
        torch.testing.assert_close(other[name], one[name], rtol=0, atol=1e-12)
    assert rows[0] == len(source)
    assert sum(rows[1:]) == len(source)
    assert max(rows[1:]) <= -(-len(source) // pieces)


def test_a_batch_of_groups_gives_the_step_of_all_its_pairs(tmp_path):
    run = trainer(tmp_path / "groups", replace(PLAN, groups=3, pieces=2))
    one = trainer(tmp_path / "one")
    batch = next(run.order())
    pairs = [
        EncodedPair(source[source != 0].tolist(), target[target != 0].tolist()[1:-1])
        for group in batch
        for source, target in zip(*group, strict=True)
    ]
    lengths = {target.shape[1] for _, target in batch}
    assert len(batch) == 3
    assert len(lengths) > 1  # or the groups would be one
    for each in (run, one):
        each.model.double().eval()
    found = run.learn([run.tensors(group) for group in batch])
    wanted = one.learn([one.tensors(pad_batch(pairs))])
    assert found == pytest.approx(wanted, rel=0, abs=1e-12)
    for name, tensor in one.model.state_dict().items():
        torch.testing.assert_close(run.model.state_dict()[name], tensor, rtol=0, atol=1e-12)


@pytest.mark.parametrize("groups", [1, 2, 3])
def test_an_epoch_in_groups_sees_every_pair_once_within_the_budget(tmp_path, groups):
    run = trainer(tmp_path, replace(PLAN, groups=groups))
    order = list(run.order())
    assert {len(batch) for batch in order[:-1]} == {groups}
    assert 1 <= len(order[-1]) <= groups
    for batch in order:
        for sides in zip(*batch, strict=True):
            assert sum(side.size for side in sides) <= PLAN.tokens
    seen = [tuple(row[row != 0]) for batch in order for source, _ in batch for row in source]
    assert sorted(seen) == sorted(tuple(pair.source) for pair in PAIRS)


def test_half_precision_trains_single_precision_weights(tmp_path):
    run = trainer(tmp_path, replace(PLAN, precision="bfloat16", epochs=1))
    weights = fit(run)
    assert {x.dtype for x in weights.values()} == {torch.float32}
    assert all(x.isfinite().all() for x in weights.values())


def test_training_gone_astray_stops_with_a_reason(tmp_path):
    run = trainer(tmp_path)
    with torch.no_grad():
        run.model.embedding.fill_(float("nan"))
    with pytest.raises(FloatingPointError, match="the loss of step 1 is nan: training has gone"):
        list(run.epoch())


@pytest.mark.slow
@pytest.mark.parametrize("task", [copy_task, reverse_task])
def test_a_tiny_model_learns_a_toy_task(tmp_path, task):
    config = TransformerConfig(10, N=1, d_model=32, d_ff=64, h=2, P_drop=0.0, epsilon_ls=0.0)
    plan = Plan(epochs=20, tokens=256, warmup_steps=100, save_every=10_000)
    run = trainer(tmp_path, plan, config, task(2000, 5, 10))
    run.model.load_state_dict(fit(run))
    unseen = task(200, 5, 10, seed=9)
    found = greedy(run.model.eval(), torch.from_numpy(pad([pair.source for pair in unseen])))
    right = [tokens == list(pair.target) for tokens, pair in zip(found, unseen, strict=True)]
    assert sum(right) / len(right) > 0.97


# ------------------------------------------------------------------------------ going on again


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_killed_run_goes_on_as_if_nothing_had_been(tmp_path):
    script = Path(__file__).with_name("training_runs.py")
    subprocess.run([sys.executable, script, tmp_path], check=True, timeout=300)
    kills = json.loads((tmp_path / "kills.json").read_text())
    assert [record["epoch"] for record in history(tmp_path / "whole")] == [1, 2]
    assert kills.pop("any_time") >= 1
    assert kills == {"mid_epoch": 3, "write": 3, "replace": 3, "replaced": 3}
    for name in [*kills, "any_time"]:
        assert_same_run(tmp_path / name, tmp_path / "whole")
        assert not list((tmp_path / name).glob("*.tmp"))


class Break(Exception):  # noqa: N818
    """Stands for an interruption."""


def run_and_break(folder, at: int, plan=PLAN) -> None:
    """Train, and stop after a step without saving."""

    def watch(record):
        if record["step"] == at:
            raise Break

    with pytest.raises(Break):
        fit(trainer(folder, plan), watch)


@pytest.mark.parametrize("plan", [PLAN, replace(PLAN, groups=2)])
def test_a_broken_run_goes_on_as_if_nothing_had_been(tmp_path, plan):
    fit(trainer(tmp_path / "whole", plan))
    steps = trainer(tmp_path / "whole", plan).progress.step
    assert steps > 4
    for at in (2, 5, steps):
        run_and_break(tmp_path / "broken", at, plan)
    fit(trainer(tmp_path / "broken", plan))
    assert_same_run(tmp_path / "broken", tmp_path / "whole")


def test_the_history_has_each_epoch_once_with_the_loss_of_all_of_it(tmp_path):
    run, losses = trainer(tmp_path), []
    fit(run, lambda record: losses.append((record["loss"], record["tokens"])), lambda m: {"x": 1})
    records = history(tmp_path)
    assert [record["epoch"] for record in records] == [1, 2]
    assert all(record["x"] == 1 for record in records)
    half = losses[: len(losses) // 2]
    mean = sum(loss * tokens for loss, tokens in half) / sum(tokens for _, tokens in half)
    assert records[0]["loss"] == pytest.approx(mean)
    assert sum(tokens for _, tokens in half) == run.tokens_per_epoch


def test_more_epochs_may_be_added(tmp_path):
    fit(trainer(tmp_path / "long", replace(PLAN, epochs=3)))
    fit(trainer(tmp_path / "short"))
    fit(trainer(tmp_path / "short", replace(PLAN, epochs=3, save_every=7, average=1)))
    assert history(tmp_path / "short") == history(tmp_path / "long")
    assert trainer(tmp_path / "short").progress.epoch == 3


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"plan": replace(PLAN, rate=2.0)}, "rate was 1.0 and is 2.0"),
        ({"plan": replace(PLAN, seed=3)}, "seed was 1 and is 3"),
        ({"plan": replace(PLAN, groups=2)}, "groups was 1 and is 2"),
        ({"config": replace(CONFIG, d_ff=32)}, "d_ff was 24 and is 32"),
        ({"pairs": PAIRS[:50]}, "pairs was 60 and is 50"),
        ({"pairs": PAIRS[::-1]}, "digest was"),
    ],
)
def test_another_run_in_the_same_folder_is_refused(tmp_path, change, difference):
    trainer(tmp_path).save_checkpoint()
    with pytest.raises(ValueError, match=f"holds another run: .*{difference}.*another folder"):
        trainer(tmp_path, **change)


def test_a_checkpoint_of_the_first_version_is_read(tmp_path):
    run = trainer(tmp_path)
    list(run.epoch())
    tensors, _ = read_tensors(run.checkpoint)
    old = {"plan": run.run["plan"], "config": run.run["config"], "pairs": 60}
    write_tensors(run.checkpoint, tensors, {"progress": [3, 2, 14, 1.5], "run": old})
    assert trainer(tmp_path).progress[:4] == (3, 2, 14, 1.5)


def test_a_checkpoint_from_before_groups_had_one(tmp_path):
    run = trainer(tmp_path)
    run.run["plan"].pop("groups")
    run.save_checkpoint()
    assert trainer(tmp_path).progress.step == 0
    with pytest.raises(ValueError, match="holds another run: groups was 1 and is 2"):
        trainer(tmp_path, replace(PLAN, groups=2))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: content[:-100], "cut off or damaged"),
        (lambda content: content[:20], "cut off or damaged"),
        (lambda content: b"", "cut off or damaged"),
        (lambda content: content[:-9] + bytes([content[-9] ^ 1]) + content[-8:], "checksum"),
    ],
)
def test_a_damaged_checkpoint_is_refused(tmp_path, damage, message):
    run = trainer(tmp_path)
    run.save_checkpoint()
    run.checkpoint.write_bytes(damage(run.checkpoint.read_bytes()))
    with pytest.raises(ValueError, match=rf"checkpoint\.safetensors .*{message}"):
        trainer(tmp_path)


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path):
    write_tensors(tmp_path / "checkpoint.safetensors", {"x": torch.ones(2)}, {})
    with pytest.raises(ValueError, match="is not the checkpoint of a training run"):
        trainer(tmp_path)


# ------------------------------------------------------------------------------------- average


def test_average_is_the_mean(tmp_path):
    paths = []
    for number in (1.0, 2.0, 6.0):
        paths.append(tmp_path / f"{number}.safetensors")
        write_tensors(paths[-1], {"x": torch.full((2,), number), "y": -torch.ones(1)}, {})
    found = average(paths)
    assert found["x"].tolist() == [3, 3]
    assert found["y"].tolist() == [-1]
    assert found["x"].dtype == torch.float32


def test_fit_averages_the_last_epochs(tmp_path):
    weights = fit(trainer(tmp_path, replace(PLAN, epochs=3)))
    two = average([tmp_path / "epoch-002.safetensors", tmp_path / "epoch-003.safetensors"])
    assert all(torch.equal(weights[name], two[name]) for name in two)


def test_average_needs_files_of_one_model(tmp_path):
    with pytest.raises(ValueError, match="no checkpoint to average; train for at least one epoch"):
        average([])
    a, b = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    write_tensors(a, {"x": torch.ones(2)}, {})
    write_tensors(b, {"x": torch.ones(3)}, {})
    with pytest.raises(ValueError, match="holds the weights of another model"):
        average([a, b])


# ------------------------------------------------------------------- pairs that cannot be learned


def test_pairs_must_fit_the_model():
    with pytest.raises(ValueError, match="there are no sentence pairs to train on"):
        describe(CONFIG, [], PLAN)
    with pytest.raises(ValueError, match="a sentence pair has an empty source"):
        describe(CONFIG, [EncodedPair([], [3])], PLAN)
    with pytest.raises(ValueError, match=r"knows tokens from 0 to 11, and the pairs have .* to 12"):
        describe(CONFIG, [EncodedPair([3, 12], [3])], PLAN)
    with pytest.raises(ValueError, match="batches are made with pad=0, start=1, end=2"):
        describe(replace(CONFIG, pad=2, end=0), PAIRS, PLAN)


def test_an_examination_needs_pairs():
    with pytest.raises(ValueError, match="an examination needs at least one pair"):
        Examiner([], None)


# ------------------------------------------------------------------------------- the command


WORDS = ["red", "blue", "green", "old", "new", "big", "small", "house", "tree", "car", "dog"]


@pytest.fixture
def corpus(tmp_path):
    """Two hundred made-up pairs: short sentences, and the same words backwards."""
    path = tmp_path / "pairs.tsv"
    sentences = [f"{a} {b} {c}" for a in WORDS[:7] for b in WORDS[3:8] for c in WORDS[5:]][:200]
    lines = [f"{s}\t{' '.join(s.split()[::-1])} {i}" for i, s in enumerate(sentences)]
    path.write_text("\n".join(lines) + "\n")
    return path


def options(corpus, folder, **changes) -> list[str]:
    given = {
        "pairs": corpus,
        "folder": folder,
        "held-out": 10,
        "vocabulary": 300,
        "epochs": 2,
        "tokens": 400,
        "device": "cpu",
        "threads": 1,
        "N": 1,
        "d_model": 8,
        "d_ff": 8,
        "h": 2,
    } | changes
    words = [word for name, value in given.items() for word in (f"--{name}", str(value))]
    return ["train", *words]


def train(*given, **changes) -> None:
    assert main(options(*given, **changes)) == 0


def fail(capsys, arguments) -> str:
    """Run the command; it must fail with one sentence and exit code 2. Return the sentence."""
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("attend train: ")
    assert error.count("\n") == 1
    return error


def test_the_command_trains_and_says_how_fast(capsys, tmp_path, corpus):
    train(corpus, tmp_path / "run")
    said = capsys.readouterr()
    assert "tok/s" in said.err
    assert "epoch=2, loss=" in said.err
    assert "The averaged weights are in" in said.out
    records = history(tmp_path / "run")
    assert {"epoch", "step", "loss", "validation_loss", "validation_bleu"} == records[0].keys()
    weights, about = read_tensors(tmp_path / "run" / "average.safetensors")
    assert about["progress"][0] == 2
    model = Transformer(TransformerConfig.from_dict(about["run"]["config"]))
    model.load_state_dict(weights)
    assert (tmp_path / "run" / "tokenizer.json").exists()


def test_mistakes_get_one_sentence(capsys, tmp_path, corpus):
    folder = tmp_path / "run"
    assert "nowhere.tsv: No such file" in fail(capsys, options(tmp_path / "nowhere.tsv", folder))
    prose, empty = tmp_path / "prose.tsv", tmp_path / "empty.tsv"
    prose.write_text("This is no pair.\n")
    empty.write_text("")
    assert "found no tab" in fail(capsys, options(prose, folder))
    assert "no sentence pairs in" in fail(capsys, options(empty, folder))
    assert "cannot hold out" in fail(capsys, options(corpus, folder, **{"held-out": 5000}))
    assert "there is no device 'abacus'" in fail(capsys, options(corpus, folder, device="abacus"))
    assert "threads must be at least 1" in fail(capsys, options(corpus, folder, threads=0))
    assert "epochs must be at least 1" in fail(capsys, options(corpus, folder, epochs=0))
    assert "does not split into h=3" in fail(capsys, options(corpus, folder, h=3))
    assert "at least one pair" in fail(capsys, options(corpus, folder, **{"held-out": 0}))


def test_a_folder_with_another_run_gets_one_sentence(capsys, tmp_path, corpus):
    folder = tmp_path / "run"
    train(corpus, folder, epochs=1)
    capsys.readouterr()
    assert "holds another run: d_ff was 8" in fail(capsys, options(corpus, folder, d_ff=16))
    assert "its tokenizer has" in fail(capsys, options(corpus, folder, vocabulary=290))
    (folder / "checkpoint.safetensors").write_bytes(b"no")
    assert "cut off or damaged" in fail(capsys, options(corpus, folder))


def test_a_run_may_begin_with_an_earlier_one(capsys, tmp_path, corpus):
    first, second = tmp_path / "first", tmp_path / "second"
    train(corpus, first, average=2)
    tiny_step = {"begin-with": first, "epochs": 1, "average": 2, "rate": 1e-9}
    train(corpus, second, **tiny_step)
    began, _ = read_tensors(first / "average.safetensors")
    ended, _ = read_tensors(second / "average.safetensors")
    assert all(torch.allclose(began[name], ended[name], atol=1e-6) for name in began)
    assert (first / "tokenizer.json").read_bytes() == (second / "tokenizer.json").read_bytes()
    capsys.readouterr()
    other = options(corpus, tmp_path / "third", d_ff=16, **{"begin-with": first})
    assert "holds a model of other sizes: size mismatch" in fail(capsys, other)
    nothing = options(corpus, tmp_path / "fourth", **{"begin-with": tmp_path / "nowhere"})
    assert "nowhere/tokenizer.json: No such file" in fail(capsys, nothing)


def prepared(arguments):
    return training_run.prepare(make_parser().parse_args(arguments))


def test_further_pairs_are_trained_on_and_never_held_out(tmp_path, corpus):
    path = tmp_path / "own.tsv"
    path.write_text("a pink moon\tmoon pink a\na grey sea\tsea grey a\n")
    arguments = options(corpus, tmp_path / "run", add=path, **{"add-times": 3})
    plain, _ = prepared(options(corpus, tmp_path / "plain"))
    trainer, examiner = prepared(arguments)
    assert len(trainer.pairs) == len(plain.pairs) + 2 * 3
    assert not any("pink" in pair.source or "grey" in pair.source for pair in examiner.pairs)
    assert training_run.further_pairs(None, 5) == []


def test_sentences_can_be_kept_out(tmp_path, corpus):
    first = corpus.read_text().splitlines()[:3]
    (tmp_path / "own.tsv").write_text("\n".join(first) + "\n")
    pairs, _ = training_run.load_pairs(corpus)
    kept = training_run.keep_out(pairs, tmp_path / "own.tsv")
    assert len(pairs) - len(kept) == 3
    assert not {line.split("\t")[0] for line in first} & {pair.source for pair in kept}


def test_ctrl_c_saves_and_the_same_command_goes_on(capsys, tmp_path, corpus, monkeypatch):
    before = signal.getsignal(signal.SIGINT)
    train(corpus, tmp_path / "whole")
    learn, calls = Trainer.learn, []

    def interrupted(self, batch):
        calls.append(1)
        if len(calls) == 3:
            signal.raise_signal(signal.SIGINT)
        return learn(self, batch)

    monkeypatch.setattr(Trainer, "learn", interrupted)
    assert main(options(corpus, tmp_path / "broken")) == 130
    said = capsys.readouterr().out
    assert "Stopped after step 3. The same command goes on from" in said
    assert signal.getsignal(signal.SIGINT) is before
    train(corpus, tmp_path / "broken")
    assert_same_run(tmp_path / "broken", tmp_path / "whole")


def test_a_second_ctrl_c_stops_at_once_and_saves_no_half_step(
    capsys, tmp_path, corpus, monkeypatch
):
    def interrupted(self, batch):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Trainer, "learn", interrupted)
    assert main(options(corpus, tmp_path / "broken")) == 130
    assert "Stopped at once. There is no checkpoint yet" in capsys.readouterr().out
    assert not (tmp_path / "broken" / "checkpoint.safetensors").exists()


def test_the_module_runs_as_a_command(tmp_path):
    command = [sys.executable, "-m", "attend", "train", "--pairs", "nowhere.tsv", "--folder", "x"]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert run.returncode == 2
    assert run.stderr == "attend train: nowhere.tsv: No such file or directory\n"


def test_tiny_presets_train(tmp_path):
    run = trainer(tmp_path, replace(PLAN, epochs=1), tiny(12))
    assert fit(run).keys() == run.model.state_dict().keys()


def test_a_run_removes_only_what_it_wrote(tmp_path):
    ours = [
        "checkpoint.safetensors.123.tmp", "epoch-002.safetensors.7.tmp", "history.jsonl.1.tmp",
        "tokenizer.json.12.tmp", "average.safetensors.3.tmp",
    ]  # fmt: skip
    readers = ["thesis.tmp", "thesis.123.tmp", "checkpoint.safetensors.tmp", "epoch-x.safetensors"]
    for name in ours + readers:
        (tmp_path / name).write_text("mine")
    trainer(tmp_path, PLAN)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(readers)


def test_only_the_epochs_of_a_run_are_averaged(tmp_path):
    for name in ("epoch-002", "epoch-010", "epoch-best", "epoch-1000"):
        (tmp_path / f"{name}.safetensors").touch()
    found = [path.stem for path in epochs_of(tmp_path)]
    assert found == ["epoch-002", "epoch-010", "epoch-1000"]


# --------------------------------------------------------------------------------------- leaks


def test_pairs_held_out_that_are_trained_on_are_counted(capsys, tmp_path, corpus):
    prepared(options(corpus, tmp_path / "clean"))
    assert "trained on" not in capsys.readouterr().err
    prepared(options(corpus, tmp_path / "same", validate=corpus))
    assert "200 of 200 pairs held out have a sentence that is trained on" in capsys.readouterr().err
    prepared(options(corpus, tmp_path / "add", add=corpus))
    assert "20 of 20 pairs held out have a sentence" in capsys.readouterr().err
    prepared(options(corpus, tmp_path / "stream", validate=corpus, stream=50))
    assert "200 of 200 pairs held out" in capsys.readouterr().err


def test_what_is_kept_out_is_kept_out_of_further_pairs_too(tmp_path, corpus):
    few = tmp_path / "few.tsv"
    few.write_text("".join(corpus.read_text().splitlines(keepends=True)[:3]))
    given = {"add": few, "without": few}
    run, _ = prepared(options(corpus, tmp_path / "run", **given))
    assert len(run.pairs) <= 200 - 20
    plain, _ = prepared(options(corpus, tmp_path / "plain", add=few))
    assert len(plain.pairs) > len(run.pairs)
