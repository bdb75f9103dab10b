"""Figures: what the cells show is what attend computes, and every drawing can be read."""

import re
import xml.etree.ElementTree as ElementTree
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from attend_course.chapters.measured import figures as measured
from attend_course.chapters.scaling import example as scaling
from attend_course.chapters.scaling import saturation
from attend_course.kit.figures import (
    STYLES,
    Style,
    draw,
    figure,
    find,
    heatmap,
    names,
    read_cells,
    registry,
)
from attend_course.kit.figures.style import contrast, expected_colours, label, readable_on

# The reports of the benchmarks become figures when their folder is read.
measured.register(Path(__file__).resolve().parents[2] / "benchmarks")
ALL = names()
LIGHT = STYLES["light"]
PAPER = {"light": "#ffffff", "dark": "#121212"}


@cache
def drawn_and_written(name: str, style: str) -> tuple[Figure, str]:
    """Draw once for all tests; the file is written before anybody looks at the figure."""
    with matplotlib.rc_context(STYLES[style].rc()):
        picture = find(name)(STYLES[style])
        return picture, registry._svg(picture)


def drawn(name: str, style: str) -> Figure:
    return drawn_and_written(name, style)[0]


def texts(picture: Figure) -> list[Text]:
    return [text for text in picture.findobj(Text) if text.get_text().strip()]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", ALL)
class TestEveryFigure:
    @pytest.mark.slow
    def test_two_drawings_are_the_same_bytes(self, name, style):
        first, second = draw(name, style), drawn_and_written(name, style)[1]
        assert first.svg == second
        assert "<dc:date>" not in first.svg
        assert first.file_name.endswith(".svg")

    def test_its_text_is_text_and_large_enough_on_a_telephone(self, name, style):
        picture = drawn(name, style)
        sizes = [text.get_fontsize() for text in texts(picture) if text.get_visible()]
        assert min(sizes) >= 8
        svg = ElementTree.fromstring(drawn_and_written(name, style)[1])
        written = {
            "".join(node.itertext()) for node in svg.iter("{http://www.w3.org/2000/svg}text")
        }
        assert written
        assert not svg.findall(".//{http://www.w3.org/2000/svg}image")

    def test_nothing_is_cut_off(self, name, style):
        picture = drawn(name, style)
        picture.draw_without_rendering()
        box, (width, height) = picture.get_tightbbox(), picture.get_size_inches()
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= width
        assert box.y1 <= height

    def test_its_words_stand_out_from_the_page(self, name, style):
        paper = PAPER[style.split("-")[0]]
        for text in texts(drawn(name, style)):
            if "number" not in (text.get_gid() or ""):
                assert contrast(text.get_color(), paper) >= 4.5, text


@pytest.mark.parametrize("name", ALL)
def test_light_and_dark_say_the_same(name):
    for width in ("", "-narrow"):
        light, dark = (drawn(name, f"{theme}{width}") for theme in ("light", "dark"))
        assert [t.get_text() for t in texts(light)] == [t.get_text() for t in texts(dark)]


CELLS = [
    ("scaling.three_steps", "scores", scaling.raw_scores, 0),
    ("scaling.three_steps", "scaled", scaling.scaled_scores, 1),
    ("scaling.three_steps", "weights", scaling.weights, 2),
    ("scaling.saturation_at_512", "without", lambda: scaling.unscaled_weights(512), 2),
    ("scaling.saturation_at_512", "scaled", lambda: scaling.weights(512), 2),
    ("scaling.masks", "before", saturation.masked_before, 2),
    ("scaling.masks", "after", saturation.masked_after, 2),
]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(("name", "cells", "matrix", "digits"), CELLS)
def test_cells_show_what_attend_computes(name, cells, matrix, digits, style):
    numbers, colours = read_cells(drawn(name, style), cells)
    np.testing.assert_allclose(numbers, matrix(), atol=0.5000001 * 10.0**-digits)
    hidden = ~saturation.allowed() if name == "scaling.masks" else None
    expected = expected_colours(matrix(), STYLES[style], blocked=hidden)
    np.testing.assert_allclose(colours, expected, atol=1e-9)


@pytest.mark.parametrize("style", ["light", "dark"])
def test_a_higher_weight_has_a_deeper_colour(style):
    numbers, colours = read_cells(drawn("scaling.saturation_at_512", style), "scaled")
    low, high = (
        np.array(matplotlib.colors.to_rgb(getattr(STYLES[style], end))) for end in ("low", "high")
    )
    depth = (colours - low) @ (high - low)
    order = np.argsort(scaling.weights(512).ravel())
    assert (np.diff(depth.ravel()[order]) >= -1e-9).all()
    assert numbers.shape == (7, 7)


def test_rows_of_masked_weights_carry_their_sums():
    picture = drawn("scaling.masks", "light")
    for name, matrix in (
        ("before", saturation.masked_before()),
        ("after", saturation.masked_after()),
    ):
        shown = {
            t.get_gid(): float(t.get_text())
            for t in picture.findobj(Text)
            if t.get_gid() and t.get_gid().startswith(f"{name}-sum")
        }
        expected = matrix.sum(axis=-1)
        np.testing.assert_allclose(
            [shown[f"{name}-sum-{i}"] for i in range(7)], expected, atol=0.0051
        )


def test_curves_are_measurements():
    (points,) = drawn("scaling.scores_grow", "light").findobj(
        lambda a: a.get_gid() == "spread-points"
    )
    assert list(points.get_ydata()) == [saturation.spread(d_k) for d_k in saturation.WIDTHS]
    slopes = drawn("scaling.slope", "dark")
    for name, scale in (("bare", 1.0), ("scaled", None)):
        (line,) = slopes.findobj(lambda a, name=name: a.get_gid() == f"slope-{name}")
        expected = [saturation.median_slope(d_k, scale) for d_k in saturation.WIDTHS]
        assert list(line.get_ydata()) == expected


@pytest.mark.parametrize("value", [0.25, 1.0, 4.0])
def test_bars_are_weights(value):
    picture = drawn("scaling.temperature", "light")
    expected = saturation.at_temperature(value)[scaling.TOKENS.index("on")]
    for number, weight in enumerate(expected):
        (bar,) = picture.findobj(lambda a, n=number: a.get_gid() == f"bar-{value:g}-{n}")
        assert bar.get_height() == pytest.approx(weight)


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES)
def test_numbers_can_be_read_on_their_cells(style):
    for share in np.linspace(0, 1, 101):
        (colour,) = expected_colours(np.array([[share]]), style)[0]
        assert contrast(readable_on(tuple(colour)), tuple(colour)) >= 4.5


def test_a_heat_map_names_its_axes():
    _, (ax,) = LIGHT.panels(1)
    heatmap(ax, np.array([[0.25, 0.75]]), LIGHT, tokens=(["here"], ["a", "b"]))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("keys", "queries")
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["a", "b"]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["here"]


def test_a_heat_map_refuses_names_that_do_not_fit():
    _, (ax,) = LIGHT.panels(1)
    with pytest.raises(ValueError, match=r"shape \(2, 2\), but there are 3 row names"):
        heatmap(ax, np.eye(2), LIGHT, tokens=["a", "b", "c"])


def test_a_blocked_score_is_grey_and_reads_as_minus_infinity():
    picture, (ax,) = LIGHT.panels(1)
    heatmap(ax, np.array([[2.0, -np.inf]]), LIGHT, tokens=(["q"], ["a", "b"]), name="s")
    numbers, colours = read_cells(picture, "s")
    assert numbers[0, 1] == -np.inf
    np.testing.assert_allclose(colours[0, 1], matplotlib.colors.to_rgb(LIGHT.blocked))


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [
        (0.25, 2, ".25"),
        (1.0, 2, "1.00"),
        (-0.3, 1, "−.3"),
        (-12.4, 0, "−12"),
        (-0.04, 1, ".0"),
        (0.999, 2, "1.00"),
        (-np.inf, 2, "−∞"),
        (0.2, 0, "0"),
    ],
)
def test_labels(value, digits, shown):
    assert label(value, digits) == shown


def test_an_unknown_figure_is_named_with_those_there_are():
    with pytest.raises(ValueError, match=r"no figure is called 'scaling\.nothing'.*scaling\.slope"):
        find("scaling.nothing")
    with pytest.raises(ValueError, match="no figure is called 'nowhere'"):
        find("nowhere")


def test_an_import_that_fails_inside_a_chapter_is_not_hidden(monkeypatch):
    def missing(path):
        raise ModuleNotFoundError("No module named 'not_there'", name="not_there")

    monkeypatch.setattr("importlib.import_module", missing)
    with pytest.raises(ModuleNotFoundError, match="not_there"):
        find("chapter.figure")


def test_a_notebook_gets_paper_under_the_picture():
    svg = draw("scaling.masks")._repr_svg_()
    assert re.search(r"<svg[^>]*><rect [^>]*fill=\"#ffffff\"", svg)


def test_registering_a_figure_gives_it_the_name_of_its_chapter():
    @figure
    def example(style: Style) -> Figure:
        return Figure()

    assert find(f"{__name__.split('.')[-2]}.example") is example
