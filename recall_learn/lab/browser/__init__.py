"""The lab in a page: a kernel in WebAssembly that trains the packaged model, and what a page is given with it.

kernel/ is C, without a library: `layout` writes its sizes, `make wasm` builds it, model.js asks it from JavaScript.
"""

from pathlib import Path

FOLDER = Path(__file__).parent
