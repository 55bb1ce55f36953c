"""What stays on one line of a page."""

import pytest

from recall_learn.book.pages import mended
from recall_learn.book.ties import tied

TOGETHER = '<span class="recall-together">{}</span>'


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (r"a mean of {} for", "7.1e-05"),
        (r"the smallest, {} is", "2e-05,"),
    ],
)
def test_what_a_cell_prints_does_not_break_within(words, kept):
    told = f"<td>{words.format(kept)}</td>"
    assert tied(told) == told.replace(kept, TOGETHER.format(kept))
    assert mended(mended(told)) == mended(told) == tied(told)


@pytest.mark.parametrize("before", ['<a href="12_all_together.html">', "<code>together</code>", "<p>"])
def test_a_word_before_a_number_does_not_untie_it(before):
    assert tied(f"{before}1e-05 ") == before + TOGETHER.format("1e-05") + " "


def test_a_percentage_is_one_thing():
    assert tied("<p>of 80 % and <b>5</b> % a 9 %.</p>") == "<p>of 80&nbsp;% and <b>5</b> % a 9&nbsp;%.</p>"


@pytest.mark.parametrize(
    "kept",
    [
        r'<p title="1e-05 > 0 at 5 %">words</p>',
        "<pre>lr = 1e-05, 5 % 2</pre>",
        "<p><code>--lr 2e-05</code></p>",
        '<script type="application/json">{"x": [1e-05], "claim": "5 % of $k$."}</script>',
        "<p>from $5 to 6, and $HOME</p>",
        "<p>one-05 and 2e5</p>",
        r'<span class="math notranslate nohighlight">\(10e-05 \)</span> and',
    ],
)
def test_what_is_no_text_stays_as_it_is(kept):
    assert tied(kept) == kept


@pytest.mark.parametrize(
    ("marks", "marked"),
    [
        ("", ' class="recall-words"'),
        (' style="text-align: left"', ' style="text-align: left" class="recall-words"'),
        (' class="text-left"', ' class="text-left recall-words"'),
        (' colspan=2 class="a b"', ' colspan=2 class="a b recall-words"'),
        (" class='a' hidden", ' class="a recall-words" hidden'),
        (" class=a", ' class="a recall-words"'),
        ('\nclass=""', '\nclass="recall-words"'),
    ],
)
def test_a_cell_of_words_is_marked_once(marks, marked):
    told = f"<tr><td>1</td><td{marks}><p>half after 6.6 <em>steps</em></p></td></tr>"
    assert tied(told) == told.replace(f"<td{marks}><p>", f"<td{marked}><p>")
    assert tied(tied(told)) == tied(told)


@pytest.mark.parametrize(
    "said",
    [
        "<td>1.02 (1.01 to 1.02)</td>",
        "<td>plain fine</td>",
        "<td><p>a b c d e f g</p></td>",
        "<td>0.1 and 0.2 or</td>",
        "<td><code>long names that nobody reads</code></td>",
        r'<td><span class="math notranslate nohighlight">\(\operatorname{softmax} \frac{alpha}{beta}\)</span></td>',
        "<tdata>half after six steps taken</tdata>",
        """<script>x = "<td>half after six steps taken</td>"</script>""",
        "<pre><td>half after six steps taken</td></pre>",
    ],
)
def test_a_cell_of_numbers_or_of_a_word_or_two_is_not(said):
    assert "recall-words" not in tied(said)
