"""Explorers in Python: what they compute, refuse, and put out. The pictures are in tests/site."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import ipywidgets
import numpy as np
import pytest
from bs4 import BeautifulSoup
from hypothesis import given, settings
from hypothesis import strategies as st
from traitlets import TraitError

import attend
from attend_course.chapters.scaling import example as scaling
from attend_course.chapters.scaling.explorer import ScalingExplorer
from attend_course.kit.explorers import MIME, all_explorers
from attend_course.kit.explorers.bundle import CHAPTERS, STATIC, bundle, stylesheet
from attend_course.kit.explorers.drawing import number
from attend_course.kit.figures.style import STYLES, luminance, weight_colours

EXPLORERS = sorted(all_explorers())
STATES = [(name, state) for name in EXPLORERS for state in [{}, *all_explorers()[name].examples]]
HERE = Path(__file__).parents[1]


# All explorers


@pytest.mark.parametrize(("name", "state"), STATES)
def test_an_explorer_can_be_made_again_from_its_state_and_its_repr(name: str, state: dict) -> None:
    first = all_explorers()[name](**state)
    again = all_explorers()[name](**json.loads(json.dumps(first.state)))
    assert again.results == first.results
    assert eval(repr(first), dict(all_explorers())).results == first.results
    assert first.results["error"] is None


@pytest.mark.parametrize("name", EXPLORERS)
def test_what_a_notebook_stores_is_the_same_every_time(name: str) -> None:
    one, two = (all_explorers()[name]()._repr_mimebundle_()[0] for _ in range(2))
    view = "application/vnd.jupyter.widget-view+json"
    assert {view, "text/plain", "text/html", MIME} == set(one)
    assert {k: v for k, v in one.items() if k != view} == {
        k: v for k, v in two.items() if k != view
    }
    assert one[MIME] == {"module": name, "state": all_explorers()[name]().state}
    assert "0x" not in one["text/plain"]


@pytest.mark.parametrize("name", EXPLORERS)
def test_unknown_settings_and_functions_that_are_none_are_refused(name: str) -> None:
    with pytest.raises(TypeError, match="has no setting colour; it has"):
        all_explorers()[name](colour="red")
    with pytest.raises(TypeError, match="compute must be a function, got 3"):
        all_explorers()[name](compute=3)


@pytest.mark.parametrize("name", [n for n in EXPLORERS if all_explorers()[n].takes_function])
def test_a_function_that_raises_is_shown_and_loses_nothing(name: str) -> None:
    explorer = all_explorers()[name]()
    before = explorer.results

    def broken(*given: Any) -> None:
        raise RuntimeError("this is <b>wrong</b>")

    explorer._compute = broken
    explorer._update()
    assert explorer.results["error"] == "broken failed. RuntimeError: this is <b>wrong</b>"
    assert {**explorer.results, "error": None} == before


# The others take a model in place of a function, or nothing.
@pytest.mark.parametrize("name", [n for n in EXPLORERS if all_explorers()[n].takes_function])
def test_a_function_that_fails_at_once_leaves_the_picture_of_attend(name: str) -> None:
    kind = all_explorers()[name]
    explorer = kind(compute=lambda *given: None)
    assert "it returned nothing; is a return missing?" in explorer.results["error"]
    assert {**explorer.results, "error": None} == kind().results
    assert explorer.answered["by"] == "<lambda>"


def test_a_tensor_that_requires_a_gradient_is_read() -> None:
    torch = pytest.importorskip("torch")

    def soft(scores, scale, mask):
        return torch.tensor(scores * scale, requires_grad=True).softmax(-1)

    assert np.allclose(ScalingExplorer(compute=soft).weights, scaling.weights())


def spoil(value: Any) -> None:
    """Change the innermost list."""
    if isinstance(value[0], list):
        spoil(value[0])
    else:
        value[0] = 0 if value[0] != 0 else 1


@pytest.mark.parametrize("name", EXPLORERS)
def test_what_one_explorer_holds_no_other_shares(name: str) -> None:
    kind = all_explorers()[name]
    before = json.dumps([kind().state, kind().results])
    one = kind()
    given = [getattr(one, key) for key in kind.state_names()]
    for value in [*given, *one.state.values(), *one.results.values()]:
        if isinstance(value, list) and value:
            spoil(value)
    assert json.dumps([kind().state, kind().results]) == before


@pytest.mark.parametrize("name", EXPLORERS)
def test_results_say_which_settings_they_answer(name: str) -> None:
    explorer = all_explorers()[name]()
    for example in all_explorers()[name].examples:
        for key, value in example.items():
            if key not in ("words", "scores", "values", "products"):
                setattr(explorer, key, value)
    inputs = {key: explorer.state[key] for key in explorer.input_names()}
    assert explorer.answered == {"by": None, "inputs": inputs}


@pytest.mark.parametrize(("name", "state"), STATES)
def test_the_drawn_picture_holds_the_numbers(name: str, state: dict) -> None:
    explorer = all_explorers()[name](**state)
    page = BeautifulSoup(explorer.static_html(), "html.parser")
    maps = page.select("table.attend-map tbody tr")
    rows = maps or page.select("table.attend-lookup tbody tr")
    shown = [[cell.text for cell in row.select("td[style]")] for row in rows]
    if not maps:  # rows of weights, one beside the other
        shown = [list(row) for row in zip(*shown, strict=True)]
    assert shown == [[number(x) for x in row] for row in explorer.picture().values]
    assert page.select_one(".attend-summary").text == explorer.summary()
    assert "<b>bold" not in explorer.static_html()


@pytest.mark.parametrize("name", EXPLORERS)
def test_a_module_stands_alone_and_asks_for_nothing(name: str) -> None:
    text = bundle(all_explorers()[name].module)
    known = r"//www\.w3\.org/(2000/svg|1999/xhtml|1998/Math/MathML)"
    assert not re.search(rf"^\s*import\b|\bimport\(|https?:(?!{known})", text, re.M)
    assert len(re.findall(r"^export default ", text, re.M)) == 1


SOURCES = sorted([*STATIC.glob("*.js"), *CHAPTERS.glob("*/*.js")])


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_text_can_become_html(path: Path) -> None:
    banned = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc"
        r"|dangerouslySetInnerHTML"
    )
    assert not re.search(banned, re.sub(r"//.*", "", path.read_text(encoding="utf-8")))


# The style sheet


def variables(theme: str) -> dict[str, str]:
    """Read the colours of a theme from the style sheet."""
    light, dark, _ = palettes()
    return light if theme == "light" else dark


def palettes() -> list[dict[str, str]]:
    """Read the colours of each block that sets them."""
    blocks = re.findall(r"\{([^{}]*--low:[^{}]*)\}", stylesheet())
    return [dict(re.findall(r"--([\w-]+): ([^;]+);", block)) for block in blocks]


def test_a_dark_system_gets_the_colours_of_the_dark_theme() -> None:
    _, dark, system = palettes()
    assert system == dark


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_are_those_of_the_figures(theme: str) -> None:
    style, css = STYLES[theme], variables(theme)
    for name in ("ink", "muted", "line", "first", "second", "low", "high", "negative", "blocked"):
        assert css[name] == getattr(style, name), name


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("end", ["high", "negative"])
def test_numbers_can_be_read_on_every_colour(theme: str, end: str) -> None:
    css = variables(theme)
    for t in np.linspace(0, 1, 501):
        low, far = (np.array([int(css[n][i : i + 2], 16) for i in (1, 3, 5)]) for n in ("low", end))
        shade = luminance(tuple((low * (1 - t) + far * t) / 255))
        dark_text = (t <= float(css[f"turn-{end}"])) == (theme == "light")
        contrast = (shade + 0.05) / 0.05 if dark_text else 1.05 / (shade + 0.05)
        assert contrast >= 4.5, (t, contrast)


def test_the_ramp_has_two_ends_only() -> None:
    # The style sheet mixes two colours; the figures' ramp must be that mixture too.
    ramp = weight_colours(STYLES["light"])
    middle = (np.array(ramp(0.0)) + np.array(ramp(1.0))) / 2
    assert np.allclose(ramp(0.5), middle, atol=0.005)


# The cases of the browser's engine


def test_the_shared_cases_are_what_attend_computes() -> None:
    spec = importlib.util.spec_from_file_location("write_cases", HERE / "js" / "write_cases.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    stored = json.loads(script.FILE.read_text(encoding="utf-8"))
    # Through JSON, so that tuples and lists compare; the last digits differ between machines.
    fresh = json.loads(json.dumps(script.cases()))
    assert len(stored) == len(fresh) >= 200
    for one, other in zip(stored, fresh, strict=True):
        assert same(one, other), f"run tests/js/write_cases.py: {one['function']} changed"


def same(one: Any, other: Any) -> bool:
    """Compare nested lists and objects, numbers up to their last digits."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) or isinstance(other, float):
        return abs(one - other) <= 1e-9 * max(1, abs(one))
    return one == other


# The explorer of chapter 4


def test_it_shows_what_the_chapter_computes() -> None:
    explorer = ScalingExplorer()
    assert explorer.tokens == list(scaling.TOKENS)
    assert np.allclose(explorer.scores, scaling.raw_scores())
    assert np.allclose(explorer.scaled_scores, scaling.scaled_scores())
    assert np.allclose(explorer.weights, scaling.weights())
    assert np.allclose(explorer.row_sums, 1)
    assert explorer.results["spread"] == pytest.approx(scaling.spread())
    assert explorer.results["spreads"][6] == pytest.approx(scaling.spread(64))
    explorer.scaled = False
    assert np.allclose(explorer.weights, scaling.unscaled_weights())


def test_mask_temperature_and_overrides_reach_the_weights() -> None:
    explorer = ScalingExplorer(mask="causal", temperature=2.0, overrides=[[2, 0, 40.0]])
    expected = scaling.raw_scores()
    expected[2, 0] = 40
    scale = 1 / np.sqrt(64) / 2
    weights = attend.attention(expected, np.eye(7), np.eye(7), attend.causal_mask(7), scale=scale)[
        1
    ]
    assert np.allclose(explorer.weights, weights)
    assert explorer.weights[0].tolist() == [1, 0, 0, 0, 0, 0, 0]


def test_padding_fills_up_to_sixteen_words_and_gets_no_weight() -> None:
    explorer = ScalingExplorer(mask="padding")
    assert explorer.tokens[-2:] == ["<pad>", "<pad>"]
    assert explorer.weights.shape == (9, 9)
    assert not explorer.weights[:, -2:].any()
    explorer.sentence = " ".join("abcdefghijklmno")
    assert explorer.tokens[-2:] == ["o", "<pad>"]


def test_it_is_an_ipywidget_that_links_with_a_slider() -> None:
    slider, explorer = ipywidgets.IntSlider(value=8, min=1, max=512), ScalingExplorer()
    ipywidgets.link((slider, "value"), (explorer, "d_k"))
    slider.value = 128
    assert np.allclose(explorer.weights, scaling.weights(128))
    seen = []
    explorer.observe(lambda change: seen.append(change["new"]["d_k"]), names="results")
    explorer.d_k = 4
    assert (slider.value, seen) == (4, [4])


def test_a_choice_of_view_computes_nothing_anew() -> None:
    explorer = ScalingExplorer()
    explorer.observe(lambda change: pytest.fail("computed"), names="results")
    explorer.stage, explorer.cell, explorer.locked = "scores", [1, 1], True


def test_the_readers_function_computes_what_is_drawn() -> None:
    def maximum(scores, scale, mask):
        assert mask.dtype == bool
        assert scale == pytest.approx(1 / 8)
        return (scores == scores.max(axis=-1, keepdims=True)).astype(float)

    explorer = ScalingExplorer(compute=maximum, mask="causal")
    assert np.array_equal(explorer.weights.argmax(-1), scaling.raw_scores().argmax(-1))
    assert repr(explorer) == "ScalingExplorer(mask='causal', compute=maximum)"
    # A page cannot run it, so the notebook stores its picture only.
    assert MIME not in explorer._repr_mimebundle_()[0]
    assert "maximum gives" in explorer.static_html()


@pytest.mark.parametrize(
    ("compute", "message"),
    [
        (lambda s, scale, mask: s[0], r"it returned shape \(7,\), the scores have \(7, 7\)"),
        (lambda s, scale, mask: s * np.nan, "it returned numbers that are not finite"),
        (lambda s, scale, mask: None, "it returned nothing; is a return missing?"),
        (lambda s: s, "takes 1 positional argument but 3 were given"),
        (lambda s, scale, mask: "text", "could not convert string to float"),
    ],
)
def test_an_unfit_result_of_the_readers_function_is_named(compute, message: str) -> None:
    explorer = ScalingExplorer(compute=compute)
    assert re.search(message, explorer.results["error"])
    with pytest.raises(ValueError, match=r"there are no weights yet: <lambda> failed"):
        _ = explorer.weights
    assert "text/html" not in explorer._repr_mimebundle_()[0]


def test_the_readers_function_cannot_spoil_the_scores() -> None:
    def careless(scores, scale, mask):
        scores *= 0
        return np.full_like(scores, 1 / 7)

    assert np.allclose(ScalingExplorer(compute=careless).scores, scaling.raw_scores())


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"sentence": "word " * 17}, "sentence needs 1 to 16 words, got 17"),
        ({"sentence": " \t "}, "sentence needs 1 to 16 words, got 0"),
        ({"sentence": "a" * 101}, "a word has at most 100 characters, got 101"),
        ({"sentence": 7}, "sentence"),
        ({"d_k": 0}, "d_k must be 1 to 512, got 0"),
        ({"d_k": 513}, "d_k must be 1 to 512, got 513"),
        ({"d_k": 2.5}, "d_k"),
        ({"mask": "future"}, "mask must be one of none, causal, padding, got 'future'"),
        ({"temperature": 0}, "temperature must be 0.01 to 100"),
        ({"temperature": float("nan")}, "temperature must be 0.01 to 100"),
        ({"seed": -1}, "seed must be 0 to 999999999, got -1"),
        ({"stage": "values"}, "stage must be one of scores, scaled_scores, weights, got 'values'"),
        ({"cell": [0]}, r"cell is \[row, column\]"),
        ({"cell": [0, 16]}, r"cell is \[row, column\]"),
        ({"overrides": [[0, 1]]}, r"an override is \[row, column, score up to 1e6\], got \[0, 1\]"),
        ({"overrides": [[0, 1, float("inf")]]}, "an override is"),
        ({"overrides": [[0, 1, "9"]]}, "an override is"),
        ({"overrides": [5]}, "an override is"),
    ],
)
def test_bad_settings_are_refused_and_change_nothing(setting: dict, message: str) -> None:
    with pytest.raises(TraitError, match=message):
        ScalingExplorer(**setting)
    explorer = ScalingExplorer()
    before = explorer.results
    with pytest.raises(TraitError, match=message):
        explorer.set_trait(*next(iter(setting.items())))
    assert explorer.results == before


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_drawn_as_text_or_refused(text: str) -> None:
    try:
        explorer = ScalingExplorer(sentence=text)
    except TraitError:
        return
    page = BeautifulSoup(explorer.static_html(), "html.parser")
    names = [th.text for th in page.select("tbody th")]
    assert [repair(name) for name in names] == [repair(token) for token in explorer.tokens]
    explorer.close()


def repair(text: str) -> str:
    """Leave out what a parser of HTML may not pass on: control and unpaired characters."""
    return "".join(c for c in text if c.isprintable() and c.isascii())


@pytest.mark.parametrize(
    ("x", "text"),
    [(1.125, "1.13"), (-0.125, "−0.13"), (10.25, "10.3"), (100.5, "101"), (-0.004, "0.00")],
)
def test_ties_are_rounded_as_browsers_round_them(x: float, text: str) -> None:
    assert number(x) == text
