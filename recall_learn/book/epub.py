"""The whole book in one file, for reading offline: Sphinx's EPUB, with `offline`'s pages.

``make epub`` builds it, from what ``make book`` executed.
"""

import re
import shutil
from importlib import metadata
from pathlib import Path

from sphinx.builders.epub3 import Epub3Builder

from recall_learn.book.offline import offline

STYLE = Path(__file__).parent / "static" / "epub.css"
PICTURES = "_pictures"
# What the web's pages load: our own style sheet and that of code take the place of all.
LOADED = re.compile(r'<link [^>]*rel="stylesheet"[^>]*>\s*|<script\b[^>]*\bsrc=[^>]*></script>\s*')
STYLES = "".join(
    f'<link rel="stylesheet" type="text/css" href="_static/{name}" />' for name in ("pygments.css", STYLE.name)
)
USED = re.compile(r'\b(?:src|href)="(?!https?:|mailto:)([^"#]+)')
MATHEMATICS = "<math "


class Book(Epub3Builder):
    """Sphinx's builder; its pages go through `offline` before they are packed."""

    def init(self) -> None:
        """Begin with an empty folder: a page that was mended is not mended twice, and nothing old is packed."""
        for old in Path(self.outdir).glob("[!.]*"):
            shutil.rmtree(old) if old.is_dir() else old.unlink()
        super().init()

    def get_outdated_docs(self) -> set[str]:
        """All of them."""
        return self.env.found_docs

    def prepare_writing(self, docnames: set[str]) -> None:
        """As for the web, without its index of modules."""
        super().prepare_writing(docnames)
        self.domain_indices = []

    def handle_finish(self) -> None:
        """Mend the pages, throw away what none of them uses, and pack."""
        out = Path(self.outdir)
        shutil.copy(STYLE, out / "_static")
        (out / PICTURES).mkdir(exist_ok=True)
        used = set()
        for page in out.glob("*.xhtml"):
            text = self._mended(page.read_text(encoding="utf-8"))
            page.write_text(text, encoding="utf-8")
            used.update(USED.findall(text))
        for file in [file for file in out.glob("[!.]*/**/*") if file.is_file()]:
            if file.relative_to(out).as_posix() not in used:
                file.unlink()
        super().handle_finish()

    def build_content(self) -> None:
        """The list of files; those with mathematics are marked so, as EPUB 3 asks."""
        super().build_content()
        out = Path(self.outdir)
        listed = out / "content.opf"
        text = listed.read_text(encoding="utf-8")
        for page in out.glob("*.xhtml"):
            if MATHEMATICS in page.read_text(encoding="utf-8"):
                text = text.replace(f'href="{page.name}" ', f'href="{page.name}" properties="mathml" ', 1)
        listed.write_text(text, encoding="utf-8")

    def _mended(self, text: str) -> str:
        loads_ours = LOADED.sub("", text).replace("</head>", f"{STYLES}</head>", 1)
        return offline(loads_ours, self._keep)

    def _keep(self, name: str, text: str) -> str:
        (Path(self.outdir) / PICTURES / name).write_text(text, encoding="utf-8")
        return f"{PICTURES}/{name}"


def _version(_app, config) -> None:
    config.version = config.version or metadata.version("recall-learn")


def setup(app) -> None:
    """Take the place of Sphinx's own builder."""
    app.add_builder(Book, override=True)
    app.connect("config-inited", _version)
