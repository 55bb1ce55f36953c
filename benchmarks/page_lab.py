"""What a reader waits for in the page that trains, in headless Chromium from file://.

Writes a page with a lab, presses Start, trains the twin (RecAdam beside plain fine-tuning, batch 16, probes at every 30
steps) to its end, and moves k meanwhile. The clock is the page's. Prints

- twin steps a second, probes included (at least 20 on a free core);
- from the click to the first step that is drawn (at most 3 s);
- from a move to its answer, during probes too (at most 100 ms), and to the redrawn curve (at most 50 ms);
- the largest gap between two frames while it trains (at most 100 ms);
- bytes, before the click and after it (at most 3 MB; code 60 KB).

Run as ``python benchmarks/page_lab.py [--steps 300] [--browser PATH]``.
"""

import argparse
import os
import shutil
import statistics
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import sync_playwright

from recall_learn.lab.browser import about, page
from recall_learn.runs.recipe import Recipe

TRAIN = """([steps]) => new Promise((done) => {
    const text = () => document.querySelector('.rl').innerText, found = { gaps: [], curve: [], first: 0 };
    const begun = performance.now();
    let last = begun, steps_at = 0;
    [...document.querySelectorAll('button')].find((each) => /Start/.test(each.innerText)).click();
    const frame = (now) => {
        const step = Number((text().match(/step (\\d+)/) || [0, 0])[1]);
        if (step > 0 && !found.first) [found.first, steps_at] = [now - begun, now];
        if (found.first) found.gaps.push(now - last);
        last = now;
        if (step >= steps) return done({ ...found, seconds: (now - steps_at) / 1000 });
        requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
})"""
MOVES = """([asked, moves]) => new Promise((done) => {
    const engine = RecallLabPage.make(asked), waits = [], late = [];
    let step = 0, sent = null, k = 0.05;
    engine.listen((message) => {
        const now = performance.now();
        if (message.type === 'records') step = message.rows.at(-1)[0];
        if (message.type === 'knobs' && sent !== null && message.side === 0) { waits.push(now - sent[0]); sent = null; }
        if (message.type === 'changes') late.push(message.changes.at(-1).step - step);
        if (waits.length >= moves) { engine.end(); done({ waits, late }); }
    });
    engine.send({ type: 'start' });
    setInterval(() => {
        if (step > 0 && sent === null) {
            k += 0.001;
            sent = [performance.now()];
            engine.send({ type: 'set', side: 0, values: { k } });
        }
    }, 70);
})"""
CURVE = """() => new Promise((done) => {
    const handle = document.querySelector('.rl .rl-handle'), times = [];
    const paths = () => [...document.querySelectorAll('.rl svg path')].slice(0, 8);
    const drawn = () => paths().map((each) => each.getAttribute('d')).join();
    const move = () => {
        const before = drawn(), begun = performance.now();
        const key = times.length % 2 ? 'ArrowLeft' : 'ArrowRight';
        handle.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
        const look = () => {
            if (drawn() === before && performance.now() - begun < 2000) return requestAnimationFrame(look);
            times.push(performance.now() - begun);
            return times.length < 20 ? setTimeout(move, 90) : done(times);
        };
        requestAnimationFrame(look);
    };
    move();
})"""


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--browser")
    options = parser.parse_args()
    names = ("chromium", "chromium-browser", "google-chrome")
    path = options.browser or next(filter(None, map(shutil.which, names)), None)
    recipe = Recipe(
        backbone="tiny", task="world/cola", method="recadam(k=0.05, t0=150)", steps=options.steps, batch_size=16
    )
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        out = Path(folder)
        page.write(out)
        html = page.page(recipe)
        head = f'<meta charset="utf-8"><script defer src="{page.SCRIPT}"></script>'
        (out / "page.html").write_text(f"<!doctype html><html><head>{head}</head><body>{html}</body></html>")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_page(viewport={"width": 1280, "height": 800})
        tab.goto((out / "page.html").as_uri())
        tab.wait_for_selector(".rl button")
        found = tab.evaluate(TRAIN, [options.steps])
        tab.get_by_role("button", name="Again").click()
        tab.wait_for_timeout(1500)
        curve = tab.evaluate(CURVE)
        tab.reload()
        tab.wait_for_selector(".rl button")
        asked = {"recipe": recipe.to_dict(), "beside": None, "how": about.BESIDE[1], "presets": []}
        moves = tab.evaluate(MOVES, [asked, 60])
        version = browser.version
        browser.close()
        sizes = {name: (out / name).stat().st_size for name in (page.SCRIPT, page.DATA, page.FISHER)}
    print(f"{version}, {datetime.now(UTC):%Y-%m-%d}, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(f"twin steps a second    {(options.steps - 1) / found['seconds']:.1f}, probes included (at least 20)")
    print(f"click to first step    {found['first'] / 1000:.2f} s (at most 3)")
    print(
        f"move to answer         {_spread(moves['waits'])} ms (at most 100); steps until it acts: {max(moves['late'])}"
    )
    print(f"move to curve          {_spread(curve)} ms (at most 50)")
    print(f"between two frames     {_spread(found['gaps'])} ms (at most 100)")
    code, data = sizes[page.SCRIPT], sizes[page.DATA]
    print(f"bytes                  {code:,} before the click (60 KB); {code + data:,} in all (at most 3 MB)")
    print(f"                       and {sizes[page.FISHER]:,} where EWC is chosen; {len(html):,} in the page")


def _spread(times: list[float]) -> str:
    return f"median {statistics.median(times):.0f}, largest {max(times):.0f}"


if __name__ == "__main__":
    main()
