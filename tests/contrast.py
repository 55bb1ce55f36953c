"""The contrast of every text of a page that a browser shows, as WCAG 2.2 counts it (criterion 1.4.3)."""

from pathlib import Path

LOOK = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
OPEN = """() => {
    document.querySelectorAll("details").forEach((fold) => { fold.open = true; });
    document.querySelectorAll(".toggle-hidden").forEach((fold) => fold.classList.remove("toggle-hidden"));
    document.querySelectorAll(".dropdown-menu, .search-button__wrapper").forEach((menu) => menu.classList.add("show"));
}"""


def too_faint(tab, paper=False):
    """What is told of each text whose contrast is under 4.5, or under 3 where it is large, and how many there are.

    Args:
        tab: a page of playwright's, as it is.
        paper: whether it is seen as it is printed: without backgrounds.
    """
    found = tab.evaluate(LOOK, paper)
    return found["wanting"], found["checked"]
