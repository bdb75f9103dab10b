"""Front and back matter keep up with the chapters: symbols, terms, reference, links, self-test."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from conftest import ROOT

from attend.attention import attention
from attend.transformer import Stack
from attend_course.chapters.prerequisites import example as prerequisites
from attend_course.site import address, reference
from attend_course.site.settings import Repository, read_repository

BOOK = ROOT / "book"
CHAPTERS = sorted(BOOK.glob("[0-9][0-9]-*.md"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
REFERENCE = sorted(BOOK.glob("api*.md"))
# Parts of the course that only those who change it look up, and programs.
NOT_LISTED = (
    "attend_course.chapters",
    "attend_course.site",
    "attend_course.grading",
    "attend_course.kit.explorers.bundle",
    "attend_course.kit.explorers.render",
)


def read(path: Path) -> str:
    """Return a page, or the prose of a notebook."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return text
    cells = json.loads(text)["cells"]
    return "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")


# The symbols

GREEK = "alpha|beta|gamma|delta|epsilon|eta|theta|lambda|mu|pi|sigma|tau|phi|omega"
WORDS = re.compile(r"\\(?:operatorname|text|mathrm|label|begin|end|tag)\*?\{[^}]*\}|:label:.*")
SYMBOL = re.compile(
    rf"(?:\\(?:{GREEK})(?![A-Za-z])|[A-Za-z](?![A-Za-z]))(?:_(?:\{{[^}}]*\}}|[A-Za-z0-9]))?"
)
INDEX = re.compile(r"_(?:\{(?:[ijlct1-9h<+\-\s,]|\\cdots)*\}|[ijlcth0-9])$")


def formulas(text: str) -> list[str]:
    """Return the formulas of a page, in sentences and alone."""
    alone = re.findall(r"```\{(?:attend-)?math\}(.*?)```", text, re.DOTALL)
    text = re.sub(r"```.*?```|(?<!\})`[^`\n]*`", "", text, flags=re.DOTALL)
    alone += re.findall(r"\$\$(.*?)\$\$", text, re.DOTALL)
    text = re.sub(r"\$\$.*?\$\$", "", text, flags=re.DOTALL)
    return [*alone, *re.findall(r"\$([^$]+?)\$", text), *re.findall(r"\{vmath\}`([^`]*)`", text)]


def symbols(formula: str) -> set[str]:
    """Return the letters of a formula with what they are marked with, without their index."""
    formula = WORDS.sub(" ", re.sub(r"<<.*?>>", " ", formula, flags=re.DOTALL))
    formula = re.sub(rf"\\(?!(?:{GREEK})(?![A-Za-z]))[A-Za-z]+", " ", formula)
    return {INDEX.sub("", found) for found in SYMBOL.findall(formula)}


def in_table() -> set[str]:
    """Return the symbols of the first column of the notation's table."""
    rows = [
        line.split("|")[1] for line in read(BOOK / "notation.md").splitlines() if line[:3] == "| $"
    ]
    return {s for row in rows for part in formulas(row) for s in symbols(part.split("=")[0])}


@pytest.mark.parametrize("path", [*CHAPTERS, *NOTEBOOKS], ids=lambda path: path.name)
def test_every_symbol_stands_in_the_notation(path: Path) -> None:
    used = {s: f.strip() for f in formulas(read(path)) for s in symbols(f)}
    missing = {s: used[s] for s in used.keys() - in_table()}
    assert not missing, f"add to book/notation.md: {missing}"


def test_symbols_are_found() -> None:
    assert symbols(r"q_i \cdot k_{j} \le \sqrt{d_k}\, <<a.b>>") == {"q", "k", "d_k"}
    assert symbols(r"W_Q \in \text{all} d_{model} + \beta_1 e^{x}") == {
        "W_Q", "d_{model}", r"\beta", "e", "x"
    }  # fmt: skip
    assert formulas("Let $a$ be, and\n$$\nb\n$$\n`$c$`") == ["\nb\n", "a"]


# The glossary


def glossary() -> dict[str, str]:
    """Return the entries of the glossary."""
    text = read(BOOK / "glossary.md")
    entries = re.findall(
        r"^(\w[^\n]*)\n((?:  [^\n]*\n?|\n(?=  ))+)", text.partition("```{glossary}")[2], re.M
    )
    return {term: " ".join(words.split()) for term, words in entries}


def test_terms_stand_once_in_order_and_say_something() -> None:
    lines = re.findall(
        r"^(\w[^\n]*)\n  ", read(BOOK / "glossary.md").partition("{glossary}")[2], re.M
    )
    assert len(lines) == len({line.casefold() for line in lines})
    assert lines == sorted(lines, key=str.casefold)
    for term, words in glossary().items():
        assert len(words) > 25, term


def stems(word: str) -> set[str]:
    """Return the forms that the entry of a word in a sentence may have."""
    return {word, word.removesuffix("s"), word.removesuffix("d"), re.sub(r"ies$", "y", word)}


def test_words_in_italics_have_an_entry() -> None:
    known = {name for term in glossary() for name in (term.casefold(), term.casefold().split()[-1])}
    for term, words in glossary().items():
        for word in re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", words):
            plain = word.casefold()
            if len(plain) == 1:  # a letter of a formula
                continue
            assert stems(plain) & known or plain == "may attend", f"{term}: *{word}*"


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_chapter_links_its_terms(path: Path) -> None:
    linked = re.findall(r"\{term\}`(?:[^`<]*<)?([^`>]+)>?`", read(path))
    known = {term.casefold() for term in glossary()}
    assert len(set(linked)) >= 5
    assert {term.strip().casefold() for term in linked} <= known


# The reference


def public_modules() -> set[str]:
    """Name the modules of which a reader may want to look something up."""
    source = ROOT / "src"
    paths = [p.relative_to(source).with_suffix("") for p in source.rglob("[!_]*.py")]
    return {n for n in (".".join(p.parts) for p in paths) if not n.startswith(NOT_LISTED)}


def test_reference_lists_every_module() -> None:
    text = "\n".join(read(path) for path in REFERENCE)
    listed = re.findall(r"^\.\. automodule:: (\S+)$", text, re.M)
    assert sorted(listed) == sorted(public_modules())


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_chapter_leads_to_the_reference(path: Path) -> None:
    code = re.findall(r"```\{attend-code\}(.*?)```", read(path), re.DOTALL)
    names = reference.imported_names("\n".join(code))
    assert any(reference.full_name(name, "attend") for name in names)


def test_imports_of_a_page_are_found() -> None:
    code = (
        "import numpy\nfrom attend import softmax, scores\nfrom attend.masks import causal_mask\n"
    )
    wanted = {"attend.softmax", "attend.scores", "attend.masks.causal_mask"}
    assert reference.imported_names(code) == wanted


def test_signatures_stand_as_in_the_source() -> None:
    arguments, result = reference.written_signature(attention) or ("", "")
    assert arguments.startswith("(q: Float[Array, '... n d_k'], k: Float[Array, '... m d_k']")
    assert result.startswith("tuple[Float[Array, '... n d_v']")
    assert reference.written_signature(Repository.slug.fget) == ("()", "str")


def test_classes_show_what_makes_them() -> None:
    assert reference.written_fields(Repository) == ("(url: str, branch: str)", "")
    assert reference.written_fields(Refusal) == ("(self_less: int)", "")
    assert reference.written_fields(int) is None
    assert reference.written_fields(Stack) == ("", "")


class Refusal:
    """A class with a constructor of its own."""

    def __init__(self, self_less: int) -> None:
        self.self_less = self_less


def test_long_signatures_are_no_list() -> None:
    body = '<dt>f(<dl>\n<dd><em class="sig-param">a</em>,</dd>\n</dl>)</dt><dl>\n<dd>x</dd>\n</dl>'
    mended = '<dt>f(<span class="attend-parameter"><em class="sig-param">a</em>,</span>\n)</dt>'
    assert reference.in_spans(body) == mended + "<dl>\n<dd>x</dd>\n</dl>"


def test_names_become_links_or_code() -> None:
    text = reference.link_names("`softmax` of `x`, ``kept``, :py:obj:`a`", "attend.attention")
    assert text == ":py:obj:`softmax <attend.attention.softmax>` of ``x``, ``kept``, :py:obj:`a`"
    assert reference.full_name("attend.attention", "attend") == "attend.attention.attention"
    assert reference.full_name("attend.no_such_name", "attend") is None
    # A module that nobody has imported yet is found too.
    deep = "attend.models.inspection.rollout"
    assert reference.full_name(deep, "attend") == deep


def test_objects_lead_to_their_lines() -> None:
    info = {"module": "attend.attention", "fullname": "softmax"}
    found = re.search(
        r"src/attend/attention\.py#L(\d+)-L(\d+)$", reference.source_address(info) or ""
    )
    assert found
    lines = (ROOT / "src/attend/attention.py").read_text(encoding="utf-8").splitlines()
    beginning = lines[int(found[1]) - 1 :]  # what decorates a function is part of it
    assert next(line for line in beginning if line[0] != "@").startswith("def softmax(")
    assert lines[int(found[2]) - 1].lstrip().startswith("return ")
    assert reference.source_address({"module": "attend.attention", "fullname": "none"}) is None


# The address


def test_commands_and_links_follow_the_setting() -> None:
    place = Repository("https://example.org/owner/name", "trunk")
    assert address.commands("git clone <<repository>> a", place) == f"git clone {place.url} a"
    assert "/owner/name/trunk?" in address.binder_address(place)
    with pytest.raises(ValueError, match="there is no <<repository>> to fill"):
        address.commands("make book", place)
    current = read_repository(ROOT / "pyproject.toml")
    assert source_of("attention").startswith(f"{current.url}/blob/{current.branch}/src/")


def source_of(name: str) -> str:
    """Return where a function of the chapter on attention stands."""
    return str(reference.source_address({"module": "attend.attention", "fullname": name}))


# The table of contents and the home page


def documents() -> list[str]:
    """List what the table of contents names, in its order."""
    text = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    yaml.safe_load(text)
    return re.findall(r"^\s*(?:- file|root): (\S+)", text, re.M)


def test_contents_name_every_page_once_and_no_other() -> None:
    listed = documents()
    exist = [
        p.relative_to(ROOT).with_suffix("").as_posix() for p in [*BOOK.glob("*.md"), *NOTEBOOKS]
    ]
    assert sorted(listed) == sorted(exist)


def test_order_is_front_matter_chapters_back_matter() -> None:
    listed = documents()
    front = ["book/index", "book/how-to-use", "book/prerequisites"]
    chapters = [f"{folder}/{path.stem}" for path in CHAPTERS for folder in ("book", "notebooks")]
    assert listed[: len(front) + len(chapters)] == front + chapters


def test_home_page_leads_to_every_chapter_and_shows_an_explorer_early() -> None:
    home = read(BOOK / "index.md")
    for path in CHAPTERS:
        assert f"]({path.name})" in home
    assert len(home.partition("```{attend-widget}")[0].split()) < 90


def test_outline_is_credited_on_one_page() -> None:
    files = [*BOOK.glob("*.md"), *NOTEBOOKS, ROOT / "README.md", *(ROOT / "src").rglob("*.py")]
    named = {p.name for p in files if "elmholtz" in p.read_text(encoding="utf-8")}
    assert named == {"credits.md"}


# The self-test


def test_answers_of_the_self_test() -> None:
    assert prerequisites.products().tolist() == [3, -2]
    assert (prerequisites.dot(), prerequisites.dot_without_signs()) == (1, 5)
    assert prerequisites.all_products() == (2, 5)
    np.testing.assert_allclose(prerequisites.exponentials(), [0.1353, 1.0, 7.3891], atol=1e-4)
    assert prerequisites.row_sums().tolist() == [3, 7]
    assert prerequisites.column_sums().tolist() == [4, 6]
    assert prerequisites.total() == 10
    np.testing.assert_array_equal(prerequisites.TABLE, np.array([[1, 2], [3, 4]]))


def test_self_test_marks_the_right_answers() -> None:
    right = re.findall(r"^- \(x\) (.*)$", read(BOOK / "prerequisites.md"), re.M)
    assert right == [
        "{value}`prerequisites.dot:d`",
        "{value}`prerequisites.all_products`",
        "Between 0 and 1.",
        "{value}`prerequisites.row_sums:d`",
    ]
