"""Draw the film of the home page and write it into book/film/.

    python scripts/film.py

It takes some minutes. A test compares the digest that is written beside the film with the one of
what it is made from: after a change of its scenes, or of the translator, it must be drawn anew.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

import imageio_ffmpeg
import matplotlib.image as mpimg
import numpy as np

from attend.files import write_atomically
from attend_course.chapters.film import reel
from attend_course.chapters.film.canvas import PIXELS

FOLDER = Path(__file__).resolve().parents[1] / "book" / "film"
KINDS = {
    "film.webm": ["-c:v", "libvpx-vp9", "-crf", "35", "-b:v", "0", "-deadline", "good",
                  "-cpu-used", "2"],
    "film.mp4": ["-c:v", "libx264", "-crf", "24", "-preset", "slow", "-tune", "animation",
                 "-movflags", "+faststart"],
}  # fmt: skip
MOST = 4_000_000
"""Bytes that no file of the film may have."""


def command(lossless: Path, options: list[str], file: Path) -> list[str]:
    """Return the encoder's command for one file, the same bytes in each run."""
    return [
        imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-y", "-i", str(lossless),
        "-pix_fmt", "yuv420p", "-g", str(5 * reel.PER_SECOND), "-threads", "1",
        "-fflags", "+bitexact", "-map_metadata", "-1", *options, str(file),
    ]  # fmt: skip


def record(pictures: Iterable[np.ndarray], file: Path) -> None:
    """Write the pictures without any loss."""
    width, height = PIXELS
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}"]
    with subprocess.Popen(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-y", *raw,
         "-r", str(reel.PER_SECOND), "-i", "-", "-c:v", "ffv1", str(file)],
        stdin=subprocess.PIPE,
    ) as encoder:  # fmt: skip
        assert encoder.stdin is not None
        for picture in pictures:
            encoder.stdin.write(picture.tobytes())
    if encoder.returncode:
        raise RuntimeError("the encoder could not write the pictures")


def main() -> None:
    """Draw, encode, and put the finished files in place."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as place:
        lossless = Path(place) / "film.mkv"
        record(reel.pictures(), lossless)
        for name, options in KINDS.items():
            made = Path(place) / name
            subprocess.run(command(lossless, options, made), check=True)
            if made.stat().st_size > MOST:
                raise ValueError(f"{name} has {made.stat().st_size:,} bytes, more than {MOST:,}")
            os.replace(made, FOLDER / name)
        mpimg.imsave(Path(place) / "poster.jpg", reel.poster(), pil_kwargs={"quality": 80})
        os.replace(Path(place) / "poster.jpg", FOLDER / "poster.jpg")
    write_atomically(FOLDER / "film.vtt", reel.track().encode())
    write_atomically(FOLDER / "film.json", (json.dumps(_told(), indent=2) + "\n").encode())


def _told() -> dict[str, object]:
    return {"made from": reel.digest(), "seconds": reel.seconds()}


if __name__ == "__main__":
    main()
