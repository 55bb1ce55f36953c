"""The module in the repository is what its sources make, and asks nothing of whoever runs it."""

import hashlib
from importlib.util import find_spec

import pytest
import wasm
import wasmtime

from recall_learn.lab.browser import FOLDER, layout

MODULE = FOLDER / "kernel.wasm"


def test_the_module_imports_nothing_so_that_every_engine_gives_the_same_bits():
    module = wasmtime.Module.from_file(wasmtime.Engine(), str(MODULE))
    assert module.imports == []


def test_the_module_needs_plain_simd_only():
    config = wasmtime.Config()
    config.wasm_relaxed_simd = False
    config.wasm_threads = False
    wasmtime.Module.validate(wasmtime.Engine(config), MODULE.read_bytes())


def test_the_sizes_in_c_are_those_of_config_json_and_the_parameters():
    assert (wasm.KERNEL / "layout.h").read_text() == layout.header()


def test_the_module_is_the_one_that_was_built_from_these_sources(tmp_path):
    module, sources = (line.split()[0] for line in (FOLDER / "kernel.sha256").read_text().splitlines())
    assert hashlib.sha256(MODULE.read_bytes()).hexdigest() == module
    assert wasm.digest() == sources, "the sources changed since: make wasm"
    if find_spec("ziglang"):
        wasm.build(tmp_path / "again.wasm")
        assert (tmp_path / "again.wasm").read_bytes() == MODULE.read_bytes()


@pytest.mark.parametrize(("name", "which"), [("p", 0), ("q", 1)])
def test_the_coefficients_of_phi_are_those_of_the_fit(name, which):
    text = (wasm.KERNEL / "vectors.h").read_text().partition("vec share_below")[2].partition(f"float {name}[] = {{")[2]
    typed = [float(word.strip().removesuffix("f")) for word in text.partition("}")[0].split(",")]
    assert typed == pytest.approx(list(wasm.fit()[which]), rel=1e-3)


def test_it_is_small():
    assert MODULE.stat().st_size < 40_000
