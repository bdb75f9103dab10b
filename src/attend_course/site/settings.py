"""The repository's address, read from the one place that names it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config


@dataclass(frozen=True)
class Repository:
    """Where the course lives: its address and the branch that readers get."""

    url: str
    branch: str

    @property
    def slug(self) -> str:
        """Owner and name, as in ``owner/name``."""
        return "/".join(self.url.rstrip("/").split("/")[-2:])

    @property
    def site(self) -> str:
        """The address of the site that the workflow publishes: the pages of the repository."""
        owner, name = self.slug.split("/")
        return f"https://{owner}.github.io/{name}/"


def read_repository(pyproject: Path) -> Repository:
    """Read ``[tool.attend]`` of a pyproject.toml.

    Raises
    ------
    ValueError
        If the file has no ``[tool.attend]`` with ``repository`` and ``branch``.
    """
    settings = (
        tomllib.loads(pyproject.read_text(encoding="utf-8")).get("tool", {}).get("attend", {})
    )
    missing = {"repository", "branch"} - settings.keys()
    if missing:
        names = ", ".join(sorted(missing))
        raise ValueError(
            f"{pyproject.name}: [tool.attend] must name the repository; missing: {names}"
        )
    return Repository(settings["repository"].rstrip("/"), settings["branch"])


def apply_repository(app: Sphinx, config: Config) -> None:
    """Give the theme the address, from which it makes the launch and repository buttons."""
    repository = read_repository(Path(app.confdir) / "pyproject.toml")
    config.html_theme_options["repository_url"] = repository.url
    config.html_theme_options["repository_branch"] = repository.branch
    config.html_baseurl = repository.site


def setup(app: Sphinx) -> None:
    """Read the address before the theme reads its options."""
    app.connect("config-inited", apply_repository, priority=100)
