"""Without a network: the archive from a disk, and the pages that a browser kept."""

from __future__ import annotations

import json
import re
import shutil
import threading
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from conftest import load_script
from playwright.sync_api import Browser, Page

from attend_course.site import offline

from .conftest import QuietHandler, Site, table_of_contents, until

THEME = Path(offline.__file__).parent / "theme"
PAGES = table_of_contents()
CHANGED = "x => document.querySelector('.attend-map td[style]').innerText !== x"
SMALL = """<html data-content_root="./"><h1>{name} {text}</h1>{button}
<script src="offline.js?v={text}"></script>"""


@pytest.fixture(scope="module")
def unpacked(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive, unpacked below a folder with a space in its name."""
    place = tmp_path_factory.mktemp("on a disk")
    load_script("archive").write(site.folder, place / "site.zip")
    zipfile.ZipFile(place / "site.zip").extractall(place)
    return place / "attend"


def test_the_archive_holds_all_pages_and_is_no_larger_than_it_must(unpacked: Path) -> None:
    assert all((unpacked / f"{page}.html").is_file() for page in PAGES)
    assert len(list(unpacked.glob("_static/attend/engine.*"))) == 1
    assert not list(unpacked.rglob("*.map"))
    assert not list(unpacked.rglob("fontawesome.js"))
    assert (unpacked.parent / "site.zip").stat().st_size < 16e6


@pytest.fixture
def on_disk(unpacked: Path, browser: Browser) -> Iterator[Callable[[str], Page]]:
    """A function that opens a page of the archive from the disk; no page may complain."""
    context, heard = browser.new_context(reduced_motion="reduce"), []

    def open_(document: str) -> Page:
        page = context.new_page()
        page.on("pageerror", lambda error: heard.append(str(error)))
        page.on("console", lambda m: heard.append(m.text) if m.type == "error" else None)
        page.goto((unpacked / f"{document}.html").as_uri())
        return page

    yield open_
    context.close()
    assert heard == []


def test_an_explorer_answers_from_a_disk(on_disk: Callable[[str], Page]) -> None:
    page = on_disk("book/04-scaling-softmax")
    cell = page.locator(".attend-map td[style]").first
    before = cell.inner_text()
    page.locator("input[type=range]").first.focus()
    for _ in range(5):
        page.keyboard.press("ArrowLeft")
    until(page, CHANGED, before)


def test_the_laboratory_translates_from_a_disk(on_disk: Callable[[str], Page]) -> None:
    page = on_disk("book/laboratory")
    page.get_by_text("The translator is here").wait_for(timeout=60_000)
    page.locator(".attend-english input").fill("I am happy.")
    page.get_by_text("Ich bin glücklich.", exact=True).wait_for(timeout=20_000)


def test_the_list_names_what_pages_load(site: Site) -> None:
    listed = json.loads((site.folder / offline.LIST).read_text("utf-8"))
    sizes = [(site.folder / name).stat().st_size for name in listed["files"]]
    assert sum(sizes) == listed["bytes"]
    assert len(set(listed["files"])) == len(listed["files"])
    for page in PAGES:
        assert f"{page}.html" in listed["files"]
        for source in re.findall(r'(?:src|href)="([^"?]+\.(?:js|css|svg|png))', site.html(page)):
            if "://" not in source:
                path = (site.folder / page).parent.joinpath(source).resolve()
                assert path.relative_to(site.folder.resolve()).as_posix() in listed["files"]


def build(folder: Path, text: str) -> None:
    """Write a small site of two pages with the real scripts."""
    folder.mkdir(parents=True)
    for name in ("worker.js", "offline.js"):
        shutil.copy(THEME / name, folder)
    for name in ("one", "two", "three"):
        html = SMALL.format(name=name, text=text, button=offline.BUTTON)
        (folder / f"{name}.html").write_text(html, encoding="utf-8")
    files = ["one.html", "two.html", "three.html", "offline.js"]
    (folder / "offline.json").write_text(json.dumps({"bytes": 2_500_000, "files": files}))


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder that is served, below a path of its own, and its address."""
    build(tmp_path / "sub" / "course", "old")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=tmp_path))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield tmp_path / "sub" / "course", f"http://127.0.0.1:{server.server_port}/sub/course"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_new_page_is_never_hidden_by_an_old_one(
    served: tuple[Path, str], browser: Browser
) -> None:
    folder, address = served
    context = browser.new_context()
    page = context.new_page()

    def title(name: str) -> str:
        page.goto(f"{address}/{name}.html")
        return page.locator("h1").inner_text()

    assert title("one") == "one old"
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    assert [title("one"), title("two")] == ["one old", "two old"]
    shutil.rmtree(folder)
    build(folder, "new")
    assert title("one") == "one new"
    context.set_offline(True)
    assert title("one") == "one new"
    assert title("two") == "two old"  # read before, and no newer one can be had
    with pytest.raises(Exception, match="ERR_"):
        title("three")
    context.set_offline(False)
    assert title("two") == "two new"
    page.get_by_role("button", name="Keep the whole course on this device (2.5 MB)").click()
    page.get_by_role("button", name="Remove what is kept").wait_for()
    context.set_offline(True)
    assert title("three") == "three new"
    context.set_offline(False)
    page.get_by_role("button", name="Remove what is kept").click()
    page.get_by_role("button", name="Keep the whole course").wait_for()
    assert page.evaluate("caches.keys()") == []
    context.close()
