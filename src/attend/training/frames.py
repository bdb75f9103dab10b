"""Pairs of our own, for what a corpus has too little of: numbers, quotations, single words, names.

A frame is a sentence with gaps, in both languages. They get the same number, year, clock time or
date on both sides, or a short pair of the corpus in quotation marks. Single words and short phrases
come from the corpus; names are copied. No frame is a sentence of a test: one holds that against all
of them.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

from attend.text.corpus import SentencePair
from attend.training.number_words import english, german
from attend.training.phrases import phrases
from attend.training.variety import made_up_name, shared_names

T = TypeVar("T")

NUMBERS = """
{a}. | {a}.
{a}, {b}. | {a}, {b}.
{a} {b} {long}. | {a} {b} {long}.
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

SHARES = {"number": 0.5, "quotation": 0.2, "phrase": 0.2, "name": 0.1}
"""What is drawn, and how often."""
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


class Frames:
    """Draws pairs of our own, with words of a corpus.

    Parameters
    ----------
    pairs
        The corpus: what is quoted, single words and names come from it.
    """

    def __init__(self, pairs: Sequence[SentencePair]) -> None:
        self.quotable = quotable(pairs) or [SentencePair("Yes", "Ja")]
        self.phrases = phrases(pairs) or [SentencePair("the house", "das Haus")]
        self.names = shared_names(pairs) or ["Tom"]

    def draw(self, draw: np.random.Generator) -> SentencePair:
        """Draw a pair; the same state of `draw` gives the same one."""
        kind = draw.choice(list(SHARES), p=list(SHARES.values()))
        return getattr(self, f"_{kind}")(draw)

    def _number(self, draw: np.random.Generator) -> SentencePair:
        return filled(_pick(_NUMBERS, draw), draw)

    def _quotation(self, draw: np.random.Generator) -> SentencePair:
        said, answer = _pick(self.quotable, draw)
        source, target = _pick(_QUOTATIONS, draw)
        return SentencePair(source.format(said=said), target.format(gesagt=answer))

    def _phrase(self, draw: np.random.Generator) -> SentencePair:
        source, target = _pick(self.phrases, draw)
        answer = f"{target[0].upper()}{target[1:]}."
        # Who types one word rarely ends it with a full stop.
        if draw.random() < 0.5:
            return SentencePair(source, answer)
        return SentencePair(f"{source.capitalize()}.", answer)

    def _name(self, draw: np.random.Generator) -> SentencePair:
        count = int(draw.integers(1, 3))
        names = [
            made_up_name(draw) if draw.random() < 0.5 else _pick(self.names, draw)
            for _ in range(count)
        ]
        return SentencePair(f"{' '.join(names)}.", f"{' '.join(names)}.")


def _pick(some: Sequence[T], draw: np.random.Generator) -> T:
    return some[int(draw.integers(len(some)))]


def filled(frame: SentencePair, draw: np.random.Generator) -> SentencePair:
    """Fill the gaps of a frame with numbers."""
    left, right = gaps(draw)
    return SentencePair(frame.source.format_map(left), frame.target.format_map(right))


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
        left[name], right[name] = number(draw)
    return left, right


def number(draw: np.random.Generator) -> tuple[str, str]:
    """Draw a number of one to four digits, in both languages."""
    digits = int(draw.choice([1, 2, 3, 4], p=[0.25, 0.4, 0.25, 0.1]))
    number = int(draw.integers(max(2, 10 ** (digits - 1)), 10**digits))
    if number < 100 and draw.random() < IN_WORDS:
        return english(number), str(german(number))
    return str(number), str(number)


def _time(draw: np.random.Generator) -> str:
    return f"{draw.integers(1, 24)}:{5 * int(draw.integers(12)):02}"
