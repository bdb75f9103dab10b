"""A style sheet without the rules that no page uses: the theme serves many sites, this is one.

A rule goes when it asks for a class or an id that stands in no page and in no script, or for an
element that no page has. What scripts add at run time is found because their text names it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import tinycss2

WORD = re.compile(r"[\w-]+")
ATTRIBUTE = re.compile(r'\b(?:class|id)="([^"]*)"')
ELEMENT = re.compile(r"<([a-z][a-z0-9-]*)")
READ = re.compile(r"var\(\s*(--[\w-]+)")
DEFINED = re.compile(r"(?<=[{;])\s*(--[\w-]+)\s*:[^;{}]*(?:;|(?=\}))")
STRING = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'""")
PLACE = re.compile(r'"(\d+)"')
EMPTY = re.compile(r"[^{}]+\{\s*\}\n?")
OURS = ("attend-", "is-", "katex")
"""How names begin that explorers put together while they run: what they style stays."""
FROM_SCRIPTS = {"button", "details", "dialog", "mark", "path", "polyline", "summary", "svg"}
NESTED = {"container", "layer", "media", "supports"}


def used_words(pages: Iterable[str], scripts: Iterable[str]) -> tuple[set[str], set[str]]:
    """Collect the classes and ids that may occur, and the elements."""
    words: set[str] = set()
    elements = set(FROM_SCRIPTS)
    for page in pages:
        for value in ATTRIBUTE.findall(page):
            words.update(value.split())
        elements.update(ELEMENT.findall(page))
    for script in scripts:
        words.update(WORD.findall(script))
    return words, elements


def purge(css: str, words: set[str], elements: set[str]) -> str:
    """Return a style sheet without rules that match nothing, and without variables nobody reads."""
    rules = tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True)
    return without_variables("".join(kept(rules, words, elements)), words)


def kept(rules: list[Any], words: set[str], elements: set[str]) -> Iterator[str]:
    """Write the rules that may match, those inside ``@media`` and the like too."""
    for rule in rules:
        if rule.type == "qualified-rule":
            selectors = [s for s in split(rule.prelude) if matches(s, words, elements)]
            if selectors:
                head = ",".join(tinycss2.serialize(s).strip() for s in selectors)
                yield f"{head}{{{tinycss2.serialize(rule.content).strip()}}}\n"
        elif rule.type == "at-rule" and rule.lower_at_keyword in NESTED and rule.content:
            inner = tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True)
            text = "".join(kept(inner, words, elements))
            if text:
                yield f"@{rule.at_keyword}{tinycss2.serialize(rule.prelude)}{{{text}}}\n"
        elif rule.type == "at-rule":
            yield rule.serialize() + "\n"


def split(prelude: list[Any]) -> list[list[Any]]:
    """Part a list of selectors at its commas."""
    parts: list[list[Any]] = [[]]
    for token in prelude:
        if token.type == "literal" and token.value == ",":
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def matches(selector: list[Any], words: set[str], elements: set[str]) -> bool:
    """Tell whether all that a selector asks for may occur."""
    before = [None, *selector]
    return all(
        may_occur(token, getattr(last, "value", None), words, elements)
        for last, token in zip(before, selector, strict=False)
    )


def may_occur(token: Any, before: Any, words: set[str], elements: set[str]) -> bool:
    """Tell whether there may be an element that fits one part of a selector."""
    if token.type == "hash" or (token.type == "ident" and before == "."):
        return token.value in words or token.value.startswith(OURS)
    if token.type == "ident" and before != ":":
        return token.lower_value in elements
    if token.type == "function" and token.lower_name in ("is", "where"):
        return any(matches(part, words, elements) for part in split(token.arguments))
    return True


def without_variables(css: str, words: set[str]) -> str:
    """Drop the variables that nothing reads, and those that only these read."""
    strings = STRING.findall(css)
    # What stands between quotation marks may look like anything; a number holds its place.
    places = iter(range(len(strings)))
    css = STRING.sub(lambda _: f'"{next(places)}"', css)
    by_scripts = {f"--{word}" for word in words}
    before = ""
    while css != before:
        before, read = css, by_scripts.union(READ.findall(css))
        css = DEFINED.sub(partial(_if_read, read), css)
    return PLACE.sub(lambda place: strings[int(place[1])], EMPTY.sub("", css))


def _if_read(read: set[str], variable: re.Match[str]) -> str:
    return variable[0] if variable[1] in read else ""
