"""Whatever a text is, it is shown as that text."""

import json
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from recall_learn.practice.report import Report
from recall_learn.support import markup

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "<!--<script>",
    "</script></p></style><b>bold",
    "]]> & &amp; &lt;b&gt; \" ' ` =",
    "javascript:alert(1) [here](javascript:alert(1)) ![x](y)",
    "`code` ``more`` | a | *b* __c__ ~~d~~ \\* \\",
    "a\u2028b\u2029c",
    "$x$ \\(y\\) <https://a.b> www.a.b",
]


class Text(HTMLParser):
    """What of a page is text, and which tags it has."""

    def __init__(self, page):
        super().__init__()
        self.text, self.tags = "", []
        self.feed(page)
        self.close()

    def handle_data(self, data):
        self.text += data

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_comment(self, data):
        raise AssertionError(f"a comment: {data}")


@pytest.mark.parametrize("text", HOSTILE)
def test_html_is_text_between_tags_and_in_an_attribute(text):
    page = Text(f'<p title="{markup.html(text)}">{markup.html(text)}</p>')
    assert (page.text, page.tags) == (text, [("p", {"title": text})])
    assert markup.html(3) == "3"  # what is no text is shown, too


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_is_text_in_a_table_that_html_may_be_in(text):
    table = f"| head |\n| --- |\n| {markup.markdown(text)} |"
    page = Text(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(table))
    assert {tag for tag, _ in page.tags} == {"table", "thead", "tbody", "tr", "th", "td"}
    assert page.text.split("head", 1)[1].strip() == " ".join(text.split())


@pytest.mark.parametrize("text", ["abc", "a`b", "``", "<b>|c|</b>\nd"])
def test_code_in_markdown_is_that_code(text):
    table = f"| head |\n| --- |\n| {markup.code(text)} |"
    page = Text(MarkdownIt("commonmark", {"html": True}).enable("table").render(table))
    assert page.text.split("head", 1)[1].strip() == " ".join(text.split())
    assert [tag for tag, _ in page.tags].count("td") == [tag for tag, _ in page.tags].count("code") == 1


@pytest.mark.parametrize("text", HOSTILE)
def test_json_in_a_script_is_whole(text):
    data = {text: [text, 1.5, None]}
    inside = markup.script(data)
    assert json.loads(inside) == data
    assert not set("<>&\u2028\u2029") & set(inside)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_report_shows_what_it_was_given(text):
    page = Text(Report(text, "failed", text, text)._repr_html_())
    assert [tag for tag, _ in page.tags] == ["div", "b", "pre"]
    assert page.text.count(text) == 3
