"""Links from a chapter's page to its notebook: on the page, on Binder, on Colab.

::

    ```{attend-launch}
    ```

The notebook has the page's name, in ``notebooks/``. The theme gives such links to notebooks only.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from attend_course.site.settings import Repository, read_repository


class LaunchDirective(SphinxDirective):
    """Where the notebook of this page can be read and run."""

    def run(self) -> list[nodes.Node]:
        """Return one paragraph of links; a page without a notebook stops the build."""
        stem = PurePosixPath(self.env.docname).name
        if not (Path(self.env.srcdir) / "notebooks" / f"{stem}.ipynb").exists():
            raise self.error(f"attend-launch: there is no notebooks/{stem}.ipynb")
        self.env.note_dependency(str(Path(self.env.srcdir) / "pyproject.toml"))
        repository = read_repository(Path(self.env.srcdir) / "pyproject.toml")
        line = nodes.paragraph("", "", classes=["attend-launch"])
        line += [nodes.Text("This chapter as a notebook: "), self._read(stem)]
        for name, address in addresses(repository, stem).items():
            line += [nodes.Text(" · "), nodes.reference("", f"run it on {name}", refuri=address)]
        return [line]

    def _read(self, stem: str) -> pending_xref:
        link = pending_xref(
            "",
            nodes.inline("", "read it here"),
            refdomain="std",
            reftype="doc",
            reftarget=f"/notebooks/{stem}",
            refexplicit=True,
            refwarn=True,
            refdoc=self.env.docname,
        )
        self.set_source_info(link)
        return link


def addresses(repository: Repository, stem: str) -> dict[str, str]:
    """Return where the notebook `stem` runs, by the name of the host."""
    place = f"notebooks/{stem}.ipynb"
    return {
        "Binder": f"https://mybinder.org/v2/gh/{repository.slug}/{repository.branch}"
        f"?urlpath=lab/tree/{place}",
        "Colab": f"https://colab.research.google.com/github/{repository.slug}"
        f"/blob/{repository.branch}/{place}",
    }


def setup(app: Sphinx) -> None:
    """Register the directive with Sphinx."""
    app.add_directive("attend-launch", LaunchDirective)
