"""The first page: what is seen at once, on a desk and on a phone, without scripts and on paper."""

import pytest
from tabs import new_tab, open_page

BOX = "selector => document.querySelector(selector).getBoundingClientRect().toJSON()"


@pytest.fixture(params=["desk", "phone"])
def tab(request, browser, html):
    tab = new_tab(browser, request.param)
    if request.param == "desk":
        tab.set_viewport_size({"width": 1280, "height": 800})
    open_page(tab, html, "index")
    tab.locator(".recall-lab .rl-go").wait_for()
    yield tab
    tab.context.close()


def test_title_question_and_lab_come_first(tab):
    title, question, lab, story = (
        tab.evaluate(BOX, each) for each in ("h1", ".recall-lead", ".recall-lab", ".recall-story")
    )
    assert title["bottom"] <= question["top"] + 1
    assert question["bottom"] <= lab["top"] + 1
    assert lab["bottom"] < story["top"]
    start = tab.evaluate(BOX, ".recall-lab .rl-go")
    if tab.viewport_size["width"] > 1000:
        assert lab["bottom"] <= 800
    else:
        assert start["bottom"] <= 400


def test_its_fonts_are_the_books_and_come_with_it(tab):
    assert tab.evaluate(
        "document.fonts.ready.then(() => [...document.fonts].filter(f => f.status === 'loaded').map(f => f.family))"
    )
    fonts = {file.name for file in tab.files if file.suffix == ".woff2"}
    assert {"literata.woff2", "inter.woff2"} <= fonts
    assert tab.complaints == []


def test_every_picture_is_drawn_in_its_card(tab):
    for kind in ("story", "lessons"):
        entries = tab.locator(f".recall-{kind} > li").all()
        assert len(entries) >= 5
        for entry in entries:
            card, picture = entry.bounding_box(), entry.locator(".recall-picture").bounding_box()
            assert picture["width"] > 60
            assert picture["height"] > 30
            assert card["x"] - 1 <= picture["x"]
            assert picture["x"] + picture["width"] <= card["x"] + card["width"] + 1


def test_a_whole_card_is_its_link(tab):
    card = tab.locator(".recall-lessons > li").nth(2)
    card.scroll_into_view_if_needed()
    box = card.bounding_box()
    at = [box["x"] + 12, box["y"] + box["height"] - 12]
    assert (
        tab.evaluate("([x, y]) => document.elementFromPoint(x, y).closest('a')?.getAttribute('href')", at)
        == "03_fisher.html"
    )


def test_without_scripts_there_are_text_and_pictures(browser, html):
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto((html / "index.html").as_uri())
    assert tab.locator(".recall-story svg").count() == 5
    for picture in tab.locator(".recall-story svg").all():
        assert picture.bounding_box()["width"] > 100
        assert len(picture.get_attribute("aria-label")) > 40
    assert tab.locator("html").get_attribute("data-theme") == "light"
    assert "Lesson 1" in tab.locator(".recall-story").inner_text()
    context.close()


def test_on_paper_there_is_the_page_alone(browser, html):
    tab = new_tab(browser, "desk")
    open_page(tab, html, "index")
    tab.emulate_media(media="print")
    for gone in (".bd-sidebar-primary", ".bd-header-article", ".prev-next-footer", ".recall-lab .rl-go"):
        assert not tab.locator(gone).first.is_visible(), gone
    assert tab.locator(".recall-story svg").first.is_visible()
    assert tab.evaluate(BOX, ".bd-article")["left"] < 40
    tab.context.close()
