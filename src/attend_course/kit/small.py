"""Scripts and style sheets of pages, without what only their readers in an editor need.

The sources stay as they are, and so does what a notebook loads. Where the library has no wheel (on
macOS), pages get what they would get without it: the same, and a fifth larger.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec

__all__ = ["SCRIPT", "STYLE", "small"]

SCRIPT, STYLE = "application/javascript", "text/css"
_NOTICE = re.compile(r"\A\s*/\*(?:(?!\*/).)*?(?:copyright|licen[cs]e)(?:(?!\*/).)*\*/", re.I | re.S)
# It would become ``x ** 0.5``, which a browser may round in another way.
_ROOT, _KEPT_ROOT = "Math.sqrt", "Math_sqrt"


@cache
def small(text: str, kind: str = SCRIPT) -> str:
    """Return a script or a style sheet with short local names, and no comments or blanks.

    Parameters
    ----------
    text : str
        What a developer wrote. A notice of its licence at the beginning is kept.
    kind : str
        `SCRIPT` or `STYLE`.

    Raises
    ------
    ValueError
        If it is not well-formed.
    """
    if find_spec("minify") is None:
        return text
    import minify

    notice = _NOTICE.match(text)
    less = minify.string(kind, text.replace(_ROOT, _KEPT_ROOT)).replace(_KEPT_ROOT, _ROOT)
    return f"{notice[0].strip()}\n{less}\n" if notice else f"{less}\n"
