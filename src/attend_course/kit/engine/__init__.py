"""The translator in plain JavaScript: what a page computes with, where there is no Python.

The files are ES modules and stand beside this one. ``worker.js`` is what a page starts, by
``client.js``; the model is read from the files that `attend.translator` ships.
"""

from pathlib import Path

ENGINE = Path(__file__).parent
