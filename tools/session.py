"""The pictures of the live lab: a real session, photographed while it trains.

Run as ``python tools/session.py``; it needs a Chromium. The lab opens in JupyterLab with the small world,
the paper's setting begins, k and t0 are moved while it holds, and the run is seen through to its end.
"""

import json
import re
import shutil
import tempfile
from base64 import b64encode
from pathlib import Path
from typing import Any

from jupyter_page import Notebook, serving, until

from recall_learn.support import markup

ROOT = Path(__file__).parents[1]
LAB = ROOT / "book" / "_static" / "lab.png"
STRIP = ROOT / "book" / "session.png"
CELL = "from recall_learn.lab.live import Lab\n\nlab = Lab()\nlab"
WIDE, NARROW = {"width": 1130, "height": 1200}, {"width": 860, "height": 1200}
CHARTS = (1, 6, 4)
"""Those on the strip: lambda, facts, score."""
BEFORE, LATER = 140, 385
PAGE = """<!doctype html><meta charset=utf-8><style>
body {{ margin: 0; padding: 10px 12px; width: 984px; font: 14px/1.4 system-ui, sans-serif; color: #333 }}
div {{ display: grid; grid-template-columns: repeat(4, 1fr); gap: 2px 8px }}
h3 {{ margin: 0; font-size: 15px }} p {{ margin: 0 0 4px; color: #555 }} img {{ width: 100% }}
i {{ display: inline-block; width: 26px; margin: 0 6px 4px 0; border-top: 3px solid #0072B2 }}
i + b + i {{ margin-left: 24px; border-top: 3px dashed #D55E00 }} b {{ font-weight: normal }}
</style><p><i></i><b>RecAdam, steered</b><i></i><b>plain fine-tuning, on the same batches</b></p><div>{cells}</div>"""


class Session:
    """The lab in its tab, to be used as a reader would.

    Args:
        notebook: with the lab's cell as its first, already run.
    """

    def __init__(self, notebook: Notebook):
        self.notebook, self.tab = notebook, notebook.tab

    def press(self, name: str) -> None:
        """Press one of the lab's buttons."""
        self.tab.locator(".widget-button", has_text=name).click()

    def train_to(self, step: int) -> None:
        """Wait until so many steps are taken."""
        until(lambda: self.notebook.ask("len(lab.run.history)") >= step)

    def pause(self) -> int:
        """Stop; returns the steps taken."""
        if self.notebook.ask("lab.state") == "running":
            self.press("Pause")
        self.tab.locator(".widget-html").filter(has_text=re.compile("^(paused|done) ")).wait_for()
        return self.notebook.ask("len(lab.run.history)")

    def move(self, k: int, t0: float) -> None:
        """Move k so many notches to the left, and drag t0 to this share of its slider."""
        slider = self.tab.locator(".widget-inline-hbox")
        for _ in range(k):
            slider.filter(has_text="k, per step").first.locator(".noUi-handle").press("ArrowLeft")
        track = slider.filter(has_text="t0, steps").first
        at, along = (track.locator(part).bounding_box() for part in (".noUi-handle", ".noUi-base"))
        middle = at["y"] + at["height"] / 2
        self.tab.mouse.move(at["x"] + at["width"] / 2, middle)
        self.tab.mouse.down()
        self.tab.mouse.move(along["x"] + t0 * along["width"], middle, steps=8)
        self.tab.mouse.up()

    def look(self, window: dict[str, int]) -> None:
        """Show it in a window of this size, and wait until its figure fits and stands still."""
        self.tab.set_viewport_size(window)
        figure = self.tab.locator(".js-plotly-plot")
        sizes = [None]

        def still() -> bool:
            sizes.append(json.dumps([figure.bounding_box(), figure.evaluate("f => f._fullLayout.width")]))
            self.tab.wait_for_timeout(500)
            return sizes[-1] == sizes[-2]

        until(still)

    def charts(self) -> list[bytes]:
        """A picture of each of `CHARTS`."""
        figure = self.tab.locator(".js-plotly-plot")
        corner, taken = figure.bounding_box(), []
        for number in CHARTS:
            x, wide, y, high = figure.evaluate(
                "(figure, n) => ['xaxis', 'yaxis'].map(name => figure._fullLayout[name + n])"
                ".flatMap(axis => [axis._offset, axis._length])",
                "" if number == 1 else str(number),
            )
            clip = {"x": corner["x"] + x - 30, "y": corner["y"] + y - 26, "width": wide + 44, "height": high + 54}
            taken.append(self.tab.screenshot(clip=clip))
        return taken

    def moment(self, title: str) -> dict[str, Any]:
        """What the strip shows of now."""
        step = self.pause()
        self.look(NARROW)
        known = "round(320 * lab.{}.evaluations[-1]['facts']['known'])"
        mine, plain = (self.notebook.ask(known.format(which)) for which in ("run", "beside"))
        line = f"facts known: {mine}, plain {plain}"
        return {"title": title.format(step), "line": line, "charts": self.charts()}


def play(session: Session) -> list[dict[str, Any]]:
    """The session; returns the strip's moments, and takes the large picture on the way."""
    session.press("The paper's setting")
    session.train_to(BEFORE)
    moments = [session.moment("Step {}: held")]
    session.move(k=2, t0=2 / 3)
    moments.append(session.moment("k and t0 are moved"))
    session.look(WIDE)
    session.press("Start")
    session.train_to(LATER)
    session.tab.locator(".widget-vbox:has(.js-plotly-plot)").first.screenshot(path=LAB)
    moments.append(session.moment("Step {}: letting go"))
    session.press("Start")
    until(lambda: session.notebook.ask("lab.state") == "done")
    moments.append(session.moment("Step {}: the end"))
    return moments


def strip(moments: list[dict[str, Any]]) -> str:
    """A page with the moments side by side, a chart under the other."""
    heads = [
        f"<section><h3>{markup.html(each['title'])}</h3><p>{markup.html(each['line'])}</p></section>"
        for each in moments
    ]
    rows = zip(*(each["charts"] for each in moments), strict=True)
    images = [f'<img src="data:image/png;base64,{b64encode(one).decode()}">' for row in rows for one in row]
    return PAGE.format(cells="".join([*heads, *images]))


def main() -> None:
    """Take both pictures."""
    from playwright.sync_api import sync_playwright

    browsers = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, browsers)), None)
    if path is None:
        raise SystemExit(f"the pictures need one of {', '.join(browsers)}")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        lessons, own = Path(folder) / "lessons", Path(folder) / "own"
        lessons.mkdir()
        cell = {
            "cell_type": "code",
            "source": CELL,
            "metadata": {},
            "outputs": [],
            "execution_count": None,
            "id": "lab",
        }
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
        notebook = {"cells": [cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
        (lessons / "lab.ipynb").write_text(json.dumps(notebook))
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        with serving(lessons, own) as address:
            context = browser.new_context(viewport=WIDE, device_scale_factor=1.5)
            shown = Notebook(context, address, "lab.ipynb")
            shown.run(0)
            shown.tab.evaluate("() => { window.jupyterapp.commands.execute('application:toggle-left-area'); }")
            shown.tab.locator(".js-plotly-plot .main-svg").first.wait_for()
            moments = play(Session(shown))
            context.close()
        LAB.parent.mkdir(exist_ok=True)
        page = browser.new_page(viewport={"width": 1008, "height": 100}, device_scale_factor=1.5)
        page.set_content(strip(moments))
        page.screenshot(path=STRIP, full_page=True)
        browser.close()
    for picture in (LAB, STRIP):
        print(picture.relative_to(ROOT))


if __name__ == "__main__":
    main()
