"""Every text of every page can be read: by day, by night, under the pointer, and on paper."""

import pytest
from contrast import OPEN, too_faint
from tabs import WINDOWS, new_tab, open_page

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
