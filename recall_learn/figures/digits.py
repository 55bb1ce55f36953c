"""Numbers as a page holds them."""

import numpy as np


def six_digits(value: object) -> object:
    """Six significant digits of every number in lists, arrays and dictionaries, which come back as plain ones.

    So a page is lighter, no small value becomes 0 on a logarithmic axis, and a curve is the same when its slider comes
    back.
    """
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: six_digits(each) for key, each in value.items()}
    return [six_digits(each) for each in value] if isinstance(value, list | tuple | np.ndarray) else value
