"""How many tokens a second decoding writes: ours exported, on NumPy and on torch, beside two peers.

Run ``python benchmarks/decoding.py``; it writes ``decoding.json`` and ``decoding.svg`` beside
itself. Every engine has a model of the same sizes with random weights in float32, reads sources of
12 tokens, and must write exactly 30: the score of the end is so low that no search ends before.
Measured are greedy decoding of one sentence and of 32, and a beam of 4 over 8 sentences. The
quantity is tokens of translations in a second; the beginnings that a beam drops do not count.
All use one thread: the matrices are so small that every engine but ours was slower with two.
Our models let the process keep the memory it frees; the peers run as they are installed, and
MarianMT once more with memory kept. It also says what a step of ours consists of.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from rounds import Measure, Rounds, draw, ratios, run, summaries, write
from threadpoolctl import threadpool_limits

from attend.config import TransformerConfig
from attend.models.allocation import keep_freed_memory

CONFIG = TransformerConfig(4000, N=4, d_model=128, d_ff=256, h=4, P_drop=0.0)
SOURCE, WRITTEN = 12, 30
LEAST_SECONDS = 0.5
NEVER = -1e4


class Setting(NamedTuple):
    """How many sentences are decoded at once, and how many beginnings of each are followed."""

    sentences: int
    beam: int


SETTINGS = {
    "greedy, 1 sentence": Setting(1, 1),
    "greedy, 32 sentences": Setting(32, 1),
    "beam of 4, 8 sentences": Setting(8, 4),
}
Decode = Callable[[np.ndarray, int], list[list[Any]]]
"""Writes translations of sources (sentences, 12) with a beam of the given width."""


def sources(sentences: int) -> np.ndarray:
    """Draw tokens that no engine takes for a start, an end or padding."""
    return np.random.default_rng(0).integers(3, CONFIG.vocabulary - 1, (sentences, SOURCE))


# ------------------------------------------------------------------------------------ the engines


def endless_transformer() -> Any:
    """Build our model with first values under which the end is never written."""
    import torch

    from attend.models.torch_transformer import Transformer

    torch.manual_seed(0)
    model = Transformer(CONFIG).eval()
    with torch.no_grad():
        # What leaves the last norm sums to d_model in every row, so the end scores -d_model.
        model.decoder[-1].norm_3.bias.fill_(1)
        model.embedding[CONFIG.end] = -1
    return model


def ours(model: Any, array: Callable[[np.ndarray], Any]) -> Decode:
    """Decode with `attend.decoding.writing`."""
    from attend.decoding.writing import beam_search, greedy

    def decode(source: np.ndarray, beam: int) -> list[list[int]]:
        if beam == 1:
            return greedy(model, array(source), WRITTEN)
        return beam_search(model, array(source), beam, limit=WRITTEN)

    return decode


def numpy_model() -> Any:
    """Build our model on NumPy."""
    from attend.models.array_transformer import ArrayTransformer

    weights = endless_transformer().state_dict()
    return ArrayTransformer(CONFIG, {name: w.numpy() for name, w in weights.items()})


def attend_on_numpy() -> Decode:
    """Decode with our model on NumPy, as `attend.translator.translator` does."""
    return ours(numpy_model(), np.asarray)


def attend_on_torch() -> Decode:
    """Decode with our model on torch."""
    import torch

    return ours(endless_transformer(), torch.as_tensor)


def attend_on_onnx() -> Decode:
    """Decode with our model, exported and run by ONNX Runtime."""
    from attend.models.onnx_export import export
    from attend.models.onnx_transformer import OnnxTransformer

    with tempfile.TemporaryDirectory() as folder:
        export(endless_transformer(), folder)
        return ours(OnnxTransformer(folder), np.asarray)


def marian() -> Any:
    """Build Hugging Face's MarianMT in our sizes, its end forbidden by a bias on the scores."""
    import torch
    from transformers import MarianConfig, MarianMTModel

    c = CONFIG
    sizes = {
        f"{side}_{name}": value
        for side in ("encoder", "decoder")
        for name, value in {"layers": c.N, "ffn_dim": c.d_ff, "attention_heads": c.h}.items()
    }
    special = {"pad_token_id": c.vocabulary - 1, "eos_token_id": 0, "forced_eos_token_id": None}
    torch.manual_seed(0)
    config = MarianConfig(
        vocab_size=c.vocabulary,
        d_model=c.d_model,
        max_position_embeddings=SOURCE + WRITTEN,
        activation_function="relu",
        scale_embedding=True,
        decoder_start_token_id=c.vocabulary - 1,
        **sizes,
        **special,
    )
    model = MarianMTModel(config).eval()
    model.final_logits_bias[:, [0, c.vocabulary - 1]] = NEVER
    return model


def marian_generate() -> Decode:
    """Decode with `generate` and its cache."""
    import torch

    model = marian()

    def decode(source: np.ndarray, beam: int) -> list[list[int]]:
        given = torch.as_tensor(source)
        written = model.generate(
            given,
            attention_mask=torch.ones_like(given),
            num_beams=beam,
            do_sample=False,
            min_new_tokens=None,
            max_new_tokens=WRITTEN,
            use_cache=True,
        )
        return written[:, 1:].tolist()

    return decode


def marian_with_memory_kept() -> Decode:
    """Decode with `generate` in a process that keeps freed memory, as those with our models do."""
    keep_freed_memory()
    return marian_generate()


def ctranslate2_float32() -> Decode:
    """Decode with CTranslate2, the same MarianMT converted by its own loader."""
    import ctranslate2
    from ctranslate2.converters.transformers import MarianMTLoader

    # The padding of Marian is no word for CTranslate2, which starts from a zero instead.
    words = ["</s>", "<unk>", *(f"w{number}" for number in range(2, CONFIG.vocabulary - 1))]
    spec = MarianMTLoader().get_model_spec(marian())
    spec.register_source_vocabulary(words)
    spec.register_target_vocabulary(words)
    spec.config.decoder_start_token = "</s>"
    spec.validate()
    spec.optimize(quantization="float32")
    with tempfile.TemporaryDirectory() as folder:
        spec.save(folder)
        translator = ctranslate2.Translator(
            folder, compute_type="float32", inter_threads=1, intra_threads=1
        )

    def decode(source: np.ndarray, beam: int) -> list[list[str]]:
        texts = [[words[token] for token in row] for row in source]
        found = translator.translate_batch(texts, beam_size=beam, max_decoding_length=WRITTEN)
        return [result.hypotheses[0] for result in found]

    return decode


ENGINES: Mapping[str, Callable[[], Decode]] = {
    "attend (ONNX)": attend_on_onnx,
    "attend (NumPy)": attend_on_numpy,
    "attend (torch)": attend_on_torch,
    "MarianMT": marian_generate,
    "MarianMT, memory kept": marian_with_memory_kept,
    "CTranslate2": ctranslate2_float32,
}


# ---------------------------------------------------------------------------------- measuring them


def prepare(engine: str) -> Measure:
    """Build an engine, see that it writes what it should, and return what measures it."""
    import torch

    torch.set_num_threads(1)
    threadpool_limits(1)
    decode = ENGINES[engine]()
    for setting in SETTINGS.values():
        check_lengths(engine, decode(sources(setting.sentences), setting.beam), setting)

    def measure() -> dict[str, float]:
        return {name: speed(decode, setting) for name, setting in SETTINGS.items()}

    return measure


def check_lengths(engine: str, written: list[list[Any]], setting: Setting) -> None:
    """Refuse an engine that does other work than the rest."""
    lengths = [len(sentence) for sentence in written]
    if lengths != [WRITTEN] * setting.sentences:
        raise RuntimeError(f"{engine} should write {WRITTEN} tokens a sentence; wrote {lengths}")


def speed(decode: Decode, setting: Setting) -> float:
    """Return the tokens written in a second, over at least half a second."""
    source, times = sources(setting.sentences), 0
    begun = time.perf_counter()
    while (spent := time.perf_counter() - begun) < LEAST_SECONDS:
        decode(source, setting.beam)
        times += 1
    return times * setting.sentences * WRITTEN / spent


# ------------------------------------------------------------------ what a step of ours consists of


class Replay:
    """Answers as a model did once, and computes nothing: what remains is the choice of tokens."""

    def __init__(self, model: Any, source: np.ndarray) -> None:
        self.config, self.begun = model.config, model.start(source)
        self.answers: dict[tuple[int, int], Any] = {}
        self.model = model

    def start(self, source: np.ndarray) -> Any:
        """Return the state of the one start."""
        return self.begun

    def step(self, tokens: np.ndarray, state: Any) -> Any:
        """Return what the model said at this place the first time."""
        place = (state.length, len(tokens))
        if place not in self.answers:
            self.answers[place] = self.model.step(tokens, state)
        return self.answers[place]


def products(rows: int, keys: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """List the factors of all matrix products of one step, random, each at a place of its own."""
    c, rng = CONFIG, np.random.default_rng(0)

    def draw(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(np.float32)

    d, wide, narrow = c.d_model, (rows, c.d_model), (rows, c.d_ff)
    pairs = []
    for _ in range(c.N):
        pairs += [(draw(*wide), draw(d, d)) for _ in range(6)]
        for m in (keys, SOURCE):
            pairs += [(draw(rows, c.h, 1, c.d_k), draw(rows, c.h, m, c.d_k).mT)]
            pairs += [(draw(rows, c.h, 1, m), draw(rows, c.h, m, c.d_v))]
        pairs += [(draw(*wide), draw(d, c.d_ff)), (draw(*narrow), draw(c.d_ff, d))]
    return [*pairs, (draw(*wide), draw(c.vocabulary, d).mT)]


def least(action: Callable[[], Any], times: int = 15) -> float:
    """Return the seconds of the fastest of some runs: the one least disturbed."""
    spent = []
    for _ in range(times):
        begun = time.perf_counter()
        action()
        spent.append(time.perf_counter() - begun)
    return min(spent)


def multiply(pairs: list[tuple[np.ndarray, np.ndarray]]) -> None:
    """Compute the products and nothing else."""
    for a, b in pairs:
        a @ b


def parts_of_a_step(setting: Setting) -> dict[str, float]:
    """Say in microseconds what a step of decoding with NumPy takes, and what of it.

    "products" are the bare matrix products, with the keys of a half-written translation;
    "choosing" is what decoding does when the model answers at once, the copies of beam search
    included; the rest is all else: calls, checks, softmax, norms, and keeping keys and values.
    """
    model, source = numpy_model(), sources(setting.sentences)
    replay = Replay(model, source)
    ours(replay, np.asarray)(source, setting.beam)
    pairs = products(setting.sentences * setting.beam, WRITTEN // 2)
    whole = least(lambda: ours(model, np.asarray)(source, setting.beam)) / WRITTEN
    parts = {
        "products": least(lambda: multiply(pairs)),
        "choosing": least(lambda: ours(replay, np.asarray)(source, setting.beam)) / WRITTEN,
        "reading the source": least(lambda: model.start(source)) / WRITTEN,
    }
    parts |= {"the rest": whole - sum(parts.values()), "step": whole}
    return {name: round(1e6 * seconds, 1) for name, seconds in parts.items()}


# -------------------------------------------------------------------------------------- the report


def report(found: Rounds, about: dict[str, Any]) -> dict[str, Any]:
    """Summarise the rounds: speeds, and ours over each peer's, round by round."""
    own = [engine for engine in ENGINES if engine.startswith("attend")]
    peers = [engine for engine in ENGINES if engine not in own]
    return about | {
        "sizes": CONFIG.as_dict() | {"source tokens": SOURCE, "written tokens": WRITTEN},
        "quantity": "target tokens per second",
        "speeds": summaries(found),
        "ratios": {
            f"{engine} / {peer}": {s: ratios(found, engine, peer, s) for s in SETTINGS}
            for engine in own
            for peer in peers
        },
        "microseconds of a step of attend (NumPy)": {
            name: parts_of_a_step(setting) for name, setting in SETTINGS.items()
        },
        "rounds": found,
    }


def finish(found: Rounds, about: dict[str, Any]) -> None:
    """Write the numbers and the picture."""
    with threadpool_limits(1):
        written = report(found, about)
    write("decoding", written)
    draw("decoding")


if __name__ == "__main__":
    run(__file__, tuple(ENGINES), prepare, finish)
