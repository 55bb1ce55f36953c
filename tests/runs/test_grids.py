"""Grids of recipes and the file of their runs."""

import itertools
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
from small import refused

from recall_learn.runs import grids, recordings
from recall_learn.runs.lines import append, begin
from recall_learn.runs.recipe import Recipe
from recall_learn.runs.record import Run
from recall_learn.runs.recordings import Records

BOOK = Path(__file__).parents[2] / "book"
HERE = {"device": "CPU", "versions": {"torch": "2.13.0", "numpy": "2.0"}, "backbone": "packaged", "anchors": "abc"}


def a_run(recipe, steps=6, every=2):
    history = [{"step": t, "loss": math.sqrt(t), "lambda": 1.0, "lr": 1e-3, "pull": 0.0} for t in range(1, steps + 1)]
    evaluations = [
        {
            "step": t,
            "metrics": {"accuracy": 0.1, "matthews_correlation": math.pi * t / 20},
            "distance": t / 3,
            "source_loss": 1 + t,
            "facts": {"known": 1 - t / 10, "lost": {}},
        }
        for t in range(0, steps + 1, every)
    ]
    return Run(recipe, dict(HERE, date="2026-11-20"), history, evaluations, {"step": steps, "seconds": 1.5})


def test_a_grid_is_every_combination_once_and_low_seeds_first():
    ks, tasks, seeds = [0.1, "inf"], ["world/cola", "world/rte"], [1, 0]
    block = {"backbone": "tiny", "method": "recadam", "task": tasks, "k": ks, "seed": seeds}
    recipes = grids.expand([block, {**block, "seed": 1}])
    settings = [(r.task, r.k, r.seed) for r in recipes]
    assert set(settings) == set(itertools.product(tasks, (0.1, math.inf), seeds))
    assert len(settings) == 8
    assert [r.seed for r in recipes] == [0] * 4 + [1] * 4


def test_settings_that_do_not_act_make_no_runs():
    block = {"method": ["vanilla", "recadam", "child-f"], "k": [0.1, 0.2], "t0": [50, 250], "gamma": [None, 5000]}
    recipes = grids.expand([block])
    assert [recipe.names for recipe in recipes] == ["vanilla", *["recadam"] * 4, "child-f"]
    with pytest.raises(ValueError, match="block 2 of the grid has p, which is no setting of its methods; leave it out"):
        grids.expand([block, {"method": ["vanilla", "recadam"], "p": 0.5}])


@pytest.mark.parametrize("name", ["forgetting", "methods", "world"])
def test_what_the_book_recorded_is_what_its_grids_ask_for(name):
    recipes, records = grids.read_grid(BOOK / f"grids/{name}.json"), recordings.load(BOOK / f"runs/grid-{name}.jsonl")
    assert records.missing(recipes) == []
    assert {run.recipe for run in records.runs} == set(recipes)


@pytest.mark.parametrize(
    ("blocks", "parts"),
    [
        ([{"task": "world/cola", "seed": []}], ["block 1", "no value for seed"]),
        ([{"task": "cola"}, "recadam"], ["block 2", "'recadam'"]),
        ([{"tusk": "cola"}], ["'tusk'"]),
        ([{"k": [0.1, -1]}], ["k"]),
        ([{"task": "x" * 10_000}], [f"task 'x{'x' * 78}... is unknown"]),
    ],
)
def test_a_block_that_is_no_recipe_is_refused(blocks, parts):
    refused(lambda: grids.expand(blocks), ValueError, *parts)


DEEP = "[" * 10_000 + "]" * 10_000
DIGITS = "1" * 5_000


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "not JSON"),
        ("{}", "it is {}"),
        ("[]", "it is []"),
        ("3", "it is 3"),
        ("[{", "not JSON"),
        (DEEP, "nested too deeply"),
        (f"[{DIGITS}]", "an integer of thousands of digits"),
        ('[{"k": NaN}]', "NaN"),
        ('[{"seed": 0, "lr": 1, "lr": 2}]', "it names 'lr' twice in one object"),
    ],
)
def test_a_file_that_is_no_grid_is_refused(tmp_path, text, part):
    path = tmp_path / "grid.json"
    path.write_text(text)
    refused(lambda: grids.read_grid(path), ValueError, "grid.json", "list of recipes", part)


@pytest.mark.parametrize("reads", [grids.read_grid, recordings.load])
def test_what_is_no_file_is_refused(tmp_path, reads):
    refused(lambda: reads(tmp_path / "other.json"), FileNotFoundError, "other.json is not there")
    refused(lambda: reads(tmp_path), IsADirectoryError, "is a folder")
    os.mkfifo(tmp_path / "pipe")
    refused(lambda: reads(tmp_path / "pipe"), ValueError, "is a device or a pipe")
    refused(lambda: reads("/dev/zero"), ValueError, "is a device or a pipe")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    refused(lambda: reads(tmp_path / "bytes"), ValueError, "is not UTF-8 text")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    refused(lambda: reads(tmp_path / "loop"), OSError, "cannot be read")


def test_a_grid_that_is_larger_than_any_is_refused_before_it_is_made():
    block = {name: list(range(1, 101)) for name in ("steps", "batch_size", "max_length", "seed")}
    refused(lambda: grids.expand([block]), ValueError, "block 1", "100000000 recipes", "100000 at most")


def test_a_record_has_the_means_between_evaluations():
    columns = recordings.summarise(a_run(Recipe(backbone="tiny", task="world/cola")))
    assert columns["step"] == [0, 2, 4, 6]
    means = [(math.sqrt(a) + math.sqrt(b)) / 2 for a, b in ((1, 2), (3, 4), (5, 6))]
    assert columns["loss"][0] is None
    assert columns["loss"][1:] == pytest.approx(means, rel=1e-3)
    assert columns["score"] == pytest.approx([0, math.pi / 10, math.pi / 5, 3 * math.pi / 10], rel=1e-3)
    assert columns["facts"] == [1.0, 0.8, 0.6, 0.4]
    assert columns["source_loss"] == [1, 3, 5, 7]


def test_a_file_comes_back_and_knows_what_it_lacks(tmp_path):
    recipes = [
        Recipe(backbone="tiny", task="world/rte", method="recadam", k=k, seed=s)
        for s in (0, 1)
        for k in (0.1, math.inf)
    ]
    records, path = Records(), tmp_path / "deep" / "grid.jsonl"
    for recipe in recipes[:3]:
        records.add(a_run(recipe), recipe, HERE)
    records.add(None, Recipe(task="cola"), HERE, stopped="the loss is nan")
    records.save(path)
    back = recordings.load(path)
    assert back == records
    assert back.missing(recipes) == recipes[3:]
    assert [run.recipe for run in back.find(k=math.inf, seed=0)] == [recipes[1]]
    assert len(back.environments) == 1


@pytest.mark.parametrize(
    ("changed", "parts"),
    [
        ({"versions": {"torch": "2.12.0", "numpy": "2.0"}}, ["torch 2.13.0", "2.12.0"]),
        ({"anchors": "abd"}, ["packaged", "other pretrained weights"]),
    ],
)
def test_versions_and_weights_are_not_mixed(changed, parts):
    recipe, records = Recipe(task="cola"), Records()
    records.add(a_run(recipe), recipe, HERE)
    refused(lambda: records.add(a_run(recipe), recipe, {**HERE, **changed}), ValueError, *parts)
    assert len(records.runs) == 1
    records.add(a_run(recipe), recipe, {**HERE, "device": "another"})  # the machine may differ, and is told
    assert [e["device"] for e in records.environments] == ["CPU", "another"]
    build = {"device": "GPU", "versions": {**HERE["versions"], "torch": "2.13.0+cu130"}}
    records.add(a_run(recipe), recipe, {**HERE, **build})  # what a CPU began a GPU may finish
    assert records.environments[-1]["versions"]["torch"] == "2.13.0+cu130"


def test_other_examples_are_not_mixed():
    first, second = Recipe(task="cola", seed=0), Recipe(task="cola", seed=1)
    records = Records()
    records.add(a_run(first), first, {**HERE, "data": "a" * 64})
    refused(
        lambda: records.add(a_run(second), second, {**HERE, "data": "b" * 64}), ValueError, "cola", "other examples"
    )
    records.add(a_run(second), second, {**HERE, "data": "a" * 64})
    rte = Recipe(task="rte")
    records.add(a_run(rte), rte, {**HERE, "data": "c" * 64})
    assert [run.data for run in records.runs] == ["a" * 12, "a" * 12, "c" * 12]


@pytest.mark.parametrize(
    ("settings", "mixed"),
    [
        ({"method": "ewc"}, False),  # one Fisher is given to all
        ({"method": "child-d"}, True),  # each takes its task's own, which follows from the seed's head
        ({"method": "recadam+child-d"}, True),
    ],
)
def test_only_a_fisher_that_was_given_has_to_be_the_same(settings, mixed):
    records = Records()
    first, second = (Recipe(task="cola", seed=seed, **settings) for seed in (0, 1))
    records.add(a_run(first), first, {**HERE, "data": "a" * 64, "fisher": {"tensors": "e" * 64}})
    other = {**HERE, "data": "a" * 64, "fisher": {"tensors": "f" * 64}}
    if mixed:
        records.add(a_run(second), second, other)
    else:
        refused(lambda: records.add(a_run(second), second, other), ValueError, "another Fisher")


def test_a_seed_may_draw_its_own_examples():
    records = Records()
    for seed, digits in ((0, "a"), (1, "b")):
        recipe = Recipe(task="cola", limit_train=100, seed=seed)
        records.add(a_run(recipe), recipe, {**HERE, "data": digits * 64})
    assert len(records.runs) == 2


HEAD = '{"schema":2,"usual":{"steps":300}}'
MADE_ON = '{"environment":{"versions":{"torch":"2.13.0"}}}'
ROW = {"recipe": {"task": "cola"}, "step": [0], "score": [1], "on": 0, "seconds": 1}


def row(**changed):
    return json.dumps({name: value for name, value in {**ROW, **changed}.items() if value != "left out"})


def a_file(path, *lines):
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def test_a_line_leaves_out_what_the_first_says(tmp_path):
    (run,) = recordings.load(a_file(tmp_path / "grid.jsonl", HEAD, MADE_ON, row())).runs
    assert (run.recipe.task, run.recipe.steps) == ("cola", 300)
    assert Recipe().steps != 300


@pytest.mark.parametrize(
    ("lines", "parts"),
    [
        ([], ["line 1", "not JSON"]),
        (["[]"], ["line 1", "it is []"]),
        (['{"schema":1,"usual":{}}'], ["line 1", "schema is 1", "it has to be 2"]),
        (['{"schema":2,"usual":[]}'], ["line 1", "usual is []"]),
        ([HEAD, HEAD], ["line 2", "recipe is missing"]),
        ([HEAD, DEEP], ["line 2", "nested too deeply"]),
        ([HEAD, "3"], ["line 2", "it is 3"]),
        ([HEAD, '{"environment":{}}'], ["line 2", "environment.versions is missing"]),
        ([HEAD, '{"environment":{"versions":{"torch":2}}}'], ["line 2", "versions.torch is 2", "valid string"]),
        ([HEAD, row()], ["line 2", "on is 0", "0 environments"]),
        ([HEAD, MADE_ON, row(on=7)], ["line 3", "on is 7", "1 environments"]),
        ([HEAD, MADE_ON, row(on=-1)], ["line 3", "on is -1"]),
        ([HEAD, MADE_ON, row(on=True)], ["line 3", "on is True"]),
        ([HEAD, MADE_ON, row(on="left out")], ["line 3", "on is missing"]),
        ([HEAD, MADE_ON, row(score="left out")], ["line 3", "no score"]),
        ([HEAD, MADE_ON, row(score=[])], ["line 3", "no score"]),
        ([HEAD, MADE_ON, row(score="abc")], ["line 3", "score is 'abc'"]),
        ([HEAD, MADE_ON, row(score=["1"])], ["line 3", "score[0] is '1'"]),
        ([HEAD, MADE_ON, row(score=[None])], ["line 3", "score[0] is None"]),
        ([HEAD, MADE_ON, row(score=[10**400])], ["line 3", "score[0] is an integer of 401 digits"]),
        ([HEAD, MADE_ON, row(step=[0.5])], ["line 3", "step[0] is 0.5"]),
        ([HEAD, MADE_ON, row(step=[0, 1])], ["line 3", "several lengths"]),
        ([HEAD, MADE_ON, row(seconds="1")], ["line 3", "seconds is '1'"]),
        ([HEAD, MADE_ON, row(seconds=-1)], ["line 3", "seconds is -1"]),
        ([HEAD, MADE_ON, row(stopped=1)], ["line 3", "stopped is 1"]),
        ([HEAD, MADE_ON, row(data=[])], ["line 3", "data is []"]),
        ([HEAD, MADE_ON, row(kept=[1])], ["line 3", "kept is [1]"]),
        ([HEAD, MADE_ON, row(), row()], ["line 4", "its recipe is that of line 3, and would count twice"]),
        ([HEAD, MADE_ON, row(step=[1, 0], score=[1, 1])], ["line 3", "step is [1, 0]; it has to rise", "end by 300"]),
        ([HEAD, MADE_ON, row(step=[301])], ["line 3", "step is [301]; it has to rise, and to end by 300"]),
        ([HEAD, MADE_ON, '{"on":0,"on":1}'], ["line 3", "it names 'on' twice in one object"]),
        ([HEAD, MADE_ON, row(recipe="cola")], ["line 3", "recipe is 'cola'"]),
        ([HEAD, MADE_ON, row(recipe={"task": "cola", "tusk": 1})], ["line 3", "'tusk'"]),
        ([HEAD, MADE_ON, row(recipe={"task": "cola", "lr": -1})], ["line 3", "lr is -1"]),
        (
            [HEAD, MADE_ON, row(recipe={"task": "mine.csv"})],
            ["line 3", "task is 'mine.csv'", "does not say what that is"],
        ),
        ([HEAD, '{"environment":{"versions":{},"task":{}}}'], ["line 2", "task.primary is missing"]),
    ],
)
def test_what_is_no_file_of_runs_is_refused_with_its_line_and_field(tmp_path, lines, parts):
    path = a_file(tmp_path / "grid.jsonl", *lines)
    refused(lambda: recordings.load(path), ValueError, "grid.jsonl is damaged", *parts)


def three(tmp_path):
    """A file of three runs, made as a sweep makes it, and its records."""
    path = tmp_path / "grid.jsonl"
    records = Records()
    begin(path, records)
    for seed in range(3):
        recipe = Recipe(task="cola", seed=seed)
        append(path, records.add(a_run(recipe), recipe, HERE))
    return path, records


def test_a_file_grows_by_a_line_a_run(tmp_path):
    path, records = three(tmp_path)
    assert path.read_text() == records.text
    assert recordings.load(path) == records
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [next(iter(each)) for each in rows] == ["schema", "environment", *["recipe"] * 3]
    assert [each["recipe"]["seed"] for each in rows[2:]] == [0, 1, 2]


def test_a_kill_at_any_byte_costs_the_line_that_was_written_and_no_other(tmp_path):
    path, records = three(tmp_path)
    whole = path.read_bytes()
    head = whole.index(b"\n") + 1  # the first line is written with the file, whole or not at all
    for end in range(head, len(whole) + 1):
        path.write_bytes(whole[:end])
        lines = whole[:end].count(b"\n") + (whole[end : end + 1] == b"\n")  # a line that lacks its end alone is whole
        assert len(recordings.load(path).runs) == max(0, lines - 2)
    for end in range(head, len(whole), 97):
        path.write_bytes(whole[:end])
        back = recordings.load(path)
        begin(path, back)
        for run in records.runs:
            if back.missing([run.recipe]):
                append(path, back.add(a_run(run.recipe), run.recipe, HERE))
        assert path.read_bytes() == whole


def test_a_full_disk_leaves_what_was_there(tmp_path):
    path, records = three(tmp_path)
    code = f"""
import resource
from recall_learn.runs.lines import append
resource.setrlimit(resource.RLIMIT_FSIZE, ({path.stat().st_size + 10},) * 2)
import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
try:
    append({str(path)!r}, "x" * 1000)
except OSError as error:
    print("refused")
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "refused\n"
    assert path.read_text() == records.text


def test_the_recorded_files_load_and_lack_what_they_lack():
    lacking = {}
    for path in sorted((BOOK / "runs").glob("grid-*.jsonl")):
        name = path.stem.removeprefix("grid-")
        records, recipes = recordings.load(path), grids.read_grid(BOOK / "grids" / f"{name}.json")
        assert len(set(recipes)) == len(recipes)
        assert {run.recipe for run in records.runs} <= set(recipes)
        assert len({run.recipe for run in records.runs}) == len(records.runs)
        lacking[name] = len(records.missing(recipes))
    assert {name: lacking[name] for name in ("forgetting", "methods", "world")} == {
        "forgetting": 0,
        "methods": 0,
        "world": 0,
    }


def test_a_setting_that_no_recipe_has_is_said():
    refused(lambda: Records().find(tusk="cola"), ValueError, "no 'tusk'", "task")


GROWS = """
import os, signal, sys, time
from pathlib import Path
from recall_learn.runs import grids, recordings
from recall_learn.runs.lines import append, begin
from recall_learn.runs.recipe import Recipe
from test_grids import HERE, a_run

path, moments = Path(sys.argv[1]), [(0, 0.01), (0, 0.03), *((n, 0.0007 * n) for n in range(1, 8))]
recipes = [Recipe(task="cola", seed=seed) for seed in range(10_000)]
run, before = a_run(recipes[0], 400, 1), 0
for least, moment in moments:  # killed so many seconds after so many were kept
    said, says = os.pipe()
    child = os.fork()
    if not child:
        records = recordings.load(path) if path.exists() else recordings.Records()
        begin(path, records)
        for recipe in records.missing(recipes):
            append(path, records.add(run, recipe, HERE))
            os.write(says, b".")  # it is kept, says the one who is about to be killed
    os.close(says)
    kept = 0
    while kept < least:
        assert os.read(said, 1)
        kept += 1
    time.sleep(moment)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while chunk := os.read(said, 1 << 16):
        kept += len(chunk)
    found = [run.recipe.seed for run in recordings.load(path).runs] if path.exists() else []
    assert found == list(range(len(found)))
    assert before + kept <= len(found) <= before + kept + 1, (before, kept, len(found))
    before = len(found)
print(before)
"""


def test_what_was_said_to_be_kept_is_there_whenever_the_process_is_killed(tmp_path):
    path = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
    command = [sys.executable, "-c", GROWS, str(tmp_path / "runs.jsonl")]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path})
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= sum(range(8))
