"""Formulas of the web's pages where no script runs, and formulas in what a cell prints.

MathJax sets formulas from their LaTeX. For a reader without scripts each has a ``noscript`` beside it, with its MathML,
and a rule in the page's head hides the LaTeX; where scripts run, all of that is text that no browser looks into.
"""

import re
from html import unescape

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

from recall_learn.book import mathml

CLASSES = "math notranslate nohighlight"
"""The classes that Sphinx gives to LaTeX which MathJax is to find."""
HIDDEN = "<noscript><style>.math.notranslate { display: none !important; }</style></noscript>"
INLINE = re.compile(rf'<span class="{CLASSES}">([^<]*)</span>(?!<noscript>)')
BLOCK = re.compile(rf'<div class="{CLASSES}( recall-pieces)?"[^>]*>((?:(?!</?div).)*)</div>(?!<noscript>)', re.DOTALL)
BETWEEN = re.compile(r"(?<!\\)\\\[(.*?)(?<!\\)\\\]", re.DOTALL)
SPLIT = (r"\begin{split}", r"\end{split}")
"""What Sphinx puts around a formula that has a line break anywhere."""

DOLLARS = re.compile(r"(?<![\\$])\$(?=\S)([^$]+?)(?<=[^\s\\])\$(?!\d)|(?<![\\$])\$\$([^$]+)\$\$")
VERBATIM = (nodes.FixedTextElement, nodes.literal, nodes.math, nodes.math_block, nodes.raw, nodes.Invisible)


def unscripted(page: str) -> str:
    """A page whose formulas can be read without a script, too; once more it stays as it is.

    Args:
        page: its HTML, the formulas as Sphinx writes them for MathJax; displayed ones may be in pieces, see `pages`.
    """
    made = BLOCK.sub(_block, INLINE.sub(_inline, page))
    return made if HIDDEN in made or CLASSES not in made else made.replace("</head>", f"{HIDDEN}\n</head>", 1)


def _inline(found: re.Match) -> str:
    latex = unescape(found[1]).strip().removeprefix(r"\(").removesuffix(r"\)")
    return f"{found[0]}<noscript>{mathml.shown(latex, xml=False)}</noscript>"


def _block(found: re.Match) -> str:
    parts = (part.strip().removeprefix(SPLIT[0]).removesuffix(SPLIT[1]) for part in BETWEEN.findall(unescape(found[2])))
    shown = "".join(f"<div>{mathml.shown(part, display=True, xml=False)}</div>" for part in parts)
    return f'{found[0]}<noscript><div class="recall-unscripted{found[1] or ""}">{shown}</div></noscript>'


class Dollars(SphinxPostTransform):
    """Mathematics in dollars, in the Markdown that a cell prints, is mathematics as anywhere else."""

    default_priority = 20  # what a cell shows is chosen by then

    def run(self, **_) -> None:
        """Go through the outputs of a page's cells."""

        def prints(node):
            return isinstance(node, nodes.Element) and "cell_output" in node["classes"]

        for output in list(self.document.findall(prints)):
            for text in list(output.findall(nodes.Text)):
                if DOLLARS.search(text) and not _verbatim(text):
                    text.parent.replace(text, _with_formulas(text))


def _verbatim(node: nodes.Node) -> bool:
    return node is not None and (isinstance(node, VERBATIM) or _verbatim(node.parent))


def _with_formulas(text: str) -> list[nodes.Node]:
    parts, end = [], 0
    for found in DOLLARS.finditer(text):
        latex = found[1] or rf"\displaystyle {found[2]}"
        parts += [nodes.Text(text[end : found.start()]), nodes.math(found[0], latex)]
        end = found.end()
    return [*parts, nodes.Text(text[end:])]


def setup(app) -> None:
    """Register what looks through the outputs; `pages` calls the rest."""
    app.add_post_transform(Dollars)
