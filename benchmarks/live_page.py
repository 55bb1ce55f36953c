"""What a reader waits for in the live lab: from a move of a slider to the curve drawn anew, in headless Chromium.

Opens a notebook with the lab in JupyterLab on this machine, trains the small world's model, and moves t0
while it trains. The clock is the page's: it starts with the slider's own event and stops in the frame after the new
curve. Prints median and 95 % in milliseconds (target: 50). Run as
``python benchmarks/live_page.py [--moves 40]``.
"""

import argparse
import shutil
import statistics
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import torch
from jupyter_page import Notebook, serving, until
from playwright.sync_api import sync_playwright

CELL = "from recall_learn.lab.live import Lab\n\nlab = Lab()\nlab"
WATCH = """async (slider) => {
    const ahead = () => document.querySelector('.rl-curve path.rl-coming').getAttribute('d');
    const before = ahead();
    slider.focus();
    const begin = performance.now();
    slider.value = String(Number(slider.value) + 1);
    slider.dispatchEvent(new Event('input', {bubbles: true}));
    while (true) {
        await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
        if (ahead() !== before || performance.now() - begin > 5000) return performance.now() - begin;
    }
}"""


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--moves", type=int, default=40)
    moves = parser.parse_args().moves
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with tempfile.TemporaryDirectory() as own, tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(notebook, Path(folder) / "lab.ipynb")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        with serving(Path(folder), Path(own)) as address:
            shown = Notebook(browser.new_context(viewport={"width": 1300, "height": 1100}), address, "lab.ipynb")
            shown.run(0)
            tab = shown.tab
            tab.locator(".rl-go").click()
            until(lambda: shown.ask("len(lab.run.history)") > 5)
            handle = tab.locator(".rl-knob.rl-t0 input")
            times = []
            for _ in range(moves):
                times.append(handle.evaluate(WATCH))
                tab.wait_for_timeout(100)
            steps = shown.ask("(len(lab.run.history), len(lab.run.changes))")
        browser.close()
    late = sorted(times)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {datetime.now(UTC):%Y-%m-%d}")
    print(f"trained on to step {steps[0]}, with {steps[1]} changes, while the slider moved")
    print(
        f"slider to curve, ms       median {statistics.median(late):.0f}, 95 % {late[int(0.95 * (len(late) - 1))]:.0f} "
        f"(at most 50), {moves} moves"
    )


if __name__ == "__main__":
    main()
