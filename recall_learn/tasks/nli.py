"""Natural language inference beside GLUE: does the second sentence follow from the first?

``nli/mnli`` and ``nli/snli`` are small cuts of MultiNLI (Williams et al., 2018) and SNLI (Bowman et al., 2015),
``nli/scitail`` (Khot et al., 2018) and ``sick`` (Marelli et al., 2014) are what a model that was trained on another is
tested on; ``sick-r`` asks how related the sentences of SICK are, from 1 to 5. They come in folders of parquet files.
"""

from recall_learn.tasks.task import Task

LABELS = ("entailment", "neutral", "contradiction")
_PREMISE, _PAIR = ("premise", "hypothesis"), ("sentence1", "sentence2")

TASKS = (
    Task("nli/mnli", _PREMISE, LABELS),
    Task("nli/snli", _PREMISE, LABELS),
    Task("nli/scitail", _PREMISE, ("entailment", "not_entailment"), trains=False),
    Task("sick", _PAIR, LABELS, folder="sick/data"),
    Task(
        "sick-r",
        _PAIR,
        label="relatedness_score",
        metrics=("pearson", "spearman"),
        primary="pearson",
        span=(1.0, 5.0),
        folder="sick/data",
    ),
)
