"""Make sure that the tests have a Chromium, and say in one sentence what to do if they cannot.

A Chromium that is there is used. As root on Debian the package is installed; anywhere else
Playwright brings its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
APPLICATIONS = (
    "Chromium.app/Contents/MacOS/Chromium",
    "Google Chrome.app/Contents/MacOS/Google Chrome",
)
ADVICE = (
    "No Chromium was found and none could be installed. Install one (Debian: apt install chromium;"
    " macOS: from chromium.org), or name it: CHROMIUM=/path/to/chromium make test"
)


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
    own = [sys.executable, "-m", "playwright", "install", "chromium"]
    if not (shutil.which("apt-get") and os.geteuid() == 0):
        return run(own)
    quiet = ["-qq", "-o", "Dpkg::Use-Pty=0"]
    run(["apt-get", "update", *quiet])
    if run(["apt-get", "install", "-y", "--no-install-recommends", *quiet, "chromium"]):
        return True
    return run([*own, "--with-deps"])


def run(command: list[str]) -> bool:
    """Run a command and return whether it succeeded."""
    print("Installing a browser for the tests:", " ".join(command), flush=True)
    return subprocess.run(command, check=False).returncode == 0


def main() -> int:
    """Find or install a Chromium; the exit status says whether there is one."""
    try:
        if find_chromium() or (install_chromium() and find_chromium()):
            return 0
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    print(ADVICE, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
