"""Small pictures: where a point lies, what a picture holds, and that it can be told."""

import math
import re
import xml.etree.ElementTree as ET

import pytest

from recall_learn.book.offline import offline
from recall_learn.book.small import SOFT, Picture


def drawn(picture):
    return list(ET.fromstring(picture.svg()))


def test_a_point_lies_where_its_axes_say():
    picture = Picture("a", (0, 10), (0, 4), size=(120, 60), room=(10, 5, 10, 5))
    assert picture.at(0, 0) == (10, 55)
    assert picture.at(10, 4) == (110, 5)
    assert picture.at(5, 1) == (60, 42.5)


def test_an_axis_may_fall_and_be_logarithmic():
    picture = Picture("a", (1, 100), (2, 0), log=(True, False), size=(100, 100), room=(0, 0, 0, 0))
    assert picture.at(10, 2) == (50, 100)
    assert picture.at(100, 0) == (100, 0)


def test_a_line_ends_where_nothing_is_and_goes_on_behind_it():
    picture = Picture("a", (1, 5), (1, 100), log=(False, True), size=(40, 20), room=(0, 0, 0, 0))
    picture.line([(1, 1), (2, 10), (3, math.nan), (4, 0), (5, 100)])
    (line,) = drawn(picture)
    assert line.get("d") == "M0 20L10 10M40 0"
    assert line.get("class") == "s0"


def test_every_light_is_there_and_those_that_are_out_are_soft():
    on = [True, False, True, True, False]
    picture = Picture("a")
    picture.lights(on, 2, (10, 20), 5, hue=1)
    lit, off = drawn(picture)
    assert lit.get("class") == "s1"
    assert [float(length) / 5 for length in re.findall(r"h([\d.]+)", lit.get("d"))] == [2, 2, 1]
    assert off.get("class") == f"f{SOFT}"
    assert re.findall(r"M(\S+) (\S+?)h", off.get("d")) == [("15", "20"), ("10", "30")]


def test_a_bar_below_nothing_hangs_down():
    picture = Picture("a", (0, 4), (-2, 2), size=(40, 40), room=(0, 0, 0, 0))
    picture.box((1, 2), (0, -1), 1)
    (bar,) = drawn(picture)
    assert [float(bar.get(name)) for name in ("x", "y", "width", "height")] == [10, 20, 10, 10]


def test_words_cannot_leave_their_place():
    picture = Picture('a "quoted" <b>', size=(10, 10))
    picture.text("1 < 2 & 3", (1, 2), "end", 0)
    picture.dots([(0.5, 0.5)], 2)
    root = ET.fromstring(picture.svg())
    assert root.get("aria-label") == 'a "quoted" <b>'
    assert root.get("role") == "img"
    assert [(each.tag, each.get("class")) for each in root] == [("text", "t0"), ("circle", "f2")]
    assert root[0].text == "1 < 2 & 3"


def test_in_the_epub_a_picture_is_a_file_with_colours():
    kept = {}
    picture = Picture('a "line"', size=(30, 20))
    picture.line([(0, 0), (1, 1)], 1)
    picture.line([(0, 1), (1, 0)], SOFT)

    def keep(name, text):
        kept[name] = text
        return f"there/{name}"

    page = offline(f"<html><body><div class='body'>{picture.svg()}</div></body></html>", keep)
    ((name, text),) = kept.items()
    assert (
        f'<img alt="a &quot;line&quot;" src="there/{name}"' in page
        or f"""<img alt='a "line"' src="there/{name}\"""" in page
    )
    root = ET.fromstring(text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.get("viewBox") == "0 0 30 20"
    style = root[0].text
    assert all(f".{shape.get('class')}{{stroke:#" in style for shape in root[1:])


@pytest.mark.parametrize(("given", "says"), [({"alt": ""}, "alt is empty"), ({"alt": "a", "y": (3, 3)}, "from 3 to 3")])
def test_what_cannot_be_drawn_is_refused(given, says):
    with pytest.raises(ValueError, match=says):
        Picture(**given)
