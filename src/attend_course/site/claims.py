"""The ledger of claims: which test proves which statement of the course.

A test names its claim, ``@pytest.mark.claim("variance-of-scores")``, and says it in the first
sentence of its docstring. A page marks the sentence with ``{claim}`variance-of-scores` ``, which
becomes a small link to the ledger. There the directive ``attend-claims`` lists every claim with
its pages, the test, and the source of the test. tests/test_claims.py runs the tests named here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole

from attend_course.site.settings import read_repository

logger = logging.getLogger(__name__)
_ROLE = re.compile(r"\{claim\}`([^`]+)`")


@dataclass(frozen=True)
class Proof:
    """A test and the claim it proves."""

    claim: str
    statement: str
    file: str
    test: str
    line: int
    source: str

    @property
    def node_id(self) -> str:
        """What pytest calls the test."""
        return f"{self.file}::{self.test}"


def find_proofs(root: Path) -> list[Proof]:
    """Return the tests under ``root/tests`` that name a claim, in the order of their claims.

    Raises
    ------
    ValueError
        When a test that names a claim has no docstring: it says the claim in words.
    """
    files = sorted((root / "tests").rglob("test_*.py"))
    proofs = [proof for path in files for proof in _proofs_in(path, root)]
    return sorted(proofs, key=lambda proof: (proof.claim, proof.file, proof.line))


def claims_on_pages(root: Path) -> dict[str, list[str]]:
    """Return the names of the claims marked in ``root/book``, each with its pages."""
    found: dict[str, list[str]] = {}
    for path in sorted((root / "book").rglob("*.md")):
        for name in _ROLE.findall(path.read_text(encoding="utf-8")):
            found.setdefault(name, []).append(path.relative_to(root).as_posix())
    return found


def _proofs_in(path: Path, root: Path) -> Iterator[Proof]:
    text = path.read_text(encoding="utf-8")
    if "mark.claim" not in text:
        return
    for prefix, function in _functions(ast.parse(text)):
        for claim in _claims_of(function):
            statement = (ast.get_docstring(function) or "").split("\n\n")[0].replace("\n", " ")
            file = path.relative_to(root).as_posix()
            if not statement:
                raise ValueError(f"{file}: {function.name} names a claim but has no docstring")
            source = ast.get_source_segment(text, function) or ""
            name = prefix + function.name
            yield Proof(claim, statement, file, name, function.lineno, source)


def _functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield "", node
        if isinstance(node, ast.ClassDef):
            yield from (
                (f"{node.name}::", part) for part in node.body if isinstance(part, ast.FunctionDef)
            )


def _claims_of(function: ast.FunctionDef) -> list[str]:
    calls = [call for call in function.decorator_list if isinstance(call, ast.Call)]
    return [
        ast.literal_eval(argument)
        for call in calls
        if ast.unparse(call.func) == "pytest.mark.claim"
        for argument in call.args
    ]


@cache
def _proofs(root: Path) -> dict[str, list[Proof]]:
    by_claim: dict[str, list[Proof]] = {}
    for proof in find_proofs(root):
        by_claim.setdefault(proof.claim, []).append(proof)
    return by_claim


class ledger(nodes.General, nodes.Element):  # noqa: N801 - docutils names nodes in lower case
    """The place of the list; it is filled when every page has been read."""


class ClaimRole(SphinxRole):
    """A small link from a sentence to the test that proves it."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return a link to the ledger; a claim without a test is an error."""
        proofs = _proofs(Path(self.env.srcdir)).get(self.text)
        if not proofs:
            message = self.inliner.reporter.error(
                f"claim {self.text!r}: no test names it with pytest.mark.claim", line=self.lineno
            )
            return [self.inliner.problematic(self.rawtext, self.rawtext, message)], [message]
        self.env.attend_claims.setdefault(self.text, set()).add(self.env.docname)
        link = nodes.reference("", "tested", internal=True, classes=["attend-claim"])
        link["claim"] = self.text
        link["reftitle"] = f"Proved by a test: {proofs[0].statement}"
        return [nodes.superscript("", "", link)], []


class LedgerDirective(SphinxDirective):
    """The list of all claims."""

    def run(self) -> list[nodes.Node]:
        """Note the page and keep a place for the list."""
        self.env.attend_ledger = self.env.docname
        return [ledger()]


def _prepare(app: Sphinx, env: BuildEnvironment, *_: object) -> None:
    if not hasattr(env, "attend_claims"):
        env.attend_claims, env.attend_ledger = {}, None
    _proofs.cache_clear()


def _forget(app: Sphinx, env: BuildEnvironment, page: str) -> None:
    for pages in env.attend_claims.values():
        pages.discard(page)
    if env.attend_ledger == page:
        env.attend_ledger = None


def _rewrite_ledger(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """The list depends on every page and on the tests, so it is always written again."""
    return [env.attend_ledger] if env.attend_ledger else []


def _resolve(app: Sphinx, doctree: nodes.document, page: str) -> None:
    env = app.env
    for link in doctree.findall(nodes.reference):
        if "claim" in link:
            _keep_with_sentence(link.parent)
        if "claim" in link and env.attend_ledger:
            address = app.builder.get_relative_uri(page, env.attend_ledger)
            link["refuri"] = f"{address}#claim-{link['claim']}"
        elif "claim" in link:
            logger.warning("a page marks a claim, but no page has the ledger", location=link)
            link["refuri"] = ""
    for place in list(doctree.findall(ledger)):
        place.replace_self([_entry(app, page, name) for name in sorted(_proofs(Path(app.srcdir)))])


def _keep_with_sentence(mark: nodes.Element) -> None:
    """Let no line break part the mark from the sentence before it."""
    place = mark.parent.index(mark)
    before = mark.parent[place - 1] if place else None
    if isinstance(before, nodes.Text) and before.endswith((" ", "\n")):
        # By place: an equal text, such as an earlier break of the line, must stay as it is.
        mark.parent[place - 1] = nodes.Text(before.rstrip() + "\N{NO-BREAK SPACE}")


def _entry(app: Sphinx, here: str, name: str) -> nodes.section:
    proofs = _proofs(Path(app.srcdir))[name]
    statement = nodes.paragraph("", proofs[0].statement)
    pages = nodes.paragraph("", "Said in ", classes=["attend-claim-pages"])
    for place, page in enumerate(sorted(app.env.attend_claims.get(name, ()))):
        pages += [nodes.Text(", ")] if place else []
        pages += _link_to_page(app, here, page)
    entry = nodes.container("", classes=["attend-ledger-entry"], ids=[f"claim-{name}"])
    entry += [nodes.paragraph("", "", nodes.strong("", name)), statement, pages]
    entry += [part for proof in proofs for part in _shown_proof(app, proof)]
    return entry


def _link_to_page(app: Sphinx, here: str, page: str) -> nodes.reference:
    title = app.env.titles[page].astext()
    address = app.builder.get_relative_uri(here, page)
    return nodes.reference("", title, internal=True, refuri=address)


def _shown_proof(app: Sphinx, proof: Proof) -> list[nodes.Node]:
    repository = read_repository(Path(app.srcdir) / "pyproject.toml")
    address = f"{repository.url}/blob/{repository.branch}/{proof.file}#L{proof.line}"
    link = nodes.reference("", "", nodes.literal("", proof.node_id), refuri=address)
    code = nodes.literal_block(proof.source, proof.source, language="text")
    return [nodes.paragraph("", "", nodes.Text("Proved by "), link), code]


def setup(app: Sphinx) -> None:
    """Register the role and the directive, and fill the ledger at the end."""
    app.add_node(ledger)
    app.add_role("claim", ClaimRole())
    app.add_directive("attend-claims", LedgerDirective)
    app.connect("env-before-read-docs", _prepare)
    app.connect("env-purge-doc", _forget)
    app.connect("env-updated", _rewrite_ledger)
    app.connect("doctree-resolved", _resolve)
