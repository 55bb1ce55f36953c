"""The rule by which a lesson's minutes are counted, on small pages."""

import pytest

from recall_learn.book.minutes import Reading, read

PAGE = """<html><body><p>outside of it</p><article class="bd-article"><section>
<h1>Two words<a class="headerlink" href="#x">#</a></h1><p class="recall-run">Run this lesson</p>
{}
</section></article></body></html>"""


def counted(inside):
    found = read(PAGE.format(inside))
    return (found.words - 2, found.lines, found.equations, found.figures, found.predictions)


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ("<p>three short words – and a dash</p>", (6, 0, 0, 0, 0)),
        ("<table><tr><td>cell</td><td>0.5</td></tr></table>", (2, 0, 0, 0, 0)),
        ("<pre>a = 1\n\nb = 2\n</pre>", (0, 3, 0, 0, 0)),
        (
            '<div class="math notranslate">\\[a + b\\]</div><p>with <span class="math">\\(x\\)</span></p>',
            (2, 0, 1, 0, 0),
        ),
        ('<figure class="recall-figure"><figcaption>A claim</figcaption></figure>', (0, 0, 0, 1, 0)),
        ('<div class="admonition tip"><p class="admonition-title">Predict</p><p>Why?</p></div>', (2, 0, 0, 0, 1)),
        ("<p><strong>Predict:</strong> why?</p>", (2, 0, 0, 0, 1)),
        ("<details><summary>Show</summary><pre>x</pre></details>", (0, 0, 0, 0, 0)),
        ('<div class="dropdown admonition"><p class="admonition-title">Look closer</p><p>Text</p></div>', (0,) * 5),
        ('<section><h2>Exercises<a class="headerlink">#</a></h2><p>Work</p><pre>x</pre></section>', (0,) * 5),
        ("<section><h2>To remember</h2><p>This</p></section>", (3, 0, 0, 0, 0)),
        ("<script>var x = 1</script><style>a {}</style>", (0,) * 5),
    ],
)
def test_what_is_seen_without_a_click_is_counted(inside, expected):
    assert counted(inside) == expected


def test_minutes_are_the_sum_of_the_rule():
    assert Reading(400, 30, 4, 2, 3).minutes == pytest.approx(2 + 1 + 1 + 1 + 1)


def test_another_page_is_refused():
    with pytest.raises(ValueError, match="bd-article"):
        read("<html><p>nothing</p></html>")
