"""Where one sentence ends and the next begins, in English text.

A full stop ends a sentence, and it ends "Mr." too. The rule is small, because a page in the browser
must follow it to the letter. The libraries that were tried did not serve: pysbd is no longer kept,
blingfire brings 99 MB, sentencex leaves "No. Tom is here." and "(He left.) Then I left." whole, and
none of them runs in both places.
"""

import regex


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


ABBREVIATIONS = _listed(
    # Before a name: titles, offices, saints and places.
    "mr mrs ms mx messrs dr prof rev hon fr sr jr gen col maj capt cmdr lt sgt adm gov sen rep "
    "pres supt insp det rt st mt ft "
    # Between names, and behind them.
    "vs inc ltd co corp bros dept univ est approx ca cf al ph esq"
)
"""Words whose full stop stands inside a sentence, unless one of `STARTERS` follows."""

BEFORE_NUMBERS = _listed(
    "no nos nr fig figs p pp vol vols ch chap sec eq ex ver op apt ext tel "
    "jan feb mar apr jun jul aug sep sept oct nov dec"
)
"""Words whose full stop stands inside a sentence if a number follows."""

STARTERS = _listed(
    "i he she it we you they the this that these those there here an my your his her its our "
    "their what where when why how do does did is are was were can could would please let then "
    "now today yesterday tomorrow after before but and so if in on as for not yes nobody "
    "everybody some all both i'm i'll i've i'd he's she's it's that's there's we're you're "
    "they're let's don't"
)
"""Words that begin a sentence where a name was to be expected. "A" is left out: "J. A. Miller"."""

SPEECH = _listed("said asked answered replied cried called shouted yelled screamed whispered added")
"""What is done with a question or an exclamation that stands before it: ``"Stop!" Tom said.``"""

# A gap follows a mark, perhaps behind quotation marks and brackets, and goes before a capital
# letter or a digit, perhaps behind such marks too.
_GAP = regex.compile(r"""(?<=[.!?]["')\]]*)\s+(?=["'(\[]*[\p{Lu}\p{Nd}])""")
_CLOSED = regex.compile(r"""["')\]]+$""")
_LAST_WORD = regex.compile(r"""[^\s"'(\[]*$""")
_FIRST_WORD = regex.compile(r"""^["'(\[]*(?!I\.)([\p{L}\p{Nd}']+)""")  # "J. I. Miller"
_LETTER = regex.compile(r"\p{L}")
_CAPITAL = regex.compile(r"\p{Lu}")
_INITIAL = regex.compile(r"^\p{Lu}$")
_DOTTED = regex.compile(r"^\p{L}{1,2}(?:\.\p{L}{1,2})+$")  # U.S, e.g, Ph.D
_TIME = regex.compile(r"^[ap]\.m$", regex.IGNORECASE)
_SPOKE = regex.compile(rf"^(?:\p{{Lu}}[\p{{L}}'-]*\.? )+(?:{'|'.join(sorted(SPEECH))})(?!\p{{L}})")


def split_sentences(text: str) -> list[str]:
    """Cut a text into its sentences.

    A sentence ends with ``.``, ``!`` or ``?``, and the quotation marks and brackets that close
    right behind it; then come white space and a capital letter or a digit. It does not end

    - where it holds no letter yet ("1. Open the door."),
    - between a question or an exclamation and who said it (``"Stop!" Tom shouted.``),
    - behind one of `BEFORE_NUMBERS`, if a number follows,
    - behind one of `ABBREVIATIONS`, an initial ("J. R. Miller") or letters with full stops ("the
      U.S. Army"), unless one of `STARTERS` follows,
    - behind "a.m." or "p.m.", as long as it has three words at most ("At 5 p.m. Tom came.").

    Parameters
    ----------
    text
        Normalised as by `attend.text.corpus.normalize`: the marks are plain ones.

    Returns
    -------
    sentences
        Joined with the white space between them they are the text again; ``[""]`` for no text.

    Examples
    --------
    >>> split_sentences('Mr. Brown said, "Go home." Then he left.')
    ['Mr. Brown said, "Go home."', 'Then he left.']
    """
    found, begin = [], 0
    for gap in _GAP.finditer(text):
        if _ends(text[begin : gap.start()], text[gap.end() :]):
            found.append(text[begin : gap.start()])
            begin = gap.end()
    return [*found, text[begin:]]


def in_small_letters(sentence: str) -> str:
    """Write a sentence small if it is all in capitals; leave every other one as it is.

    Examples
    --------
    >>> in_small_letters("WHERE IS MY CAT?")
    'where is my cat?'
    >>> in_small_letters("He works for NASA.")
    'He works for NASA.'
    """
    letters = _LETTER.findall(sentence)
    shouted = len(letters) > 1 and all(_CAPITAL.match(letter) for letter in letters)
    return sentence.lower() if shouted else sentence


def _ends(sentence: str, rest: str) -> bool:
    """Tell whether a sentence is over at a gap; `rest` is the text behind the gap."""
    bare = _CLOSED.sub("", sentence)
    if not _LETTER.search(sentence):
        return False
    if not bare.endswith("."):
        return bare == sentence or not _SPOKE.search(rest)
    return not _goes_on(bare[:-1], rest)


def _goes_on(sentence: str, rest: str) -> bool:
    """Tell whether the full stop behind `sentence` belongs to its last word alone."""
    word = _LAST_WORD.search(sentence)[0]
    first = _FIRST_WORD.search(rest)
    following = first[1].lower() if first else ""
    if word.lower() in BEFORE_NUMBERS and following[:1].isdigit():
        return True
    if _TIME.search(word):
        return len(sentence.split()) <= 3
    return _is_short(word, sentence) and following not in STARTERS


def _is_short(word: str, sentence: str) -> bool:
    """Tell whether a word that ends with a full stop is a shortened one."""
    if word == "I":  # "Tom is taller than I. Mary is not."; but "I. Newton", "J. I. Miller"
        return bool(regex.search(r"(?:^|\.\s)I$", sentence))
    shapes = (_INITIAL, _DOTTED)
    return word.lower() in ABBREVIATIONS or any(shape.search(word) for shape in shapes)
