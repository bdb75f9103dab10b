"""Decoding against exhaustive search, against itself in batches, and without the cached state."""

from itertools import product

import numpy as np
import pytest

from attend.config import TransformerConfig
from attend.decoding.beam import (
    BeamOptions,
    Search,
    largest,
    length_penalty,
    likeliest,
    log_sum_exp,
)
from attend.decoding.writing import MORE, beam_search, greedy, sample
from attend.masks import causal
from attend.state import KeyValues, LayerState, State, select, select_past

PAD, START, END = 0, 1, 2


class Chain:
    """A model for tests: what comes next depends on the last token and the place, by a table.

    Parameters
    ----------
    logits
        (places, vocabulary, vocabulary); the last place serves for all later ones.
    """

    def __init__(self, logits):
        self.logits = np.asarray(logits, dtype=float)
        self.config = TransformerConfig(self.logits.shape[1], N=1, d_model=2, d_ff=1, h=1)

    def start(self, source):
        # The sentence's first token stands for the memory: a wrong row would show.
        memory = source[:, None, :1, None].astype(float)
        return State((LayerState(None, KeyValues(memory, memory)),), source[:, None, :] != PAD, 0)

    def step(self, tokens, state):
        place = min(state.length, len(self.logits) - 1)
        shift = state.layers[0].memory.k[:, 0, 0, 0].astype(int) - 3
        rows = self.logits[place][(tokens[:, -1] + shift) % self.config.vocabulary]
        return rows[:, None, :], state._replace(length=state.length + tokens.shape[1])


def chain(seed, vocabulary=5, places=4, spread=1.5):
    return Chain(np.random.default_rng(seed).normal(0, spread, (places, vocabulary, vocabulary)))


def probability_of_next(model, source, written):
    """Compute p(next | written), from the first token on: no state is kept."""
    state = model.start(source)
    for token in [START, *written]:
        logits, state = model.step(np.full((1, 1), token), state)
    powers = np.exp(logits[0, -1] - logits[0, -1].max())
    return powers / powers.sum()


def exhaustive(model, source, limit, alpha):
    """Return the best of all translations that end within the limit."""
    others = [token for token in range(model.config.vocabulary) if token != END]
    found = []
    for length in range(limit):
        for written in product(others, repeat=length):
            log_p = sum(
                np.log(probability_of_next(model, source, written[:n])[token])
                for n, token in enumerate([*written, END])
            )
            found.append((log_p / ((5 + length + 1) / 6) ** alpha, list(written)))
    return max(found)[1]


ONE, VECTOR = np.array([[3, 4]]), np.array([3, 4])


def drawn(model, source):
    return sample(model, source, np.random.default_rng(0))


WRITERS = [greedy, beam_search, drawn]


# -------------------------------------------------------------------------------- beam search


@pytest.mark.parametrize("alpha", [0.0, 0.6, 2.0])
@pytest.mark.parametrize("seed", range(6))
def test_a_wide_beam_finds_what_exhaustive_search_finds(seed, alpha):
    model, source = chain(seed, vocabulary=4, places=4), np.array([[3, 3]])
    # 27 beginnings of three tokens, and 1 + 3 + 9 + 27 translations that end within four.
    found = beam_search(model, source, beam=81, alpha=alpha, limit=4)
    assert found == [exhaustive(model, source, 4, alpha)]


def test_the_length_penalty_decides():
    found = {
        alpha: {seed: tuple(beam_search(chain(seed), ONE, 200, alpha, 4)[0]) for seed in range(12)}
        for alpha in (0.0, 2.0)
    }
    longer = [len(found[2.0][seed]) - len(found[0.0][seed]) for seed in range(12)]
    assert min(longer) >= 0
    assert max(longer) > 0


def test_length_penalty_is_the_papers():
    assert length_penalty(1, 0.6) == 1
    assert length_penalty(7, 0.6) == pytest.approx(2**0.6)
    assert length_penalty(25, 0) == 1


def test_a_narrow_beam_can_miss_what_a_wide_one_finds():
    differ = [
        beam_search(chain(seed), ONE, 1, limit=4) != beam_search(chain(seed), ONE, 60, limit=4)
        for seed in range(12)
    ]
    assert any(differ)


@pytest.mark.parametrize("seed", range(20))
def test_beam_of_one_is_greedy(seed):
    model, sources = chain(seed, spread=1.0), np.array([[3, 4], [4, 0], [0, 4]])
    assert beam_search(model, sources, beam=1) == greedy(model, sources)
    assert beam_search(model, sources, beam=1, limit=3) == greedy(model, sources, limit=3)


def test_beam_of_one_is_greedy_where_tokens_tie():
    model = Chain(np.zeros((1, 5, 5)))
    assert beam_search(model, ONE, beam=1, limit=3) == greedy(model, ONE, limit=3) == [[0, 0, 0]]


@pytest.mark.parametrize("beam", [1, 2, 4])
def test_a_batch_is_its_sentences_one_by_one(beam):
    rng = np.random.default_rng(0)
    sources = rng.integers(3, 5, (8, 6))
    for row, length in enumerate([6, 1, 3, 5, 2, 6, 4, 1]):
        sources[row, length:] = PAD
    for seed in range(8):
        model = chain(seed, spread=1.0)
        alone = [beam_search(model, row[row != PAD][None], beam)[0] for row in sources]
        assert beam_search(model, sources, beam) == alone
        alone = [greedy(model, row[row != PAD][None])[0] for row in sources]
        assert greedy(model, sources) == alone


def test_search_keeps_its_places_in_order():
    search = Search(BeamOptions(2, 0.0, START, END), limits=np.array([5]))
    origin = search.advance(np.log([[[0.1, 0.0001, 0.2, 0.3, 0.3999]] * 2]))
    assert search.tokens.tolist() == [[[4], [3]]]
    assert origin.tolist() == [[0, 0]]
    assert search.finished == [[]]
    origin = search.advance(np.log([[[0.1, 0.1, 0.7, 0.05, 0.05], [0.1, 0.1, 0.1, 0.6, 0.1]]]))
    assert [h.tokens for h in search.finished[0]] == [[4]]
    assert search.finished[0][0].score == pytest.approx(np.log(0.3999 * 0.7))
    assert search.tokens.tolist() == [[[3, 3], [4, 0]]]
    assert origin.tolist() == [[1, 0]]


def test_impossible_ends_are_not_finished():
    logits = np.zeros((1, 3, 3))
    logits[..., END] = -np.inf
    assert beam_search(Chain(logits), np.array([[1]]), beam=3, limit=2) == [[0, 0]]


def test_largest_takes_equal_ones_in_order():
    x = np.array([1.0, 3, 2, 3, 3, -np.inf])
    assert largest(x, 2).tolist() == [1, 3]
    assert largest(x, 4).tolist() == [1, 3, 4, 2]
    assert largest(x, 6).tolist() == [1, 3, 4, 2, 0, 5]


def test_log_probabilities_rank_as_the_logits_do():
    logits = np.random.default_rng(0).normal(0, 4, (3, 500)).astype(np.float32)
    # Two neighbours that single precision would make equal once the sum is taken away.
    logits[0, :2] = np.float32(0.001), np.nextafter(np.float32(0.001), np.float32(1))
    found, wide = logits - log_sum_exp(logits)[:, None], logits.astype(np.float64)
    np.testing.assert_allclose(found, wide - np.log(np.exp(wide).sum(-1, keepdims=True)), atol=2e-6)
    np.testing.assert_array_equal(found.argsort(-1, kind="stable"), wide.argsort(-1, kind="stable"))
    assert found.dtype == np.float64
    assert found[0, 0] < found[0, 1]


def test_log_probabilities_of_great_and_of_impossible_logits():
    logits = np.array([[9e4, 9e4, -np.inf]], np.float32)
    found = logits - log_sum_exp(logits)[:, None]
    np.testing.assert_allclose(found, [[-np.log(2), -np.log(2), -np.inf]], atol=1e-6)


@pytest.mark.parametrize("vocabulary", [3, 256, 257, 1000])
@pytest.mark.parametrize("spread", [0, 2, 100])
def test_the_likeliest_are_those_of_a_whole_ranking(vocabulary, spread):
    rng = np.random.default_rng(vocabulary + spread)
    # Rounded, so that many tie; some impossible, and a place that is not filled.
    logits = rng.normal(0, spread, (5, 4, vocabulary)).round().astype(np.float32)
    logits[rng.random(logits.shape) < 0.3] = -np.inf
    logits[..., 0] = 0
    before = rng.normal(0, 3, (5, 4)).round()
    before[0, 1:] = before[1] = -np.inf
    total = (before[:, :, None] + (logits - log_sum_exp(logits)[:, :, None])).reshape(5, -1)
    for k in (1, 8, 4 * vocabulary + 1):
        order = np.argsort(-total, axis=1, kind="stable")[:, :k]
        log_p, origin, token = likeliest(logits, before, k)
        np.testing.assert_array_equal(origin * vocabulary + token, order)
        np.testing.assert_allclose(log_p, np.take_along_axis(total, order, 1), rtol=1e-12)


def some_state():
    """Return a state of four rows in which every number is another."""
    numbers = iter(np.random.default_rng(0).permutation(4 * 2 * 3 * 4).reshape(4, 4, 2, 3, 1))
    layer = LayerState(KeyValues(next(numbers), next(numbers)), KeyValues(*numbers))
    return State((layer,), np.arange(12).reshape(4, 1, 3) > 5, 3)


def test_select_takes_whole_rows_and_select_past_leaves_the_memory():
    state, rows = some_state(), np.array([3, 0, 0])
    whole, past = select(state, rows), select_past(state, rows)
    for found, kept in ((whole.layers[0], rows), (past.layers[0], slice(None))):
        for before, after in zip(state.layers[0].past, found.past, strict=True):
            np.testing.assert_array_equal(after, before[rows])
        for before, after in zip(state.layers[0].memory, found.memory, strict=True):
            np.testing.assert_array_equal(after, before[kept])
    np.testing.assert_array_equal(whole.memory_mask, state.memory_mask[rows])
    assert past.memory_mask is state.memory_mask
    assert select(state._replace(memory_mask=None), rows).memory_mask is None


# ------------------------------------------------------------------------------------- limits


def endless(vocabulary=5):
    logits = np.zeros((1, vocabulary, vocabulary))
    logits[..., 4], logits[..., END] = 5, -50
    return Chain(logits)


@pytest.mark.parametrize("write", [greedy, lambda m, s: beam_search(m, s, beam=3)])
def test_the_limit_of_a_sentence_is_its_own_length_and_50(write):
    sources = np.array([[3, 3, 3, 3], [3, 0, 0, 0]])
    assert [len(tokens) for tokens in write(endless(), sources)] == [4 + MORE, 1 + MORE]
    assert MORE == 50


def test_a_sample_has_the_same_limit():
    assert len(sample(endless(), ONE, np.random.default_rng(0), temperature=0.01)[0]) == 52


def test_a_given_limit_holds_for_all():
    sources = np.array([[3, 3, 3, 3], [3, 0, 0, 0]])
    assert greedy(endless(), sources, limit=2) == [[4, 4], [4, 4]]
    assert beam_search(endless(), sources, limit=2) == [[4, 4], [4, 4]]


def test_no_sentences_give_no_translations():
    nothing = np.zeros((0, 3), dtype=int)
    assert greedy(endless(), nothing) == []
    assert beam_search(endless(), nothing) == []


# ----------------------------------------------------------------------------------- sampling


def test_a_cold_sample_is_greedy():
    for seed in range(6):
        model, sources = chain(seed), np.array([[3, 4], [4, 3]])
        generator = np.random.default_rng(seed)
        for temperature in (1e-3, 1e-30, 1e-320):
            assert sample(model, sources, generator, temperature) == greedy(model, sources)


def test_the_best_of_one_is_greedy():
    for seed in range(6):
        model, sources = chain(seed), np.array([[3, 4], [4, 3]])
        generator = np.random.default_rng(seed)
        assert sample(model, sources, generator, 1.0, 1) == greedy(model, sources)
    assert sample(Chain(np.zeros((1, 5, 5))), ONE, generator, 1.0, 1)[0][:3] == [0, 0, 0]


def drawn(model, temperature=1.0, top_k=None, n=20_000):
    """Draw the first token n times; return how often each came, the end included."""
    sources = np.full((n, 1), 3)
    found = sample(model, sources, np.random.default_rng(0), temperature, top_k)
    return np.bincount([tokens[0] if tokens else END for tokens in found], minlength=5)


def chi_square(counts, p):
    expected = p * counts.sum()
    return float((((counts - expected) ** 2)[p > 0] / expected[p > 0]).sum())


# With 4 degrees of freedom one right sampler in 100,000 exceeds this.
BOUND = 28.5


def one_step(seed=3):
    """Return a model that ends every sentence after its first token."""
    first = np.random.default_rng(seed).normal(0, 1, (1, 5, 5))
    last = np.full((1, 5, 5), -60.0)
    last[..., END] = 60
    return Chain(np.concatenate([first, last]))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_tokens_are_drawn_by_their_probability(temperature):
    model = one_step()
    p = probability_of_next(model, ONE, []) ** (1 / temperature)
    counts = drawn(model, temperature)
    assert chi_square(counts, p / p.sum()) < BOUND
    # The bound tells a wrong temperature apart.
    wrong = p**1.15
    assert chi_square(counts, wrong / wrong.sum()) > BOUND


def test_top_k_draws_among_the_k_best_alone():
    model = one_step()
    p = probability_of_next(model, ONE, [])
    p[np.argsort(p)[:2]] = 0
    counts = drawn(model, top_k=3)
    assert (counts[p == 0] == 0).all()
    assert chi_square(counts, p / p.sum()) < BOUND
    assert (drawn(model, top_k=99) == drawn(model)).all()


def test_the_same_seed_draws_the_same():
    model, sources = chain(1), np.full((20, 2), 3)
    one, two, other = (sample(model, sources, np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert one == two != other


# ------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize("temperature", [0, -1, float("nan"), float("inf")])
def test_temperature_is_positive(temperature):
    with pytest.raises(ValueError, match=r"sampling needs temperature > 0 .* For the likeliest"):
        sample(chain(0), ONE, np.random.default_rng(0), temperature)


def test_top_k_is_at_least_one():
    with pytest.raises(ValueError, match=r"top_k >= 1 \(or None\); received .* top_k=0"):
        sample(chain(0), ONE, np.random.default_rng(0), 1.0, 0)


def test_a_beam_is_at_least_one_and_its_penalty_not_negative():
    with pytest.raises(ValueError, match="a beam holds at least one beginning; received beam=0"):
        beam_search(chain(0), ONE, beam=0)
    for alpha in (-0.1, float("nan")):
        with pytest.raises(ValueError, match="alpha is the strength of a penalty, 0 or more"):
            beam_search(chain(0), ONE, alpha=alpha)


@pytest.mark.parametrize("write", [greedy, beam_search])
@pytest.mark.parametrize("limit", [0, -3])
def test_a_limit_is_at_least_one(write, limit):
    with pytest.raises(ValueError, match=f"at least 1; received limit={limit}"):
        write(chain(0), ONE, limit=limit)


@pytest.mark.parametrize("write", [greedy, beam_search])
@pytest.mark.parametrize("source", [[[3, 5]], [[-1, 3]], [[3.0, 4.0]]])
def test_source_tokens_are_of_the_vocabulary(write, source):
    with pytest.raises(ValueError, match=r"whole numbers from 0 to 4; received .* tokenizer"):
        write(chain(0), np.array(source))


@pytest.mark.parametrize("write", [greedy, beam_search])
@pytest.mark.parametrize("shape", [(3,), (2, 0), (1, 2, 3)])
def test_sources_are_a_batch(write, shape):
    with pytest.raises(ValueError, match="source needs one sentence a row"):
        write(chain(0), np.full(shape, 3))


@pytest.mark.parametrize("write", [greedy, beam_search])
def test_damaged_weights_are_named(write):
    with pytest.raises(ValueError, match="the model answers nan: its weights are damaged"):
        write(Chain(np.full((1, 5, 5), np.nan)), ONE)


# ------------------------------------------------------------------------- a real Transformer


@pytest.fixture(scope="module")
def transformer():
    import torch

    from attend.models.torch_transformer import Transformer

    torch.set_num_threads(1)
    torch.manual_seed(3)
    model = Transformer(TransformerConfig(11, N=2, d_model=12, d_ff=16, h=3)).double().eval()
    with torch.no_grad():
        # Sharper than at first, and with ends, so that sentences are short and differ.
        model.embedding.mul_(2)
        model.embedding[END] *= 1.5
    return model


def padded_sources(torch):
    return torch.tensor([[3, 4, 5, 6], [9, 10, 0, 0], [7, 0, 0, 0], [3, 3, 8, 0]])


def test_the_cached_state_equals_recomputing(transformer):
    import torch

    sources = padded_sources(torch)
    target = torch.full((4, 1), START)
    for _ in range(12):
        target = torch.cat([target, transformer(sources, target)[:, -1:].argmax(-1)], dim=1)
    expected = []
    for row in target[:, 1:].tolist():
        expected.append(row[: row.index(END)] if END in row else row)
    assert len(set(map(tuple, expected))) > 1
    assert greedy(transformer, sources, limit=12) == expected


def score(model, torch, source, written, alpha):
    """Score a finished translation with one forward pass."""
    given, wanted = torch.tensor([[START, *written]]), [*written, END]
    log_p = model(source, given).log_softmax(-1)[0]
    total = sum(log_p[place, token].item() for place, token in enumerate(wanted))
    return total / length_penalty(len(wanted), alpha)


def test_a_wide_beam_on_a_transformer_is_exhaustive():
    import torch

    from attend.models.torch_transformer import Transformer

    torch.set_num_threads(1)
    torch.manual_seed(1)
    model = Transformer(TransformerConfig(4, N=1, d_model=8, d_ff=8, h=2)).double().eval()
    sources = torch.tensor([[3, 1, 3], [3, 0, 0]])
    found = beam_search(model, sources, beam=81, limit=4)
    for source, translation in zip(sources, found, strict=True):
        scores = {
            written: score(model, torch, source[None], written, 0.6)
            for length in range(4)
            for written in product([0, 1, 3], repeat=length)
        }
        assert tuple(translation) == max(scores, key=scores.get)


@pytest.mark.parametrize("beam", [1, 3])
def test_a_transformer_decodes_a_batch_as_one_by_one(transformer, beam):
    import torch

    sources = padded_sources(torch)
    alone = [beam_search(transformer, row[row != PAD][None], beam, limit=9)[0] for row in sources]
    assert len(set(map(len, alone))) > 1
    assert beam_search(transformer, sources, beam, limit=9) == alone
    if beam == 1:
        assert greedy(transformer, sources, limit=9) == alone


def test_half_precision_decodes(transformer):
    import copy

    import torch

    halved = copy.deepcopy(transformer).bfloat16()
    sources = padded_sources(torch)
    assert beam_search(halved, sources, beam=1, limit=6) == greedy(halved, sources, limit=6)


@pytest.mark.parametrize("write", [greedy, beam_search])
def test_a_mask_that_forbids_nothing_is_dropped_and_no_other(transformer, write, monkeypatch):
    masks, step = [], transformer.step
    monkeypatch.setattr(
        transformer, "step", lambda t, state: masks.append(state.memory_mask) or step(t, state)
    )
    sources = padded_sources(__import__("torch"))
    write(transformer, sources, limit=2)
    assert all(mask is not None for mask in masks)
    masks.clear()
    write(transformer, sources[:1], limit=2)
    assert set(masks) == {None}


def test_a_model_vouches_for_its_weights_but_not_for_tokens(transformer, monkeypatch):
    import torch

    from attend.models.array_transformer import ArrayTransformer

    tensors = {name: w.numpy() for name, w in transformer.state_dict().items()}
    for model, array in (
        (ArrayTransformer(transformer.config, tensors), np.array),
        (transformer, torch.tensor),
    ):
        asked = []
        # Without a row of its own, a vector would be refused by `causal`.
        monkeypatch.setattr(
            model, "see", lambda *_, asked=asked: asked.append(causal(VECTOR, VECTOR))
        )
        state = model.start(array([[3, 4]]))
        model.step(array([[1]]), state)
        assert len(asked) == 2 + 4
        with pytest.raises(ValueError, match="target needs one sentence a row"):
            model.step(array([1]), state)
        with pytest.raises(ValueError, match="causal needs query"):
            causal(VECTOR, VECTOR)


# ------------------------------------------------------------------------- what is no number


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("write", WRITERS)
def test_logits_that_are_no_numbers_are_refused_everywhere(write, value):
    with pytest.raises(ValueError, match=rf"answers {value}: its weights are damaged"):
        write(Chain(np.full((1, 5, 5), value)), ONE)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("write", WRITERS)
def test_one_logit_that_is_no_number_is_enough(write, value):
    logits = np.zeros((1, 5, 5))
    logits[:, :, 4] = value
    with pytest.raises(ValueError, match="its weights are damaged"):
        write(Chain(logits), np.array([[3, 4], [4, 0]]))


def test_a_search_refuses_an_infinite_logit_itself():
    search = Search(BeamOptions(2, 0.6, 1, 2), np.array([5]))
    with pytest.raises(ValueError, match="the model answers inf: its weights are damaged"):
        search.advance(np.array([[[0, 1, 2, np.inf]] * 2]))


@pytest.mark.parametrize("write", WRITERS)
def test_a_token_may_be_forbidden(write):
    logits = np.zeros((1, 5, 5))
    logits[:, :, 4] = -np.inf
    assert 4 not in write(Chain(logits), ONE)[0]


# ------------------------------------------------------------------------- nothing but padding


@pytest.mark.parametrize("write", WRITERS)
def test_nothing_but_padding_has_no_translation(write):
    model = chain(3)
    assert write(model, np.zeros((1, 3), int)) == [[]]
    assert write(model, np.zeros((2, 1), int)) == [[], []]


@pytest.mark.parametrize("write", WRITERS[:2])
def test_padding_changes_no_neighbour(write):
    model, sources = chain(3), np.array([[3, 4], [0, 0], [4, 0], [0, 0]])
    alone = [write(model, sources[[row]])[0] for row in (0, 2)]
    assert write(model, sources) == [alone[0], [], alone[1], []]
    assert any(alone)
