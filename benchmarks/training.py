"""How fast each library trains the same Transformer on the same batch.

Run ``make bench`` or ``python benchmarks/training.py``; it writes ``training.json`` and
``training.svg`` beside itself. A model of the course's kind (N = 4, d_model = 128, d_ff = 256, h =
4, 4,000 word pieces, one embedding used three times, dropout 0.1) learns from 128 pairs of 12
tokens on each side: forward pass, label smoothing of 0.1, backward pass, gradient clipping and
fused Adam, in float32, with masks for padding although nothing is padded here. Ours is the step of
`attend.training.trainer`, as it trains the translator; "taught functions" is the same model
computed by the lines of the chapters, without torch's fused kernels. x-transformers does less than
the others: it has no biases in its projections and no dropout after each sub-layer. Our models let
the process keep the memory it frees; the peers run as they are installed, and MarianMT once more
with memory kept, to see what that is worth.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from rounds import Measure, Rounds, draw, ratios, run, summaries, summary, write
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from attend import positional_encoding
from attend.config import TransformerConfig
from attend.layers import TAUGHT
from attend.models.allocation import keep_freed_memory
from attend.models.torch_transformer import Transformer
from attend.text.corpus import EncodedPair
from attend.training.trainer import Plan, Trainer

BATCH, LENGTH, STEPS = 128, 12, 4
CONFIG = TransformerConfig(4000, N=4, d_model=128, d_ff=256, h=4, P_drop=0.1)
RATE = "target tokens per second"
PRODUCTS = "FLOP per second"
Logits = Callable[[Tensor, Tensor], Tensor]


def batch() -> tuple[Tensor, Tensor]:
    """Draw sources (batch, 12) and targets (batch, 13): START and 12 tokens to be told."""
    draw = partial(torch.randint, 10, CONFIG.vocabulary)
    source, target = draw((BATCH, LENGTH)), draw((BATCH, LENGTH + 1))
    target[:, 0] = CONFIG.start
    return source, target


# ------------------------------------------------------------------------------------------ ours


class TaughtTransformer(Transformer):
    """The model computed by the functions of the chapters; only dropout is torch's."""

    @property
    def operations(self) -> Any:
        """The taught functions, with dropout."""
        return TAUGHT._replace(drop=partial(F.dropout, p=CONFIG.P_drop))


def ours(kind: type[Transformer] = Transformer) -> Callable[[Tensor, Tensor], None]:
    """Return a step of the course's own training."""
    pairs = [EncodedPair([10] * LENGTH, [10] * LENGTH)] * BATCH
    folder = tempfile.mkdtemp()
    trainer = Trainer(kind(CONFIG), pairs, Plan(tokens=BATCH * 20), folder)
    trainer.model.train()
    return lambda source, target: trainer.learn([(source, target)]) and None


# ----------------------------------------------------------------------------------------- peers


class TorchTransformer(nn.Module):
    """`torch.nn.Transformer` with what it leaves out: embedding, positions and logits."""

    def __init__(self) -> None:
        super().__init__()
        c = CONFIG
        self.embedding = nn.Embedding(c.vocabulary, c.d_model)
        self.body = nn.Transformer(
            c.d_model, c.h, c.N, c.N, c.d_ff, c.P_drop, batch_first=True, layer_norm_eps=1e-5
        )
        self.drop = nn.Dropout(c.P_drop)
        positions = positional_encoding(LENGTH, c.d_model, like=torch.empty(0))
        self.register_buffer("positions", positions)
        self.register_buffer("causal", nn.Transformer.generate_square_subsequent_mask(LENGTH))

    def embed(self, tokens: Tensor) -> Tensor:
        """Turn tokens into vectors that know their position."""
        return self.drop(self.embedding(tokens) * CONFIG.d_model**0.5 + self.positions)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """Return the logits."""
        padded = torch.zeros(source.shape).masked_fill_(source == CONFIG.pad, float("-inf"))
        found = self.body(
            self.embed(source),
            self.embed(target),
            tgt_mask=self.causal,
            src_key_padding_mask=padded,
            memory_key_padding_mask=padded,
            tgt_is_causal=True,
        )
        return found @ self.embedding.weight.T


def x_transformers() -> tuple[nn.Module, Logits]:
    """Return the model of the package x-transformers, with its fused attention."""
    from x_transformers import XTransformer

    sides = {
        "num_tokens": CONFIG.vocabulary,
        "depth": CONFIG.N,
        "heads": CONFIG.h,
        "max_seq_len": LENGTH,
        "attn_dim_head": CONFIG.d_k,
        "ff_mult": CONFIG.d_ff // CONFIG.d_model,
        "emb_dropout": CONFIG.P_drop,
        "attn_dropout": CONFIG.P_drop,
        "ff_dropout": CONFIG.P_drop,
        "attn_flash": True,
        "pre_norm": False,
    }
    given = {f"{side}_{name}": value for side in ("enc", "dec") for name, value in sides.items()}
    model = XTransformer(dim=CONFIG.d_model, tie_token_emb=True, **given)

    def logits(source: Tensor, target: Tensor) -> Tensor:
        mask = source != CONFIG.pad
        memory = model.encoder(source, mask=mask, return_embeddings=True)
        return model.decoder.net(target, context=memory, context_mask=mask)

    return model, logits


def marian() -> tuple[nn.Module, Logits]:
    """Return Hugging Face's MarianMT, with its fused attention."""
    from transformers import MarianConfig, MarianMTModel

    model = MarianMTModel(
        MarianConfig(
            vocab_size=CONFIG.vocabulary,
            d_model=CONFIG.d_model,
            encoder_layers=CONFIG.N,
            decoder_layers=CONFIG.N,
            encoder_ffn_dim=CONFIG.d_ff,
            decoder_ffn_dim=CONFIG.d_ff,
            encoder_attention_heads=CONFIG.h,
            decoder_attention_heads=CONFIG.h,
            dropout=CONFIG.P_drop,
            activation_function="relu",
            scale_embedding=True,
            max_position_embeddings=64,
            pad_token_id=CONFIG.pad,
            decoder_start_token_id=CONFIG.start,
            eos_token_id=CONFIG.end,
            use_cache=False,
            attn_implementation="sdpa",
        )
    )

    def logits(source: Tensor, target: Tensor) -> Tensor:
        mask = source != CONFIG.pad
        return model(source, attention_mask=mask, decoder_input_ids=target).logits

    return model, logits


def theirs(model: nn.Module, logits: Logits) -> Callable[[Tensor, Tensor], None]:
    """Return a step of training with torch's own loss."""
    model.train()
    optimizer = torch.optim.Adam(model.parameters(), 1e-4, betas=(0.9, 0.98), eps=1e-9, fused=True)

    def step(source: Tensor, target: Tensor) -> None:
        found = logits(source, target[:, :-1]).flatten(0, 1)
        wanted = target[:, 1:].flatten()
        loss = F.cross_entropy(found, wanted, ignore_index=CONFIG.pad, label_smoothing=0.1)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        loss.item()

    return step


def torch_transformer() -> tuple[nn.Module, Logits]:
    """Return torch's own model."""
    model = TorchTransformer()
    return model, model


def memory_kept(build: Callable[[], Any]) -> Any:
    """Build an engine in a process that keeps freed memory, as those with our models do."""
    keep_freed_memory()
    return build()


STEPS_OF = {
    "attend": ours,
    "attend, taught functions": partial(ours, TaughtTransformer),
    "torch.nn.Transformer": lambda: theirs(*torch_transformer()),
    "x-transformers": lambda: theirs(*x_transformers()),
    "MarianMT": lambda: theirs(*marian()),
    "MarianMT, memory kept": lambda: memory_kept(lambda: theirs(*marian())),
}
PEERS = ("torch.nn.Transformer", "x-transformers", "MarianMT", "MarianMT, memory kept")
ENGINES = (*STEPS_OF, "matrix product")


# -------------------------------------------------------------------------------------- measuring


def prepare(engine: str) -> Measure:
    """Build an engine and warm it up."""
    torch.manual_seed(1)
    if engine == "matrix product":
        return measure_products
    step, given = STEPS_OF[engine](), batch()
    for _ in range(3):
        step(*given)

    def measure() -> dict[str, float]:
        began = time.perf_counter()
        for _ in range(STEPS):
            step(*given)
        return {RATE: STEPS * BATCH * LENGTH / (time.perf_counter() - began)}

    return measure


def measure_products() -> dict[str, float]:
    """Measure what the machine does at best: the product of two large matrices."""
    x = torch.ones(2048, 2048)
    x @ x
    began = time.perf_counter()
    x @ x
    return {PRODUCTS: 2 * 2048**3 / (time.perf_counter() - began)}


def flops_per_token() -> float:
    """Count the products of one step, forward and back, for each target token."""
    model = TaughtTransformer(CONFIG)
    source, target = batch()
    with FlopCounterMode(display=False) as counter:
        model(source, target[:, :-1]).sum().backward()
    return counter.get_total_flops() / (BATCH * LENGTH)


def shares(found: Rounds, flops: float) -> dict[str, dict[str, dict[str, float]]]:
    """Return which percentage of the machine's rate each engine reaches, round by round."""
    best = [r[PRODUCTS] / flops for r in found["matrix product"]]
    return {
        engine: {
            "percent of the rate": summary(
                [100 * r[RATE] / most for r, most in zip(found[engine], best, strict=True)]
            )
        }
        for engine in STEPS_OF
    }


def finish(found: Rounds, about: dict[str, Any]) -> None:
    """Write the report and its picture."""
    flops = flops_per_token()
    results = summaries({engine: found[engine] for engine in STEPS_OF})
    report = about | {
        "results": results,
        "ratios": {peer: {"times as fast": ratios(found, "attend", peer, RATE)} for peer in PEERS},
        "shares": shares(found, flops),
        "FLOP per target token": flops,
        "matrix product": summaries({"rate": found["matrix product"]})["rate"],
        "rounds": found,
    }
    write("training", report)
    draw("training")


if __name__ == "__main__":
    run(__file__, ENGINES, prepare, finish)
