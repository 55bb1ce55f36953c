"""What was made once is there for whoever wants it again; a few of each kind, and never what failed."""

import os

import pytest

from recall_learn.support.shelf import Nothing, Shelf, stamp


def test_a_value_is_made_once_and_those_used_last_stay():
    shelf, made = Shelf(most=2), []

    def get(kind, key):
        return shelf.get(kind, key, lambda: made.append(key) or [key])

    assert get("a", 1) is get("a", 1)
    assert get("b", 1) is not get("a", 1)
    get("a", 2), get("a", 1), get("a", 3)  # the second is the one that was not wanted for longest
    assert made == [1, 1, 2, 3]
    get("a", 1), get("a", 2)
    assert made == [1, 1, 2, 3, 2]


def test_what_failed_is_made_again():
    shelf = Shelf()
    with pytest.raises(ZeroDivisionError):
        shelf.get("a", 1, lambda: 1 / 0)
    assert shelf.get("a", 1, lambda: 5) == 5


def test_a_shelf_that_keeps_nothing():
    shelf = Nothing()
    assert [shelf.get("a", 1, lambda value=value: value) for value in (1, 2)] == [1, 2]


def test_files_that_changed_have_another_stamp(tmp_path):
    (tmp_path / "inside").mkdir()
    file = tmp_path / "inside" / "data.csv"
    file.write_text("a")
    before = stamp(tmp_path, None, tmp_path / "nothing", "no\0where")
    assert before == stamp(tmp_path) != ()
    os.utime(file, ns=(1, 1))
    assert stamp(tmp_path) != before
    assert stamp(file) == ((str(file), 1, 1),)
