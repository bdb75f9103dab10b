"""What search engines and previews read: addresses, descriptions, pictures, a map of the site.

The site's address follows from that of the repository (`Repository.site`). A page that is not there
answers with one that helps; since it is shown at any depth, its links begin at the site's root.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from sphinx.application import Sphinx

from attend_course.site import cards

MISSING = "404"
HELP = """<section><h1>This page is not here</h1>
<p>The address may have been mistyped, or the page has moved. The contents of the course are in the
menu; <a href="{home}">its first page</a> says what it holds and where to begin.</p>
<form action="{search}" method="get" role="search"><label>Search the course:
<input type="search" name="q" class="form-control" autocomplete="off" /></label></form></section>"""
RELATIVE = re.compile(r'\b(href|src|action)="(?!https?:|mailto:|data:|#|/)([^"]+)"')
DUPLICATE_VIEWPORT = '<meta name="viewport" content="width=device-width, initial-scale=1" />'
MAP = """<?xml version="1.0" encoding="UTF-8"?>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
{}</urlset>
"""
MINUTES = re.compile(r"^\*\*In (\d+) minutes", re.MULTILINE)
MARKUP = re.compile(r"<[^>]+>")


def mend(app: Sphinx, page: str, context: dict[str, Any]) -> str:
    """Give a page what a preview of it shows, and the home page what the course is."""
    page = page.replace(DUPLICATE_VIEWPORT, "", 1)
    if context["pagename"] == MISSING:
        return rooted(page, urlparse(app.config.html_baseurl).path or "/")
    tags = "\n    ".join(preview(app, page, context))
    return page.replace("</head>", f"  {tags}\n  </head>", 1)


def preview(app: Sphinx, page: str, context: dict[str, Any]) -> Iterator[str]:
    """Write the tags from which a preview is made."""
    name, base = context["pagename"], app.config.html_baseurl
    title = MARKUP.sub("", context.get("title") or app.config.html_title)
    text = re.search(r'<meta name="description" content="([^"]*)"', page)
    properties = {
        "og:type": "website" if name == app.config.root_doc else "article",
        "og:site_name": app.config.html_title,
        "og:title": title,
        "og:url": f"{base}{name}.html",
    }
    if text:
        properties["og:description"] = text[1]
    if name in app.env.found_docs:
        properties["og:image"] = f"{base}_static/{cards.address(app, name)}"
        properties["og:image:alt"] = escape(cards.words(app, name), quote=True)
    for key, value in properties.items():
        yield f'<meta property="{key}" content="{value}" />'
    if name in app.env.found_docs:
        yield '<meta name="twitter:card" content="summary_large_image" />'
    if name == app.config.root_doc:
        data = json.dumps(course(app, text[1] if text else ""), ensure_ascii=False)
        data = data.replace("<", "\\u003c")
        yield f'<script type="application/ld+json">{data}</script>'


def course(app: Sphinx, description: str) -> dict[str, Any]:
    """Describe the course in the words of schema.org."""
    base, env = app.config.html_baseurl, app.env
    chapters = [name for name in sorted(env.toc_secnumbers) if name.startswith("book/")]
    return {
        "@context": "https://schema.org",
        "@type": "Course",
        "name": app.config.html_title,
        "description": description,
        "url": f"{base}{app.config.root_doc}.html",
        "inLanguage": app.config.language,
        "isAccessibleForFree": True,
        "license": "https://creativecommons.org/licenses/by/4.0/",
        "provider": {"@type": "Organization", "name": app.config.author, "url": base},
        "offers": {"@type": "Offer", "price": 0, "priceCurrency": "EUR", "category": "Free"},
        "hasCourseInstance": {
            "@type": "CourseInstance",
            "courseMode": "Online",
            "courseWorkload": f"PT{sum(minutes(app, name) for name in chapters)}M",
        },
        "hasPart": [
            {
                "@type": "LearningResource",
                "position": position,
                "name": env.titles[name].astext(),
                "url": f"{base}{name}.html",
            }
            for position, name in enumerate(chapters, start=1)
        ],
    }


def minutes(app: Sphinx, page: str) -> int:
    """Return how long a chapter says that it takes."""
    text = Path(app.env.doc2path(page)).read_text(encoding="utf-8")
    said = MINUTES.search(text)
    return int(said[1]) if said else 0


def rooted(page: str, root: str) -> str:
    """Let the links of a page begin at the root of the site."""
    return RELATIVE.sub(lambda link: f'{link[1]}="{root}{link[2]}"', page)


def add_missing(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Add the page that a server shows in place of one that is not there."""
    places = {
        "home": app.builder.get_relative_uri(MISSING, app.config.root_doc),
        "search": "search.html",
    }
    body = HELP.format(**places)
    yield MISSING, {"title": "Not found", "body": body, "metatags": ""}, "page.html"


def write_map(app: Sphinx, exception: Exception | None) -> None:
    """Write the map of the site, and where it is."""
    if exception or app.builder.format != "html":
        return
    out, base = Path(app.outdir), app.config.html_baseurl
    places = [f"<url><loc>{base}{name}.html</loc></url>\n" for name in sorted(app.env.found_docs)]
    (out / "sitemap.xml").write_text(MAP.format("".join(places)), encoding="utf-8")
    robots = f"User-agent: *\nAllow: /\nSitemap: {base}sitemap.xml\n"
    (out / "robots.txt").write_text(robots, encoding="utf-8")
    # GitHub would leave out the folders whose names begin with an underscore.
    (out / ".nojekyll").touch()


def setup(app: Sphinx) -> None:
    """Add the page and the map."""
    app.connect("html-collect-pages", add_missing)
    app.connect("build-finished", write_map)
