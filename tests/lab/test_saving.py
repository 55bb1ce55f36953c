"""A session that is saved goes on as if it had never stopped, and saving leaves all else as it is."""

import shutil

import pytest
from alike import assert_same_run
from labs import PATIENCE
from sessions import alone, begin, recipe, until

from recall_learn.lab.background import BESIDE, MAIN


def test_a_saved_session_goes_on_as_if_it_had_never_stopped(world, tmp_path):
    session = begin(world, beside=recipe(world, "vanilla"))
    session.take(5)  # its checkpoint is at step 4
    until(session, "paused")
    session.set(k=2.0)
    session.take(2)
    until(session, "paused")
    session.save(tmp_path / "deep" / "saved")
    session.start()
    until(session, "done")
    saved = begin(world, beside=recipe(world, "vanilla"), folder=tmp_path / "deep" / "saved")
    assert saved.step == 4  # back at its checkpoint, from which it goes on
    assert saved.seats[MAIN].now == recipe(world)
    saved.start()
    until(saved, "done")
    for name in (MAIN, BESIDE):
        assert saved.seats[name].run.history == session.seats[name].run.history
        assert saved.seats[name].run.evaluations == session.seats[name].run.evaluations
    assert saved.run.changes == [{"step": 6, "k": 2.0}]
    session.save(tmp_path / "ended")
    assert_same_run(tmp_path / "ended", tmp_path / "deep" / "saved")
    session.close(wait=PATIENCE)
    assert (tmp_path / "ended" / "run.json").exists()


def test_saving_never_overwrites(world, tmp_path, monkeypatch):
    session = begin(world)
    session.take(1)
    until(session, "paused")
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "mine.txt").write_text("mine")
    with pytest.raises(ValueError, match="there already; name a new one"):
        session.save(tmp_path / "there")
    with pytest.raises(NotADirectoryError, match="is a file"):
        session.save(tmp_path / "there" / "mine.txt" / "deeper")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    for place, words in {
        ".": "there already",
        "~nobody-has-this-name/x": "there is no such home",
        "\ud800": "which is no UTF-8",
        3: "folder is 3; it has to be a path",
    }.items():
        with pytest.raises(ValueError, match=words):
            session.save(place)
    (tmp_path / "empty").rmdir()
    assert [path.name for path in tmp_path.rglob("*")] == ["there", "mine.txt"]


def test_saving_leaves_everything_else_as_it_is(world, tmp_path):
    session = begin(world)
    session.take(6)  # its checkpoint is at step 4
    until(session, "paused")
    session.set(k=2.0)
    mine = tmp_path / ".saved.partial"  # somebody's own, whatever its name
    mine.mkdir()
    (mine / "mine.txt").write_text("mine")
    session.save(tmp_path / "saved")
    assert (mine / "mine.txt").read_text() == "mine"
    assert (tmp_path / "saved").stat().st_mode == mine.stat().st_mode  # a temporary folder is private, this is not
    before = {path: path.read_bytes() for path in (tmp_path / "saved").rglob("*") if path.is_file()}
    assert not [path for path in before if path.name == ".lock"]
    opened = begin(world, folder=tmp_path / "saved")
    assert (opened.step, opened.run.changes) == (4, [{"step": 7, "k": 2.0}])
    opened.set(t0=1.0)
    opened.save(tmp_path / "again")
    assert {path: path.read_bytes() for path in before} == before  # what it was opened from is not written to
    again = begin(world, folder=tmp_path / "again")
    assert again.run.changes == [{"step": 5, "t0": 1.0}, {"step": 7, "k": 2.0}]
    with pytest.raises(ValueError, match="lies in the run's own"):
        opened.save(tmp_path / "saved" / "inside")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".saved.partial", "again", "saved"]


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), shutil.Error([("a", "b", "[Errno 28] No space left on device")])]
)
def test_a_full_disk_leaves_nothing(world, tmp_path, monkeypatch, error):
    session = begin(world)
    with pytest.raises(ValueError, match="nothing to save before the first step"):
        session.save(tmp_path / "early")
    session.take(1)
    until(session, "paused")

    def copytree(source, target, **how):
        (target / "run.json").write_text("half of")
        raise error

    monkeypatch.setattr("shutil.copytree", copytree)
    with pytest.raises(
        OSError, match=r"nothing was saved in .*full.*No space left on device; make room, or name another"
    ):
        session.save(tmp_path / "full")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    for name in ("", "  ", "a\0b"):
        with pytest.raises(ValueError, match="names no folder"):
            session.save(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert session.save("~/mine") == tmp_path / "mine"
    session.start()
    until(session, "done")


def test_another_recipes_folder_is_refused(world, tmp_path):
    alone(world, tmp_path, "other", recipe(world, steps=2))
    with pytest.raises(ValueError, match="another recipe's run: steps is 2 there and 12 here"):
        begin(world, folder=tmp_path / "other")
