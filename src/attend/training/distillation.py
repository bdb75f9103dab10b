"""Translations by a teacher, for a student to learn from (Kim & Rush 2016).

    attend distill --pairs deu-eng.zip --model FOLDER --folder .training/taught

lets a trained translator translate the sources that it was trained on. Of the translations that
its beam finishes, the one nearest to the reference is kept, if it is near: sequence-level
interpolation. Interrupt it; the same command goes on. ``chosen.json`` in the folder is the result.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from sacrebleu.metrics import BLEU
from tqdm import tqdm

from attend.decoding.writing import n_best
from attend.files import write_atomically
from attend.models.torch_transformer import Transformer
from attend.models.weights import read_model
from attend.text.corpus import SentencePair, load_pairs, pad, split_by_components
from attend.text.tokenizer import Tokenizer

BLOCK = 1024
"""Sources that are translated between two files; so many are done again after an interruption."""
ROWS = 64
"""Sources that are translated at once."""
NEAR = 30.0
"""The least sentence BLEU of a translation that is kept. Below it, the reference says more."""


def load_teacher(folder: Path) -> tuple[Transformer, Tokenizer]:
    """Read a saved model as a torch module that translates."""
    saved = read_model(folder)
    model = Transformer(saved.config)
    model.load_state_dict({name: torch.from_numpy(x) for name, x in saved.tensors.items()})
    return model.eval(), saved.tokenizer


def translations(
    model: Transformer, tokenizer: Tokenizer, sources: Sequence[str], beam: int
) -> dict[str, list[str]]:
    """Return all translations that a beam finishes, for each source, the best first."""
    found: dict[str, list[str]] = {}
    for first in range(0, len(sources), ROWS):
        some = sources[first : first + ROWS]
        tokens = torch.from_numpy(pad([tokenizer.encode(source) for source in some]))
        for source, hypotheses in zip(some, n_best(model, tokens, beam), strict=True):
            found[source] = [tokenizer.decode(one.tokens) for one in hypotheses]
    return found


def blocks(sources: Iterable[str], tokenizer: Tokenizer) -> list[list[str]]:
    """Cut different sources into blocks, shorter sentences first."""
    ordered = sorted(set(sources), key=lambda text: (len(tokenizer.encode(text)), text))
    return [ordered[first : first + BLOCK] for first in range(0, len(ordered), BLOCK)]


def translate_all(
    model: Transformer, tokenizer: Tokenizer, sources: Iterable[str], folder: Path, beam: int
) -> Iterator[dict[str, list[str]]]:
    """Yield the translations of all sources, block by block; what is on disk is not done again."""
    for number, block in enumerate(tqdm(blocks(sources, tokenizer), unit="block")):
        path = folder / f"translations-{number:04d}.json"
        if not path.exists():
            found = translations(model, tokenizer, block, beam)
            write_atomically(path, json.dumps(found, ensure_ascii=False).encode())
        yield json.loads(path.read_text(encoding="utf-8"))


def nearest(pair: SentencePair, found: Sequence[str]) -> str | None:
    """Return the translation nearest to the reference; None if the reference itself is better.

    That is so if the teacher found the reference, or nothing near it.
    """
    if not found or pair.target in found:
        return None
    metric = BLEU(effective_order=True)
    scores = [metric.sentence_score(text, [pair.target]).score for text in found]
    best = int(np.argmax(scores))
    return found[best] if scores[best] >= NEAR else None


def choose(
    pairs: Iterable[SentencePair], found: dict[str, list[str]]
) -> Iterator[tuple[SentencePair, str]]:
    """Yield the pairs for which a teacher has a translation to learn from, and that."""
    for pair in pairs:
        text = nearest(pair, found.get(pair.source, []))
        if text is not None:
            yield pair, text


def save_chosen(path: Path, chosen: Iterable[tuple[SentencePair, str]]) -> int:
    """Write chosen translations; return their number."""
    entries = [[*pair, text] for pair, text in chosen]
    write_atomically(path, json.dumps(entries, ensure_ascii=False).encode())
    return len(entries)


def load_chosen(path: Path) -> dict[SentencePair, str]:
    """Read what `save_chosen` wrote.

    Raises
    ------
    ValueError
        If the file does not hold triples of source, reference and translation.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        return {SentencePair(source, target): text for source, target, text in entries}
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} holds no chosen translations: {error}") from error


def distill(
    pairs: Sequence[str | Path], teacher: Path, folder: Path, held_out: int = 2000, beam: int = 6
) -> tuple[int, int]:
    """Translate the training part of a corpus, and choose.

    Parameters
    ----------
    pairs
        The files of pairs.
    teacher
        Folder of the translator.
    folder
        Receives the translations, block by block, and ``chosen.json``.
    held_out
        Pairs held out for validation, and for test: no teacher's words for them.
    beam
        How many beginnings are followed at once.

    Returns
    -------
    count, among
        How many translations were chosen, and for how many pairs they could have been.
    """
    model, tokenizer = load_teacher(teacher)
    train = split_by_components(load_pairs(*pairs)[0], held_out).train
    folder.mkdir(parents=True, exist_ok=True)
    sources = (pair.source for pair in train)
    parts = translate_all(model, tokenizer, sources, folder, beam)
    found = {source: texts for part in parts for source, texts in part.items()}
    return save_chosen(folder / "chosen.json", choose(train, found)), len(train)
