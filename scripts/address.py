"""Write the repository's address, which pyproject.toml names, where it has to be copied.

The README and the install cells of the notebooks are read where no code of ours runs, so they hold
copies. ``--check`` changes nothing and says which copies disagree.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NAME = r"[\w.-]+/[\w-]+"


def copies(root: Path) -> list[Path]:
    """List the only files that may hold the address beside pyproject.toml."""
    return [root / "README.md", *sorted((root / "notebooks").glob("*.*"))]


def repository(root: Path) -> str:
    """Return the address without a slash at its end."""
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    return str(settings["tool"]["attend"]["repository"]).rstrip("/")


def site(address: str) -> str:
    """Return where GitHub shows the built book of a repository."""
    owner, name = address.split("/")[-2:]
    return f"https://{owner}.github.io/{name}"


def rewritten(text: str, address: str) -> str:
    """Return a text with every form of the address replaced by `address`."""
    slug = "/".join(address.split("/")[-2:])
    text = re.sub(rf"(git\+|git clone )https://[\w.]+/{NAME}", rf"\g<1>{address}", text)
    text = re.sub(rf"https://github\.com/{NAME}(?=/(actions|issues|blob|tree))", address, text)
    text = re.sub(r"https://[\w-]+\.github\.io/[\w.-]+(?=/book/)", site(address), text)
    launch = r"(mybinder\.org/v2/gh|colab\.research\.google\.com/github)"
    return re.sub(rf"{launch}/{NAME}", rf"\g<1>/{slug}", text)


def main() -> int:
    """Write or check the copies; the exit status says whether any disagreed under ``--check``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing, name what disagrees")
    check = parser.parse_args().check
    address, stale = repository(ROOT), []
    for path in copies(ROOT):
        text = path.read_text(encoding="utf-8")
        if rewritten(text, address) != text:
            stale.append(path.relative_to(ROOT).as_posix())
            if not check:
                path.write_text(rewritten(text, address), encoding="utf-8")
    print("\n".join(stale) if stale else "Every copy of the address agrees with pyproject.toml.")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
