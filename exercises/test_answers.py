from pathlib import Path

import pytest

from recall_learn.practice.answers import look


def test_answer(answer: tuple[object, Path]):
    report = look(*answer)
    if not report:
        pytest.fail(str(report), pytrace=False)
