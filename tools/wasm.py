"""Build the kernel that trains in a page: ``python tools/wasm.py`` (``make wasm``), from the sources in the package.

``python tools/wasm.py fit`` prints the coefficients of the kernel's normal distribution anew.
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


def fit(top: int = 5, bottom: int = 5, most: float = 5.4) -> tuple[np.ndarray, np.ndarray]:
    """P and Q, Q(0) = 1, with Phi(x) = 1/2 + x P(x^2) / Q(x^2) on [-most, most], Phi the normal distribution function.

    The largest error is the least, by Lawson's iteration; what is solved is linear, x P - wanted Q, over the last Q.
    """
    from scipy.special import ndtr

    x = ((1 + np.cos(np.linspace(0, np.pi, 6001))) * most / 2)[:-1]
    wanted, z = ndtr(x) - 0.5, 2 * (x / most) ** 2 - 1
    above, below = x[:, None] * chebyshev.chebvander(z, top), wanted[:, None] * chebyshev.chebvander(z, bottom)
    share, scale, best = np.ones_like(x), np.ones_like(x), np.inf
    for _ in range(400):
        weight = (np.sqrt(share) / scale)[:, None]
        left, right = np.hstack([above, -below[:, 1:]]) * weight, below[:, 0] * weight[:, 0]
        solved = np.linalg.lstsq(left, right, rcond=None)[0]
        p, q = solved[: top + 1], np.append(1, solved[top + 1 :])
        scale = np.abs(chebyshev.chebval(z, q))
        error = np.abs(x * chebyshev.chebval(z, p) / chebyshev.chebval(z, q) - wanted)
        if error.max() < best:
            best, found = error.max(), (p, q)
        share *= (error / error.max()) ** 0.7 + 1e-9
        share /= share.sum()
    p, q = (Polynomial(chebyshev.cheb2poly(each))(Polynomial([-1, 0, 2 / most**2])).coef[::2] for each in found)
    return p / q[0], q / q[0]


def main() -> None:
    """Write layout.h, kernel.wasm, and in kernel.sha256 the digits of the module and of what it was built from."""
    if sys.argv[1:] == ["fit"]:
        print(*(", ".join(str(np.float32(c)) for c in each) for each in fit()), sep="\n")
        return
    (KERNEL / "layout.h").write_text(layout.header())
    module = FOLDER / "kernel.wasm"
    build(module)
    made = hashlib.sha256(module.read_bytes()).hexdigest()
    (FOLDER / "kernel.sha256").write_text(f"{made}  kernel.wasm\n{digest()}  kernel/\n")
    print(f"{module}: {module.stat().st_size} bytes")


if __name__ == "__main__":
    main()
