"""The picture of the lab in the README: one session in the page that trains, photographed at four moments.

Run as ``python tools/session.py``; it needs a Chromium. RecAdam begins with the paper's k and a t0 of 100, t0 is moved
to about 200 while the spring holds, and the run is seen through to its end.
"""

import re
import tempfile
from base64 import b64encode
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from recall_learn.lab.browser import page
from recall_learn.runs.recipe import Recipe

STRIP = Path(__file__).parents[1] / "book" / "session.png"
RECIPE = Recipe("tiny", "world/cola", "recadam(k=0.1, t0=100)", steps=300, batch_size=16)
MOVED, LATER, LETTING_GO = 75, 200.0, 210
"""When t0 is moved, to where, and when the third picture is taken."""
SIDE = 722
"""With this the lab is as wide as its place in the picture: nothing is scaled, and text stays sharp."""
GO = re.compile("Start|Go on")
HTML = """<!doctype html><meta charset=utf-8><style>body {{ margin: 16px; font: 16px system-ui, sans-serif }}</style>
{lab}<script defer src="{script}"></script>"""
GRID = """<!doctype html><meta charset=utf-8><style>
body {{ margin: 0; padding: 12px; width: 1400px; font: 17px/1.4 system-ui, sans-serif; color: #222 }}
div {{ display: grid; grid-template-columns: 1fr 1fr; gap: 12px 20px }} h3 {{ margin: 0 }} img {{ width: 100% }}
</style><div>{cells}</div>"""


def train_to(tab: Page, step: int) -> None:
    """Go on, and pause at that step or soon after it."""
    tab.get_by_role("button", name=GO).click()
    tab.wait_for_function("step => Number(/step (\\d+) of/.exec(document.body.innerText)?.[1]) >= step", arg=step)
    if step < RECIPE.steps:
        tab.get_by_role("button", name="Pause").click()
        expect(tab.get_by_role("button", name=GO)).to_be_visible()


def move(tab: Page) -> None:
    """Move the curve's middle by keys, as a reader may."""
    middle = tab.get_by_role("slider", name="t0").first
    middle.focus()
    while float(middle.get_attribute("aria-valuenow")) < LATER:
        tab.keyboard.press("ArrowRight")
        tab.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")


def photograph(tab: Page) -> list[tuple[str, bytes]]:
    """The session, as captions and pictures."""
    lab, taken = tab.locator(".recall-lab"), []
    shoot = lambda caption: taken.append((caption, lab.screenshot()))  # noqa: E731
    train_to(tab, MOVED)
    shoot("Held: λ is near 0")
    move(tab)
    shoot("t0 is dragged to the right: hold longer")
    train_to(tab, LETTING_GO)
    shoot("Letting go")
    train_to(tab, RECIPE.steps)
    expect(tab.get_by_role("button", name="Run again")).to_be_visible()
    shoot("The end")
    return taken


def main() -> None:
    """Make the picture."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page.write(Path(folder))
        place = Path(folder, "lab.html")
        place.write_text(HTML.format(lab=page.page(RECIPE, "small"), script=page.SCRIPT), encoding="utf-8")
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": SIDE, "height": 600}, reduced_motion="reduce")
        tab.set_default_timeout(300_000)
        tab.goto(place.as_uri())
        cells = "".join(
            f'<section><h3>{caption}</h3><img src="data:image/png;base64,{b64encode(picture).decode()}"></section>'
            for caption, picture in photograph(tab)
        )
        tab.set_viewport_size({"width": 1424, "height": 600})
        tab.set_content(GRID.format(cells=cells))
        tab.screenshot(path=STRIP, full_page=True)
        browser.close()


if __name__ == "__main__":
    main()
