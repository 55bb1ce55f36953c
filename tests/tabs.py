"""Pages of the book in a browser that reaches no other host."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

PAGES = [page.stem for page in sorted((Path(__file__).parents[1] / "book").glob("*.md"))]
WINDOWS = {"phone": {"width": 390, "height": 844}, "desk": {"width": 1280, "height": 900}}


def file_of(url):
    """The file that an address names."""
    return Path(unquote(urlsplit(url).path))


def new_tab(browser, window):
    """A tab that notes its ``files``, and in ``complaints`` every error and whatever it asks of another host."""
    context = browser.new_context(viewport=WINDOWS[window])
    context.set_default_timeout(120_000)  # milliseconds; a busy machine is no error
    tab = context.new_page()
    tab.complaints, tab.files = [], []

    def only_local(route):
        if route.request.url.startswith("file:"):
            tab.files.append(file_of(route.request.url))
            return route.continue_()
        tab.complaints.append(f"asked for {route.request.url}")
        return route.abort()

    context.route("**/*", only_local)
    tab.on("console", lambda message: message.type == "error" and tab.complaints.append(message.text))
    tab.on("pageerror", lambda error: tab.complaints.append(str(error)))
    return tab


def open_page(tab, html, name):
    """Open a page and wait until its mathematics and its figures are drawn."""
    tab.goto((html / f"{name}.html").as_uri())
    tab.wait_for_function("document.querySelectorAll('.recall-figure:not([data-drawn])').length === 0")
    if tab.locator(".math").count():
        drawn = "[...document.querySelectorAll('.math')].every(math => math.querySelector('mjx-container'))"
        tab.wait_for_function(drawn)
