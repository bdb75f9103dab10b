"""Pages with explorers and nothing else, answered from memory: no book, no server, no network."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import axe_playwright_python
from playwright.sync_api import Browser, BrowserContext, Page, Route

from attend_course.kit.explorers import Explorer
from attend_course.kit.explorers.bundle import STATIC, scripts_for, stylesheet
from attend_course.site.widget import files, live_html

ADDRESS = "http://explorers.invalid"
AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
PAGE = """<!doctype html>
<html lang="en" data-theme="{theme}"><head><meta charset="utf-8"><title>Explorers</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<style>{style} body {{ font-family: sans-serif; margin: 16px; max-width: 680px; }}
html[data-theme="dark"] {{ background: #14181e; color: #eceff3; }}</style>
{scripts}</head>
<body><main><h1>Explorers</h1>{body}<p id="after">After it.</p></main></body></html>"""


def scripts(*widgets: Explorer) -> str:
    """Return the elements that load what these explorers need, as a page of the book has them."""
    names = scripts_for(*{widget.module for widget in widgets})
    return "".join(f'<script defer src="{files()[name][0]}"></script>' for name in names)


def number(text: str) -> float:
    """Read a number as explorers write it."""
    return float(text.replace("−", "-"))


@dataclass
class Bench:
    """Opens explorers in a browser and notes what goes wrong."""

    browser: Browser
    contexts: list[BrowserContext] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def open(
        self,
        *widgets: Explorer,
        theme: str = "light",
        width: int = 1280,
        style: str = "",
        **more: Any,
    ) -> Page:
        """Open a page with these explorers; wait until each is live, where scripts may run."""
        body = "".join(live_html(w, f"explorer-{n}") for n, w in enumerate(widgets))
        body = re.sub(' data-engine="[^"]*"', "", body)  # there is no translator here
        parts = {"style": stylesheet() + style, "scripts": scripts(*widgets), "body": body}
        page = self.page(PAGE.format(theme=theme, **parts), width, **more)
        if more.get("java_script_enabled", True):
            for place in page.locator("[data-attend-widget]").all():
                place.scroll_into_view_if_needed()
                place.locator(".attend-explorer:not(.is-drawn)").wait_for(timeout=10_000)
        return page

    def page(self, html: str, width: int = 1280, **more: Any) -> Page:
        """Open a page that has the explorers' files beside it."""
        size: Any = {"width": width, "height": 900}
        context = self.browser.new_context(viewport=size, **more)
        self.contexts.append(context)
        context.route("**/*", lambda route: self.answer(route, html))
        page = context.new_page()
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", lambda m: self.faults.append(m.text) if m.type == "error" else None)
        page.goto(f"{ADDRESS}/index.html")
        return page

    def answer(self, route: Route, html: str) -> None:
        """Serve the page, the modules as the site has them, and the files they are made of."""
        url = route.request.url
        name = url.removeprefix(f"{ADDRESS}/")
        served = dict(files().values())
        if name == "index.html":
            route.fulfill(body=html, content_type="text/html; charset=utf-8")
        elif name in served:
            route.fulfill(body=served[name], content_type="text/javascript; charset=utf-8")
        elif (STATIC / name).is_file():
            body = (STATIC / name).read_text(encoding="utf-8")
            route.fulfill(body=body, content_type="text/javascript; charset=utf-8")
        else:
            self.faults.append(f"asked for {url}")
            route.abort()

    def close(self) -> None:
        """Close what was opened."""
        for context in self.contexts:
            context.close()


def model(page: Page, name: str) -> Any:
    """Return a trait of the first explorer of a page."""
    return page.evaluate(
        "(name) => document.querySelector('[data-attend-widget]').attendModel.get(name)", name
    )


def put(page: Page, **values: Any) -> None:
    """Set traits of the first explorer, as a linked widget would."""
    page.evaluate(
        """(values) => {
          const { attendModel } = document.querySelector('[data-attend-widget]');
          for (const [name, value] of Object.entries(values)) attendModel.set(name, value);
          attendModel.save_changes();
        }""",
        values,
    )


def violations(page: Page) -> list[str]:
    """Run axe; list what is serious or critical."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("async () => (await axe.run(document)).violations")
    return [
        f"{rule['id']}: {node['html'][:200]} {node['failureSummary'][:200]}"
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]
