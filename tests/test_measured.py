"""The tables of measurements show what the benchmarks wrote, and nothing else."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import matplotlib
import pytest

from attend_course.chapters.measured import figures
from attend_course.kit.figures import STYLES, draw, find
from attend_course.site import measured

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
figures.register(BENCHMARKS)
SPREAD = {"median": 4321.4, "lower quartile": 4300.0, "upper quartile": 4350.6}


def test_a_median_is_shown_with_its_quartiles() -> None:
    assert measured.shown(SPREAD) == "4,321 (4,300 to 4,351)"


def test_small_numbers_keep_three_digits() -> None:
    shown = [measured.number(x) for x in (0.12345, 2.0, 41.02, 100.4)]
    assert shown == ["0.123", "2.00", "41.0", "100"]


def test_what_is_no_summary_is_shown_as_it_stands() -> None:
    assert [measured.shown(x) for x in (41.02, 37.4, 2_568_192)] == ["41.02", "37.4", "2,568,192"]


def test_ninety_five_of_a_hundred_are_shown_where_they_were_measured() -> None:
    assert (
        measured.shown({"least": 1, "median": 2.25, "p95": 3.28})
        == "2.25 (95\N{NO-BREAK SPACE}%: 3.28)"
    )


def test_a_table_has_a_row_for_each_engine_and_leaves_out_what_is_no_summary() -> None:
    results = {
        "a": {"speed": SPREAD, "share": 0.5, "counts": {"1": 3}},
        "b": {"speed": SPREAD, "share": 0.25, "counts": {"1": 4}},
    }
    heads, rows = measured.summary_table(results)
    assert heads == ("", "speed", "share")
    assert rows == [
        ("a", "4,321 (4,300 to 4,351)", "0.5"),
        ("b", "4,321 (4,300 to 4,351)", "0.25"),
    ]


@pytest.mark.parametrize("path", sorted(BENCHMARKS.glob("*.json")), ids=lambda path: path.stem)
def test_every_report_names_no_machine_and_can_be_run_again(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    report = json.loads(text)
    assert "machine" in report
    for private in ("/root", "/home", "/work", "/tmp"):
        assert private not in text
    if "command" in report:
        script = report["command"].split()[1]
        assert (BENCHMARKS.parent / script).is_file()


# ---------------------------------------------------------------------------------------- figures


def report(name: str) -> dict:
    return json.loads((BENCHMARKS / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("name", "entry"),
    [("training", "results"), ("decoding", "speeds"), ("laboratory", "milliseconds")],
    ids=["training", "decoding", "laboratory"],
)
@pytest.mark.parametrize("style", ["light", "dark-narrow"])
def test_bars_are_medians_and_bear_their_numbers(name: str, entry: str, style: str) -> None:
    results = report(name)[entry]
    picture = find(f"measured.{name}")(STYLES[style])
    for ax, quantity in zip(picture.axes, next(iter(results.values())), strict=True):
        medians = [of[quantity]["median"] for of in results.values()]
        bars = [bar.get_width() for bar in ax.patches]
        assert bars == medians
        written = {text.get_text() for text in ax.texts}
        assert {figures.shown(middle) for middle in medians} <= written
        places = written | {label.get_text() for label in ax.get_yticklabels()}
        assert set(results) <= places


def test_a_short_time_keeps_a_decimal() -> None:
    assert [figures.shown(x) for x in (6.34, 99.94, 100.4, 4321.4)] == [
        "6.3",
        "99.9",
        "100",
        "4,321",
    ]


def test_the_engine_travels_light() -> None:
    sent = report("laboratory")["bytes"]
    assert 100 * sent["attend"]["scripts"] < sent["onnxruntime-web"]["scripts"]
    assert 3 * sent["attend"]["all"] < sent["onnxruntime-web"]["all"]


def test_curves_of_attention_are_its_medians_and_its_memory() -> None:
    known = report("attention")
    axes = find("measured.attention")(STYLES["light"]).axes
    for place, mask in enumerate(("no mask", "causal mask")):
        for ax, entry in zip(
            axes[2 * place : 2 * place + 2],
            ("seconds of a call", "growth of the largest resident size in bytes"),
            strict=True,
        ):
            for line, engine in zip(ax.lines, figures.NAMES, strict=False):
                shown = dict(zip(line.get_xdata(), line.get_ydata(), strict=True))
                of = known[entry][engine]
                values = {n: of[f"n={n}, {mask}"] for n in shown}
                if entry.startswith("seconds"):
                    assert shown == {n: value["median"] for n, value in values.items()}
                    assert len(shown) >= 8
                else:
                    assert shown == {n: value / 2**20 for n, value in values.items()}


def test_the_published_figure_and_ours_stand_in_the_picture() -> None:
    known = report("multi30k")
    ax = find("measured.multi30k")(STYLES["light"]).axes[0]
    curve, published, ours = ax.lines
    assert list(curve.get_ydata()) == [record["validation_bleu"] for record in known["history"]]
    assert set(published.get_ydata()) == {known["compared"]["published"]["BLEU"]}
    assert list(ours.get_ydata()) == [known["compared"]["attend"]["BLEU"]]


@pytest.mark.parametrize("style", ["light", "dark-narrow"])
@pytest.mark.parametrize("name", ["multi30k", "explorer_update"])
def test_words_in_a_picture_do_not_overlap(name: str, style: str) -> None:
    with matplotlib.rc_context(STYLES[style].rc()):
        picture = find(f"measured.{name}")(STYLES[style])
    picture.draw_without_rendering()
    boxes = [text.get_window_extent() for text in picture.axes[0].texts]
    assert len(boxes) == 3
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))


@pytest.mark.parametrize("style", ["light", "dark-narrow"])
def test_no_words_lie_on_the_curve_of_multi30k(style: str) -> None:
    with matplotlib.rc_context(STYLES[style].rc()):
        picture = find("measured.multi30k")(STYLES[style])
    picture.draw_without_rendering()
    ax = picture.axes[0]
    curve = ax.transData.transform_path(ax.lines[0].get_path())
    assert not any(curve.intersects_bbox(t.get_window_extent(), filled=False) for t in ax.texts)


def test_bars_of_the_explorer_are_medians_within_a_frame() -> None:
    times = report("explorer_update")["milliseconds"]
    ax = find("measured.explorer_update")(STYLES["light"]).axes[0]
    assert set(figures.CONTROLS) == set(times)
    widths = [bar.get_width() for bar in ax.patches]
    both, update = widths[::2], widths[1::2]
    assert both == [times[control]["both, processor"]["median"] for control in figures.CONTROLS]
    assert update == [times[control]["update, processor"]["median"] for control in figures.CONTROLS]
    frame = ax.lines[-1].get_xdata()
    assert list(frame) == [1000 / 60] * 2
    assert max(both) < frame[0]


def test_names_of_curves_do_not_touch() -> None:
    assert figures.apart([0.1, 0.11, 0.5], 0.1, 1.0) == pytest.approx([0.07, 0.17, 0.47])
    assert figures.apart([0.9, 0.9], 0.1, 0.95) == pytest.approx([0.85, 0.95])


@pytest.mark.parametrize("path", sorted(BENCHMARKS.glob("*.svg")), ids=lambda path: path.stem)
def test_the_pictures_beside_the_reports_are_their_drawings(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == draw(f"measured.{path.stem}")._repr_svg_()
