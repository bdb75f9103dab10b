"""The directive and the renderer that put explorers on pages."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

from attend_course.chapters.scaling.explorer import ScalingExplorer
from attend_course.kit.explorers import MIME
from attend_course.kit.explorers.drawing import number
from attend_course.site.widget import module_file, read_option

Build = Callable[..., tuple[Path, str]]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Return a function that builds pages and returns the folder of the site and all warnings."""

    def run(pages: dict[str, str], builder: str = "html") -> tuple[Path, str]:
        source, out, heard = tmp_path / "source", tmp_path / builder, io.StringIO()
        for name, text in pages.items():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_text(text, encoding="utf-8")
        settings = {
            "extensions": ["myst_nb", "attend_course.site.widget"],
            "nb_execution_mode": "off",
            "exclude_patterns": [],
            "html_theme": "basic",
        }
        with docutils_namespace():
            app = Sphinx(
                source, None, out, tmp_path / "trees", builder,
                confoverrides=settings, status=None, warning=heard, freshenv=True,
            )  # fmt: skip
            app.build()
        return out, heard.getvalue()

    return run


def page_with(directive: str) -> dict[str, str]:
    index = "# Index\n\n```{toctree}\nbook/chapter\n```\n"
    return {"index.md": index, "book/chapter.md": f"# Chapter\n\n{directive}\n"}


def soup(folder: Path, page: str) -> BeautifulSoup:
    return BeautifulSoup((folder / page).read_text(encoding="utf-8"), "html.parser")


def test_the_directive_draws_the_explorer_and_sets_its_traits(build: Build) -> None:
    options = ":d_k: 512\n:scaled: false\n:mask: causal\n:sentence: one two three\n"
    folder, heard = build(page_with(f"```{{attend-widget}} ScalingExplorer\n{options}```"))
    assert heard == ""
    expected = ScalingExplorer(d_k=512, scaled=False, mask="causal", sentence="one two three")
    page = soup(folder, "book/chapter.html")
    cells = [cell.text for cell in page.select(".attend-map td[style]")]
    assert cells == [number(x) for x in expected.weights.ravel()]
    state = json.loads(page.select_one("[data-attend-widget] script").string)
    assert state == expected.state


def test_a_page_has_what_it_needs_and_others_do_not(build: Build) -> None:
    folder, _ = build(page_with("```{attend-widget} ScalingExplorer\n```"))
    page = soup(folder, "book/chapter.html")
    static = folder / "_static" / "attend"
    scripts = [script["src"] for script in page.select("script[src*='_static/attend/']")]
    wanted = [module_file("attend"), module_file("scaling")]
    assert [Path(address.split("?")[0]).name for address in scripts] == wanted
    assert all((static / name).is_file() for name in wanted)
    # A browser loads no module from a disk.
    assert not page.select("script[type=module]")
    assert page.select_one("[data-attend-widget]")["data-attend-widget"] == "scaling"
    assert page.select_one("link[href*='attend/explorer.css']")
    assert not soup(folder, "index.html").select("script[src*='_static/attend/']")


def test_each_explorer_of_a_page_has_ids_of_its_own(build: Build) -> None:
    two = "```{attend-widget} ScalingExplorer\n```\n\n```{attend-widget} ScoresExplorer\n```"
    folder, _ = build(page_with(two))
    page = soup(folder, "book/chapter.html")
    ids = [element["id"] for element in page.select("[data-attend-widget] [id]")]
    assert len(ids) == len(set(ids)) == 4


def test_a_notebooks_explorer_is_shown_the_same_way(build: Build) -> None:
    explorer = ScalingExplorer(d_k=8)
    data = {k: v for k, v in explorer._repr_mimebundle_()[0].items() if "widget-view" not in k}
    output = nbformat.v4.new_output("execute_result", data, execution_count=1)
    cell = nbformat.v4.new_code_cell("explorer", outputs=[output], execution_count=1)
    title = nbformat.v4.new_markdown_cell("# Chapter")
    notebook = nbformat.v4.new_notebook(cells=[title, cell])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    notebook.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
    pages = {"index.md": page_with("")["index.md"], "book/chapter.ipynb": nbformat.writes(notebook)}
    folder, heard = build(pages)
    assert heard == ""
    page = soup(folder, "book/chapter.html")
    assert json.loads(page.select_one("[data-attend-widget] script").string) == explorer.state
    assert page.select(f"script[src*='{module_file('scaling')}']")
    assert set(data) == {"text/plain", "text/html", MIME}


@pytest.mark.parametrize(
    ("directive", "message"),
    [
        ("ScalingExplorer\n:d_k: 0\n", "d_k must be 1 to 512, got 0"),
        ("ScalingExplorer\n:colour: red\n", "ScalingExplorer has no setting colour"),
        ("NoExplorer\n", "there is no explorer 'NoExplorer'; there are"),
    ],
)
def test_what_is_wrong_in_a_page_is_named(directive: str, message: str, build: Build) -> None:
    _, heard = build(page_with(f"```{{attend-widget}} {directive}```"))
    assert message in heard
    assert "chapter.md:3" in heard


def test_text_in_the_state_cannot_end_the_script(build: Build) -> None:
    options = ":sentence: </script><script>window.hurt=1</script>\n"
    folder, _ = build(page_with(f"```{{attend-widget}} ScalingExplorer\n{options}```"))
    page = soup(folder, "book/chapter.html")
    assert not [script for script in page.select("script") if "hurt" in (script.string or "")[:12]]
    name = page.select_one(".attend-map tbody th").text
    assert name == "</script><script>window.hurt=1</script>"


def test_other_builders_get_words(build: Build) -> None:
    folder, heard = build(page_with("```{attend-widget} ScalingExplorer\n```"), "text")
    assert heard == ""
    assert ScalingExplorer().summary()[:20] in (folder / "book/chapter.txt").read_text("utf-8")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("512", 512),
        ("true", True),
        ("False", False),
        ("causal", "causal"),
        ("[[0, 1, 2.5]]", [[0, 1, 2.5]]),
        ("'7'", "7"),
        ("two words", "two words"),
        (None, True),
    ],
)
def test_options_are_read_as_python_or_as_text(text: str | None, value: object) -> None:
    assert read_option(text) == value
