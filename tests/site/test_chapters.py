"""Questions, figures and claims of the chapters, used in a real browser as a reader would."""

import pytest

from .conftest import table_of_contents, until

CHAPTERS = [name for name in table_of_contents() if name.startswith("book/0")]
PAGE = "book/04-scaling-softmax"


def ready(visit):
    visit.page.wait_for_selector("section.attend-question.is-live")
    return visit.page


@pytest.mark.parametrize("chapter", CHAPTERS)
@pytest.mark.parametrize("width", [360, 1280])
def test_every_option_of_every_question_says_something_of_its_own(open_page, chapter, width):
    visit = open_page(chapter, width=width)
    page = ready(visit)
    for question in page.locator("section.attend-question").all():
        told = []
        for row in question.locator(".attend-option-row").all():
            row.locator("input").check()
            question.get_by_role("button", name="Check my answer").click()
            told.append(question.get_by_role("status").inner_text())
        assert len(set(told)) == len(told) >= 2
        assert any(text.startswith("Right.") for text in told)
        assert any(text.startswith("Not this one.") for text in told)
    assert not visit.errors


def test_a_question_is_answered_from_the_keyboard(open_page):
    page = ready(open_page(PAGE))
    question = page.locator("section.attend-question").first
    question.locator("input").first.focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    assert question.locator("input").nth(1).is_checked()
    assert question.get_by_role("status").inner_text() == ""
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert question.get_by_role("status").inner_text().startswith("Right.")
    question.locator("input").nth(1).focus()
    page.keyboard.press("ArrowUp")
    assert question.get_by_role("status").inner_text() == ""
    page.keyboard.press("Enter")
    assert question.get_by_role("status").inner_text().startswith("Not this one.")


def test_checking_without_a_choice_asks_for_one(open_page):
    page = ready(open_page(PAGE))
    question = page.locator("section.attend-question").first
    question.get_by_role("button", name="Check my answer").click()
    assert "Choose an answer first" in question.get_by_role("status").inner_text()


def test_a_question_has_its_text_as_its_name(open_page):
    page = ready(open_page(PAGE))
    group = page.locator("section.attend-question fieldset").first
    named = group.evaluate(
        "g => g.getAttribute('aria-labelledby').split(' ')"
        ".map(id => document.getElementById(id).innerText).join(' ')"
    )
    assert named.startswith("Predict, then check")
    assert "how much weight does the second key get" in named


def test_without_scripts_every_answer_can_be_reached(open_page):
    page = open_page(PAGE, scripts=False).page
    options = page.locator("section.attend-question details.attend-option")
    assert options.count() >= 8
    first = options.first
    assert not first.locator(".attend-feedback").is_visible()
    first.locator("summary").click()
    assert first.locator(".attend-feedback").is_visible()


@pytest.mark.parametrize("chapter", CHAPTERS)
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_each_figure_shows_one_drawing_that_fits(open_page, chapter, theme, width):
    page = open_page(chapter, width=width, theme=theme).page
    figures = page.locator("figure.attend-figure")
    assert figures.count() >= 1
    for figure in figures.all():
        figure.scroll_into_view_if_needed()
        shown = [image for image in figure.locator("img").all() if image.is_visible()]
        assert len(shown) == 1
        until(page, "image => image.complete && image.naturalWidth > 0", shown[0].element_handle())
        source = shown[0].evaluate("image => image.currentSrc")
        assert f"-{theme}-" in source
        assert ("-narrow-" in source) == (width == 360)
        scale = shown[0].evaluate("image => image.clientWidth / image.naturalWidth")
        # Text of 8 points is 10.7 pixels at full size.
        assert scale > 0.93
        assert len(shown[0].get_attribute("alt")) > 40


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_without_scripts_a_figure_follows_the_system(open_page, scheme):
    page = open_page(PAGE, scripts=False, theme=scheme).page
    figure = page.locator("figure.attend-figure").first
    shown = [image.is_visible() for image in figure.locator("img").all()]
    assert shown == [scheme == "light", scheme == "dark"]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_claim_leads_to_its_proof(open_page, chapter):
    page = open_page(chapter).page
    links = page.locator("a.attend-claim")
    assert links.count() >= 3
    targets = links.evaluate_all("links => links.map(link => link.hash)")
    links.first.click()
    page.wait_for_url("**/claims.html#*")
    for target in set(targets):
        entry = page.locator(target)
        assert entry.count() == 1
        assert "def test_" in entry.inner_text()
