"""Elements that say nothing, taken out of a page.

Sphinx puts a span around each word of code, and around each sign that no colour tells apart. A page
of the reference had eight thousand elements, most of them these.
"""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

# A name and a sign look as the code around them does; operators are not worth a colour.
PLAIN = re.compile(r'<span class="(?:n|p|w|o|nn|pre|default_value|sig-paren|colon)">([^<]*)</span>')
# What a signature is made of looks the same with and without these, once the spans above are gone.
OF_SIGNATURES = re.compile(
    r'<(span|em) class="(?:n|sig-param|sig-return-icon|sig-return-typehint|viewcode-link)">'
    r"((?:(?!<\1\b).)*?)</\1>",
    re.DOTALL,
)
SIGNATURE = re.compile(r'<dt class="sig .*?</dt>', re.DOTALL)
WIDGET_STATE = re.compile(
    r'\s*<script type="application/vnd\.jupyter\.widget-(?:state|view)\+json">.*?</script>',
    re.DOTALL,
)


def mend(app: Sphinx, page: str, context: dict[str, Any]) -> str:
    """Take out spans without a look, and the state of widgets, which no script here reads."""
    page = unwrapped(PLAIN, WIDGET_STATE.sub("", page))
    return SIGNATURE.sub(lambda found: unwrapped(OF_SIGNATURES, found[0]), page)


def unwrapped(elements: re.Pattern[str], page: str) -> str:
    """Put what elements hold in their place, until none is left."""
    before = ""
    while page != before:
        before, page = page, elements.sub(lambda found: found[found.re.groups], page)
    return page
