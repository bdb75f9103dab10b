"""What keeps pages light: formulas set at build time, one style sheet, only the icons in use."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from fontTools.ttLib import TTFont

from attend_course.site.formulas import Typesetter, aligned
from attend_course.site.icons import characters, without_unused
from attend_course.site.lean import beside

from .conftest import Site, Visit

HEAVY = ("fontawesome.js", "searchindex.js", "searchtools.js", "require", "thebe", "mathjax")


@pytest.fixture
def typesetter() -> Iterator[Typesetter]:
    """A typesetter that is stopped after the test."""
    made = Typesetter()
    yield made
    made.close()


def test_a_formula_becomes_boxes_and_mathml(typesetter: Typesetter) -> None:
    html = typesetter.render(
        r"\operatorname{softmax}\left(\frac{QK^\top}{\sqrt{d_k}}\right)V", True
    )
    assert 'class="katex-display"' in html
    assert "<math" in html
    assert "<mfrac>" in html


@pytest.mark.parametrize("tex", [r"\frac{1}{", r"\nosuchcommand", r"a_b_c"])
def test_a_formula_with_a_mistake_is_refused_and_quoted(tex: str, typesetter: Typesetter) -> None:
    with pytest.raises(ValueError, match="formula not understood") as caught:
        typesetter.render(tex, False)
    assert repr(tex) in str(caught.value)


def test_lines_of_one_formula_stand_under_each_other() -> None:
    assert aligned("a = b") == "a = b"
    assert aligned(r"a &= b \\ &= c") == r"\begin{split}a &= b \\ &= c\end{split}"
    assert aligned("a\n\nb") == r"\begin{gathered}a\\b\end{gathered}"
    assert aligned(r"\begin{pmatrix}1\\2\end{pmatrix}") == r"\begin{pmatrix}1\\2\end{pmatrix}"


def test_links_of_a_style_sheet_are_seen_from_the_bundle() -> None:
    assert beside("styles", "../vendor/font.woff2") == "vendor/font.woff2"
    assert beside("", "file.png") == "file.png"


def test_rules_of_icons_that_no_page_shows_are_dropped() -> None:
    css = '.fa-bars:before,.fa-navicon:before{content:"\\f0c9"}.fa-gift:before{content:"\\f06b"}'
    kept = without_unused(css, {"navicon"})
    assert "f0c9" in kept
    assert "f06b" not in kept
    assert characters(kept) == [0xF0C9]


def test_every_icon_of_a_page_is_in_its_small_font(
    site: Site, open_page: Callable[..., Visit]
) -> None:
    fonts = list((site.folder / "_static" / "fonts").glob("fa-*.woff2"))
    drawn = {code for font in fonts for code in TTFont(font).getBestCmap() or {}}
    page = open_page("book/index").page
    shown = page.evaluate(
        "[...document.querySelectorAll('.fa-solid, .fa-regular, .fa-brands')]"
        ".map(e => getComputedStyle(e, '::before').content.replaceAll('\"', ''))"
    )
    assert shown
    assert {ord(text) for text in shown if len(text) == 1} <= drawn
    assert all(len(text) == 1 for text in shown), shown
    assert all(font.stat().st_size < 20_000 for font in fonts)


def test_a_page_loads_few_bytes_and_nothing_heavy(open_page: Callable[..., Visit]) -> None:
    visit = open_page("book/index")
    assert not [url for url in visit.requests if any(name in url.lower() for name in HEAVY)]
    sheets = [url for url in visit.requests if re.search(r"\.css(\?|$)", url)]
    assert len(sheets) == 1
    assert len(visit.requests) < 30
