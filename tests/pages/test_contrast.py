"""Every text of every page can be read: by day, by night, under the pointer, and on paper."""

import pytest
from contrast import OPEN, too_faint, touch, touchable
from tabs import PAGES, new_tab, open_page

BY_HAND = [
    ("<p style='color: #767676'>grey</p>", 0),  # 4.54
    ("<p style='color: #777'>grey</p>", 1),  # 4.48
    ("<p style='color: #949494; font-size: 24px'>grey</p>", 0),  # 3.03, large
    ("<p style='color: #949494; font-size: 18.7px; font-weight: 700'>grey</p>", 0),
    ("<p style='color: #949494; font-size: 18.7px'>grey</p>", 1),
    ("<p style='color: #969696; font-size: 24px'>grey</p>", 1),  # 2.96
    ("<p style='opacity: 0.5'>half</p>", 1),  # 3.95
    ("<div style='opacity: 0.8'><p style='color: rgba(0, 0, 0, 0.7)'>both</p></div>", 0),
    ("<div style='opacity: 0.7'><p style='color: rgba(0, 0, 0, 0.7)'>both</p></div>", 1),
    ("<div style='background: #000'><p style='color: #fff'>white</p></div>", 0),
    ("<div style='background: rgba(0, 0, 0, 0.4)'><p style='color: #fff'>white</p></div>", 1),
    ("<div style='background: #000'><p style='color: #000'>black</p></div>", 1),
    ("<div style='background: #000'><p style='color: #000; visibility: hidden'>black</p></div>", 0),
    ("<button disabled style='color: #fff; background: #fff'>off</button>", 0),
    ("<button style='color: #fff; background: #fff'>on</button>", 1),
    ("<input value='word' style='color: #aaa'>", 1),
    ("<input placeholder='word'><style>::placeholder { color: #aaa }</style>", 1),
    ("<p class=mark></p><style>.mark::after { content: 'seen'; color: #aaa }</style>", 1),
    ("<svg><text y=20 fill='#777'>grey</text></svg>", 1),
    ("<svg style='background: #000'><text y=20 fill='#fff'>white</text></svg>", 0),
    ("<svg><text y=20 fill='#fff'>white</text></svg>", 1),
    ("<svg><rect width=200 height=90 /><text y=20 fill='#fff'>white</text></svg>", 0),
    ("<svg><rect width=20 height=90 /><text y=20 fill='#fff'>half of it is beside</text></svg>", 1),
    ("<svg><rect width=200 height=90 fill-opacity=0.3 /><text y=20 fill='#fff'>white</text></svg>", 1),
    ("<svg><text y=20 fill='#000'>black</text><rect width=9 height=9 x=200 /></svg>", 0),
]


@pytest.mark.parametrize(("body", "faint"), BY_HAND)
def test_the_look_counts_as_wcag_does(browser, body, faint):
    tab = browser.new_page()
    tab.set_content(f"<!doctype html><body>{body}<p>black on white</p>")
    told, checked = too_faint(tab)
    assert len(told) == faint, told
    assert checked == 2 - (body.count("hidden") + body.count("disabled"))
    tab.close()


def test_paper_has_no_background(browser):
    tab = browser.new_page()
    tab.set_content("<div style='background: #000'><p style='color: #fff'>white</p></div>")
    assert too_faint(tab)[0] == []
    assert len(too_faint(tab, paper=True)[0]) == 1
    tab.close()


@pytest.fixture(scope="module")
def tab(browser):
    tab = new_tab(browser, "desk")
    touchable(tab)
    yield tab
    tab.context.close()


def switch(tab, theme):
    """Press the theme's button until the page has that scheme; a menu that is open may lie over it."""
    for _ in range(3):
        if tab.evaluate("document.documentElement.dataset.theme") != theme:
            tab.locator(".theme-switch-button").first.dispatch_event("click")
    assert tab.evaluate("document.documentElement.dataset.theme") == theme


@pytest.mark.parametrize("name", [*PAGES, "genindex", "py-modindex", "search"])
def test_every_text_can_be_read(tab, html, name):
    open_page(tab, html, name)
    tab.evaluate(OPEN)
    faint = {}
    for theme in ("light", "dark"):
        switch(tab, theme)
        faint[theme], checked = too_faint(tab)
        assert checked > 10
        touch(tab, True)
        faint[f"{theme}, touched"] = too_faint(tab)[0]
        touch(tab, False)
    # the switch stands at dark: paper does not care
    tab.emulate_media(media="print")
    faint["printed"] = too_faint(tab, paper=True)[0]
    tab.emulate_media(media="screen")
    assert {state: texts for state, texts in faint.items() if texts} == {}


def test_what_was_found_can_be_read(tab, html):
    tab.goto(f"{(html / 'search.html').as_uri()}?q=fisher")
    tab.locator("#search-results li").first.wait_for()
    tab.locator("#search-results li").nth(5).wait_for()
    for theme in ("light", "dark"):
        switch(tab, theme)
        assert too_faint(tab)[0] == []
    tab.goto(f"{(html / 'glossary.html').as_uri()}?highlight=fisher")  # where the search leads
    tab.locator(".highlighted").first.wait_for()
    for theme in ("light", "dark"):
        switch(tab, theme)
        assert too_faint(tab)[0] == []


def test_the_sidebar_of_a_phone_can_be_read(browser, html):
    tab = new_tab(browser, "phone")
    open_page(tab, html, "08_lab")
    tab.evaluate(OPEN)
    for theme in ("light", "dark"):
        switch(tab, theme)
        for drawer in ("primary", "secondary"):
            tab.evaluate("drawer => document.getElementById(`pst-${drawer}-sidebar-checkbox`).click()", drawer)
            assert too_faint(tab)[0] == []
            tab.evaluate("drawer => document.getElementById(`pst-${drawer}-sidebar-checkbox`).click()", drawer)
    tab.context.close()


def test_a_reader_whose_system_is_dark_can_read_the_explorer(browser, html):
    tab = new_tab(browser, "desk")
    tab.emulate_media(color_scheme="dark")
    tab.add_init_script("localStorage.setItem('mode', 'auto'); localStorage.setItem('theme', 'dark')")
    open_page(tab, html, "08_lab")
    assert tab.evaluate("({ ...document.documentElement.dataset })").items() >= {("mode", "auto"), ("theme", "dark")}
    assert tab.locator(".recall-explorer .curve").count() > 1
    assert too_faint(tab)[0] == []
    tab.emulate_media(color_scheme="light")
    tab.wait_for_function("document.documentElement.dataset.theme === 'light'")
    assert too_faint(tab)[0] == []
    tab.context.close()


def test_a_dark_page_is_printed_as_a_light_one(browser, html):
    """Text, lines and grounds; what the theme filters by night is no text."""
    tab = new_tab(browser, "desk")
    open_page(tab, html, "03_fisher")
    tab.add_style_tag(content="* { transition: none !important }")  # a colour on its way is neither
    looks = """[...document.querySelectorAll('article *, .recall-plot *')].map(el => {
        const style = getComputedStyle(el);
        return [el.tagName, style.color, style.backgroundColor, style.fill, style.borderColor].join(' ');
    })"""
    printed = {}
    for theme in ("light", "dark"):
        switch(tab, theme)
        tab.emulate_media(media="print")
        printed[theme] = tab.evaluate(looks)
        tab.emulate_media(media="screen")
    assert len(printed["light"]) > 1000
    assert [pair for pair in zip(*printed.values(), strict=True) if pair[0] != pair[1]] == []
    tab.context.close()
