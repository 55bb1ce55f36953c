"""Errors as the live lab tells them."""

import re

import torch

from recall_learn.support.checks import one_line

MEMORY = ("out of memory", "can't allocate memory", "alloc_failed")
"""What the libraries under torch say when memory is short."""


def explain(error: BaseException) -> str:
    """What happened, and what to do, in two sentences."""
    text = one_line(error)
    said = text.lower()
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or any(sign in said for sign in MEMORY):
        return "Out of memory. Take a smaller batch or backbone, or train nothing beside it; then press Reset."
    if "cuda error" in said:
        return f"The GPU has failed ({text[:200]}). Restart the kernel; what was saved can be opened again."
    if isinstance(error, ArithmeticError):
        return f"{sentence(text)}. Start goes back to the last checkpoint, Reset begins anew."
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    if isinstance(error, ValueError | OSError):
        return f"{sentence(text)}. Mend that and press Start, or change the controls and press Reset."
    return f"{type(error).__name__}: {text[:300]}. Start goes back to the last checkpoint, Reset begins anew."


def sentence(text: str) -> str:
    """A message of the library's as the lab says it: what are options of a command there are its own words here."""
    text = text.replace("by --data,", "by Lab(data_folder=...),").replace("--out", "folder")
    text = re.sub(r"--(?=[a-z])", "", text)
    begins = text.split(" ", 1)[0]
    return (
        text[:1].upper() + text[1:] if begins.isalpha() and len(begins) > 1 and begins != "lr" else text
    )  # not a name
