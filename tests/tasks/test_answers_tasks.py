"""The tasks that ask what is true in the small world, by their names: made, saved, read back, tokenized, listed."""

import pytest
from small import refused

from recall_learn.cli.__main__ import main
from recall_learn.models import backbones
from recall_learn.tasks import loading, registry, stored
from recall_learn.tasks import world as world_files
from recall_learn.world import World, answers, tasks

# Columns and classes; written here a second time on purpose.
TABLE = {
    "facts": (("sentence",), ("false", "true")),
    "questions": (("passage", "question"), ("first", "second")),
}


@pytest.fixture(autouse=True)
def no_folder(monkeypatch):
    monkeypatch.delenv(stored.VARIABLE, raising=False)


def columns(split):
    return {name: list(split[name]) for name in split.column_names}


def test_these_are_all():
    assert set(answers.ANSWERS) == set(TABLE)


@pytest.mark.parametrize("task", TABLE)
def test_a_task_has_its_columns_its_classes_and_accuracy(task):
    spec = registry.named(f"world/{task}")
    assert (spec.columns, spec.labels) == TABLE[task]
    assert (spec.primary, spec.metrics, spec.splits) == ("accuracy", ("accuracy",), ("train", "validation"))
    assert not spec.repository
    assert task not in registry.TASKS


@pytest.mark.parametrize("task", TABLE)
def test_loaded_without_a_folder_it_is_made(task):
    data = loading.load(f"world/{task}")
    assert {split: columns(data[split]) for split in data} == tasks.make(task)


@pytest.mark.parametrize("task", TABLE)
def test_what_is_saved_is_read_back(tmp_path, task):
    assert world_files.save(tmp_path, task, 60, World(3)) == tmp_path / "world" / task
    read = loading.load(f"world/{task}", tmp_path)
    assert {split: columns(read[split]) for split in read} == tasks.make(task, 60, World(3))
    assert world_files.seed_of(f"world/{task}", tmp_path) == 3


@pytest.mark.parametrize("task", TABLE)
def test_the_command_writes_it(tmp_path, task, capsys):
    assert main(["world", "task", "--task", task, "--size", "60", "--out", str(tmp_path)]) == 0
    assert f"world/{task}: 60 training examples" in capsys.readouterr().out
    assert len(loading.load(f"world/{task}", tmp_path)["train"]) == 60


def test_a_size_that_cannot_be_made_leaves_no_file(tmp_path):
    refused(lambda: world_files.save(tmp_path, "facts", 10**6, World()), ValueError, "size is 1000000", "world/facts")
    assert not list(tmp_path.rglob("*.parquet"))


@pytest.mark.parametrize("command", [["finetune"], ["sequence"], ["world", "task"]])
def test_the_commands_list_them(command, capsys):
    with pytest.raises(SystemExit):
        main([*command, "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "facts questions" in shown or "facts, questions" in shown


def test_another_name_is_refused_with_these_among_those_that_there_are():
    refused(lambda: registry.named("world/answers"), ValueError, "'world/answers'", "world/facts, world/questions")


def test_passage_and_question_are_read_as_two_texts():
    tokenizer = backbones.load("tiny", num_labels=2).tokenizer
    data = loading.load("world/questions", limit_train=40)["train"]
    for row, passage, question in zip(
        loading.tokenize(data, "world/questions", tokenizer, 64), data["passage"], data["question"], strict=True
    ):
        assert row["input_ids"] == tokenizer(passage, question)["input_ids"]
        assert sum(row["token_type_ids"]) == len(tokenizer(question)["input_ids"]) - 1
