"""Single sentences to classify: films (mr), opinions (subj, mpqa) and kinds of question (trec).

Pang and Lee, 2005 and 2004; Wiebe et al., 2005; Li and Roth, 2002. They come in folders of parquet files.
"""

from recall_learn.tasks.task import Task

_KINDS = ("abbreviation", "entity", "description", "human", "location", "number")

TASKS = tuple(
    Task(f"sentences/{name}", ("sentence",), labels)
    for name, labels in (
        ("mr", ("negative", "positive")),
        ("subj", ("subjective", "objective")),
        ("mpqa", ("negative", "positive")),
        ("trec", _KINDS),
    )
)
