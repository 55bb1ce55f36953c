"""The README's picture: the last figure of the first lesson, photographed from the built page.

Run as ``python tools/picture.py`` after ``make book``; it needs a Chromium.
"""

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "book" / "_build" / "html" / "01_forgetting.html"
PICTURE = ROOT / "book" / "picture.png"
CLAIM = "upper right corner"


def main() -> None:
    """Take the picture."""
    from playwright.sync_api import sync_playwright

    browsers = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, browsers)), None)
    if path is None or not PAGE.is_file():
        raise SystemExit(f"the picture needs {PAGE.name} (make book) and one of {', '.join(browsers)}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_page(viewport={"width": 1100, "height": 900}, device_scale_factor=2)
        tab.goto(PAGE.as_uri())
        tab.wait_for_function("document.querySelectorAll('.recall-figure:not([data-drawn])').length === 0")
        tab.locator(".recall-figure", has_text=CLAIM).screenshot(path=PICTURE)
        browser.close()
    print(PICTURE.relative_to(ROOT))


if __name__ == "__main__":
    main()
