"""Tables of what was measured, read from the files that the benchmarks wrote.

::

    ```{attend-measured} training results
    ```

The first word is a file in ``benchmarks/``, the second the entry of it to show: for each row and
column a median with its quartiles. ``{attend-measured} training`` alone tells the machine and the
command. ``{attend-figure} measured.training`` shows its drawing, which the figures of
`attend_course.chapters.measured` draw.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from attend_course.chapters.measured import figures as measured
from attend_course.site.status import Rows, table

FOLDER = "benchmarks"
Summary = Mapping[str, float]


class MeasuredDirective(SphinxDirective):
    """Show an entry of a benchmark's results as a table."""

    required_arguments = 1
    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the table, or what was measured on; a missing file or entry stops the build."""
        name, *entry = self.arguments
        path = Path(self.env.app.srcdir) / FOLDER / f"{name}.json"
        self.env.note_dependency(str(path))
        try:
            report = json.loads(path.read_text(encoding="utf-8"))
            if not entry:
                return [measured_on(report)]
            return [table(*summary_table(report[entry[0]]))]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise self.error(f"attend-measured {' '.join(self.arguments)}: {error!r}") from error


def summary_table(results: Mapping[str, Mapping[str, Any]]) -> tuple[tuple[str, ...], Rows]:
    """Return the heads and the rows of a table of numbers, or medians with their quartiles."""
    first = next(iter(results.values()))
    columns = [name for name, of in first.items() if not isinstance(of, Mapping) or "median" in of]
    rows = [(name, *(shown(of[c]) for c in columns)) for name, of in results.items()]
    return ("", *columns), rows


def shown(summary: Summary | float) -> str:
    """Write a number as it is, or a median with its quartiles or what 95 of 100 stay under."""
    if not isinstance(summary, Mapping):
        return f"{summary:,}"
    middle = number(summary["median"])
    if "p95" in summary:
        return f"{middle} (95\N{NO-BREAK SPACE}%: {number(summary['p95'])})"
    return f"{middle} ({number(summary['lower quartile'])} to {number(summary['upper quartile'])})"


def number(value: float) -> str:
    """Write a number with at least three digits, and all of those before the point."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:#.3g}"


def measured_on(report: Mapping[str, Any]) -> nodes.paragraph:
    """Return the line that says on what, and with which command, something was measured."""
    machine = report["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    text = (
        f"Measured on {machine['processor']}, {machine['threads']} cores, {machine['system']}, "
        f"Python {machine['python']}, {versions}, with "
    )
    command = nodes.literal("", report["command"])
    return nodes.paragraph("", "", nodes.Text(text), command, nodes.Text("."))


def enter_figures(app: Sphinx) -> None:
    """Let the pages show the drawings of the reports."""
    measured.register(Path(app.srcdir) / FOLDER)


def setup(app: Sphinx) -> None:
    """Register the directive."""
    app.add_directive("attend-measured", MeasuredDirective)
    app.connect("builder-inited", enter_figures)
