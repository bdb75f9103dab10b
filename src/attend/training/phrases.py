"""Single words and short phrases, found in the sentences of a corpus.

A corpus of sentences has no "cat". But it has "This is a cat." and "Das ist eine Katze.", and two
such sentences name the same thing in the same place.
"""

import re
from collections.abc import Iterator, Sequence

from attend.text.corpus import SentencePair

_NOUN = r"[A-ZÄÖÜ][a-zäöüß]+"
_FRAMES = [
    (
        r"(?:It's|It is|That's|That is|This is) (an? [a-z]+)\.",
        rf"(?:Es|Das|Dies|Er|Sie) ist (eine? {_NOUN})\.",
    ),
    (r"(?:Tom|He|She) is (an? [a-z]+)\.", rf"(?:Tom|Er|Sie) ist (eine? {_NOUN})\."),
    (
        r"(?:I|We|You|They) (?:like|love|hate|want|need|have|eat|drink|play|see) ([a-z]+)\.",
        rf"(?:Ich|Wir|Du|Sie|Ihr) \w+(?: gerne?)? ({_NOUN})\.",
    ),
    (
        r"(?:Tom|He|She) (?:likes|loves|has|bought|wants|needs|hates) ([a-z]+)\.",
        rf"(?:Tom|Er|Sie) \w+(?: gerne?)? ({_NOUN})\.",
    ),
    (r"(The [a-z]+) (?:is|was) [a-z]+\.", rf"((?:Der|Die|Das) {_NOUN}) (?:ist|war) [a-zäöüß]+\."),
    (r"Where(?: is|'s) (the [a-z]+)\?", rf"Wo ist ((?:der|die|das) {_NOUN})\?"),
]
_PATTERNS = [(re.compile(source), re.compile(target)) for source, target in _FRAMES]
_PRONOUNS = frozenset("you it him her them me us that this these those one".split())
_ARTICLE = re.compile(r"^(?:an?|the|eine?|der|die|das) ")


def phrases(pairs: Sequence[SentencePair]) -> list[SentencePair]:
    """Return what short sentences name, with its article and without, each once.

    Examples
    --------
    >>> phrases([SentencePair("This is a cat.", "Das ist eine Katze.")])
    [SentencePair(source='a cat', target='eine Katze'), SentencePair(source='cat', target='Katze')]
    """
    found: dict[SentencePair, None] = {}
    for pair in pairs:
        for named in _named(pair):
            bare = SentencePair(*(_ARTICLE.sub("", side) for side in named))
            found |= {named: None, bare: None}
    return list(found)


def _named(pair: SentencePair) -> Iterator[SentencePair]:
    for source, target in _PATTERNS:
        left, right = source.fullmatch(pair.source), target.fullmatch(pair.target)
        if left and right and left[1] not in _PRONOUNS:
            yield SentencePair(_small(left[1]), _small(right[1]))


def _small(phrase: str) -> str:
    """Write the article small; a German noun without one keeps its capital."""
    return phrase[0].lower() + phrase[1:] if " " in phrase else phrase
