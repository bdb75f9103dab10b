"""Where the repository's address is shown to readers, without any page naming it.

::

    ```{attend-commands}
    git clone <<repository>>
    ```

    {repository}`the workflow <actions>`, {binder}`all notebooks on Binder`

All follow the setting in pyproject.toml. Notebooks are read in places where the pages do not lie
beside them, so their links name the address of the published book; inside the book they lead to
its own page.
"""

from __future__ import annotations

import re
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import ReferenceRole, SphinxDirective, SphinxRole

from attend_course.site.settings import Repository, read_repository

PLACE = "<<repository>>"


def commands(text: str, repository: Repository) -> str:
    """Fill the address into lines for a terminal.

    Raises
    ------
    ValueError
        If the lines do not ask for the address: a plain code block would do.
    """
    if PLACE not in text:
        raise ValueError(f"there is no {PLACE} to fill; use a plain code block")
    return text.replace(PLACE, repository.url)


def binder_address(repository: Repository) -> str:
    """Return where Binder opens the folder of all notebooks."""
    place = f"{repository.slug}/{repository.branch}"
    return f"https://mybinder.org/v2/gh/{place}?urlpath=lab/tree/notebooks/begin-here.md"


class CommandsDirective(SphinxDirective):
    """Lines for a terminal in which the address is filled in."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return a listing."""
        try:
            text = commands("\n".join(self.content), _repository(self))
        except ValueError as error:
            raise self.error(f"attend-commands: {error}") from error
        return [nodes.literal_block(text, text, language="sh")]


class RepositoryRole(ReferenceRole):
    """A link into the repository: text, and a path below its address."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the link; the path is empty where only a text is given."""
        path = f"/{self.target}" if self.has_explicit_title else ""
        address = f"{_repository(self).url}{path}"
        return [nodes.reference(self.rawtext, self.title, refuri=address)], []


class BinderRole(SphinxRole):
    """A link that opens the notebooks on Binder."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the link."""
        address = binder_address(_repository(self))
        return [nodes.reference(self.rawtext, self.text, refuri=address)], []


_PUBLISHED = re.compile(r"https://[\w-]+\.github\.io/[\w.-]+/book/([\w-]+)\.html")


def link_inside(app: Sphinx, name: str, source: list[str]) -> None:
    """Turn a notebook's links to the published book into links to the pages of this one."""
    if name.startswith("notebooks/"):
        source[0] = _PUBLISHED.sub(r"../book/\1.md", source[0])


def _repository(part: SphinxDirective | SphinxRole) -> Repository:
    """Read the setting, and have the page written again when it changes."""
    settings = Path(part.env.srcdir) / "pyproject.toml"
    part.env.note_dependency(str(settings))
    return read_repository(settings)


def setup(app: Sphinx) -> None:
    """Register the directive and the roles with Sphinx."""
    app.add_directive("attend-commands", CommandsDirective)
    app.add_role("repository", RepositoryRole())
    app.add_role("binder", BinderRole())
    app.connect("source-read", link_inside)
