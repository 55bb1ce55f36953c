"""The contrast of every text of a page that a browser shows, as WCAG 2.2 counts it (criterion 1.4.3)."""

import re
from pathlib import Path

from tabs import file_of

LOOK = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
STATE = re.compile(r":(?:hover|active|target|focus|focus-visible)(?![-\w])")
OPEN = """() => {
    document.querySelectorAll("details").forEach((fold) => { fold.open = true; });
    document.querySelectorAll(".toggle-hidden").forEach((fold) => fold.classList.remove("toggle-hidden"));
    document.querySelectorAll(".dropdown-menu, .search-button__wrapper").forEach((menu) => menu.classList.add("show"));
}"""
POINT_AT_CURVES = """() => document.querySelectorAll(".recall-plot").forEach((plot) => {
    const points = plot._fullData.flatMap((trace, curveNumber) => {
        const middle = Math.floor((trace.x || []).length / 2);
        const pointNumber = trace.type === "contour" ? [Math.floor(trace.y.length / 2), middle] : middle;
        return trace.visible === true && trace.x ? [{ curveNumber, pointNumber }] : [];
    });
    const across = plot._fullLayout.xaxis;
    const unified = plot._fullLayout.hovermode === "x unified";
    Plotly.Fx.hover(plot, unified ? { xval: across.p2c(across._length / 2) } : points, "xy");
})"""
LEAVE_CURVES = "() => document.querySelectorAll('.recall-plot').forEach((plot) => Plotly.Fx.unhover(plot))"
TOUCHED = "on => document.documentElement.classList.toggle('touched', on)"


def touchable(tab):
    """Let all that a page has be touched at once: pointed at, pressed, arrived at. See `touch`."""

    def serve(route):
        text = file_of(route.request.url).read_text(encoding="utf-8")
        # as specific as what it stands for
        route.fulfill(content_type="text/css", body=STATE.sub(lambda state: f":is({state[0]}, .touched *)", text))

    tab.context.route("**/*.css*", serve)


def touch(tab, on):
    """Have everything of a `touchable` page touched, or nothing; and a point of each curve."""
    tab.evaluate(TOUCHED, on)
    tab.evaluate(POINT_AT_CURVES if on else LEAVE_CURVES)


def too_faint(tab, paper=False):
    """Tell of each text whose contrast is under 4.5, or under 3 where it is large, and count the texts.

    Args:
        tab: a page of playwright's, as it is.
        paper: whether it is seen as it is printed, too: without backgrounds.
    """
    found = tab.evaluate(LOOK, [False, True] if paper else [False])
    return found["wanting"], found["checked"]
