"""Small whole numbers in English and in German words."""

_ENGLISH = """
    two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen
""".split()
_ENGLISH_TENS = """twenty thirty forty fifty sixty seventy eighty ninety""".split()
_GERMAN = """
    null ein zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn
    sechzehn siebzehn achtzehn neunzehn
""".split()
_GERMAN_TENS = """zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig""".split()

ENGLISH: dict[str, int] = dict(zip(_ENGLISH, range(2, 20), strict=True)) | dict(
    zip(_ENGLISH_TENS, range(20, 100, 10), strict=True)
)
"""English number words of one piece, without "one", which is a pronoun too."""


def english(number: int) -> str:
    """Write a number from 2 to 99 in English words.

    Examples
    --------
    >>> english(7), english(37), english(40)
    ('seven', 'thirty-seven', 'forty')
    """
    if not 2 <= number < 100:
        raise ValueError(f"english writes numbers from 2 to 99; received {number}")
    if number < 20:
        return _ENGLISH[number - 2]
    ten, one = divmod(number, 10)
    ones = ["one", *_ENGLISH]
    return _ENGLISH_TENS[ten - 2] + (f"-{ones[one - 1]}" if one else "")


def german(number: int) -> str | None:
    """Write a number in German words; None for one that nobody writes out.

    Examples
    --------
    >>> german(37), german(101), german(2000), german(1986)
    ('siebenunddreißig', 'hunderteins', 'zweitausend', None)
    """
    if 0 <= number < 1000:
        return _below_thousand(number)
    if number % 1000 == 0 and number < 13_000:
        count = number // 1000
        return ("" if count == 1 else _GERMAN[count]) + "tausend"
    return None


def _below_thousand(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    if not hundreds:
        return _below_hundred(rest)
    # English "100" is "hundert", not "einhundert", in most of the corpus.
    front = ("" if hundreds == 1 else _GERMAN[hundreds]) + "hundert"
    return front + (_below_hundred(rest) if rest else "")


def _below_hundred(number: int) -> str:
    if number == 1:
        return "eins"
    if number < 20:
        return _GERMAN[number]
    ten, one = divmod(number, 10)
    return (f"{_GERMAN[one]}und" if one else "") + _GERMAN_TENS[ten - 2]
