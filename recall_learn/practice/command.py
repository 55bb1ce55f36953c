"""``recall-learn exercises``: list, run, hint, watch, solution, reset and progress."""

import argparse
import json
import time
from pathlib import Path

from recall_learn.practice import answers, exercise, progress
from recall_learn.practice.exercise import Exercise
from recall_learn.practice.plain import plain
from recall_learn.practice.report import Report
from recall_learn.support.files import check_file, write_text

POLL = 0.5
"""Seconds between two looks at the answers' dates."""


def run(options: argparse.Namespace) -> int:
    """Run the command that ``options.action`` names; returns the exit status."""
    return _ACTIONS[options.action](options)


def _list(options: argparse.Namespace) -> int:
    done, shown = progress.load(), 0
    for each in exercise.everything():
        if options.lesson not in (None, each.lesson):
            continue
        entry = done.get(each.name, {})
        mark = "✓" if "passed" in entry else "·" if entry.get("tries") else " "
        print(f"{mark} {each.lesson:2}  {each.name:22} {each.minutes:3} min  {each.level}  {each.title}")
        shown += 1
    if not shown:
        raise ValueError(f"lesson is {options.lesson}; the lessons with exercises are {_lessons()}")
    return 0


def _lessons() -> str:
    return ", ".join(map(str, sorted({each.lesson for each in exercise.everything()})))


def _run(options: argparse.Namespace) -> int:
    where = answers.folder(options.answers)
    if options.require < 0:
        raise ValueError(f"require is {options.require}; it has to be a number of points, at least 0")
    if options.report:
        check_file(options.report, "report")
    if options.names:
        chosen = list(dict.fromkeys(exercise.named(name) for name in options.names))  # points count once
        for each in chosen:
            written = answers.begin(each, where)
            if written:
                print(f"{written.absolute()} is written. Fill it in, then run this again.")
    else:
        chosen = [each for each in exercise.everything() if (where / f"{each.name}.py").exists()]
        if not chosen:
            raise ValueError(f"{where} holds no answers; `recall-learn exercises run NAME` begins one")
    for each in chosen if len(chosen) > 1 else []:
        _ = each.check  # before any answer runs, which could change the file of another one's check
    reports = [_look(each, where) for each in chosen]
    points = sum(each.points for each, report in zip(chosen, reports, strict=True) if report)
    if len(reports) > 1 or options.require:
        print(f"{sum(map(bool, reports))} of {len(reports)} pass now: {points} of {_all_points()} points")
    if options.report:
        rows = [_row(each, report) for each, report in zip(chosen, reports, strict=True)]
        _write(options.report, {"format": 1, "points": points, "of": _all_points(), "exercises": rows})
    if options.require:
        return 0 if points >= options.require else 1
    return 0 if all(reports) else 1


def _all_points() -> int:
    return sum(each.points for each in exercise.everything())


def _row(each: Exercise, report: Report) -> dict:
    found = {"status": report.status, "says": report.says}
    return {"name": each.name, "lesson": each.lesson, "points": each.points, **found, "uses": list(report.uses)}


def _write(path: str, data: dict) -> None:
    write_text(path, json.dumps(data, indent=1, ensure_ascii=False) + "\n")


def _look(each: Exercise, where: Path) -> Report:
    report = answers.look(each, where / f"{each.name}.py")
    progress.record(report)
    print(report, flush=True)
    return report


def _hint(options: argparse.Namespace) -> int:
    each = exercise.named(options.name)
    number = progress.hint_seen(each)
    if not number:  # it cannot be remembered which one was the last
        for number, hint in enumerate(each.hints, 1):
            print(f"Hint {number} of {len(each.hints)}: {plain(hint)}")
        return 0
    print(f"Hint {number} of {len(each.hints)}: {plain(each.hints[number - 1])}")
    last = f"That was the last. `recall-learn exercises solution {each.name}` shows it worked out."
    print("Once more, and you get the next one." if number < len(each.hints) else last)
    return 0


def _watch(options: argparse.Namespace) -> int:
    where = answers.folder(options.answers)
    each = exercise.named(options.name) if options.name else _next()
    seen = {}
    while each is not None:
        path = where / f"{each.name}.py"
        written = answers.begin(each, where)
        if written or each.name not in seen:
            print(f"{path.absolute()}: {each.title} ({each.minutes} min, {each.level}). Save it, and it is looked at.")
        changed = _saved(path)
        if changed and seen.get(each.name) != changed:
            seen[each.name] = changed
            if _look(each, where):
                if options.name:
                    return 0
                each = _next()
                continue
        time.sleep(POLL)
    print("All exercises are passed.")
    return 0


def _saved(path: Path) -> tuple[int, int, int] | None:
    """What a file's state is after it was saved. An editor may put another file in its place, or none for a moment."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _next() -> Exercise | None:
    done = progress.load()
    return next((each for each in exercise.everything() if "passed" not in done.get(each.name, {})), None)


def _solution(options: argparse.Namespace) -> int:
    each = exercise.named(options.name)
    progress.solution_seen(each.name)
    print(f"{each.code.rstrip()}\n\n{plain(each.explanation.strip())}")
    return 0


def _reset(options: argparse.Namespace) -> int:
    where = answers.folder(options.answers)
    each = exercise.named(options.name)
    kept = answers.reset(each, where)
    print(f"{where / each.name}.py is the stub again" + (f"; your answer is kept as {kept}" if kept else ""))
    return 0


def _try(options: argparse.Namespace) -> int:
    from recall_learn.practice import trying

    each = exercise.named(options.name)
    places = [Path(name) for name in options.files]
    if strangers := [str(place) for place in places if not place.exists()]:
        raise FileNotFoundError(
            f"{strangers[0]} is not there; name files with answers to {each.name}, or folders of them"
        )
    faults = 0
    for one in trying.tried(each):
        faults += bool(one.fault)
        print(one, flush=True)
    for path in [file for place in places for file in (sorted(place.glob("*.py")) if place.is_dir() else [place])]:
        print(trying.tried_file(each, path), flush=True)
    return 1 if faults else 0


def _progress(options: argparse.Namespace) -> int:
    everything = exercise.everything()
    data = progress.export(everything, options.learner)
    if options.json:
        check_file(options.json, "json")
        _write(options.json, data)
        print(f"{data['points']} of {data['of']} points -> {options.json}")
        return 0
    for lesson in sorted({each.lesson for each in everything}):
        rows = [row for row in data["exercises"] if row["lesson"] == lesson]
        marks = " ".join(
            ("✓ " if "passed" in row else "· " if row.get("tries") else "  ") + row["name"] for row in rows
        )
        print(f"{lesson:2}  {marks}")
    where = f"kept in {progress.where()}" if progress.where().exists() else "nothing is kept yet"
    print(f"{data['points']} of {data['of']} points passed so far, one for each five minutes; {where}")
    return 0


_ACTIONS = {
    "list": _list,
    "run": _run,
    "hint": _hint,
    "watch": _watch,
    "solution": _solution,
    "reset": _reset,
    "progress": _progress,
    "try": _try,
}
