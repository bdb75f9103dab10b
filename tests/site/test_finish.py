"""What is put right in a page when the theme has written it: scripts, styles, names, previews."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from types import SimpleNamespace

import pytest
from bs4 import BeautifulSoup
from conftest import load_script
from PIL import Image

from attend_course.site import accessible, cards, scripts, slim
from attend_course.site.fonts import letters
from attend_course.site.purge import purge, used_words
from attend_course.site.scripts import POLICY

from .conftest import Site, table_of_contents

PAGES = table_of_contents()
EVERY = [*PAGES, "search", "genindex", "404"]
MOST_REQUESTS, MOST_BYTES = 16, 200_000
EVENTS = re.compile(r"^on[a-z]+$")


def application() -> SimpleNamespace:
    """A stand-in for Sphinx: what the steps keep notes on."""
    return SimpleNamespace(attend_joined={})


# Scripts and the policy

PAGE = """<html lang="en"><head><meta charset="utf-8" />
<script src="../_static/head.js"></script></head><body>
<button onclick="window.print()">p</button>
<script type="application/json">{"a": 1}</script>
<script src="../_static/doctools.js?v=1"></script>
<script>let a = 1;</script>
<script src="../_static/togglebutton.js"></script>
<script defer="defer" data-engine="e" src="../_static/attend/attend.js"></script>
<script>DOCUMENTATION_OPTIONS.pagename = 'book/x';</script>
</body></html>"""


def test_scripts_become_one_file_in_their_order_and_none_stays_inside() -> None:
    app = application()
    page = scripts.mend(app, PAGE, {"pathto": lambda path, _: f"../{path}"})
    (name, parts), *others = app.attend_joined.items()
    assert not others
    assert parts[:2] == ["file doctools.js", "inline let a = 1;"]
    assert len(parts) == 3  # togglebutton.js has nothing to work on
    soup = BeautifulSoup(page, "lxml")
    sources = [script["src"] for script in soup.select("script[src]")]
    assert sources == ["../_static/head.js", f"../_static/{name}", "../_static/attend/attend.js"]
    assert soup.select_one("script:not([src])")["type"] == "application/json"
    assert soup.select("script[src]")[-1]["data-engine"] == "e"
    assert all("defer" in script.attrs for script in soup.select("script[src]")[1:])
    assert soup.html["data-pagename"] == "book/x"
    assert soup.button["data-does"] == "print"


def test_a_script_is_there_where_a_page_has_what_it_works_on() -> None:
    assert scripts.is_wanted("togglebutton.js", '<div class="note dropdown admonition">') is False
    assert scripts.is_wanted("togglebutton.js", '<div class="admonition note dropdown">')
    assert scripts.is_wanted("togglebutton.js", '<div class="toggle">')
    assert scripts.is_wanted("design-tabs.js", '<div class="sd-tab-set docutils">')
    assert not scripts.is_wanted("design-tabs.js", "<p>sd-tab-set</p>")


@pytest.mark.parametrize("document", EVERY)
def test_a_page_runs_the_sites_own_files_only(document: str, site: Site) -> None:
    soup = BeautifulSoup(site.html(document), "lxml")
    policy = soup.select_one("meta[http-equiv=Content-Security-Policy]")
    assert policy["content"] == POLICY
    assert soup.head.find(["script", "link", "style"]).find_previous("meta") is not None
    assert not [s for s in soup.select("script:not([src])") if "json" not in s.get("type", "")]
    assert not soup.select("style, base, iframe, object, embed")
    assert not [e for e in soup.find_all(True) if any(map(EVENTS.match, e.attrs))]
    assert not soup.select("a[href^='javascript:']")


def test_the_policy_names_no_other_host_and_no_inline_script() -> None:
    rules = dict(rule.split(" ", 1) for rule in POLICY.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"].split() == ["'self'", "'wasm-unsafe-eval'"]
    assert rules["style-src"] == "'self'"
    assert "http" not in POLICY


@pytest.mark.parametrize("document", PAGES)
def test_a_page_is_light(document: str, site: Site) -> None:
    row = load_script("pages").measure(site.folder, site.folder / f"{document}.html")
    assert row["requests"] <= MOST_REQUESTS
    assert row["all, bytes"] <= MOST_BYTES


# Styles

CSS = """.a{--x:1;color:red} .b .attend-q:not(.z),.gone{--y:2} #top:hover,.a>#no{top:0}
@media print{.a:is(.b,.no){x:var(--x)} .no{x:1}} legend{x:1} p::before{content:".no;}"}
@font-face{font-family:F;src:url(data:font/woff2;base64,AA)}
:root{--icon:url("data:image/svg+xml;utf8,<svg>{};</svg>");--z:var(--y)}
p{background:var(--icon)}"""


def test_rules_that_match_nothing_are_dropped_and_the_rest_stays() -> None:
    pages = ['<p class="a" id="top">'], ["toggle('b')"]
    kept = purge(CSS, *used_words(*pages))
    for rule in ("--x:1", "#top:hover{", ".a:is(.b,.no){", "@font-face"):
        assert rule in kept
    for rule in (".gone", "#no", "legend", ".no{", "--z", "--y"):
        assert rule not in kept
    assert '--icon:url("data:image/svg+xml;utf8,<svg>{};</svg>")' in kept
    assert 'content:".no;}"' in kept
    assert ".b .attend-q:not(.z)" not in kept  # all it did was to set a variable that nobody reads


def test_a_variable_that_a_script_reads_stays() -> None:
    assert "--low:1" in purge("p{--low:1}", {"low"}, {"p"})
    assert "--low:1" not in purge("p{--low:1}", set(), {"p"})


def test_letters_are_those_of_pages_scripts_and_of_what_is_typed() -> None:
    assert {"Ω", "→", "ß", "A"} <= letters(["Ω"], ["→"])
    assert "Ж" not in letters(["a"], ["b"])


# Elements


def test_spans_that_say_nothing_are_taken_out() -> None:
    page = (
        '<dt class="sig sig-object py" id="f"><span class="sig-name descname"><span class="pre">f'
        '</span></span><span class="sig-paren">(</span><em class="sig-param"><span class="n">'
        '<span class="pre">x</span></span></em><span class="sig-paren">)</span></dt>'
        '<pre><span class="n">a</span> <span class="o">=</span> <span class="mi">1</span></pre>'
        '<script type="application/vnd.jupyter.widget-state+json">{}</script>'
    )
    assert slim.mend(None, page, {}) == (
        '<dt class="sig sig-object py" id="f"><span class="sig-name descname">f</span>(x)</dt>'
        '<pre>a = <span class="mi">1</span></pre>'
    )


def test_what_axe_found_is_put_right() -> None:
    page = (
        '<th class="head"><p></p></th><th>a</th><summary aria-label="Toggle hidden content">'
        '<p class="collapsed admonition-title">Show code</p></summary><a target="_blank">x</a>'
    )
    assert accessible.mend(None, page, {}) == (
        '<td class="head"><p></p></td><th>a</th><summary>'
        '<span class="collapsed admonition-title">Show code</span></summary><a>x</a>'
    )


@pytest.mark.parametrize("document", EVERY)
def test_headings_come_in_order_and_the_first_link_skips_to_the_text(
    document: str, site: Site
) -> None:
    soup = BeautifulSoup(site.html(document), "lxml")
    text = soup.select_one("article") or soup.select_one("main")
    levels = [int(heading.name[1]) for heading in text.select("h1, h2, h3, h4, h5, h6")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    first = soup.body.find("a")
    assert first["href"] == "#main-content"
    assert soup.find(id="main-content").name == "main"


# Found


@pytest.mark.parametrize("document", PAGES)
def test_a_page_has_an_address_and_a_preview(document: str, site: Site) -> None:
    soup = BeautifulSoup(site.html(document), "lxml")
    address = soup.select_one("link[rel=canonical]")["href"]
    assert address.endswith(f"/{document}.html")
    base = address.removesuffix(f"{document}.html")
    told = {m["property"]: m["content"] for m in soup.select("meta[property]")}
    assert told["og:url"] == address
    assert told["og:title"] in soup.title.text
    assert told["og:description"] == soup.select_one("meta[name=description]")["content"]
    picture = site.folder / told["og:image"].removeprefix(base)
    assert Image.open(picture).size == (1200, 630)
    assert picture.stat().st_size < 40_000
    assert len(soup.select("meta[name=viewport]")) == 1


def test_every_page_has_a_card_of_its_own(site: Site) -> None:
    drawn = list((site.folder / "_static" / cards.FOLDER).glob("*.png"))
    assert len(drawn) == len(PAGES)
    assert len({card.read_bytes() for card in drawn}) == len(PAGES)


def test_the_map_lists_the_pages(site: Site) -> None:
    places = re.findall(r"<loc>(.*?)</loc>", (site.folder / "sitemap.xml").read_text("utf-8"))
    base = places[0].partition("book/")[0]
    assert sorted(places) == sorted(f"{base}{page}.html" for page in PAGES)
    assert f"Sitemap: {base}sitemap.xml" in (site.folder / "robots.txt").read_text("utf-8")


def test_the_home_page_says_that_it_is_a_course(site: Site) -> None:
    soup = BeautifulSoup(site.html("book/index"), "lxml")
    data = json.loads(soup.select_one("script[type='application/ld+json']").string)
    chapters = [page for page in PAGES if re.match(r"book/\d\d-", page)]
    assert data["@type"] == "Course"
    assert [part["position"] for part in data["hasPart"]] == list(range(1, len(chapters) + 1))
    assert [part["url"].rpartition("/")[2] for part in data["hasPart"]] == [
        f"{page.rpartition('/')[2]}.html" for page in chapters
    ]
    hours = int(data["hasCourseInstance"]["courseWorkload"].strip("PTM")) / 60
    assert 1 < hours < 40


def test_a_page_that_is_not_there_helps_from_any_depth(site: Site) -> None:
    soup = BeautifulSoup(site.html("404"), "lxml")
    links = [e.get("href") or e.get("src") or e.get("action") for e in soup.find_all(True)]
    inside = [link for link in links if link and not link.startswith(("http", "#"))]
    search = soup.select_one("link[rel=search]")["href"]
    root = search.removesuffix("search.html")
    assert root.startswith("/")
    assert root.endswith("/")
    for link in inside:
        place = re.split("[?#]", link)[0].removeprefix(root)
        assert link.startswith(root)
        assert (site.folder / place).exists()
    assert soup.select_one("article form input[name=q]")
    assert soup.select_one("article a[href$='book/index.html']")
