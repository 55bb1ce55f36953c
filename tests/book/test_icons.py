"""The icon font keeps what the sheets ask for, under a name of its own."""

import io

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont

from recall_learn.book.icons import NAME, asked, fewer

POINTS = {0xF002: "search", 0xF0C9: "bars", 0xF186: "moon"}


@pytest.fixture(scope="module")
def font():
    """Three icons, each a triangle of its own width."""
    builder = FontBuilder(1000, isTTF=True)
    names = [".notdef", *POINTS.values()]
    glyphs = {}
    for place, name in enumerate(names):
        pen = TTGlyphPen(None)
        pen.moveTo((0, 0))
        pen.lineTo((100 + place, 0))
        pen.lineTo((0, 100))
        pen.closePath()
        glyphs[name] = pen.glyph()
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap(POINTS)
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics(dict.fromkeys(names, (500, 0)))
    builder.setupHorizontalHeader()
    builder.setupNameTable({"familyName": "Whole Font", "styleName": "Solid", "copyright": "A copyright"})
    builder.setupOS2()
    builder.setupPost()
    made = io.BytesIO()
    builder.save(made)
    return made.getvalue()


def test_icons_are_those_of_the_sheets_escapes():
    sheets = ['.a:before{content:"\\f0c9"}.b{content:"\\2014"}', "--icon: '\\f186'; --other: '\\f0c9'; color: #f00"]
    assert asked(sheets) == {0xF0C9, 0xF186}


def test_a_font_keeps_the_icons_asked_for_and_loses_its_name(font):
    few = TTFont(io.BytesIO(fewer(font, {0xF0C9, 0xF186, 0xF999})))
    whole = TTFont(io.BytesIO(font))
    assert few.flavor == "woff2"
    assert set(few.getBestCmap()) == {0xF0C9, 0xF186}
    for point in (0xF0C9, 0xF186):  # each is still the same drawing
        drawn = [font["glyf"][font.getBestCmap()[point]].coordinates for font in (few, whole)]
        assert list(drawn[0]) == list(drawn[1])
    assert few["name"].getDebugName(1) == NAME
    assert few["name"].getDebugName(0) == "A copyright"
    assert not any("Whole" in str(record) for record in few["name"].names if record.nameID in (1, 3, 4, 6, 16))
