"""The Sphinx side, without Sphinx."""

import json
import re

import plotly.graph_objects as go
import pytest

from recall_learn.book.cache import forget_when_stale
from recall_learn.book.figures import MARK, figure_html, numbered
from recall_learn.book.pages import mended, on_paper, pieces


def scripted(page):
    """What a browser that runs scripts sees of a page."""
    return re.sub(r"<noscript>.*?</noscript>", "", page)


def make_book(root):
    for folder in ("book/runs", "library", "build/.jupyter_cache"):
        (root / folder).mkdir(parents=True)
    (root / "requirements.txt").write_text("numpy==2.0\n")
    (root / "library" / "idea.py").write_text("x = 1\n")
    return root / "book", root / "build", root / "library"


def test_the_cache_is_kept_until_something_that_lessons_use_changes(tmp_path):
    book, build, library = make_book(tmp_path)
    changes = [
        lambda: (tmp_path / "requirements.txt").write_text("numpy==2.1\n"),
        lambda: (library / "idea.py").write_text("x = 2\n"),
        lambda: (library / "new.py").write_text(""),
        lambda: (book / "runs" / "a.json").write_text("{}"),
        lambda: (book / "runs" / "a.json").rename(book / "runs" / "b.json"),
    ]
    assert forget_when_stale(book, build, library)
    for change in changes:
        (build / ".jupyter_cache").mkdir()
        assert not forget_when_stale(book, build, library)
        assert (build / ".jupyter_cache").is_dir()
        change()
        assert forget_when_stale(book, build, library)
        assert not (build / ".jupyter_cache").exists()


def test_bytecode_does_not_empty_the_cache(tmp_path):
    book, build, library = make_book(tmp_path)
    forget_when_stale(book, build, library)
    (library / "__pycache__").mkdir()
    (library / "__pycache__" / "idea.cpython-313.pyc").write_bytes(b"")
    assert not forget_when_stale(book, build, library)


def test_a_figures_text_cannot_leave_its_place():
    fig = go.Figure(layout={"meta": {"claim": "a < b & c", "alt": 'says "x" </script><b>'}})
    html = figure_html(json.loads(fig.to_json()))
    assert html.count("</script>") == 1
    assert "<figcaption>a &lt; b &amp; c</figcaption>" in html
    assert 'aria-label="says &quot;x&quot; &lt;/script&gt;&lt;b&gt;"' in html
    data = html.split('<script type="application/json">')[1].removesuffix("</script></figure>")
    assert json.loads(data)["layout"]["meta"] == {"claim": "a < b & c", "alt": 'says "x" </script><b>'}


def test_a_figures_numbers_are_short_wherever_they_are():
    long = 1.23456789e-9
    fig = {"data": [{"y": [long, 3, "a"]}], "layout": {"sliders": [{"steps": [{"args": [{"y": [[long]]}]}]}]}}
    shown = json.loads(figure_html(fig).split('json">')[1].split("</script>")[0])
    assert shown["data"][0]["y"] == [1.23457e-9, 3, "a"]
    assert shown["layout"]["sliders"][0]["steps"][0]["args"][0]["y"] == [[1.23457e-9]]


def test_a_figure_has_the_number_of_its_lesson_and_place():
    figure = figure_html({"layout": {"meta": {"claim": "it rises", "alt": "a line"}}})
    page = numbered(f"<p>{figure}</p>{figure}", "07_recadam")
    for number in (1, 2):
        link = f'<a class="recall-number" href="#figure-{number}">Figure 7.{number}</a>'
        assert page.count(f'<figure id="figure-{number}" {MARK}>{link}<figcaption>it rises</figcaption>') == 1
    assert page.count("<figure") == 2
    assert ">Figure 1</a>" in numbered(figure, "small_world")
    assert numbered("<p>no figure</p>", "07_recadam") == "<p>no figure</p>"


def test_only_font_preloads_and_the_icon_script_are_dropped():
    font = '<link rel="preload" as="font" type="font/woff2" crossorigin href="a.woff2" />\n'
    icons = '<script src="_static/vendor/fontawesome/6.5.2/js/all.min.js?digest=1"></script>\n'
    kept = '<link rel="preload" as="script" href="a.js" /><script src="all.min.js"></script>'
    assert mended(font + icons + kept) == kept


def test_a_link_to_a_lesson_leads_to_its_page():
    link = '<a class="x" href="03_fisher.md#score">Fisher</a> <a href="_sources/03_fisher.md">source</a>'
    assert mended(link) == link.replace("03_fisher.md#", "03_fisher.html#")


def test_what_touches_a_formula_stays_with_it_and_a_page_that_was_mended_stays_as_it_is():
    formula = r'<span class="math notranslate nohighlight">\(\gamma\)</span>'
    text = f"<p>a {formula}, b ({formula}) c {formula} d ({formula} e)</p>"
    tied = [f'<span class="recall-together">{each}</span>' for each in (f"{formula},", f"({formula})", f"({formula}")]
    assert scripted(mended(text)) == f"<p>a {tied[0]} b {tied[1]} c {formula} d {tied[2]} e)</p>"
    assert mended(mended(text)) == mended(text)


def test_where_no_script_runs_a_formula_is_mathml():
    page = "<head><title>t</title></head><body>{}</body>"
    assert mended(page.format("<p>text</p>")) == page.format("<p>text</p>")
    inline = r'<span class="math notranslate nohighlight">\(a &lt; \gamma\)</span>'
    latex = r"\[\begin{split}a &amp;= b \\[4pt] &amp;= c\end{split}\]"
    block = f'<div class="math notranslate nohighlight">\n{latex}</div>'
    told = mended(page.format(f"<p>{inline}</p>{block}"))
    assert told.count("<style>.math.notranslate { display: none") == 1
    assert f"{inline}<noscript><math><mi>a</mi><mo>&lt;</mo><mi>γ</mi></math></noscript>" in told
    assert told.count("<mtr>") == 2
    assert mended(told) == told


def test_a_formula_in_pieces_is_mathml_in_as_many():
    told = mended('<div class="math notranslate nohighlight">\n\\[a \\qquad b\\]</div>')
    assert told.count('<math display="block">') == 2
    assert told.count(" recall-pieces") == 2  # the formula, and what stands for it


def test_a_space_in_code_is_a_space():
    assert mended('<span class="n">a</span><span class="w"> </span>b') == '<span class="n">a</span> b'


def test_a_range_in_a_cell_is_one_word_and_elsewhere_it_is_text():
    cell = '<td class="x"><p>0.92 (0.81 to 0.99)</p></td><p>it is 2 (1 to 3)</p>'
    tied = cell.replace("(0.81 to 0.99)", '<span class="recall-range">(0.81&nbsp;to 0.99)</span>')
    assert mended(cell) == mended(tied) == tied


@pytest.mark.parametrize(
    ("formula", "parts"),
    [
        (r"a = b", [r"a = b"]),
        (r"a = b , \qquad b = c , \qquad c = 1", [r"a = b ,", r"b = c ,", "c = 1"]),
        (r"\text{a \qquad b} \qquad c", [r"\text{a \qquad b}", "c"]),
        (r"a &gt; b , \qquad c &lt; d", ["a &gt; b ,", "c &lt; d"]),
        (r"a &amp;= b \qquad c", [r"a &amp;= b \qquad c"]),
        (r"\{ a, \qquad b \}", [r"\{ a,", r"b \}"]),
        (r"\left[ a \qquad b \right] \leftarrow c, \qquad d", [r"\left[ a \qquad b \right] \leftarrow c,", "d"]),
        (
            r"\begin{aligned} a &amp;= b, \qquad c \end{aligned}",
            [r"\begin{aligned} a &amp;= b, \qquad c \end{aligned}"],
        ),
        (r"x \qquad \begin{cases} a &amp; b \end{cases}", ["x", r"\begin{cases} a &amp; b \end{cases}"]),
        (
            r"\begin{split}x \qquad \begin{cases} a \\ b \end{cases}\end{split}",
            ["x", r"\begin{cases} a \\ b \end{cases}"],
        ),
        (r"\begin{split}x \\ y \qquad z\end{split}", [r"\begin{split}x \\ y \qquad z\end{split}"]),
    ],
)
def test_a_formula_of_several_is_set_in_pieces_that_may_stand_under_each_other(formula, parts):
    box = '<div class="math notranslate nohighlight{}">\n{}</div>'
    whole, set_apart = box.format("", rf"\[{formula}\]"), "\n".join(rf"\[{part}\]" for part in parts)
    assert pieces(formula) == parts
    assert scripted(mended(whole)) == (whole if len(parts) == 1 else box.format(" recall-pieces", set_apart))
    assert mended(mended(whole)) == mended(whole)


def test_paper_has_the_light_schemes_colours_in_either_scheme():
    styles = (
        'a{color:red}html[data-theme=light]{--ink:#000}html[data-theme=dark]{--ink:#fff}html[data-theme="light"] .k, '
        "html[data-theme=light] .n{color:#00f}:is(html, body)[data-theme='dark']{--light: ;}"
    )
    assert on_paper(styles) == (
        "html:root[data-theme]{--ink:#000}html:root[data-theme] .k, html:root[data-theme] .n{color:#00f}"
    )
