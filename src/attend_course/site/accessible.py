"""Landmarks, names and headings, as readers with a screen reader or a keyboard need them.

axe found what stands here on pages of the theme; tests/site/test_pages.py holds it for every page.
"""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

REPLACED = {
    # The logo and the search button stood in no landmark.
    'id="pst-primary-sidebar" class="': (
        'id="pst-primary-sidebar" role="complementary" aria-label="The course" class="'
    ),
    # What is read aloud must contain what is seen: "Show code cell source".
    '<summary aria-label="Toggle hidden content">': "<summary>",
    # The contents, for print, stand there a second time.
    '<nav aria-label="Page">': '<nav aria-label="Contents, for print">',
    ' title="Toggle primary sidebar"': (
        ' title="The course" aria-label="The course" aria-controls="pst-primary-sidebar"'
    ),
    ' title="Toggle secondary sidebar"': (
        ' title="Contents of this page" aria-label="Contents of this page"'
    ),
    # What opens in a new window takes the way back from a reader.
    ' target="_blank"': "",
}
"""What stands in the theme's pages, and what stands there instead."""

EMPTY_HEAD = re.compile(r"<th(?P<rest>(?: [^>]*)?)>(?P<empty>\s*(?:<p>\s*</p>)?\s*)</th>")
PARAGRAPH_IN_SUMMARY = re.compile(r'<p class="(collapsed|expanded) admonition-title">([^<]*)</p>')


def mend(app: Sphinx, page: str, context: dict[str, Any]) -> str:
    """Put landmarks, names and table heads right."""
    for wrong, right in REPLACED.items():
        page = page.replace(wrong, right)
    page = EMPTY_HEAD.sub(r"<td\g<rest>>\g<empty></td>", page)
    return PARAGRAPH_IN_SUMMARY.sub(r'<span class="\1 admonition-title">\2</span>', page)
