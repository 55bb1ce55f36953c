"""Mends what the theme leaves: pages that are opened from disk, read by night, printed."""

import re
import shutil
from pathlib import Path

from recall_learn.book import formulas
from recall_learn.book.ties import MATHS, tied

STATIC = Path(__file__).parent / "static"
STYLE, PAPER, FONTS = STATIC / "book.css", STATIC / "paper.css", STATIC / "fonts"

# Where the rules of the light scheme are, in the order of a page: the theme's, those of code and of cells, and ours.
STYLES = ("styles/pydata-sphinx-theme.css", "pygments.css", "styles/sphinx-book-theme.css", "mystnb.*.css", STYLE.name)
RULE = re.compile(r"([^{}]*)\{([^{}]*)\}")
LIGHT = re.compile(r'\[data-theme="?light"?\]')
PRINT = "print.css"

# The theme's style sheets load these fonts anyway. Under file:// a preload counts as a request to another host, fails,
# and leaves an error in the console.
FONT_PRELOAD = re.compile(r'<link rel="preload" as="font"[^>]*>\s*')

# The icons come twice, as a font by a style sheet and as 1.5 MB of script. The font will do.
ICON_SCRIPT = re.compile(r"<script [^>]*fontawesome/[^>]*/all\.min\.js[^>]*></script>\s*")

# What a cell prints as Markdown links a lesson by its source. (A notebook has its own links, see `notebooks`.)
LINK = re.compile(r'(<a [^>]*href="\w+)\.md(?=["#])')

# "This, where that" on one line is too wide for a telephone; as pieces of a row that wraps, each has a line there.
DISPLAYED = re.compile(rf'(<div {MATHS[:-1]})("[^>]*>)\s*\\\[((?:(?!</div>).)*)\\\]\s*</div>', re.DOTALL)
GROUPED = re.compile(r"\\begin\b|\\end\b|\\left\b|\\right\b|(?<!\\)[{}]|\\\\|&amp;|\\qquad\b")
OPENS, SHUTS, WIDE = ("{", r"\begin", r"\left"), ("}", r"\end", r"\right"), r"\qquad"

# A space in code has no colour to be given; the API's pages have some thousand and a half.
SPACE = re.compile(r'<span class="w">(\s+)</span>')

# What the search leaves out of a page when it shows where a word stands.
READ, UNREAD = '[".headerlink", "script", "style"]', '[".headerlink", "script", "style", "noscript"]'

# The theme learns what the reader's system asks for when its script has come, and until then has no colours.
SCHEME = 'localStorage.getItem("theme") || "auto"'
ASKED = (
    'document.documentElement.dataset.mode !== "auto" ? localStorage.getItem("theme") : '
    'matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"'
)

# Where no script runs a page keeps the scheme that it has in the file, and the theme's "auto" has no colours.
NO_SCHEME, LIGHT_SCHEME = 'data-theme="auto"', 'data-theme="light"'


def mended(text: str) -> str:
    """A page without what it does not need, its links to lessons leading to pages; a light one where no script runs."""
    text = LINK.sub(r"\1.html", ICON_SCRIPT.sub("", FONT_PRELOAD.sub("", text)))
    text = DISPLAYED.sub(_in_pieces, tied(text))
    text = formulas.unscripted(SPACE.sub(r"\1", text))
    return text.replace(SCHEME, ASKED).replace(NO_SCHEME, LIGHT_SCHEME, 1)


def pieces(formula: str) -> list[str]:
    r"""A formula parted at each ``\qquad`` that stands in no group and no environment, if it is one line."""
    whole = formula.strip()
    inner = whole.removeprefix(formulas.SPLIT[0]).removesuffix(formulas.SPLIT[1])
    ends, depth = [0], 0
    for found in GROUPED.finditer(inner):
        depth += (found[0] in OPENS) - (found[0] in SHUTS)
        if depth == 0 and found[0] == WIDE:
            ends += found.span()
        elif depth == 0 and found[0] in ("&amp;", "\\\\"):
            return [whole]
    ends.append(len(inner))
    parts = [inner[begin:end].strip() for begin, end in zip(ends[::2], ends[1::2], strict=True)]
    return parts if len(parts) > 1 else [whole]


def _in_pieces(found: re.Match) -> str:
    parts = pieces(found[3])
    if len(parts) == 1:
        return found[0]
    return f"{found[1]} recall-pieces{found[2]}\n" + "\n".join(rf"\[{part}\]" for part in parts) + "</div>"


def on_paper(styles: str) -> str:
    """The rules of the light scheme, for either scheme and above both: a page read by night is printed as any other."""
    light = [(where, what) for where, what in RULE.findall(styles) if LIGHT.search(where)]
    return "".join(f"{LIGHT.sub(':root[data-theme]', where)}{{{what}}}" for where, what in light)


def web(app) -> bool:
    """Whether it is the pages for the web that are built, and not those of the EPUB, which are HTML, too."""
    return app.builder.format == "html" and app.builder.name != "epub"


def _copy_style(app) -> None:
    if web(app):
        target = Path(app.outdir) / "_static"
        target.mkdir(parents=True, exist_ok=True)
        for style in (STYLE, PAPER):
            shutil.copy(style, target)
        shutil.copytree(FONTS, target / FONTS.name, dirs_exist_ok=True)


def _mend(app, exception) -> None:
    if exception is None and web(app):
        static = Path(app.outdir) / "_static"
        styles = [file.read_text(encoding="utf8") for name in STYLES for file in static.glob(name)]
        (static / PRINT).write_text("\n".join(map(on_paper, styles)), encoding="utf8")
        search = static / "searchtools.js"  # it reads pages as a browser without scripts does: each formula twice
        if search.exists():
            search.write_text(search.read_text(encoding="utf8").replace(READ, UNREAD), encoding="utf8")
        for page in Path(app.outdir).rglob("*.html"):
            text = page.read_text(encoding="utf8")
            made = mended(text)
            if made != text:
                page.write_text(made, encoding="utf8")


def setup(app) -> None:
    """Give every page our style, and go over the pages once they are written."""
    app.connect("builder-inited", _copy_style)
    app.add_css_file(STYLE.name)
    app.add_css_file(PRINT, media="print")
    app.add_css_file(PAPER.name, media="print")
    app.connect("build-finished", _mend, priority=900)  # after the theme has written the colours of code
