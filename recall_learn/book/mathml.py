r"""Mathematics without a script: LaTeX as MathML, for the EPUB, for paper and for pages where no script runs.

What cannot be written in MathML is a warning of the build, and stands as LaTeX.
"""

import re
from functools import cache
from html import unescape
from xml.dom import minidom

from docutils import nodes
from sphinx.util import logging

from recall_learn.support import markup

LOGGER = logging.getLogger(__name__)
KEPT = {"&amp;": "&amp;amp;", "&lt;": "&amp;lt;", "&gt;": "&amp;gt;", "&quot;": "&amp;quot;"}
ROOM = re.compile(r"\\\\\[[\d.]+[a-z]+\]")
"""What LaTeX leaves between two lines when it is asked to."""
STYLES = ("displaystyle", "scriptlevel")


@cache
def converter(xml: bool):
    """What makes MathML of LaTeX."""
    from math_core import LatexToMathML

    return LatexToMathML(xml_namespace=xml, fancy_error=False)


def mathml(latex: str, display: bool = False, xml: bool = True) -> str:
    """The formula as an element ``math``.

    Args:
        latex: without what is around it.
        display: it has a line of its own.
        xml: MathML 3 in XML; else MathML Core as HTML has it.

    Raises:
        ValueError: there is something in it that has no MathML; the message names it.
    """
    from math_core import LatexError

    whole = ROOM.sub(r"\\\\", r" \\ ".join(re.split(r"\n\s*\n", latex.strip())))
    if r"\begin" not in whole and re.search(r"(?<!\\)&|\\\\", whole):  # as Sphinx does for MathJax
        whole = rf"\begin{{aligned}}{whole}\end{{aligned}}"
    try:
        made = converter(xml).convert_with_local_state(whole, displaystyle=display)
    except LatexError as error:
        raise ValueError(f"{error} in {latex!r}") from None
    return _xml(made) if xml else made


def _xml(html: str) -> str:
    """MathML Core in HTML as MathML 3 in XML, which readers of EPUBs and their checkers know.

    HTML has names of characters that XML does not know; Core has the style of a formula's part, and its weight, on any
    element.
    """
    for name, kept in KEPT.items():
        html = html.replace(name, kept)
    parsed = minidom.parseString(unescape(html))
    for element in parsed.getElementsByTagName("*"):
        styles = {name: element.getAttribute(name) for name in STYLES if element.hasAttribute(name)}
        if styles and element.tagName != "mstyle":
            around = parsed.createElement("mstyle")
            for name, value in styles.items():
                element.removeAttribute(name)
                around.setAttribute(name, value)
            element.parentNode.replaceChild(around, element)
            around.appendChild(element)
        elif element.tagName == "b":
            element.parentNode.setAttribute("style", "font-weight: bold")
            element.parentNode.replaceChild(element.firstChild, element)
    return parsed.documentElement.toxml()


def shown(latex: str, display: bool = False, xml: bool = True) -> str:
    """The formula as `mathml`, or with a warning as LaTeX."""
    try:
        return mathml(latex, display, xml)
    except ValueError as error:
        LOGGER.warning("a formula is no MathML: %s", error)
        return f"<code>{markup.html(latex)}</code>"


def _inline(translator, node) -> None:
    translator.body.append(shown(node.astext()))
    raise nodes.SkipNode


def _block(translator, node) -> None:
    number = f'<span class="eqno">({node["number"]})</span>' if node.get("number") else ""
    ids = f' id="{node["ids"][0]}"' if node.get("ids") else ""
    translator.body.append(f'<div class="math"{ids}>{number}{shown(node.astext(), display=True)}</div>\n')
    raise nodes.SkipNode


def setup(app) -> None:
    """Register the renderer; ``epub_math_renderer`` chooses it."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    app.add_config_value("epub_math_renderer", "mathml", "")
