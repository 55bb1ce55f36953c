"""Files are written whole or not at all, read with a sentence for whatever is wrong, and owned by one process."""

import os
import stat
import subprocess
import sys
from typing import NotRequired

import pytest
from pydantic import FiniteFloat
from typing_extensions import TypedDict

from recall_learn.support.files import check_file, check_folder, remove_leftovers, write_text, writing
from recall_learn.support.lock import TakenError, owning
from recall_learn.support.reading import LARGEST, parse_json, read_json, read_text


class Row(TypedDict):
    step: int
    loss: FiniteFloat
    note: NotRequired[str]


def dead_pid() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_a_failed_write_leaves_the_former_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.json"
    write_text(path, "former")

    def fail_half_way():
        with writing(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert path.read_text() == "former"
    assert os.listdir(tmp_path) == ["a.json"]


def test_a_new_file_has_the_usual_mode_and_a_replaced_one_keeps_its_own(tmp_path):
    usual = tmp_path / "usual"
    usual.touch()
    path = tmp_path / "a"

    def write_privately():
        with writing(path) as temporary:  # as safetensors does
            temporary.unlink()
            temporary.touch(mode=0o600)

    write_privately()
    assert path.stat().st_mode == usual.stat().st_mode
    path.chmod(0o640)
    write_privately()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_link_stays_one(tmp_path):
    (tmp_path / "there").mkdir()
    link = tmp_path / "link.json"
    link.symlink_to(tmp_path / "there" / "real.json")
    write_text(link, "text")
    assert link.is_symlink()
    assert (tmp_path / "there" / "real.json").read_text() == "text"


def test_what_the_dead_left_is_swept_and_nothing_else(tmp_path):
    dead = dead_pid()
    left = tmp_path / f".a.json.{dead}.0.tmp"
    others = [f".b.json.{dead}.0.tmp", f".a.json.{os.getpid()}.7.tmp", ".a.json.tmp", f"a.json.{dead}.0.tmp"]
    for name in [left.name, *others]:
        (tmp_path / name).touch()
    write_text(tmp_path / "a.json", "")
    assert sorted(os.listdir(tmp_path)) == sorted(["a.json", *others])
    remove_leftovers(tmp_path)
    assert not (tmp_path / others[0]).exists()
    assert (tmp_path / others[1]).exists()


KINDS = ["folder", "pipe", "device", "loop", "dangling", "in a file"]
NAMES = ["empty", "nul", "long", "open pipe", "slash", "proc"]


@pytest.mark.parametrize("kind", [*KINDS, *NAMES])
def test_places_that_cannot_be_written_to_are_refused(tmp_path, kind):
    place = tmp_path / "place"
    if kind == "folder":
        place.mkdir()
    elif kind == "pipe":
        os.mkfifo(place)
    elif kind == "device":
        place.symlink_to("/dev/full")
    elif kind == "loop":
        place.symlink_to(place)
    elif kind == "dangling":
        place.symlink_to(tmp_path / "file" / "nothing")
        (tmp_path / "file").touch()
    elif kind == "in a file":
        place.touch()
        place = place / "below"
    reads, writes = os.pipe()
    others = {"empty": "", "nul": "a\0b", "long": tmp_path / ("a" * 300), "slash": f"{tmp_path}/new/"}
    out = {**others, "open pipe": f"/dev/fd/{writes}", "proc": "/proc/new"}.get(kind, place)
    before = sorted(os.listdir(tmp_path))
    for refuses in (check_file, lambda out: write_text(out, "text")):
        with pytest.raises((OSError, ValueError), match=r"^out is .*[;,] (name|give|choose) "):
            refuses(out)
    assert sorted(os.listdir(tmp_path)) == before
    os.close(reads)
    os.close(writes)


def test_a_folder_behind_a_link_to_nothing_is_refused(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    with pytest.raises(NotADirectoryError, match="link to nothing"):
        check_folder(tmp_path / "link" / "run")
    assert check_file(tmp_path / "new" / "file") == (tmp_path / "new" / "file").resolve()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[" * 10_000 + "]" * 10_000, "nested too deeply"),
        ('[{"step": 1, "loss": NaN}]', "NaN"),
        ('[{"step": 1, "loss": 1e999}]', r"\[0\]\.loss is inf; it has to be a finite number"),
        ('[{"step": 1, "loss": ' + "9" * 400 + "}]", r"\[0\]\.loss is "),
        ('[{"step": 1, "loss": ' + "9" * 5000 + "}]", "digits"),
        ('[{"step": true, "loss": 1}]', r"\[0\]\.step is True; it has to be a valid integer"),
        ('[{"step": 1, "loss": "0.5"}]', r"\[0\]\.loss is '0.5'; it has to be a valid number"),
        ('[{"step": 1}]', r"\[0\]\.loss is missing"),
        ('[{"step": 1, "loss": 1, "note": 3}]', r"\[0\]\.note is 3"),
        ("{}", "it is {}; it has to be a valid list"),
        ("", "not JSON"),
        ("nonsense", "not JSON"),
    ],
)
def test_json_that_does_not_fit_is_refused_with_the_field(tmp_path, text, says):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=rf"^the rows .*a\.json is damaged: .*{says}.*; restore it$"):
        read_json(path, list[Row], "the rows", "restore it")


def test_json_that_fits_is_read_as_it_is():
    rows = '[{"step": 1, "loss": 2, "more": [1]}]'
    assert parse_json(rows, list[Row]) == [{"step": 1, "loss": 2, "more": [1]}]
    assert type(parse_json(rows, list[Row])[0]["loss"]) is int


@pytest.mark.parametrize("kind", ["nothing", "folder", "pipe", "device", "loop", "latin-1", "huge"])
def test_what_is_no_text_file_is_refused_and_never_waited_for(tmp_path, kind):
    path = tmp_path / "place"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "loop":
        path.symlink_to(path)
    elif kind == "latin-1":
        path.write_bytes("naïve".encode("latin-1"))
    elif kind == "huge":
        path.touch()
        os.truncate(path, LARGEST + 1)
    with pytest.raises((OSError, ValueError), match=r"^the text .*place "):
        read_text(path, "the text")


def test_one_owner_at_a_time_who_is_named_and_whose_death_frees_the_place(tmp_path):
    script = f"""
import sys
from pathlib import Path
from recall_learn.support.lock import owning
with owning(Path({str(tmp_path)!r}), "wait"):
    print("mine", flush=True)
    sys.stdin.read()
"""
    child = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout.readline() == "mine\n"
        (tmp_path.parent / "link").symlink_to(tmp_path)
        for name in (tmp_path, tmp_path.parent / "link"):
            with pytest.raises(TakenError, match=rf"process {child.pid} on .*; wait"), owning(name, "wait"):
                pass
    finally:
        child.kill()
        child.communicate()
    with owning(tmp_path, "wait"), pytest.raises(TakenError, match=f"process {os.getpid()} "):  # noqa: SIM117
        with owning(tmp_path, "wait"):
            pass


def test_whoever_is_refused_leaves_no_lock_and_a_lock_that_was_there_stays(tmp_path):
    for place in (tmp_path, tmp_path / "runs"):
        with pytest.raises(FileNotFoundError), owning(place, "wait"):
            (tmp_path / "absent").stat()
        assert not list(tmp_path.iterdir())
    with owning(tmp_path, "wait"):
        pass
    with pytest.raises(FileNotFoundError), owning(tmp_path, "wait"):
        (tmp_path / "absent").stat()
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


@pytest.mark.parametrize("check", [check_file, check_folder])
@pytest.mark.parametrize("path", [3, None, b"bytes", ["a"]])
def test_a_path_that_is_none_is_refused(check, path):
    with pytest.raises(ValueError, match=r"^out is .*; it has to be a path, as text"):
        check(path)


def test_a_stream_that_leads_to_a_file_is_no_file_to_replace(tmp_path):
    with open(tmp_path / "log", "w") as log:
        for name in (f"/dev/fd/{log.fileno()}", f"/proc/self/fd/{log.fileno()}"):
            with pytest.raises(OSError, match="is a device or a pipe; name a file"):
                check_file(name)
    with pytest.raises(OSError, match="is a device or a pipe; name a file"):
        check_file("/dev/stdout")


@pytest.mark.parametrize("check", [check_file, check_folder])
def test_a_name_that_no_file_can_have_is_refused(check, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"^out is '.ud800', which is no UTF-8"):
        check("\ud800")
    with pytest.raises(OSError, match=r"^out is 'x+.*name another|^out is 'x+.*choose another"):
        check("x" * 300)
    assert not list(tmp_path.iterdir())
