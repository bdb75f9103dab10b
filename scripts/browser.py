"""Make sure that the tests have a Chromium, and say in one sentence what to do if they cannot.

A Chromium that is there is used. As root on Debian what is missing is installed: the package
`chromium`, and the library that Playwright's driver needs. Anywhere else Playwright brings its own
Chromium, and a missing library is named.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
APPLICATIONS = (
    "Chromium.app/Contents/MacOS/Chromium",
    "Google Chrome.app/Contents/MacOS/Google Chrome",
)
PLAYWRIGHT = [sys.executable, "-m", "playwright"]
EMPTY_PAGE = ["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", "about:blank"]
LIBRARY = re.compile(r"error while loading shared libraries: (\S+):")
PATIENCE = 120

NO_CHROMIUM = (
    "No Chromium was found and none could be installed. Install one (Debian: apt install chromium;"
    " macOS: from chromium.org), or name it: CHROMIUM=/path/to/chromium make test"
)
NO_DRIVER = (
    "Playwright's driver does not start: {fault}"
    " Install what it needs (Debian: apt install {package})."
)
NO_START = "The Chromium {path} does not start: {fault} CHROMIUM=/path/to/chromium names another."


class MissingError(Exception):
    """What is missing, in one sentence."""


def find_chromium() -> str | None:
    """Return the path of a Chromium, or None where there is none.

    The variable CHROMIUM comes first, then the usual commands and places, then Playwright's own.

    Raises
    ------
    FileNotFoundError
        If CHROMIUM names nothing that can be run.
    """
    named = os.environ.get("CHROMIUM")
    if named:
        found = shutil.which(named)
        if not found:
            raise FileNotFoundError(f"CHROMIUM names {named}, which cannot be run.")
        return found
    places = [Path("/Applications") / name for name in APPLICATIONS]
    candidates = [*map(shutil.which, COMMANDS), *map(str, filter(Path.exists, places))]
    return next(filter(None, candidates), None) or playwright_chromium()


def playwright_chromium() -> str | None:
    """Return the path of the Chromium that Playwright keeps, if it is installed."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def install_chromium() -> bool:
    """Install a Chromium in the way this machine allows; return whether that worked."""
    own = [*PLAYWRIGHT, "install", "chromium"]
    if not may_install():
        return run(own)
    return install("chromium") or run([*own, "--with-deps"])


def may_install() -> bool:
    """Tell whether packages of this machine may be installed: on Debian, as root."""
    return bool(shutil.which("apt-get")) and os.geteuid() == 0


def install(package: str) -> bool:
    """Install a Debian package; return whether that worked."""
    quiet = ["-qq", "-o", "Dpkg::Use-Pty=0"]
    run(["apt-get", "update", *quiet])
    return run(["apt-get", "install", "-y", "--no-install-recommends", *quiet, package])


def run(command: list[str]) -> bool:
    """Run a command and return whether it succeeded."""
    print("Installing a browser for the tests:", " ".join(command), flush=True)
    own = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, check=False, env=own).returncode == 0


def fault(command: list[str]) -> str:
    """Return the last line that a command complains with; nothing if it works."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=PATIENCE
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    lines = done.stderr.strip().splitlines() or [f"it ends with status {done.returncode}."]
    return lines[-1] if done.returncode else ""


def package_of(complaint: str) -> str:
    """Return the Debian package of the library named in a complaint: libatomic1."""
    found = LIBRARY.search(complaint)
    name, _, number = (found.group(1) if found else "libatomic.so.1").lower().partition(".so.")
    return f"{name}-{number}" if name[-1].isdigit() else f"{name}{number}"


def prepare_driver(complain: Callable[[list[str]], str] = fault) -> None:
    """Make sure that the driver, which talks to the browser, starts.

    Raises
    ------
    MissingError
        If it does not, and what it needs cannot be installed.
    """
    complaint = complain([*PLAYWRIGHT, "--version"])
    if complaint and LIBRARY.search(complaint) and may_install():
        install(package_of(complaint))
        complaint = complain([*PLAYWRIGHT, "--version"])
    if complaint:
        raise MissingError(NO_DRIVER.format(fault=complaint, package=package_of(complaint)))


def prepare_chromium(complain: Callable[[list[str]], str] = fault) -> None:
    """Find or install a Chromium, and make sure that it starts.

    Raises
    ------
    MissingError
        If there is none, or if it does not start.
    """
    path = find_chromium() or (install_chromium() and find_chromium())
    if not path:
        raise MissingError(NO_CHROMIUM)
    complaint = complain([path, *EMPTY_PAGE])
    if complaint:
        raise MissingError(NO_START.format(path=path, fault=complaint))


def main() -> int:
    """Prepare driver and Chromium; the exit status says whether both are there."""
    try:
        prepare_driver()
        prepare_chromium()
    except (FileNotFoundError, MissingError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
