"""The explorer of chapter 4: what is drawn, and what a reader does with it."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from playwright.sync_api import Page

import attend
from attend_course.chapters.scaling import example as scaling
from attend_course.chapters.scaling.explorer import ScalingExplorer
from attend_course.kit.explorers.bundle import stylesheet
from attend_course.kit.figures.style import STYLES, score_colours, weight_colours

from .workbench import Bench, model, number, put

TOKENS = list(scaling.TOKENS)
NASTY = {
    "markup": '<img src=x onerror="window.hurt=1"> <script>window.hurt=1</script> <b>b</b>',
    "quotes": "\" ' ` &quot; ' onmouseover='window.hurt=1' \\ ${window.hurt=1}",
    "long": "a" * 10_000,
    "many": "ab " * 3_334,
    "emoji": "👩‍👩‍👧‍👦 🌧️ 🇩🇪 é́́",
    "right-to-left": "שלום עולם \u202emirror\u202c مرحبا",
    "controls": "tab\tnew\u2028line\u0085end\u0000nul",
}


def cells(page: Page) -> np.ndarray:
    """Read the numbers of the large map."""
    rows = page.locator(".attend-map tbody tr").all()
    return np.array(
        [[number(t) for t in row.locator("td[role]").all_inner_texts()] for row in rows]
    )


def colours(page: Page, part: str, attribute: str) -> np.ndarray:
    """Read the colours a browser has worked out for cells, as three numbers from 0 to 1."""
    texts = page.eval_on_selector_all(
        part, f"(nodes) => nodes.map((node) => getComputedStyle(node).{attribute})"
    )
    return np.array([colour(text) for text in texts])


def pixels(page: Page, stage: str) -> np.ndarray:
    """Read the colours of a small map, which is a canvas with a pixel for each cell."""
    data = page.locator(f"canvas[data-stage={stage}]").evaluate(
        "(c) => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
    )
    return np.reshape(data, (-1, 4))[:, :3] / 255


def colour(text: str) -> list[float]:
    parts = [float(x) for x in re.findall(r"-?[\d.]+(?:e-?\d+)?", text.replace("srgb", ""))][:3]
    return parts if text.startswith("color(") else [part / 255 for part in parts]


def near(found: Any, expected: Any) -> bool:
    """Compare what is written with three figures."""
    return np.allclose(found, expected, rtol=0.006, atol=0.00501)


# What is drawn


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("stage", ["scores", "scaled_scores", "weights"])
def test_numbers_and_colours_are_those_of_attend(stage: str, theme: str, bench: Bench) -> None:
    page = bench.open(ScalingExplorer(stage=stage), theme=theme)
    values = {
        "scores": scaling.raw_scores(),
        "scaled_scores": scaling.scaled_scores(),
        "weights": scaling.weights(),
    }[stage]
    assert near(cells(page), values)
    style = STYLES[theme]
    if stage == "weights":
        expected = weight_colours(style)(values)
    else:
        expected = score_colours(style)(values / np.abs(scaling.raw_scores()).max() / 2 + 0.5)
    expected = expected.reshape(-1, 4)[:, :3]
    # The ramps of matplotlib have 256 steps, and so has each colour of a pixel or a live cell.
    large = colours(page, ".attend-map td[role]", "backgroundColor")
    assert np.abs(large - expected).max() < 0.01
    assert np.abs(pixels(page, stage) - expected).max() < 0.01
    drawn = bench.open(ScalingExplorer(stage=stage), theme=theme, java_script_enabled=False)
    still = colours(drawn, f".attend-mini[data-stage={stage}] rect", "fill")
    assert np.abs(still - expected).max() < 0.006


def test_a_change_of_theme_repaints_the_maps(bench: Bench) -> None:
    page = bench.open(ScalingExplorer())
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.wait_for_timeout(100)
    expected = weight_colours(STYLES["dark"])(scaling.weights()).reshape(-1, 4)[:, :3]
    assert np.abs(pixels(page, "weights") - expected).max() < 0.01
    large = colours(page, ".attend-map td[role]", "backgroundColor")
    assert np.abs(large - expected).max() < 0.01


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("stage", ["scores", "weights"])
def test_numbers_are_as_black_or_white_as_in_the_picture_without_scripts(
    stage: str, theme: str, bench: Bench
) -> None:
    explorer = ScalingExplorer(stage=stage, scaled=False, mask="causal")
    page = bench.open(explorer, theme=theme)
    drawn = bench.open(explorer, theme=theme, java_script_enabled=False)
    live = colours(page, ".attend-map td:not(.attend-sum)", "color")
    still = colours(drawn, ".attend-map td:not(.attend-sum)", "color")
    assert np.allclose(live, still)
    assert len(np.unique(live, axis=0)) > 1


def test_the_style_sheet_lets_a_colour_change_cheaply() -> None:
    """One selector that asks for [style] and each coloured cell costs twenty times as much."""
    rules = re.sub(r"/\*.*?\*/", "", stylesheet(), flags=re.DOTALL)
    assert "[style" not in rules


def test_blocked_cells_look_blocked_and_rows_still_sum_to_one(bench: Bench) -> None:
    page = bench.open(ScalingExplorer(mask="causal"))
    mask = attend.causal_mask(7)
    q, k = scaling.queries(), scaling.keys()
    assert near(cells(page), attend.attention(q, k, k, mask)[1])
    blocked = page.eval_on_selector_all(
        ".attend-map td[role]", "(nodes) => nodes.map((n) => n.classList.contains('is-blocked'))"
    )
    assert np.array_equal(np.reshape(blocked, (7, 7)), ~mask)
    shown = colours(page, ".attend-map td.is-blocked", "backgroundColor")
    assert np.allclose(shown, to_rgb(STYLES["light"].blocked), atol=0.005)
    assert page.locator("td.attend-sum").all_inner_texts() == ["1.00"] * 7


def test_rows_are_queries_and_columns_are_keys(bench: Bench) -> None:
    page = bench.open(ScalingExplorer())
    assert page.locator(".attend-map tbody th").all_inner_texts() == TOKENS
    assert page.locator(".attend-map thead th[scope=col]").all_inner_texts() == [*TOKENS, "sum"]
    assert page.locator(".attend-corner").inner_text() == "query ↓ key →"
    assert "queries on rows, keys on columns" in page.locator(".attend-map").get_attribute(
        "aria-label"
    )


def test_the_plot_stands_where_the_spread_is(bench: Bench) -> None:
    page = bench.open(ScalingExplorer(d_k=16))
    points = page.eval_on_selector_all(
        ".attend-dot.is-bare:not(.is-now)",
        "(n) => n.map((c) => [+c.getAttribute('cx'), +c.getAttribute('cy')])",
    )
    for power, (x, y) in enumerate(points):
        spread = scaling.raw_scores(2**power).std()
        assert x == pytest.approx(38 + power / 9 * 246, abs=0.1)
        assert y == pytest.approx(164 - math.log2(spread / 0.25) / 8 * 150, abs=0.1)
    said = page.locator(".attend-plot").get_attribute("aria-label")
    assert said == f"At d_k = 16 the scores spread by {scaling.spread(16):.2f}; √16 is 4.00."


def test_the_formula_holds_the_real_operands(bench: Bench) -> None:
    page = bench.open(ScalingExplorer(cell=[1, 2], d_k=3))
    score, scaled, weight = page.locator(".attend-formula dd").all_inner_texts()
    q, k = scaling.queries(3)[1], scaling.keys(3)[2]
    numbers = [number(t) for t in re.findall(r"−?\d+\.\d+", score)]
    assert near(numbers[:6], np.stack([q, k]).T.ravel())
    assert near(numbers[6], q @ k)
    assert scaled == f"{q @ k:.2f} ÷ √3 = {q @ k / math.sqrt(3):.2f}".replace("-", "−")
    exponents = [
        number(t) for t in page.locator(".attend-formula dd").last.locator("sup").all_inner_texts()
    ]
    row = scaling.scaled_scores(3)[1]
    assert near(exponents, [row[2], *row])
    assert weight.endswith(f"= {scaling.weights(3)[1, 2]:.2f}")


def test_where_the_numbers_come_from_is_said(bench: Bench) -> None:
    page = bench.open(ScalingExplorer(seed=12))
    said = page.locator(".attend-source").inner_text()
    assert "random" in said
    assert "seed 12" in said
    assert "Nothing was trained" in said


# Mouse and touch


def test_two_controls_are_in_view_at_first(bench: Bench) -> None:
    page = bench.open(ScalingExplorer())
    visible = page.locator(".attend-explorer :is(input, select):visible")
    assert visible.count() == 2
    assert page.locator(".attend-more").get_attribute("open") is None


def test_d_k_and_scaling_change_the_picture(bench: Bench) -> None:
    page = bench.open(ScalingExplorer())
    page.get_by_role("slider").fill("9")
    assert near(cells(page), scaling.weights(512))
    page.get_by_role("switch").click()
    assert near(cells(page), scaling.unscaled_weights(512))
    assert (
        page.locator(".attend-summary").inner_text()
        == ScalingExplorer(d_k=512, scaled=False).summary()
    )
    page.get_by_role("button", name="Scaled scores").click()
    assert near(cells(page), scaling.raw_scores(512))
    assert page.locator(".attend-map-title").inner_text() == "Scaled scores"


def test_hover_shows_and_click_locks(bench: Bench) -> None:
    page = bench.open(ScalingExplorer())
    title, cell = (
        page.locator(".attend-formula-title"),
        page.locator("[data-row='2'][data-column='4']"),
    )
    assert title.inner_text() == "Query Warm, key rain"
    cell.hover()
    assert title.inner_text() == "Query fell, key our"
    page.mouse.move(0, 0)
    assert title.inner_text() == "Query Warm, key rain"
    cell.click()
    page.locator("[data-row='5'][data-column='5']").hover()
    assert title.inner_text() == "Query fell, key our · locked"
    cell.click()
    page.locator("[data-row='5'][data-column='5']").hover()
    assert title.inner_text() == "Query tin, key tin"


def test_a_tap_locks(bench: Bench) -> None:
    page = bench.open(ScalingExplorer(), width=360, has_touch=True, is_mobile=True)
    page.locator("[data-row='6'][data-column='0']").tap()
    assert page.locator(".attend-formula-title").inner_text() == "Query roof, key Warm · locked"


def test_a_linked_value_between_two_steps_is_shown_as_it_is(bench: Bench) -> None:
    page = bench.open(ScalingExplorer())
    put(page, d_k=100)
    assert page.locator("output").first.inner_text() == "100"
    assert near(cells(page), scaling.weights(100))


def test_the_other_controls(bench: Bench) -> None:
    page = bench.open(ScalingExplorer())
    page.get_by_text("More controls").click()
    page.get_by_label("Mask").select_option("padding")
    page.get_by_label("Temperature").fill("8")
    page.get_by_label("Seed").fill("77")
    page.get_by_label("Sentence").fill("one two two")
    page.keyboard.press("Enter")
    expected = ScalingExplorer(sentence="one two two", mask="padding", temperature=3.0, seed=77)
    assert near(cells(page), expected.weights)
    assert page.locator(".attend-map tbody th").all_inner_texts() == expected.tokens


def test_one_score_can_be_set_and_given_back(bench: Bench) -> None:
    page = bench.open(ScalingExplorer())
    page.get_by_text("More controls").click()
    page.locator("[data-row='3'][data-column='0']").click()
    field = page.get_by_label("Score of query on, key Warm")
    assert number(field.input_value()) == pytest.approx(scaling.raw_scores()[3, 0], abs=0.01)
    field.fill("−40,5")
    field.press("Enter")
    expected = ScalingExplorer(overrides=[[3, 0, -40.5]])
    assert near(cells(page), expected.weights)
    assert page.locator("td.is-marked").count() == 1
    assert page.locator(".attend-formula dd").first.inner_text() == "set by you: −40.5"
    field.fill("many")
    field.press("Enter")
    assert "The score stays" in page.locator(".attend-note:visible").inner_text()
    assert near(cells(page), expected.weights)
    page.get_by_role("button", name="Undo").click()
    assert near(cells(page), scaling.weights())


def test_a_bad_seed_changes_nothing(bench: Bench) -> None:
    page = bench.open(ScalingExplorer())
    page.get_by_text("More controls").click()
    page.get_by_label("Seed").fill("-3")
    page.keyboard.press("Enter")
    assert "The seed stays" in page.locator(".attend-note:visible").inner_text()
    assert model(page, "seed") == scaling.SEED


# What a reader types


@pytest.mark.parametrize("kind", NASTY)
def test_typed_text_is_text(kind: str, bench: Bench) -> None:
    page = bench.open(ScalingExplorer(), width=360)
    page.get_by_text("More controls").click()
    before = page.evaluate("document.querySelectorAll('script, img, .attend-explorer b').length")
    page.get_by_label("Sentence").fill(NASTY[kind])
    page.keyboard.press("Enter")
    words = [word[:100] for word in re.split(r"[\s\ufeff]+", NASTY[kind]) if word][:16]
    names = page.locator(".attend-map tbody th").evaluate_all(
        "(n) => n.map((th) => th.textContent)"
    )
    assert names == words
    assert page.evaluate("window.hurt") is None
    assert (
        page.evaluate("document.querySelectorAll('script, img, .attend-explorer b').length")
        == before
    )
    assert near(cells(page), ScalingExplorer(sentence=" ".join(words)).weights)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    if kind == "many":
        note = page.locator(".attend-note:visible").inner_text()
        assert note == "The first 16 of 3334 words are used."


@pytest.mark.parametrize("text", ["", "   \t "])
def test_an_empty_sentence_keeps_the_last(text: str, bench: Bench) -> None:
    page = bench.open(ScalingExplorer())
    page.get_by_text("More controls").click()
    page.get_by_label("Sentence").fill(text)
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert "The last sentence stays" in page.locator(".attend-note:visible").inner_text()
    assert near(cells(page), scaling.weights())


# Keyboard and screen reader


def test_it_can_be_worked_by_keyboard_alone(bench: Bench) -> None:
    page = bench.open(ScalingExplorer())
    page.keyboard.press("Tab")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert model(page, "d_k") == 512
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert model(page, "scaled") is False
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert model(page, "stage") == "scores"
    for _ in range(3):
        page.keyboard.press("Tab")
    page.keyboard.press("End")
    page.keyboard.press("PageDown")
    page.keyboard.press("Enter")
    assert (model(page, "cell"), model(page, "locked")) == ([6, 6], True)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Control+a")
    page.keyboard.type("two words")
    page.keyboard.press("Enter")
    assert near(cells(page), ScalingExplorer(sentence="two words", d_k=512).scores)


def test_a_screen_reader_is_told_once_it_is_quiet(bench: Bench) -> None:
    page = bench.open(ScalingExplorer())
    region = page.locator("[aria-live]")
    page.get_by_role("slider").fill("0")
    page.get_by_role("slider").fill("9")
    assert "d_k 512" not in region.inner_text()
    page.wait_for_timeout(800)
    assert region.inner_text().startswith("d_k 512. Scores spread by")
    assert page.get_by_role("slider").get_attribute("aria-valuetext") == "512"
    cell = page.locator("[data-row='0'][data-column='0']")
    described = page.locator(f"#{cell.get_attribute('aria-describedby')}")
    assert described.get_attribute("class") == "attend-formula"


def test_seven_words_and_their_sums_can_be_read_on_a_telephone(bench: Bench) -> None:
    page = bench.open(ScalingExplorer(), width=360)
    for element in page.locator(".attend-map :is(td, th)").all():
        assert element.evaluate("(e) => parseFloat(getComputedStyle(e).fontSize)") >= 11
    sums = page.locator("td.attend-sum").all()
    assert [cell.inner_text() for cell in sums] == ["1.00"] * 7
    frame = page.locator(".attend-explorer").bounding_box()
    for cell in sums:
        box = cell.bounding_box()
        assert box["x"] + box["width"] <= frame["x"] + frame["width"]


# Motion and time


def test_nothing_moves_for_those_who_asked_for_that(bench: Bench) -> None:
    page = bench.open(ScalingExplorer(), reduced_motion="reduce")
    moving = page.evaluate(
        "[...document.querySelectorAll('.attend-explorer *')].filter("
        "(n) => getComputedStyle(n, '::before').transitionDuration !== '0s').length"
    )
    assert moving == 0


CHANGES = """async (values) => {
  const place = document.querySelector('[data-attend-widget]');
  const seen = [], watch = new MutationObserver((records) => seen.push(...records));
  watch.observe(place, { subtree: true, attributes: true, characterData: true, childList: true });
  const map = place.querySelector('.attend-map');
  const cells = [...map.querySelectorAll('td')];
  for (const [name, value] of Object.entries(values)) place.attendModel.set(name, value);
  place.attendModel.save_changes();
  seen.push(...watch.takeRecords());
  const within = seen.filter(({ target }) => map.contains(target));
  const texts = within.filter(({ type }) => type === 'characterData').length;
  const shades = within.filter(({ attributeName: name }) => name === 'style').length;
  const turned = within.filter(({ attributeName: name }) => name === 'class').length;
  const moved = cells.filter((cell) => !map.contains(cell)).length;
  return { texts, shades, turned, moved, map: within.length, all: seen.length };
}"""


def test_an_update_changes_only_what_looks_different(bench: Bench) -> None:
    """How long it takes stands in benchmarks/explorer_update.json."""
    page = bench.open(ScalingExplorer(sentence="a b c d e f g h i j k l m n o p"))
    before = np.array(page.locator(".attend-map td[role]").all_inner_texts())
    found = page.evaluate(CHANGES, {"d_k": 512})
    after = np.array(page.locator(".attend-map td[role]").all_inner_texts())
    assert found["moved"] == 0
    assert found["texts"] == (before != after).sum()
    assert found["shades"] <= 256
    assert found["turned"] < 64
    assert found["map"] == found["texts"] + found["shades"] + found["turned"]
    assert found["all"] - found["map"] < 60


def test_an_update_that_changes_nothing_leaves_the_map_alone(bench: Bench) -> None:
    page = bench.open(ScalingExplorer(sentence="a b c d e f g h i j k l m n o p"))
    assert page.evaluate(CHANGES, {"stage": "weights", "d_k": 64})["map"] == 0
    assert page.evaluate(CHANGES, {"mask": "causal"})["map"] > 200
