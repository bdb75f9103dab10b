"""The reference of the package, made from its docstrings.

A page names a module, ``.. automodule:: attend.attention``, and autodoc does the rest, with three
differences. Signatures stand as in the source, where shapes are part of the annotations. A name in
single backticks becomes a link when the package has it, and code when not. Each object links to
its lines in the repository. In the chapters, code such as ``attend.softmax`` leads to its entry,
and below the links to the notebook stand the functions that the page's own code imports.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
import textwrap
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform

from attend_course.site.settings import read_repository

LINE = 72
ROOT = Path(__file__).resolve().parents[3]
_NAME = re.compile(r"(?<![`:\w])`([\w.]+)`(?![`_])")
_OURS = re.compile(r"(attend(?:_course)?(?:\.\w+)+)(?:\(\))?")
_OPTIONS = {"members": True, "member-order": "bysource"}
_LISTED = re.compile(r'<dl>\n((?:<dd><em class="sig-param">.*?</dd>\n)+)</dl>', re.DOTALL)


def written_signature(function: Any) -> tuple[str, str] | None:
    """Return arguments and result of a function as its source has them, or None without source."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(function))))
    except (OSError, TypeError, SyntaxError):
        return None
    if not tree.body or not isinstance(tree.body[0], ast.FunctionDef):
        return None
    arguments, result = tree.body[0].args, tree.body[0].returns
    ordered = [*arguments.posonlyargs, *arguments.args]
    if ordered and ordered[0].arg in ("self", "cls"):
        (arguments.posonlyargs or arguments.args).pop(0)
    return f"({ast.unparse(arguments)})", ast.unparse(result) if result else ""


def written_fields(kind: type) -> tuple[str, str] | None:
    """Return the arguments that make an object of a class, as its source has them.

    A protocol has none, and a class without source or fields leaves the question to Sphinx.
    """
    try:
        body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0].body  # type: ignore[attr-defined]
    except (OSError, TypeError, SyntaxError):
        return None
    if "__init__" in vars(kind) and any(getattr(s, "name", "") == "__init__" for s in body):
        return (written_signature(kind.__init__) or ("()", ""))[0], ""  # type: ignore[misc]
    if getattr(kind, "_is_protocol", False):
        return "", ""  # nobody makes one: it says what others must have
    if not (is_dataclass(kind) or hasattr(kind, "_fields")):
        return None
    fields = [ast.unparse(part) for part in body if isinstance(part, ast.AnnAssign)]
    return f"({', '.join(fields)})", ""


def link_names(text: str, module: str) -> str:
    """Turn each name in single backticks into a link if `module` or `attend` has it, else code."""

    def replace(match: re.Match[str]) -> str:
        full = full_name(match[1], module)
        return f":py:obj:`{match[1]} <{full}>`" if full else f"``{match[1]}``"

    return _NAME.sub(replace, text)


def full_name(name: str, module: str) -> str | None:
    """Return the full name of an object of the package, as seen from `module`, or None."""
    inside, _, last = name.rpartition(".")
    below = name.removeprefix("attend.")
    for start, path in ((module, below), ("attend", below), (inside or "attend", last)):
        try:
            found = importlib.import_module(start)
            for part in path.split("."):
                found = getattr(found, part)
        except (AttributeError, ImportError):
            continue
        home = getattr(found, "__module__", None)
        if (inspect.isclass(found) or inspect.isfunction(found)) and str(home).startswith(
            ("attend.", "attend_course.")
        ):
            return f"{home}.{found.__qualname__}"
    return None


def source_address(info: dict[str, str]) -> str | None:
    """Return where an object's source stands in the repository, or None if it has none."""
    found: Any = sys.modules.get(info["module"])
    try:
        for part in info["fullname"].split("."):
            found = getattr(found, part)
        found = inspect.unwrap(found)
        file = Path(inspect.getsourcefile(found) or "").relative_to(ROOT).as_posix()
        lines, first = inspect.getsourcelines(found)
    except (AttributeError, OSError, TypeError, ValueError):
        return None
    repository = read_repository(ROOT / "pyproject.toml")
    place = f"#L{first}-L{first + len(lines) - 1}"
    return f"{repository.url}/blob/{repository.branch}/{file}{place}"


def resolve_code(domain: str, info: dict[str, str]) -> str | None:
    """Answer sphinx.ext.linkcode: the address of a Python object."""
    return source_address(info) if domain == "py" and info["module"] else None


def _sign(
    app: Sphinx, kind: str, name: str, obj: Any, options: Any, signature: str, result: str
) -> tuple[str, str] | None:
    if kind == "class":
        return written_fields(obj)
    return written_signature(obj) if kind in ("function", "method") else None


def _link(app: Sphinx, kind: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    module = name if kind == "module" else getattr(obj, "__module__", None) or "attend"
    lines[:] = link_names("\n".join(lines), str(module)).split("\n")


def _skip(app: Sphinx, kind: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    """Leave out what Python wrote itself: the fields of named tuples."""
    return True if (inspect.getdoc(obj) or "").startswith("Alias for field number") else None


def in_spans(body: str) -> str:
    """Write the lines of a long signature as spans: Sphinx makes a list without terms of them."""

    def replace(match: re.Match[str]) -> str:
        lines = match[1].replace("<dd>", '<span class="attend-parameter">')
        return lines.replace("</dd>", "</span>")

    return _LISTED.sub(replace, body)


def _mend(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    context["body"] = in_spans(context.get("body", ""))


def _leave(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.TextElement
) -> nodes.Node | None:
    """Names of other packages and of shapes stay text; a missing name of ours stays a warning."""
    ours = str(node.get("reftarget", "")).startswith(("attend.", "attend_course."))
    return content if node.get("refdomain") == "py" and not ours else None


class LinkMentions(SphinxPostTransform):
    """Names of the package that a chapter mentions or imports lead to their entries."""

    default_priority = 5  # before references are resolved

    def run(self, **kwargs: Any) -> None:
        """Make links of the names in sentences, and list those that the page's code imports."""
        for code in list(self.document.findall(nodes.literal)):
            match = _OURS.fullmatch(code.astext())
            full = self._entry(match[1]) if match else None
            if full and not isinstance(code.parent, pending_xref | nodes.reference):
                code.replace_self(self._link(code.deepcopy(), full))
        for line in list(self.document.findall(nodes.paragraph)):
            if "attend-launch" in line["classes"]:
                line.parent.insert(line.parent.index(line) + 1, self._imports())

    def _imports(self) -> list[nodes.Node]:
        blocks = self.document.findall(nodes.literal_block)
        code = [block.astext() for block in blocks if block.get("language") == "python"]
        names = {name: self._entry(name) for name in imported_names("\n".join(code))}
        links = [
            self._link(nodes.literal("", name.split(".")[-1]), full)
            for name, full in sorted(names.items())
            if full
        ]
        line = nodes.paragraph("", "In the reference: ", classes=["attend-launch"])
        for place, link in enumerate(links):
            line += [nodes.Text(", "), link] if place else [link]
        return [line] if links else []

    def _entry(self, name: str) -> str | None:
        full = full_name(name, "attend")
        return full if full in self.env.get_domain("py").objects else None  # type: ignore[attr-defined]

    def _link(self, shown: nodes.Node, target: str) -> pending_xref:
        link = pending_xref("", shown, refdomain="py", reftype="obj", reftarget=target)
        link["refdoc"], link["refexplicit"] = self.env.docname, True
        return link


def imported_names(code: str) -> set[str]:
    """Return the full names of what code takes from the package."""
    found = re.findall(r"^\s*from (attend[\w.]*) import \(?([\w, \n]+)\)?$", code, re.MULTILINE)
    return {
        f"{module}.{name}" for module, names in found for name in re.split(r"[,\s]+", names.strip())
    }


def _set_options(app: Sphinx, config: Config) -> None:
    config.autodoc_default_options = dict(_OPTIONS)
    config.napoleon_custom_sections = [("Attributes", "params_style")]
    config.napoleon_use_param = False
    config.napoleon_use_rtype = False
    config.napoleon_google_docstring = False
    config.linkcode_resolve = resolve_code
    config.add_module_names = False
    config.toc_object_entries = False
    config.python_maximum_signature_line_length = LINE


def setup(app: Sphinx) -> None:
    """Load autodoc and what reads docstrings and finds sources, all parts of Sphinx."""
    for name in ("sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.linkcode"):
        app.setup_extension(name)
    app.connect("config-inited", _set_options, priority=100)
    # Before napoleon, which turns sections into fields.
    app.connect("autodoc-process-docstring", _link, priority=400)
    app.connect("autodoc-process-signature", _sign)
    app.connect("autodoc-skip-member", _skip, priority=400)
    app.connect("missing-reference", _leave)
    app.connect("html-page-context", _mend, priority=960)
    app.add_post_transform(LinkMentions)
