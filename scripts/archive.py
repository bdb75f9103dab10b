"""Write the built site into one archive, to be opened from a disk or put on any host.

    python scripts/archive.py

It becomes _build/attend.zip. Unpack it and open attend/index.html; nothing needs a network,
explorers and laboratory included.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

from attend_course.site.offline import LIST, WORKER, needed

ROOT = Path(__file__).resolve().parents[1]
TOP = "attend"
WHEN = (2026, 1, 1, 0, 0, 0)
"""The same pages give the same archive, whenever they were built."""
BESIDE = ("404.html", "robots.txt", "sitemap.xml", ".nojekyll", LIST, WORKER)


def write(site: Path, target: Path) -> int:
    """Write the files that a site needs into an archive; return how many bytes it has."""
    beside = [site / name for name in BESIDE if (site / name).exists()]
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in dict.fromkeys([*needed(site), *beside]):
            place = f"{TOP}/{path.relative_to(site).as_posix()}"
            archive.writestr(zipfile.ZipInfo(place, WHEN), path.read_bytes(), zipfile.ZIP_DEFLATED)
    return target.stat().st_size


def main() -> int:
    """Write the archive of the built book, and say where it is."""
    site, target = ROOT / "_build" / "html", ROOT / "_build" / f"{TOP}.zip"
    if not (site / "index.html").exists():
        print("There is no site yet: run `make book` first.", file=sys.stderr)
        return 1
    size = write(site, target)
    print(f"{target.relative_to(ROOT)}, {size / 1e6:.1f} MB. Unpack it, and open {TOP}/index.html.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
