"""How a translator takes what people type: no mark at the end, no capitals, or nothing else.

Sixty phrases of our own, with a reference each, are typed in five forms; sixteen sentences have
numbers. `measure` tells how far each form falls behind the printed one, how many translations go
round in a loop, and which numbers are kept.
"""

import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from attend.text.corpus import SentencePair
from attend.translator.evaluation import chrf
from attend.translator.translator import Translator

TYPED = Path(__file__).parent / "data" / "typed.json"
_DIGITS = re.compile(r"\d+")
_LOOP = re.compile(r"([^\W\d]{2,}?|\S+ |\S+ \S+ )\1\1", re.IGNORECASE)


class Typed(NamedTuple):
    """The phrases with their references, and the sentences with numbers."""

    phrases: tuple[SentencePair, ...]
    numbers: tuple[str, ...]


@lru_cache(maxsize=1)
def typed() -> Typed:
    """Return the phrases. Neither side of them is in the course's corpus."""
    found = json.loads(TYPED.read_text(encoding="utf-8"))
    pairs = (SentencePair(entry["english"], entry["german"]) for entry in found["phrases"])
    return Typed(tuple(pairs), tuple(found["numbers"]))


def without_mark(text: str) -> str:
    """Leave the mark at the end out."""
    return text.rstrip(".!?")


def typographic(text: str) -> str:
    """Use the quotation marks and apostrophes of print, and more spaces than there should be."""
    marks = text.replace("'", "’").replace(' "', " “").replace('"', "”")
    return f"  {marks.replace(' ', '  ')} "


FORMS: Mapping[str, Callable[[str], str]] = {
    "printed": str,
    "no mark at the end": without_mark,
    "small letters": str.lower,
    "capitals": str.upper,
    "typographic marks, spaces": typographic,
}


def loops(text: str) -> bool:
    """Tell whether a syllable, a word or two words stand three times in a row.

    Examples
    --------
    >>> loops("Ich bin hung hung hung"), loops("Das ist sehr, sehr gut.")
    (True, False)
    """
    return _LOOP.search(f"{text} ") is not None


def keeps_numbers(source: str, translation: str) -> bool:
    """Tell whether a translation has the digits of its source, each number once, in any order."""
    return sorted(_DIGITS.findall(source)) == sorted(_DIGITS.findall(translation))


def measure(translator: Translator, every: int = 1) -> dict[str, Any]:
    """Translate the phrases in every form, and the sentences with numbers.

    Parameters
    ----------
    translator
        What to measure.
    every
        Take each so-many-th phrase only.

    Returns
    -------
    report
        ``forms``: of each form chrF, the number of loops, and the translations. ``numbers``: the
        sentences with numbers, their translations, and whether the digits are kept.
    """
    phrases, numbers = typed().phrases[::every], typed().numbers[::every]
    references = [pair.target for pair in phrases]
    forms = {}
    for name, form in FORMS.items():
        found = _translate(translator, [form(pair.source) for pair in phrases])
        score = chrf(found, references).score
        forms[name] = {"chrf": score, "loops": sum(map(loops, found)), "translations": found}
    translated = zip(numbers, _translate(translator, numbers), strict=True)
    kept = [
        {"english": source, "translation": text, "kept": keeps_numbers(source, text)}
        for source, text in translated
    ]
    return {"forms": forms, "numbers": kept}


def _translate(translator: Translator, texts: Any) -> list[str]:
    """Translate phrases as a reader's are: normalised first, each one sentence."""
    return translator.batch([" ".join(translator.sentences(text)) for text in texts])
