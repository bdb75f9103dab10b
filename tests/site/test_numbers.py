"""Chapters bear their number in title, sidebar and text; figures and equations follow it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from .conftest import ROOT, Site, table_of_contents

CHAPTERS = [name for name in table_of_contents() if re.match(r"book/\d\d-", name)]
NUMBER = {name: str(number) for number, name in enumerate(CHAPTERS, 1)}
TITLE = {
    name: (ROOT / f"{name}.md").read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")
    for name in CHAPTERS
}


def text(markup: str) -> str:
    """Return what is read of a piece of a page."""
    return " ".join(re.sub(r"<[^>]*>", " ", markup).split())


def numbers(kind: str, page: str) -> list[str]:
    """Return the numbers of figures (caption-number) or equations (eqno), in their order."""
    found = re.findall(rf'<span class="{kind}">(.*?)(?:<a |</span>)', page)
    return [text(one) for one in found]


def links(page: str) -> Iterator[tuple[str, str]]:
    """Return the address and the words of every link."""
    for address, words in re.findall(r'<a [^>]*?href="([^"]*)"[^>]*>(.*?)</a>', page, re.DOTALL):
        yield address, text(words)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_bears_its_number_in_title_and_sidebar(site: Site, chapter: str) -> None:
    page, numbered = site.html(chapter), f"{NUMBER[chapter]}. {TITLE[chapter]}"
    assert f"<title>{numbered} " in page
    assert chapter.startswith(f"book/{int(NUMBER[chapter]):02}-")
    (heading,) = re.findall(r'<h1><span class="section-number">.*?</h1>', page, re.DOTALL)
    assert text(heading) == f"{numbered} #"
    for other in ("book/index", "book/glossary", CHAPTERS[0]):
        sidebar = [words for _, words in links(site.html(other)) if words == numbered]
        assert sidebar, f"the sidebar of {other} does not name {numbered}"


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_figures_and_equations_are_numbered_by_their_chapter(site: Site, chapter: str) -> None:
    page, number = site.html(chapter), NUMBER[chapter]
    figures, equations = numbers("caption-number", page), numbers("eqno", page)
    assert len(figures) == page.count('class="caption-number"') >= 3
    assert figures == [f"Fig. {number}.{count}" for count in range(1, len(figures) + 1)]
    assert equations == [f"({number}.{count})" for count in range(1, len(equations) + 1)]
    assert equations


def test_references_say_the_number_of_what_they_lead_to(site: Site) -> None:
    led = 0
    for chapter in CHAPTERS:
        for address, words in links(site.html(chapter)):
            document, _, label = address.partition("#")
            other = f"book/{document.removesuffix('.html')}" if document else chapter
            if other not in CHAPTERS or not (re.fullmatch(r"\(\d.*\)|Fig\. .*", words) and label):
                continue
            target = site.html(other).partition(f'id="{label}"')[2]
            kind = "eqno" if words.startswith("(") else "caption-number"
            assert numbers(kind, target)[0] == words, f"{chapter}: {address}"
            led += 1
    assert led >= 8


def test_where_a_sentence_names_a_chapter_and_links_it_both_agree(site: Site) -> None:
    documents = [name for name in table_of_contents() if name.startswith("book/")]
    named = [
        (document, address, words)
        for document in documents
        for address, words in links(site.html(document))
        if re.fullmatch(r"(?:C|c)hapter \d+", words)
    ]
    assert len(named) >= 10
    for document, address, words in named:
        other = f"book/{address.partition('#')[0].removesuffix('.html')}"
        assert words.split()[1] == NUMBER[other], f"{document}: {words} leads to {address}"
