"""Sentence pairs of our own with gaps, for what a corpus has too little of: numbers and quotations.

A frame is a sentence in both languages; its gaps get the same number, year, clock time or date on
both sides, or a short pair of the corpus in quotation marks. No frame is a sentence of a test: one
holds that against all of them.
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from attend.text.corpus import SentencePair
from attend.training.number_words import english, german

NUMBERS = """
The answer is {a}. | Die Antwort ist {a}.
Not {a}, but {b}. | Nicht {a}, sondern {b}.
Count from {a} to {b}. | Zähle von {a} bis {b}.
How much is {a} plus {b}? | Wie viel ist {a} plus {b}?
He is {a} and she is {b}. | Er ist {a} und sie ist {b}.
Open the book at page {a}. | Schlag das Buch auf Seite {a} auf.
Read pages {a} and {b}. | Lies die Seiten {a} und {b}.
My grandmother is {a} years old. | Meine Großmutter ist {a} Jahre alt.
Take tram number {a}. | Nimm die Straßenbahn Nummer {a}.
Our train is on platform {a}. | Unser Zug steht auf Gleis {a}.
The house has {a} rooms and {b} windows. | Das Haus hat {a} Zimmer und {b} Fenster.
We have {a} apples and {b} bottles of water. | Wir haben {a} Äpfel und {b} Flaschen Wasser.
Take {a} cups of flour and {b} spoons of sugar. | Nimm {a} Tassen Mehl und {b} Löffel Zucker.
He has {a} brothers and {b} sisters. | Er hat {a} Brüder und {b} Schwestern.
We still need {a} chairs and {b} tables. | Wir brauchen noch {a} Stühle und {b} Tische.
We lost {a} to {b}. | Wir haben {a} zu {b} verloren.
The game ended {a} to {b}. | Das Spiel endete {a} zu {b}.
The shirt costs {a} dollars. | Das Hemd kostet {a} Dollar.
I paid {a} dollars for the chair. | Ich habe {a} Dollar für den Stuhl bezahlt.
I only have {a} euros left. | Ich habe nur noch {a} Euro.
He owes me ${a}. | Er schuldet mir {a} Dollar.
That is {a} euros and {b} cents. | Das macht {a} Euro und {b} Cent.
The bridge is {a} meters long. | Die Brücke ist {a} Meter lang.
The dog weighs {a} kilograms. | Der Hund wiegt {a} Kilogramm.
The village is {a} kilometers from here. | Das Dorf ist {a} Kilometer von hier entfernt.
The lesson lasts {a} minutes. | Der Unterricht dauert {a} Minuten.
He was away for {a} days. | Er war {a} Tage weg.
Wait {a} seconds. | Warte {a} Sekunden.
There are {a} people in the hall. | Es sind {a} Leute im Saal.
It was {a} degrees yesterday. | Gestern waren es {a} Grad.
About {a} percent of the voters said no. | Ungefähr {a} Prozent der Wähler haben Nein gesagt.
My phone number is {long}. | Meine Telefonnummer ist {long}.
The password is {long}. | Das Passwort lautet {long}.
The city has {thousands} inhabitants. | Die Stadt hat {tausende} Einwohner.
The car costs {thousands} euros. | Das Auto kostet {tausende} Euro.
More than {thousands} people came. | Mehr als {tausende} Menschen sind gekommen.
The bridge was destroyed in {year}. | Die Brücke wurde {year} zerstört.
My uncle died in {year}. | Mein Onkel ist {year} gestorben.
The war began in {year} and ended in {later}. | Der Krieg begann {year} und endete {later}.
She moved to London in {year}. | Sie ist {year} nach London gezogen.
The film begins at {time}. | Der Film beginnt um {time} Uhr.
We have breakfast at {time}. | Wir frühstücken um {time} Uhr.
It is {time} now. | Es ist jetzt {time} Uhr.
The store is open from {time} to {until}. | Das Geschäft ist von {time} bis {until} Uhr geöffnet.
Her birthday is on {month} {day}. | Sie hat am {day}. {monat} Geburtstag.
We met on {month} {day}, {year}. | Wir haben uns am {day}. {monat} {year} kennengelernt.
Come on {month} {day} at {hour} o'clock. | Komm am {day}. {monat} um {hour} Uhr.
"""
"""Sentences with numbers; "{a}" and "{b}" are any, and are now and then written in words."""

QUOTATIONS = """
He said "{said}" and left. | Er sagte "{gesagt}" und ging.
What does "{said}" mean? | Was bedeutet "{gesagt}"?
How do you spell "{said}"? | Wie schreibt man "{gesagt}"?
She wrote "{said}" on the wall. | Sie schrieb "{gesagt}" an die Wand.
Never say "{said}" again. | Sag nie wieder "{gesagt}".
The sign says "{said}". | Auf dem Schild steht "{gesagt}".
They all shouted "{said}" at once. | Alle riefen gleichzeitig "{gesagt}".
I heard him say "{said}". | Ich hörte ihn "{gesagt}" sagen.
"{said}" is a nice word. | "{gesagt}" ist ein schönes Wort.
You often say "{said}". | Du sagst oft "{gesagt}".
"""
"""Sentences that quote a short pair of the corpus."""

QUOTED_SHARE = 0.25
"""How many of the sentences quote."""
IN_WORDS = 0.2
"""How often a number below 100 is written in words."""
_MONTHS = """January February March April May June July August September October November
December""".split()
_MONATE = """Januar Februar März April Mai Juni Juli August September Oktober November
Dezember""".split()


def frames(text: str) -> list[SentencePair]:
    """Read lines of ``English | German``."""
    return [SentencePair(*line.split(" | ")) for line in text.strip().splitlines()]


_NUMBERS, _QUOTATIONS = frames(NUMBERS), frames(QUOTATIONS)


def quotable(pairs: Sequence[SentencePair]) -> list[SentencePair]:
    """Return the pairs of at most two words without a comma, and leave the mark at the end out."""
    bare = (SentencePair(*(text.rstrip(".!?") for text in pair)) for pair in pairs)
    word = re.compile(r"[\w']+( [\w']+)?")
    return [pair for pair in bare if all(map(word.fullmatch, pair))]


def framed(quoted: Sequence[SentencePair], draw: np.random.Generator) -> SentencePair:
    """Draw a frame, and fill it.

    Parameters
    ----------
    quoted
        What may be quoted; none, and there are only numbers.
    draw
        Draws the numbers: the same state gives the same pair.

    Examples
    --------
    >>> framed([], np.random.default_rng(2))
    SentencePair(source='She moved to London in 1475.', target='Sie ist 1475 nach London gezogen.')
    """
    if quoted and draw.random() < QUOTED_SHARE:
        said, answer = quoted[int(draw.integers(len(quoted)))]
        source, target = _QUOTATIONS[int(draw.integers(len(_QUOTATIONS)))]
        return SentencePair(source.format(said=said), target.format(gesagt=answer))
    source, target = _NUMBERS[int(draw.integers(len(_NUMBERS)))]
    left, right = gaps(draw)
    return SentencePair(source.format_map(left), target.format_map(right))


def gaps(draw: np.random.Generator) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Draw what fills the gaps, in English and in German."""
    month, year = int(draw.integers(12)), int(draw.integers(1400, 2090))
    thousands, rest = int(draw.integers(1, 900)), int(draw.integers(10)) * 100
    both = {
        "long": str(draw.integers(1000, 1_000_000)),
        "year": str(year),
        "later": str(year + int(draw.integers(1, 10))),
        "time": _time(draw),
        "until": _time(draw),
        "day": str(draw.integers(1, 32)),
        "hour": str(draw.integers(2, 12)),
    }
    left = both | {"thousands": f"{thousands},{rest:03}", "month": _MONTHS[month]}
    right = both | {"tausende": f"{thousands}.{rest:03}", "monat": _MONATE[month]}
    for name in "ab":
        left[name], right[name] = _number(draw)
    return left, right


def _number(draw: np.random.Generator) -> tuple[str, str]:
    """Draw a number of one to four digits, in both languages."""
    digits = int(draw.choice([1, 2, 3, 4], p=[0.25, 0.4, 0.25, 0.1]))
    number = int(draw.integers(max(2, 10 ** (digits - 1)), 10**digits))
    if number < 100 and draw.random() < IN_WORDS:
        return english(number), str(german(number))
    return str(number), str(number)


def _time(draw: np.random.Generator) -> str:
    return f"{draw.integers(1, 24)}:{5 * int(draw.integers(12)):02}"
