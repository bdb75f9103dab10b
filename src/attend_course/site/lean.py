"""Pages that load fast and ask no other host for anything.

The theme links a dozen style sheets and scripts, among them a 1.5 MB script that draws icons its
own font draws as well. Here all style sheets become one file, scripts move to the end of the page,
and what no page uses is left out. The templates beside this module override the theme's.
"""

from __future__ import annotations

import posixpath
import re
import shutil
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

from attend_course.kit.small import STYLE, small
from attend_course.site.fonts import letters, with_fonts
from attend_course.site.icons import subset, used_names
from attend_course.site.purge import purge, used_words

HERE = Path(__file__).parent
BUNDLE = "attend.css"
THEME_STYLES = ("styles/theme.css", "styles/pydata-sphinx-theme.css")
KATEX = HERE / "vendor" / "katex"
DESCRIPTION_LENGTH = 155

IMPORT = re.compile(r"""@import\s+["']([^"']+)["'];""")
URL = re.compile(r"""url\((["']?)(?!data:|#|https?:)([^"')]+)\1\)""")
OLD_FONT = re.compile(r""",url\([^)]+\.(?:woff|ttf)\) ?format\("(?:woff|truetype)"\)""")
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


def add_templates(app: Sphinx, config: Config) -> None:
    """Let the templates and static files beside this module take part in the build."""
    config.templates_path.insert(0, str(HERE / "templates"))
    config.html_static_path.append(str(HERE / "theme"))


def trim_page(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Replace a page's style sheets by the bundle, and give the page a description."""
    app.attend_styles = [style_name(css) for css in context["css_files"]]  # type: ignore[attr-defined]
    context["bundle"] = f"_static/{BUNDLE}?v={app.config.attend_digest}"
    context["css_files"] = []
    context["body"] = mend(context.get("body", ""))
    if doctree is not None and 'name="description"' not in context.get("metatags", ""):
        text = escape(describe(doctree), quote=True)
        context["metatags"] = (
            f'{context.get("metatags", "")}\n<meta name="description" content="{text}" />'
        )


def mend(body: str) -> str:
    """Take out two roles of docutils' bibliography that contradict each other."""
    body = body.replace(' role="list" class="citation-list"', ' class="citation-list"')
    return body.replace(' role="doc-biblioentry"', "")


def style_name(css: Any) -> str:
    """Return the name under ``_static`` of a style sheet that Sphinx would link."""
    return str(getattr(css, "filename", css)).removeprefix("_static/").split("?")[0]


def describe(doctree: nodes.document) -> str:
    """Return the first paragraph of a page, cut at a word."""
    paragraph = next(iter(doctree.findall(nodes.paragraph)), None)
    text = " ".join((paragraph or doctree).astext().split())
    if len(text) <= DESCRIPTION_LENGTH:
        return text
    return text[:DESCRIPTION_LENGTH].rsplit(" ", 1)[0] + " …"


def write_assets(app: Sphinx, exception: Exception | None) -> None:
    """Write the one style sheet and KaTeX's fonts, and make the extensions' scripts small.

    There is nothing to do when no page was written.
    """
    styles = getattr(app, "attend_styles", None)
    if exception or not styles or app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    shutil.copytree(KATEX / "fonts", static / "fonts", dirs_exist_ok=True)
    texts = shown_texts(Path(app.outdir))
    css = purge(bundle(static, styles), *used_words(*texts))
    css = subset(css, static, used_names(Path(app.outdir)))
    css = with_fonts(css, static, letters(*texts))
    (static / BUNDLE).write_text(small(css, STYLE), encoding="utf-8")
    for script in static.glob("*.js"):
        script.write_text(small(script.read_text(encoding="utf-8")), encoding="utf-8")


def shown_texts(folder: Path) -> tuple[list[str], list[str]]:
    """Read the pages of a built site, and the scripts that they load."""
    pages = [path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.html"))]
    static = folder / "_static"
    scripts = [*static.glob("page.*.js"), *(static / "attend").glob("*.js")]
    return pages, [path.read_text(encoding="utf-8") for path in sorted(scripts)]


def bundle(static: Path, styles: list[str]) -> str:
    """Join the theme's style sheets, those that Sphinx would link, KaTeX's and ours."""
    sheets = [read_style(static, name) for name in (*THEME_STYLES, *dict.fromkeys(styles))]
    katex = OLD_FONT.sub("", (KATEX / "katex.min.css").read_text(encoding="utf-8"))
    own = (HERE / "theme" / "site.css").read_text(encoding="utf-8")
    return COMMENT.sub("", "\n".join([*sheets, katex, own]))


def read_style(static: Path, name: str) -> str:
    """Return a style sheet with its imports in place and its links as seen from ``_static``."""
    folder = posixpath.dirname(name)
    text = (static / name).read_text(encoding="utf-8")
    text = IMPORT.sub(lambda m: read_style(static, beside(folder, m.group(1))), text)
    return URL.sub(lambda m: f"url({beside(folder, m.group(2))})", text)


def beside(folder: str, link: str) -> str:
    """Resolve a link of a file in `folder`, both seen from ``_static``."""
    return posixpath.normpath(posixpath.join(folder, link))


def setup(app: Sphinx) -> None:
    """Trim after the theme has had its say, and write files after all others are there."""
    # Jupyter Book sets this for sphinx-comments, which the course leaves out.
    app.add_config_value("comments_config", {}, "html")
    app.connect("config-inited", add_templates)
    app.connect("html-page-context", trim_page, priority=950)
    app.connect("build-finished", write_assets, priority=950)
