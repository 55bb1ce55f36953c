"""Build the kernel that trains in a page: ``python tools/wasm.py`` (``make wasm``), from the sources in the package.

``python tools/wasm.py fit`` prints the coefficients of the kernel's erf anew.
"""

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.polynomial import Polynomial, chebyshev

from recall_learn.lab.browser import layout

FOLDER = Path(layout.__file__).parent
KERNEL = FOLDER / "kernel"
TARGET = ("cc", "-target", "wasm32-freestanding")
COMPILE = (
    *("-c", "-std=c11", "-ffreestanding", "-fno-builtin", "-ffp-contract=off", "-msimd128", "-mbulk-memory"),
    *("-Wall", "-Wextra", "-Werror"),
)
"""Plain 128-bit SIMD, and nothing that one engine rounds differently from the next."""
LINK = ("-nostdlib", "-Wl,--no-entry", "-Wl,--strip-all", "-Wl,-z,stack-size=65536")
FAST = ("linear.c", "norm.c", "attention.c")
"""Nearly all the time is spent in these; the others are made small."""


def sources() -> list[Path]:
    """The kernel's files, headers too."""
    return sorted([*KERNEL.glob("*.c"), *KERNEL.glob("*.h")])


def digest() -> str:
    """SHA-256 of what the module is built from: the sources and the flags."""
    result = hashlib.sha256(repr((TARGET, COMPILE, LINK, FAST)).encode())
    for path in sources():
        result.update(path.name.encode() + path.read_bytes())
    return result.hexdigest()


def build(out: Path) -> None:
    """Compile the module.

    Raises:
        subprocess.CalledProcessError: it does not compile.
    """

    def run(*arguments: str) -> None:
        subprocess.run([sys.executable, "-m", "ziglang", *TARGET, *arguments], cwd=KERNEL, check=True)

    with tempfile.TemporaryDirectory() as folder:
        made = []
        for code in (path.name for path in sources() if path.suffix == ".c"):
            made.append(f"{folder}/{code}.o")
            run(*COMPILE, "-O2" if code in FAST else "-Os", "-o", made[-1], code)
        run(*LINK, "-o", str(out), *made)


def fit(degree: int = 7, most: float = 4.0) -> np.ndarray:
    """P with erf x = 1 - exp(-x p(x)) on [0, most], of the least largest error, by Lawson's iteration."""
    from scipy.special import erfc

    x = (1 + np.cos(np.linspace(0, np.pi, 4001)[:-1])) * most / 2
    wanted, weight = -np.log(erfc(x)) / x, x * erfc(x)  # an error of p counts in erf as much as x erfc x
    powers, share = chebyshev.chebvander(2 * x / most - 1, degree), np.ones_like(x)
    for _ in range(400):
        scale = np.sqrt(share) * weight
        found = np.linalg.lstsq(powers * scale[:, None], wanted * scale, rcond=None)[0]
        error = np.abs(powers @ found - wanted) * weight
        share *= error / error.max() + 1e-12
        share /= share.sum()
    return Polynomial(chebyshev.cheb2poly(found))(Polynomial([-1, 2 / most])).coef


def main() -> None:
    """Write layout.h, kernel.wasm, and in kernel.sha256 the digits of the module and of what it was built from."""
    if sys.argv[1:] == ["fit"]:
        print(*(float(np.float32(c)) for c in fit()), sep="\n")
        return
    (KERNEL / "layout.h").write_text(layout.header())
    module = FOLDER / "kernel.wasm"
    build(module)
    made = hashlib.sha256(module.read_bytes()).hexdigest()
    (FOLDER / "kernel.sha256").write_text(f"{made}  kernel.wasm\n{digest()}  kernel/\n")
    print(f"{module}: {module.stat().st_size} bytes")


if __name__ == "__main__":
    main()
