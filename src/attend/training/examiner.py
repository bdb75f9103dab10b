"""Measuring a model on sentences that it was not trained on."""

from collections.abc import Sequence

import torch
from sacrebleu import corpus_bleu

from attend.decoding.writing import greedy
from attend.models.torch_transformer import Transformer
from attend.text.corpus import SentencePair, batches, encode_pairs, pad
from attend.text.tokenizer import Tokenizer
from attend.training.loss import smoothed_loss


class Examiner:
    """Measures a model on pairs it is not trained on, after each epoch.

    Parameters
    ----------
    pairs
        Sentence pairs held out.
    tokenizer
        Turns them into tokens and back.
    tokenize
        How sacrebleu cuts text into words; "none" for text that is cut already.
    translated
        About how many of them are translated for BLEU; the loss is taken over all.

    Raises
    ------
    ValueError
        If there are no pairs.
    """

    def __init__(
        self,
        pairs: Sequence[SentencePair],
        tokenizer: Tokenizer,
        tokenize: str = "13a",
        translated: int = 500,
    ) -> None:
        if not pairs or translated < 1:
            raise ValueError(
                "an examination needs at least one pair, and one to translate; received "
                f"{len(pairs)} pairs, translated={translated}"
            )
        self.tokenize = tokenize
        self.encoded = encode_pairs(pairs, tokenizer)
        self.pairs, self.tokenizer = pairs[:: max(1, len(pairs) // translated)], tokenizer

    def __call__(self, model: Transformer) -> dict[str, float]:
        """Return the loss without label smoothing, and BLEU of greedy translations."""
        return {"validation_loss": self.loss(model), "validation_bleu": self.bleu(model)}

    @torch.no_grad()
    def loss(self, model: Transformer) -> float:
        """Return the mean cross-entropy of a target token, in nats."""
        total, count = 0.0, 0
        for batch in batches(self.encoded, tokens=4096):
            source, target = (torch.from_numpy(x).to(model.embedding.device) for x in batch)
            tokens = int((target[:, 1:] != model.pad).sum())
            loss = smoothed_loss(model(source, target[:, :-1]), target[:, 1:], 0.0, model.pad)
            total, count = total + loss.item() * tokens, count + tokens
        return total / count

    def bleu(self, model: Transformer) -> float:
        """Return BLEU of greedy translations against one reference."""
        device = model.embedding.device
        sources = [self.tokenizer.encode(pair.source) for pair in self.pairs]
        found: list[str] = []
        for first in range(0, len(sources), 100):
            batch = torch.from_numpy(pad(sources[first : first + 100])).to(device)
            found += [self.tokenizer.decode(tokens) for tokens in greedy(model, batch)]
        references = [[pair.target for pair in self.pairs]]
        return float(corpus_bleu(found, references, tokenize=self.tokenize).score)
