"""A page with one drawing of the lab alone on it, and a tab in which it must not complain."""

import shutil
from contextlib import contextmanager

SIZES = {"params": [(1280, 900), (390, 844)], "ids": ["desk", "phone"]}
"""Windows, for a fixture."""


def written(folder, drawing, style):
    """The page of a drawing, with the scripts that it names beside it; its file."""
    for script in drawing.scripts:
        shutil.copy(script, folder)
    scripts = "".join(f"<script src={script.name} defer></script>" for script in drawing.scripts)
    page = folder / "page.html"
    styled = f"<style>{style.read_text(encoding='utf-8')}</style>"
    page.write_text(f"<!doctype html><meta charset=utf-8>{styled}{drawing._repr_html_()}{scripts}")
    return page


@contextmanager
def opened(browser, size, file, drawn):
    """A tab of a size with the page, once ``drawn`` is there; at the end it has raised and noted no error."""
    context = browser.new_context(viewport=dict(zip(("width", "height"), size, strict=True)))
    tab = context.new_page()
    tab.errors = []
    tab.on("pageerror", lambda error: tab.errors.append(str(error)))
    tab.on("console", lambda message: message.type == "error" and tab.errors.append(message.text))
    tab.goto(file.as_uri())
    tab.wait_for_selector(drawn)
    yield tab
    assert tab.errors == []
    assert tab.evaluate("document.documentElement.scrollWidth") <= size[0]
    context.close()
