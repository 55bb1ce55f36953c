"""What a drag costs a reader: the time from a control's event to the drawn figure, over the controls of the built book.

Opens each page of ``book/_build/html`` from disk in headless Chromium, moves each slider over its stops, and waits for
the next frame after each. Prints median and worst milliseconds a page (target: 50), and the weight of the first
page view beside plotly.js and MathJax (target: 2 MB). Run as ``python benchmarks/pages.py`` after ``make book``.
"""

import argparse
import shutil
import statistics
from pathlib import Path
from urllib.parse import unquote, urlsplit

from playwright.sync_api import sync_playwright

HTML = Path(__file__).parents[1] / "book" / "_build" / "html"
MOVE = """async (input) => {
    const times = [];
    for (let i = 0; i < 12; i++) {
        const stops = Number(input.max) + 1;
        input.value = i % stops;
        const begin = performance.now();
        input.dispatchEvent(new Event("input", { bubbles: true }));
        await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
        times.push(performance.now() - begin);
    }
    return times.slice(2);
}"""


def main() -> None:
    """Measure, and print a line a page."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    pages = sorted(HTML.glob("*.html"))
    if not pages:
        raise SystemExit(f"{HTML} holds no pages; run make book first")
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    everything: list[float] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for page in pages:
            tab, files = browser.new_page(viewport={"width": 1280, "height": 900}), set()
            tab.on("request", lambda request, files=files: files.add(Path(unquote(urlsplit(request.url).path))))
            tab.goto(page.as_uri())
            tab.wait_for_function("document.querySelectorAll('.recall-figure:not([data-drawn])').length === 0")
            own = [f for f in files if f.is_file() and f.name != "plotly.min.js" and "mathjax" not in str(f)]
            weight = sum(f.stat().st_size for f in own) / 1e6
            times = [ms for slider in tab.locator("input[type=range]:enabled").all() for ms in slider.evaluate(MOVE)]
            everything += times
            moved = f"{statistics.median(times):5.0f} ms, worst {max(times):4.0f}" if times else "no slider"
            print(f"{page.name:36} {weight:5.2f} MB  {moved}")
            tab.close()
        browser.close()
    if everything:
        ranked = sorted(everything)
        late = ranked[int(0.95 * len(ranked))]
        print(f"{len(ranked)} moves: median {statistics.median(ranked):.0f} ms, 95 % {late:.0f} ms (at most 50)")


if __name__ == "__main__":
    main()
