"""Questions, computed numbers, code and figures on pages: the directives, built by Sphinx."""

import re
from pathlib import Path

import pytest
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

from attend_course.chapters.scaling import example as scaling
from attend_course.chapters.scaling import saturation
from attend_course.site.code import run_block
from attend_course.site.launch import addresses
from attend_course.site.settings import Repository
from attend_course.site.value import compute, display, fill

CONF = """
extensions = ["myst_nb", *(f"attend_course.site.{part}" for part in
    ("question", "figure", "value", "code", "claims", "launch", "assets"))]
html_theme = "basic"
numfig = True
html_math_renderer = "mathjax"
myst_enable_extensions = ["dollarmath"]
"""
PROJECT = """[tool.attend]
repository = "https://example.org/owner/name"
branch = "main"
"""
PROOF = '''import pytest

@pytest.mark.claim("one-claim")
def test_one():
    """One is one."""
    assert 1 == 1
'''


@pytest.fixture
def build(tmp_path):
    """Build a page of a small book; return its HTML and what Sphinx complained about."""

    def run(page: str) -> tuple[str, str]:
        (tmp_path / "tests").mkdir(exist_ok=True)
        (tmp_path / "notebooks").mkdir(exist_ok=True)
        (tmp_path / "conf.py").write_text(CONF)
        (tmp_path / "pyproject.toml").write_text(PROJECT)
        (tmp_path / "tests" / "test_one.py").write_text(PROOF)
        (tmp_path / "index.md").write_text(page)
        warnings = tmp_path / "warnings.txt"
        with docutils_namespace(), patch_docutils(), warnings.open("w") as log:
            app = Sphinx(
                tmp_path,
                tmp_path,
                tmp_path / "out",
                tmp_path / "trees",
                "html",
                status=None,
                warning=log,
            )
            app.build()
        return (tmp_path / "out" / "index.html").read_text(), warnings.read_text()

    return run


def question(options: str, text: str = "Which?") -> str:
    return f"# Page\n\n```{{question}}\n{text}\n\n{options}\n```\n"


TWO = "- ( ) First.\n\n  Feedback one.\n- (x) Second, $x$.\n\n  Feedback two."


def test_a_question_works_without_javascript(build):
    html, warnings = build(question(TWO))
    assert not warnings
    options = re.findall(r'<details class="attend-option" data-right="(\w+)">', html)
    assert options == ["false", "true"]
    assert html.index("Not this one.") < html.index("Feedback one.") < html.index("Right.")
    assert "attend-question.js" in html
    assert "( )" not in html
    assert "(x)" not in html


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ("- ( ) First.\n- (x) Second.\n\n  Feedback.", "option 1 has no feedback"),
        ("- ( ) A.\n\n  One.\n- ( ) B.\n\n  Two.", "no option is marked right"),
        ("- ( ) A.\n\n  Same.\n- (x) B.\n\n  Same.", "two options have the same feedback"),
        ("- (x) A.\n\n  One.", "two or more options"),
        ("- A.\n\n  One.\n- (x) B.\n\n  Two.", "option 1 must begin with"),
        ("No options here.", "needs its text, then a list of options"),
    ],
)
def test_a_question_with_a_fault_is_an_error(build, options, complaint):
    _, warnings = build(question(options))
    assert complaint in warnings


def test_a_page_without_questions_has_nothing_of_them_but_the_script_of_all_pages(build):
    html, _ = build("# Page\n\nText.\n")
    assert html.count("attend-question") == html.count("attend-question.js") == 1


def test_numbers_of_a_page_are_computed(build):
    html, warnings = build(
        "# Page\n\n{value}`scaling.weights[0, 1]:.2f`, {vmath}`<<scaling.D_K>>`\n"
    )
    assert not warnings
    assert f"{scaling.weights()[0, 1]:.2f}</span>" in html
    assert rf"\({scaling.D_K}\)" in html


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("scaling.nothing", "has no"), ("scaling", "not of the form"), ("nowhere.x", "no chapter")],
)
def test_a_number_that_is_not_there_is_an_error(build, text, complaint):
    _, warnings = build(f"# Page\n\n{{value}}`{text}`\n")
    assert complaint in warnings


def test_values_follow_calls_entries_and_attributes():
    assert compute("scaling.D_K") == scaling.D_K
    assert compute("scaling.spread") == scaling.spread()
    assert compute("scaling.weights(4)[0, 1]") == scaling.weights(4)[0, 1]
    assert compute("scaling.queries.shape") == (7, 64)
    assert compute("scaling.saturation.median_slope(8, scale=1.0)") == saturation.median_slope(
        8, 1.0
    )
    assert display("scaling.saturation.hand_scores[0]:.0f") == "(0, 4, 6)"
    assert display("scaling.raw_scores[0, 0]:.1f").startswith("−")
    assert fill(r"\frac{1}{<<scaling.D_K>>}") == r"\frac{1}{64}"


@pytest.mark.parametrize("text", ["scaling.weights[__import__('os')]", "scaling.__loader__.x"])
def test_values_run_no_code(text):
    with pytest.raises(ValueError, match=r"malformed|not of the form|has no"):
        compute(text)


def test_code_shows_what_it_gave(build):
    blocks = ("x = 2\nprint('hello')\nx + 1", "x * 21")
    page = "".join(f"```{{attend-code}}\n{block}\n```\n\n" for block in blocks)
    html, warnings = build(f"# Page\n\n{page}")
    assert not warnings
    assert re.search(r"hello\n3\b", html)
    assert "42\n</pre>" in html


def test_code_that_raises_is_an_error(build):
    _, warnings = build("# Page\n\n```{attend-code}\n1 / 0\n```\n")
    assert "ZeroDivisionError" in warnings


def test_a_block_keeps_its_names():
    names = {}
    assert run_block("x = 1", names) == ""
    assert run_block("x", names) == "1\n"
    assert run_block("None", names) == ""


FIGURE = "# Page\n\n```{{attend-figure}} {name}\n{alt}\n{caption}\n```\n"


def test_a_figure_comes_in_four_drawings(build, tmp_path):
    page = FIGURE.format(name="scaling.masks", alt=':alt: Two "maps" & more.\n', caption="See.")
    html, warnings = build(page)
    assert not warnings
    sources = re.findall(r'(?:src|srcset)="(_images/[^"]+)"', html)
    assert len(set(sources)) == 4
    assert all((tmp_path / "out" / source).read_text().startswith("<?xml") for source in sources)
    assert html.count('alt="Two &quot;maps&quot; &amp; more."') == 2


@pytest.mark.parametrize(
    ("parts", "complaint"),
    [
        ({"name": "scaling.masks", "alt": "", "caption": "See."}, "needs :alt:"),
        ({"name": "scaling.masks", "alt": ":alt: Maps.\n", "caption": ""}, "needs a caption"),
        ({"name": "scaling.nothing", "alt": ":alt: Maps.\n", "caption": "See."}, "no figure is"),
    ],
)
def test_a_figure_with_a_fault_is_an_error(build, parts, complaint):
    _, warnings = build(FIGURE.format(**parts))
    assert complaint in warnings


def test_a_claim_leads_to_the_test_that_proves_it(build):
    html, warnings = build("# Page\n\nOne is one. {claim}`one-claim`\n\n```{attend-claims}\n```\n")
    assert not warnings
    assert re.search(r'<a class="attend-claim[^>]*href="[^"]*#claim-one-claim"', html)
    assert 'id="claim-one-claim"' in html
    assert "https://example.org/owner/name/blob/main/tests/test_one.py#L" in html
    assert "tests/test_one.py::test_one" in html


def test_a_claim_without_a_test_is_an_error(build):
    _, warnings = build("# Page\n\n{claim}`nothing`\n\n```{attend-claims}\n```\n")
    assert "no test names it" in warnings


def test_a_claim_without_a_ledger_is_a_warning(build):
    _, warnings = build("# Page\n\n{claim}`one-claim`\n")
    assert "no page has the ledger" in warnings


def test_a_page_without_a_notebook_cannot_launch_one(build):
    _, warnings = build("# Page\n\n```{attend-launch}\n```\n")
    assert "there is no notebooks/index.ipynb" in warnings


def test_a_notebook_is_launched_from_the_repository_of_the_settings():
    found = addresses(Repository("https://github.com/owner/name", "main"), "04-x")
    assert found["Binder"].endswith("/owner/name/main?urlpath=lab/tree/notebooks/04-x.ipynb")
    assert found["Colab"].endswith("/github/owner/name/blob/main/notebooks/04-x.ipynb")


@pytest.mark.parametrize("page", sorted((Path(__file__).parents[1] / "book").glob("[0-9]*.md")))
def test_every_chapter_asks_and_shows(page):
    text = page.read_text(encoding="utf-8")
    assert text.count("```{question}") >= 2
    assert text.count("```{attend-figure}") >= 1
    assert text.count("```{attend-widget}") >= 1
    assert "```{attend-launch}" in text
    assert "## Common mistakes" in text
    assert "## Summary" in text
    assert "{term}`" in text
