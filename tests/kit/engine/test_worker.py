"""The worker and its client: progress, cancelling, trying again, and downloads that go wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from attend.translator.translator import shipped

START = """async () => {
  const { startEngine } = await import('/engine/client.js');
  window.engine?.stop();
  window.engine = startEngine(new URL('/engine/worker.js', location));
  window.folder = (name) => new URL(`/${name}/`, location).href;
  window.outcome = (promise) => promise.then(
    (answer) => ({ answer }), (error) => ({ error: error.message }));
}"""
SENTENCE = "My friends want to eat in the garden."


@pytest.fixture
def page(bare_page: Page) -> Iterator[Page]:
    bare_page.evaluate(START)
    yield bare_page
    bare_page.evaluate("engine.stop()")


def load(page: Page, folder: str = "model") -> dict:
    return page.evaluate("(name) => outcome(engine.ask('load', { folder: folder(name) }))", folder)


def test_it_loads_and_translates(page: Page):
    assert load(page) == {"answer": "simd"}
    found = page.evaluate("(text) => engine.ask('translate', { text })", f"{SENTENCE} I am happy.")
    assert found == shipped()(f"{SENTENCE} I am happy.")
    look = page.evaluate("(text) => engine.ask('look', { text })", SENTENCE)
    assert look["text"] == shipped()(SENTENCE)


def test_questions_before_loading_are_answered_in_words(page: Page):
    found = page.evaluate("outcome(engine.ask('look', { text: 'Hello.' }))")
    assert found == {"error": "The translator is not loaded yet."}


@pytest.mark.parametrize(
    ("folder", "words"),
    [
        ("missing", "weights.safetensors could not be fetched: the server says 404"),
        ("truncated", "weights.safetensors was cut off on its way"),
        ("shorter", "weights.safetensors was cut off or altered on its way"),
        ("altered", "weights.safetensors was cut off or altered on its way"),
    ],
)
def test_a_bad_download_is_said_in_words_and_may_be_tried_again(
    page: Page, folder: str, words: str
):
    found = load(page, folder)
    assert found["error"].startswith(words)
    assert found["error"].endswith("Check the connection and try again.")
    again = "outcome(engine.ask('load', { folder: folder('model'), fresh: true }))"
    assert page.evaluate(again) == {"answer": "simd"}


def test_no_server_is_said_in_words(page: Page):
    found = page.evaluate("outcome(engine.ask('load', { folder: 'http://127.0.0.1:9/' }))")
    assert re.match(r"\S+\.json could not be fetched\. Check the connection", found["error"])


def test_progress_is_told_and_a_download_can_be_cancelled(page: Page):
    found = page.evaluate(
        """async () => {
          const heard = [];
          const loading = engine.ask('load', { folder: folder('slow') }, (part) => {
            heard.push(part);
            if (heard.length === 3) engine.cancel('load');
          });
          return { ...(await outcome(loading)), heard };
        }"""
    )
    assert found["answer"] is None
    received, totals = zip(*found["heard"], strict=True)
    assert list(received) == sorted(received)
    assert set(totals) == {2466184}
    assert 0 < received[-1] < 2466184
    assert load(page) == {"answer": "simd"}


def test_typing_fast_asks_only_the_first_and_the_last(page: Page):
    load(page)
    found = page.evaluate(
        """(texts) => Promise.all(texts.map((text) => engine.ask('look', { text })))
          .then((all) => all.map((one) => one && one.text))""",
        ["I am happy.", "I am h", "I am here", SENTENCE],
    )
    assert found == [shipped()("I am happy."), None, None, shipped()(SENTENCE)]


def test_distances_come_one_by_one_and_can_be_cancelled(page: Page):
    load(page)
    found = page.evaluate(
        """async (text) => {
          const { tokens: { target } } = await engine.ask('look', { text });
          const lists = Array.from({ length: 16 }, (_, i) => (
            [{ make: 'off', kind: 'memory', layer: Math.floor(i / 4), head: i % 4 }]));
          const heard = [];
          const question = { text, target, lists };
          const whole = await engine.ask('distances', question, (part) => heard.push(part));
          const count = heard.length;
          const half = await engine.ask('distances', question, (part) => {
            heard.push(part);
            if (part.i === 3) engine.cancel('distances');
          });
          const same = heard.slice(0, count).every((part, i) => part.distance === whole[i]);
          return { whole, half, same, more: heard.length - count };
        }""",
        SENTENCE,
    )
    assert len(found["whole"]) == 16
    assert found["same"]
    assert found["half"] is None
    assert 4 <= found["more"] < 16


def test_one_fault_leaves_the_next_question_alone(page: Page):
    load(page)
    for text, words in (
        ("", "nothing to translate"),
        ("Я дома.", "Latin letters"),
        ("a b " * 90, "pieces"),
    ):
        assert (
            words in page.evaluate("(text) => outcome(engine.ask('look', { text }))", text)["error"]
        )
    assert page.evaluate("engine.ask('look', { text: 'I am happy.' })")["text"] == shipped()(
        "I am happy."
    )


def test_two_hundred_translations_leave_no_memory_behind(page: Page):
    load(page)
    code = """async (count) => {
      for (let i = 0; i < count; i += 1) {
        await engine.ask('look', { text: `I have ${i} new books.` });
      }
    }"""
    page.evaluate(code, 50)
    session = page.context.new_cdp_session(page)

    def held() -> float:
        session.send("HeapProfiler.collectGarbage")
        return session.send("Runtime.getHeapUsage")["usedSize"]

    before = held()
    page.evaluate(code, 200)
    assert held() - before < 2e6
