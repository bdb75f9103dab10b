"""The film of the home page: that it is of today, and says only what the numbers bear."""

import json
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser

from attend.attention import attention
from attend_course.chapters.film import reel
from attend_course.chapters.film.canvas import PIXELS, ease
from attend_course.chapters.film.example import WORD, most_spread, story
from attend_course.chapters.film.script import all_scenes
from attend_course.site.film import FILES, player, scene_list, transcript

FOLDER = Path(__file__).parents[3] / "book" / "film"


def test_the_film_is_made_from_what_is_here() -> None:
    told = json.loads((FOLDER / "film.json").read_text())
    assert told == {"made from": reel.digest(), "seconds": reel.seconds()}, "run `make film`"
    assert (FOLDER / "film.vtt").read_text() == reel.track(), "run `make film`"


def test_the_film_is_short_and_light() -> None:
    assert 90 <= reel.seconds() <= 150
    assert all((FOLDER / name).stat().st_size < 4_000_000 for name in FILES)


def test_the_followed_word_is_shown_with_its_own_attention() -> None:
    told = story()
    output, weights = attention(told.q, told.k, told.v)
    assert np.allclose(weights[told.word], told.weights)
    assert np.allclose(output[told.word], told.mixture)
    assert np.allclose(told.scores * np.sqrt(told.q.shape[1]), told.products)
    assert told.words[told.word] == WORD


def test_positions_are_what_is_added() -> None:
    told = story()
    added = told.entering - told.embedded
    assert np.allclose(added[0, ::2], 0)
    assert np.allclose(added[0, 1::2], 1)


def test_the_head_shown_is_the_one_of_greatest_entropy() -> None:
    assert most_spread(np.array([[1.0, 0, 0], [0.3, 0.3, 0.4], [0.5, 0.5, 0]])) == 1


def test_the_german_verb_comes_last_and_the_words_are_whole() -> None:
    told = story()
    written = [step.piece for step in told.steps]
    assert written[-3:] == ["essen", ".", "<end>"]
    assert told.words.index("eat") < len(told.words) - 3
    assert len(told.words) == 9


def test_captions_follow_each_other_and_can_be_read() -> None:
    said = reel.captions()
    assert said[0].begin == 0
    assert all(a.end == pytest.approx(b.begin) for a, b in pairwise(said))
    assert said[-1].end == pytest.approx(reel.seconds())
    # Twenty letters a second is what readers of captions manage.
    assert all(len(c.text) / (c.end - c.begin) < 20 for c in said)


@pytest.mark.parametrize("scene", all_scenes(), ids=lambda scene: scene.page)
def test_each_scene_moves_and_keeps_the_strip_of_the_captions_free(scene) -> None:
    one, other = reel.drawn(scene, 0.5), reel.drawn(scene, 1.0)
    assert one.shape == (PIXELS[1], PIXELS[0], 3)
    assert (one != other).any()
    strip = other[-int(PIXELS[1] * 0.13) :]
    assert (strip == strip[0, 0]).all()


def test_parts_move_from_nothing_to_all() -> None:
    moved = [ease(p, 0.2, 0.6) for p in (0, 0.2, 0.4, 0.6, 1)]
    assert moved == pytest.approx([0, 0, 0.5, 1, 1])


def test_the_page_offers_captions_scenes_and_a_transcript() -> None:
    assert "autoplay" not in player()
    assert 'kind="captions"' in player()
    known = scene_list({"03-scores"})
    assert re.findall(r'href="([^"]+)"', known) == ["03-scores.html"]
    assert known.count("<button") == len(all_scenes())
    assert all(caption.text.split("“")[0] in transcript() for caption in reel.captions())


@pytest.mark.site
def test_a_browser_plays_it(browser: Browser) -> None:
    page = browser.new_page()
    page.goto((FOLDER / "film.webm").as_uri())
    page.wait_for_function("document.querySelector('video').readyState >= 1")
    assert page.evaluate("document.querySelector('video').duration") == pytest.approx(
        reel.seconds(), abs=0.2
    )
    page.close()
