"""The Sphinx side of the book: pages that load nothing from another host, figures, links to each lesson's notebook.

``jupyter_book.yml`` names this package as an extension. What it adds to Sphinx:

- ``cache``: lessons are executed anew when the library, the recorded runs or the pinned packages changed;
- ``cards``: the page of method cards, made from the methods;
- ``epub``: the whole in one file, its pages by ``offline`` and ``mathml``; ``pdf`` prints them;
- ``front``: the first page's story in pictures, and its lessons as cards;
- ``figures``: plotly figures, drawn by the plotly.js that came with the pip package;
- ``formulas``: formulas where no script runs, and in what a cell prints;
- ``icons``: the icon font without the icons that no page uses;
- ``lab``: the lab that trains in the page;
- ``lighter``: the theme's style sheets without what no page uses;
- ``notebooks``: under each lesson's title, how to run it;
- ``pages``: what the theme leaves to mend when a page is opened from disk.
"""


def setup(app):
    """Connect the parts to Sphinx."""
    from . import cache, cards, epub, figures, formulas, front, icons, lab, lighter, mathml, notebooks, pages

    cache.setup(app)
    cards.setup(app)
    epub.setup(app)
    figures.setup(app)
    formulas.setup(app)
    front.setup(app)
    icons.setup(app)
    lab.setup(app)
    lighter.setup(app)
    mathml.setup(app)
    notebooks.setup(app)
    pages.setup(app)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
