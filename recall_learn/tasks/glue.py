"""The nine GLUE tasks: their columns, their classes as the hub names them, their scores.

The data is the hub's ``nyu-mll/glue`` or a folder in its layout, ``<task>/<split>-00000-of-00001.parquet``. The test
labels of GLUE are withheld, so the score is taken on the validation split.

Wang et al., 2019, "GLUE". The score of each task is the one of Chen et al., 2020, "Recall and Learn", section 4.
"""

from functools import partial

from recall_learn.tasks.task import Task

REPOSITORY = "nyu-mll/glue"
_PAIR = ("sentence1", "sentence2")
_glue = partial(Task, repository=REPOSITORY)

TASKS = (
    _glue(
        "cola",
        ("sentence",),
        ("unacceptable", "acceptable"),
        metrics=("matthews_correlation", "accuracy"),
        primary="matthews_correlation",
    ),
    _glue("sst2", ("sentence",), ("negative", "positive")),
    _glue("mrpc", _PAIR, ("not_equivalent", "equivalent"), metrics=("accuracy", "f1")),
    _glue("stsb", _PAIR, metrics=("pearson", "spearman"), primary="pearson", span=(0.0, 5.0)),
    _glue("qqp", ("question1", "question2"), ("not_duplicate", "duplicate"), metrics=("accuracy", "f1")),
    _glue(
        "mnli",
        ("premise", "hypothesis"),
        ("entailment", "neutral", "contradiction"),
        evaluation="validation_matched",
        mismatched="validation_mismatched",
    ),
    _glue("qnli", ("question", "sentence"), ("entailment", "not_entailment")),
    _glue("rte", _PAIR, ("entailment", "not_entailment")),
    _glue("wnli", _PAIR, ("not_entailment", "entailment")),
)
