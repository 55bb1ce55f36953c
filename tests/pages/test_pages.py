"""The book as a reader opens it: from disk, in a browser that reaches no other host."""

import math
import re
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup
from tabs import PAGES, WINDOWS, new_tab, open_page

CURVES = """figure => JSON.stringify(figure.querySelector('.recall-plot').data
    .map(trace => [trace.x, trace.y, trace.z].map(values => values && Array.from(values))))"""
CUT_OFF = """figure => {
    const frame = figure.querySelector('.recall-plot .main-svg').getBoundingClientRect();
    return [...figure.querySelectorAll('.xtitle, .ytitle')].filter(title => {
        const box = title.getBoundingClientRect();
        return box.left < frame.left || box.right > frame.right || box.top < frame.top || box.bottom > frame.bottom;
    }).map(title => title.textContent);
}"""
BROKEN = "names => names.filter(name => name.getClientRects().length > 1).map(name => name.textContent)"
TOUCHING = """figure => {
    const words = [...figure.querySelectorAll('.recall-plot .xtick text')].filter(word => word.textContent.trim());
    const flat = words.filter(word => !/rotate\\((?!0)/.test(word.getAttribute('transform')));
    const boxes = flat.map(word => word.getBoundingClientRect()).sort((a, b) => a.top - b.top || a.left - b.left);
    return boxes.filter((box, i) => i && box.top < boxes[i - 1].bottom && box.left < boxes[i - 1].right + 4).length;
}"""
CROSSING = """figure => {
    const boxes = (words) => [...figure.querySelectorAll(words)].map(word => word.getBoundingClientRect());
    const under = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom - 1 && b.top < a.bottom - 1;
    const up = boxes('.recall-plot .ytick text');
    return boxes('.recall-plot .xtick text').filter(box => box.width && up.some(other => under(box, other))).length;
}"""


def test_the_build_asks_no_other_host(html):
    asked = (html.parents[2] / "asked").read_text().splitlines()
    assert asked.count("a process") > 0  # the watch was on
    assert {line for line in asked if line != "a process" and "127.0.0.1" not in line} == set()


@pytest.fixture(scope="module", params=WINDOWS)
def tab(request, browser):
    tab = new_tab(browser, request.param)
    yield tab
    tab.context.close()


@pytest.fixture(scope="module", params=PAGES)
def page(request, tab, html):
    """One page, opened once for all the tests that look at it."""
    tab.complaints.clear()
    tab.files.clear()
    open_page(tab, html, request.param)
    return tab


def test_a_page_needs_nothing_but_its_files(page):
    assert page.complaints == []
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    assert page.locator("mjx-merror").count() == 0
    prose = page.evaluate("[...document.querySelectorAll('article p, article td')].map(e => e.innerText)")
    assert not [text for text in prose if "$\\" in text]  # mathematics that was not drawn
    assert page.locator("article td:first-child code").evaluate_all(BROKEN) == []


def test_a_page_is_light(page):
    own = {file for file in page.files if file.name != "plotly.min.js" and "mathjax" not in str(file).lower()}
    assert sum(file.stat().st_size for file in own if file.is_file()) <= 1_000_000


def test_plotly_is_loaded_once_and_only_for_figures(page):
    scripts = page.locator("script[src*='plotly.min.js']").count()
    assert scripts == (1 if page.locator(".recall-figure").count() else 0)


def test_every_figure_is_drawn_and_described(page):
    for number, figure in enumerate(page.locator(".recall-figure").all(), start=1):
        assert re.fullmatch(rf"Figure (\d+\.)?{number}", figure.locator(".recall-number").inner_text())
        assert figure.locator(".recall-number").get_attribute("href") == f"#{figure.get_attribute('id')}"
        assert figure.locator(".recall-plot .trace, .recall-plot .hm").count() > 0
        assert figure.locator("figcaption").inner_text()
        assert len(figure.locator(".recall-plot[role=img]").get_attribute("aria-label")) > 20
        assert figure.evaluate(CUT_OFF) == []
        assert figure.evaluate(TOUCHING) == figure.evaluate(CROSSING) == 0


def test_an_axis_title_is_set_smaller_where_it_would_be_cut_off_and_no_longer(browser, html):
    tab = new_tab(browser, "phone")
    sizes = "[...document.querySelectorAll('text.xtitle, text.ytitle')].map(title => getComputedStyle(title).fontSize)"
    tab.set_viewport_size({"width": 320, "height": 600})
    open_page(tab, html, "03_fisher")
    assert [figure.evaluate(CUT_OFF) for figure in tab.locator(".recall-figure").all()] == [[]] * 5
    assert len(set(tab.evaluate(sizes))) > 1
    tab.set_viewport_size(WINDOWS["desk"])
    tab.wait_for_function(f"new Set({sizes}).size === 1")
    tab.context.close()


def test_every_slider_moves_its_curves_by_keyboard(page):
    for figure in page.locator(".recall-figure").all():
        for slider in figure.get_by_role("slider").all():
            slider.press("Home")
            before = figure.evaluate(CURVES)
            slider.press("End")
            if figure.evaluate(CURVES) == before:  # a turn may end where it began
                slider.press("ArrowLeft")
            assert figure.evaluate(CURVES) != before
            slider.press("Home")
            assert figure.evaluate(CURVES) == before
    assert page.complaints == []


def test_links_inside_the_book_lead_somewhere(html):
    soups = {file: BeautifulSoup(file.read_text(encoding="utf-8"), "html.parser") for file in html.glob("*.html")}
    ids = {file: {tag["id"] for tag in soup.find_all(id=True)} for file, soup in soups.items()}
    checked = 0
    for file, soup in soups.items():
        for link in soup.find_all("a", href=True):
            parts = urlsplit(link["href"])
            if parts.scheme or not (parts.path or parts.fragment):
                continue
            place = parts.fragment.partition("&")[0] if STATES.match(parts.fragment) else parts.fragment
            target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            assert target.exists(), f"{file.name} links {link['href']}"
            if place and target in ids:
                assert unquote(place) in ids[target], f"{file.name} links {link['href']}"
            checked += 1
    assert checked > 10 * len(soups)


STATES = re.compile("(explore|chart)&")
SHOWN = """() => [...document.querySelectorAll(".recall-explorer .which, .recall-charted .told")]
    .map((each) => each.textContent).join(" ")"""


def test_links_to_runs_show_runs(browser, html):
    """Whatever page leads to the explorer or a chart: its settings are known there, and the runs are recorded."""
    asked = {}
    for file in sorted(html.glob("*.html")):
        for link in BeautifulSoup(file.read_text(encoding="utf-8"), "html.parser").find_all("a", href=True):
            parts = urlsplit(link["href"])
            if not parts.scheme and STATES.match(parts.fragment):
                asked.setdefault(parts.path or file.name, set()).add(parts.fragment)
    assert sum(map(len, asked.values())) > 20
    for page, fragments in asked.items():
        tab = browser.new_page()
        tab.goto(f"{(html / page).as_uri()}#{min(fragments)}")
        tab.wait_for_selector(".recall-explorer svg, .recall-charted svg")
        for fragment in fragments:
            tab.evaluate("hash => { location.hash = hash; window.dispatchEvent(new Event('hashchange')); }", fragment)
            told = tab.evaluate(SHOWN)
            assert "The address names" not in told, f"{page}#{fragment}"
            assert "No run was recorded" not in told, f"{page}#{fragment}"
            if "point=" in fragment:
                assert tab.locator(".recall-charted .panel h4").count() == 1, f"{page}#{fragment}"
        tab.close()


IN_A_NOTEBOOK = """async (figure) => {
    const { data, layout } = JSON.parse(figure);
    const plot = document.getElementById("plot");
    await Plotly.newPlot(plot, data, layout);
    const box = (what) => plot.querySelector(what)?.getBoundingClientRect().toJSON();
    const entries = [...plot.querySelectorAll(".legend .traces")].map((each) => each.getBoundingClientRect().bottom);
    const [first, last] = [Math.min(...entries), Math.max(...entries)];
    return { claim: box(".gtitle"), legend: box(".legend"), up: box(".ytitle"), below: last - first };
}"""


def test_every_figure_has_room_in_a_notebook(browser, html):
    """Drawn by plotly alone, 640 pixels wide: two lines of legend at most, and nothing runs into the claim."""
    tab, cramped, drawn = browser.new_page(), [], 0
    tab.set_content('<div id="plot" style="width: 640px; margin-top: 100px"></div>')
    tab.add_script_tag(path=html / "_static" / "plotly.min.js")
    for page in sorted(html.glob("*.html")):
        soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
        for script in soup.select(".recall-figure script"):
            at = tab.evaluate(IN_A_NOTEBOOK, script.string)
            below = [at[name]["top"] for name in ("legend", "up") if at[name]]
            if at["claim"]["bottom"] > min(below, default=math.inf) or (at["legend"] and at["below"] > 30):
                cramped.append((page.name, at))
            drawn += 1
    tab.close()
    assert [page for page, _ in cramped] == [], cramped
    assert drawn > 50


@pytest.fixture
def lesson(browser, html):
    """The first lesson in a tab of its own, for what would show in the other tests."""
    tab = new_tab(browser, "desk")
    open_page(tab, html, "01_forgetting")
    yield tab
    tab.context.close()


def test_the_first_lesson_has_a_figure_with_a_slider_and_mathematics(lesson):
    assert lesson.get_by_role("slider").count() >= 1
    assert lesson.locator("mjx-container").count() >= 1


def test_figures_follow_the_theme_and_light_is_the_default(lesson):
    colour = "getComputedStyle(document.querySelector('.recall-plot .xtick text')).fill"
    light = lesson.evaluate(colour)
    assert lesson.evaluate("document.documentElement.dataset.theme") == "light"
    while lesson.evaluate("document.documentElement.dataset.theme") != "dark":
        lesson.locator(".theme-switch-button").first.click()
    lesson.wait_for_function(f"light => {colour} !== light", arg=light)


def test_the_ranges_on_bars_follow_the_theme(browser, html):
    tab = new_tab(browser, "desk")
    open_page(tab, html, "03_fisher")
    colours = """[...document.querySelectorAll('.recall-figure:has(path.yerror) .recall-plot')].map(plot =>
        [getComputedStyle(plot.querySelector('path.yerror')).stroke,
         getComputedStyle(plot.querySelector('.xtick text')).fill])"""
    light = tab.evaluate(colours)
    assert light
    while tab.evaluate("document.documentElement.dataset.theme") != "dark":
        tab.locator(".theme-switch-button").first.click()
    text = "getComputedStyle(document.querySelector('.recall-plot .xtick text')).fill"
    tab.wait_for_function(f"light => {text} !== light", arg=light[0][1])
    for line, letters in [*light, *tab.evaluate(colours)]:
        assert line == letters
    tab.context.close()


def test_a_legend_entry_hides_its_curve(lesson):
    figure = lesson.locator(".recall-figure", has=lesson.locator(".legendtoggle")).first  # one curve has no legend
    figure.locator(".legendtoggle").first.click()
    hidden = "figure => figure.querySelector('.recall-plot').data[0].visible === 'legendonly'"
    lesson.wait_for_function(hidden, arg=figure.element_handle())


def test_without_scripts_a_figure_is_told(browser, html):
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto((html / "01_forgetting.html").as_uri())
    told = tab.locator(".recall-figure").first.inner_text()
    assert tab.locator(".recall-plot").first.get_attribute("aria-label") in told
    context.close()


def test_the_search_does_not_show_a_formula_twice(browser, html):
    tab = new_tab(browser, "phone")
    open_page(tab, html, "search")
    page = "<div role='main'><p>so <span>x</span><noscript><math><mi>x</mi></math></noscript> is</p></div>"
    assert tab.evaluate("page => Search.htmlToText(page, '')", page).split() == ["so", "x", "is"]
    tab.context.close()


@pytest.mark.parametrize("name", ["search", "genindex"])
def test_the_themes_own_pages_need_nothing_but_their_files(browser, html, name):
    tab = new_tab(browser, "phone")
    open_page(tab, html, name)
    assert tab.complaints == []
    tab.context.close()
