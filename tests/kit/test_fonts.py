"""The fonts of the course: small, free, under names of their own, and all letters are there."""

import re
from pathlib import Path

import pytest
from conftest import ROOT
from fontTools.ttLib import TTFont

from attend_course.kit import fonts
from attend_course.kit.figures import draw
from attend_course.site.fonts import swapped

FILES = sorted(fonts.HERE.glob("*.woff2")) + sorted(fonts.HERE.glob("*.ttf"))
SIGNS = "√×−·→←↑↓≤≥≠∑∞…–“”’²°÷✓éöüßŁαβγδεθλμπσφΔΣΩ"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_cut_font_has_a_name_of_its_own_and_its_licence(path: Path) -> None:
    names = TTFont(path)["name"]
    for number in (1, 4, 6):
        assert "Source" not in str(names.getDebugName(number))
        assert str(names.getDebugName(number)).startswith("Attend")
    assert "SIL Open Font License" in str(names.getDebugName(13))
    assert len(list(fonts.HERE.glob("LICENSE-*.md"))) == 2


@pytest.mark.parametrize("name", ["sans.woff2", "code.woff2", "sans-400.ttf", "sans-700.ttf"])
def test_the_signs_of_the_course_are_there(name: str) -> None:
    drawn = TTFont(fonts.HERE / name).getBestCmap()
    assert [sign for sign in SIGNS if ord(sign) not in drawn] == []


def test_all_fonts_of_a_page_are_small() -> None:
    assert sum(path.stat().st_size for path in fonts.HERE.glob("*.woff2")) < 60_000


def test_a_figure_brings_the_letters_that_it_shows_and_no_others() -> None:
    svg = draw("scaling.three_steps").svg
    (rule,) = re.findall(r"@font-face\{[^}]*\}", svg)
    assert len(rule) < 9_000
    assert "DejaVu" not in svg
    assert draw("scaling.three_steps").svg == svg
    assert fonts.embedded(frozenset("ab")) != fonts.embedded(frozenset("abc"))


def test_pages_and_figures_ask_for_the_same_font() -> None:
    css = (ROOT / "src/attend_course/site/theme/site.css").read_text(encoding="utf-8")
    assert f"--pst-font-family-base: '{fonts.SANS}', '{fonts.CODE}'" in css
    assert f"--pst-font-family-monospace: '{fonts.CODE}'" in css


def test_fonts_that_a_page_waits_for_are_marked() -> None:
    rule = "@font-face{font-family:a;font-display:block;src:url(a)}"
    assert swapped(rule) == "@font-face{font-display:swap;font-family:a;src:url(a)}"
