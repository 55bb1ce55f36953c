"""Files of a stranger's: whatever stands in them, a page shows it as text, and nothing in it runs."""

import json
from pathlib import Path

import plotly
import pytest
from labs import View
from markdown_it import MarkdownIt

from recall_learn.book.figures import STATIC, figure_html
from recall_learn.figures import tables
from recall_learn.figures.plots import bars, dragged, frontier, landscape, over_time
from recall_learn.lab import explorer, view
from recall_learn.lab.live import Lab
from recall_learn.practice.report import Report
from recall_learn.runs import record as runs
from recall_learn.runs import recordings
from recall_learn.support import markup

BOOK = Path(__file__).parents[2] / "book"
HOSTILE = "<img src=x onerror=ran.push(1)><script>ran.push(2)</script><!--<script>\"'&lt;"
SEEN = HOSTILE  # as text it is what it is
PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"


def read(name):
    """A recorded file; one of JSON lines is the list of them."""
    text = (BOOK / "runs" / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()] if name.endswith("l") else json.loads(text)


def write(path, data):
    lines = data if isinstance(data, list) else [data]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")


def hostile(value, where=(), only=None):
    """JSON with this text in place of every string, or of those in one place; list indices are no part of a place."""
    if isinstance(value, dict):
        keyed = where[-1:] == ("lost",) and only in (None, (*where, "key"))  # what is asked is a key there
        return {
            f"{HOSTILE}{n}" if keyed else key: hostile(each, (*where, key if where[-1:] != ("lost",) else "said"), only)
            for n, (key, each) in enumerate(value.items())
        }
    if isinstance(value, list):
        return [hostile(each, where, only) for each in value]
    return HOSTILE if isinstance(value, str) and only in (None, where) else value


def places(value, where=()):
    """Where there are strings."""
    if isinstance(value, dict):
        if where[-1:] == ("lost",):
            return {(*where, "key"), (*where, "said")}
        return set().union(*(places(each, (*where, key)) for key, each in value.items()))
    if isinstance(value, list):
        return set().union(*(places(each, where) for each in value))
    return {where} if isinstance(value, str) else set()


def poisoned(data, path, load):
    """A file with this text wherever its reader takes it; where he does not, he says so in one sentence."""
    taken = set()
    for place in sorted(places(data)):
        changed = hostile(data, only=place)
        write(path, changed)
        try:
            load(path)
        except (ValueError, OSError) as error:
            assert "\n" not in str(error)  # noqa: PT017
            continue
        data = changed
        taken.add(".".join(place))
    write(path, data)
    return taken


@pytest.fixture
def tab(browser):
    tab = browser.new_page(viewport={"width": 1200, "height": 900})
    tab.add_init_script("window.ran = [];")
    yield tab
    tab.close()


def look(tab, folder, body, scripts=()):
    """Open a page with this body; what has run is empty, and what is behind the body is there."""
    loaded = "".join(f"<script src={script} defer></script>" for script in scripts)
    page = folder / "page.html"
    page.write_text(f"<!doctype html><meta charset=utf-8>{body}<p id=after>after</p>{loaded}", encoding="utf-8")
    tab.goto(page.as_uri())
    assert tab.locator("#after").inner_text() == "after"
    return tab


def silent(tab):
    assert tab.evaluate("ran") == []
    assert tab.locator("img").count() == 0


@pytest.fixture(scope="module")
def gift(tmp_path_factory):
    """A run's folder."""
    folder = tmp_path_factory.mktemp("gift")
    for name, place in (("recadam", folder), ("vanilla", folder / "beside")):
        place.mkdir(exist_ok=True)
        data = read(f"world-cola-{name}-0.json")
        data["recipe"]["gamma"] = 100.0  # another backbone has another
        data["evaluations"][-1]["facts"]["lost"] = {"Anna lives in [MASK].": "Rome"}
        taken = poisoned(data, place / "run.json", runs.load)
        assert "recipe.backbone" in taken
        assert any("lost" in each for each in taken)
    return folder


def test_a_strangers_run_in_the_lab(tab, tmp_path, gift):
    """As the lab's own view draws what the lab tells it."""
    lab = Lab(folder=gift)
    messages = markup.script(View(lab).told)
    engine = f"{{send() {{}}, listen(hear) {{ setTimeout(() => {messages}.forEach(hear)); return () => {{}}; }}}}"
    mount = f"RecallLab.mount(document.getElementById('lab'), {engine})"
    look(tab, tmp_path, f'<div id="lab"></div><script>{view.script()}\n{mount}</script>')
    tab.locator("#lab", has_text=SEEN).wait_for()
    silent(tab)
    lab.close()


def test_a_strangers_run_in_tables(tab, tmp_path, gift):
    run = runs.load(gift / "run.json")
    pages = [tables.results({HOSTILE: run}), tables.provenance({HOSTILE: run}), tables.lost_facts(run)]
    text = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render("\n\n".join(pages))
    look(tab, tmp_path, text)
    silent(tab)
    assert tab.locator("body").inner_text().count(SEEN) > 3


def test_a_strangers_grid_in_the_explorer(tab, tmp_path):
    taken = poisoned(read("grid-cola.jsonl"), tmp_path / "grid.jsonl", recordings.load)
    assert "recipe.backbone" in taken
    records = recordings.load(tmp_path / "grid.jsonl")
    look(tab, tmp_path, explorer.explore(records)._repr_html_())
    tab.wait_for_selector(".recall-explorer svg")
    silent(tab)
    assert SEEN in tab.get_by_label("task", exact=True).locator("option").first.text_content()


def test_an_answers_report(tab, tmp_path):
    look(tab, tmp_path, Report(HOSTILE, "failed", HOSTILE, HOSTILE)._repr_html_())
    silent(tab)
    assert tab.locator("body").inner_text().count(SEEN) == 3


def test_figures_with_a_strangers_names(tab, tmp_path):
    from recall_learn.support import markup

    name, way = markup.plotly(HOSTILE), ([0, 1], [0, 1])
    claims = {"claim": HOSTILE, "alt": HOSTILE}
    figures = [
        over_time({name: way}, name, x_title=name, **claims),
        bars({name: {name: 1.0}, "b": {name: 2.0}}, name, name, **claims),
        dragged([0, 1], {HOSTILE: {name: [0, 1]}, "b": {name: [1, 0]}}, HOSTILE, name, name, **claims),
        frontier({name: {name: way}}, name, name, **claims, marks={name: (0, 1)}),
        landscape([0, 1], [0, 1], [[0, 1], [1, 0]], {"": {name: way}}, "", (name, name, name), **claims),
    ]
    body = "".join(figure_html(json.loads(figure.to_json())) for figure in figures)
    look(tab, tmp_path, body, [PLOTLY.as_uri(), (STATIC / "figures.js").as_uri()])
    tab.wait_for_function("document.querySelectorAll('.recall-figure:not([data-drawn])').length === 0")
    silent(tab)
    titles = tab.evaluate("[...document.querySelectorAll('.xtitle, .ytitle')].map(each => each.textContent)")
    assert titles == [SEEN] * 2 * len(figures)
    assert tab.locator("figcaption").all_inner_texts() == [SEEN] * len(figures)
