"""Run notebooks and store what they show, in a form that a second run repeats byte for byte.

    python scripts/notebooks.py notebooks/04-scaling-softmax.ipynb

Without a name, all of notebooks/. What only a running kernel understands (the state of widgets,
times of execution) is left out, so that a reader without a kernel sees the drawn default.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
LIVE = "application/vnd.jupyter.widget-view+json"
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
# Without these a converter does not know how to write a script. The version of Python is left out:
# it differs between machines.
LANGUAGE = {
    "name": "python",
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "nbconvert_exporter": "python",
    "pygments_lexer": "ipython3",
    "codemirror_mode": {"name": "ipython", "version": 3},
}


def clean(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Take out what differs between two runs or needs a running kernel."""
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": LANGUAGE})
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(LIVE, None)
    return notebook


def run(path: Path) -> None:
    """Execute a notebook in its folder and store its outputs; the file is replaced as a whole."""
    notebook = nbformat.read(path, as_version=4)
    place = {"metadata": {"path": path.parent}}
    # What one cell prints may arrive in pieces, cut differently each time.
    client = NotebookClient(notebook, timeout=120, resources=place, coalesce_streams=True)
    client.execute()
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
        nbformat.write(clean(notebook), file)
    Path(file.name).replace(path)


def main(names: list[str]) -> None:
    """Run the notebooks named, or all."""
    for path in [Path(name).resolve() for name in names] or sorted(ROOT.glob("notebooks/*.ipynb")):
        print(f"Running {path.name}", flush=True)
        run(path)


if __name__ == "__main__":
    main(sys.argv[1:])
