"""Links inside the site lead somewhere, pictures are there, citations have an entry."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlparse

import pytest
from bs4 import BeautifulSoup

from .conftest import Site, table_of_contents

PAGES = table_of_contents()
FILE_NAME = re.compile(r"[/\\]|\.(png|svg|jpe?g|webp)$", re.IGNORECASE)


@cache
def parse(path: Path) -> BeautifulSoup:
    """Parse a page once for all tests."""
    return BeautifulSoup(path.read_text(encoding="utf-8"), "lxml")


def dead_links(folder: Path, page: Path) -> list[str]:
    """List the links and sources of a page that lead to no file, or to no place in it."""
    soup = parse(page)
    links = [str(a["href"]) for a in soup.select("a[href], link[href]")]
    links += [str(e["src"]) for e in soup.select("img[src], script[src]")]
    return [link for link in links if not leads_somewhere(folder, page, link)]


def leads_somewhere(folder: Path, page: Path, link: str) -> bool:
    """Tell whether a link of `page` has a target in the site, or leaves the site."""
    if urlparse(link).scheme or link.startswith("//"):
        return True
    path, fragment = urldefrag(link)
    path = unquote(path.split("?")[0])
    target = (page.parent / path).resolve() if path else page
    if target.is_dir():
        target /= "index.html"
    if not target.is_file() or not target.is_relative_to(folder.resolve()):
        return False
    if fragment.startswith("laboratory="):  # no place on the page, but what its laboratory shows
        return "data-attend-widget" in target.read_text(encoding="utf-8")
    return not fragment or target.suffix != ".html" or has_id(target, unquote(fragment))


def has_id(page: Path, name: str) -> bool:
    """Tell whether a page has an element with this id."""
    return parse(page).find(id=name) is not None


@pytest.mark.parametrize("document", [*PAGES, "genindex", "search"])
def test_internal_links_lead_somewhere(document: str, site: Site) -> None:
    assert dead_links(site.folder, site.folder / f"{document}.html") == []


def test_a_dead_link_is_found(site: Site, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text('<a href="#no">a</a><a href="none.html">b</a><p id="yes"><a href="#yes">c</a>')
    assert dead_links(tmp_path, page) == ["#no", "none.html"]


@pytest.mark.parametrize("document", PAGES)
def test_pictures_have_words_for_those_who_do_not_see_them(document: str, site: Site) -> None:
    for picture in parse(site.folder / f"{document}.html").select("article img"):
        alt = str(picture.get("alt", ""))
        assert len(alt) > 15, f"no alt text: {picture}"
        assert not FILE_NAME.search(alt), f"a file name for alt text: {alt}"


@pytest.mark.parametrize("document", PAGES)
def test_citations_have_an_entry(document: str, site: Site) -> None:
    for citation in parse(site.folder / f"{document}.html").select("a.bibtex, cite a"):
        assert "references.html#" in str(citation["href"]) or str(citation["href"]).startswith("#")


def test_bibliography_begins_with_the_paper(site: Site) -> None:
    entries = parse(site.folder / "book" / "references.html").select(
        ".citation-list .citation, dl.citation"
    )
    assert entries, "the bibliography is empty"
    assert "Attention Is All You Need" in " ".join(entries[0].get_text().split()).title()
