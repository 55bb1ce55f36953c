"""How answers are scored: each score a function of labels and predictions, both of shape (examples,)."""

import numpy as np
from numpy.typing import ArrayLike

from recall_learn.tasks.registry import named
from recall_learn.tasks.stored import check_labels
from recall_learn.tasks.task import Task


def _accuracy(labels: np.ndarray, predictions: np.ndarray) -> float:
    return np.mean(labels == predictions)


def _f1(labels: np.ndarray, predictions: np.ndarray) -> float:
    from sklearn.metrics import f1_score

    return f1_score(labels, predictions, labels=[1], average="macro", zero_division=0.0)


def _macro_f1(labels: np.ndarray, predictions: np.ndarray) -> float:
    from sklearn.metrics import f1_score

    return f1_score(labels, predictions, average="macro", zero_division=0.0)


def _correlation(name: str):
    """A correlation of scikit-learn or scipy that is 0 where one side is constant, and warns of nothing."""

    def correlation(labels: np.ndarray, predictions: np.ndarray) -> float:
        if np.ptp(labels) == 0 or np.ptp(predictions) == 0:
            return 0.0
        if name == "matthews":
            from sklearn.metrics import matthews_corrcoef

            return matthews_corrcoef(labels, predictions)
        from scipy import stats

        return getattr(stats, name)(labels.astype(np.float64), predictions).statistic

    return correlation


METRICS = {
    "accuracy": _accuracy,
    "f1": _f1,
    "macro_f1": _macro_f1,
    "matthews_correlation": _correlation("matthews"),
    "pearson": _correlation("pearsonr"),
    "spearman": _correlation("spearmanr"),
}


def metrics(task: Task | str, logits: ArrayLike, labels: ArrayLike) -> dict[str, float]:
    """Score predictions, as GLUE does.

    The class is the largest logit. ``f1`` is that of the task's positive class, and 0 where it is neither predicted nor
    present; ``macro_f1`` is the mean over the classes that are either. A correlation is undefined where one side is
    constant; it is given as 0, for such predictions carry no information.

    Args:
        task: the task, or the name of one.
        logits: (examples, classes); in a regression (examples,) or (examples, 1).
        labels: (examples,).

    Returns:
        ``name -> value`` for the names in the task's ``metrics``, each a finite fraction of 1, not a percentage.

    Raises:
        ValueError: the task is unknown, there are no examples, shapes do not fit, a label is out of range, or a logit
            is not finite (the run has diverged).
    """
    spec = task if isinstance(task, Task) else named(task)
    logits, labels = np.asarray(logits, dtype=np.float64), np.asarray(labels)
    if spec.num_labels == 1 and logits.ndim == 1:
        logits = logits[:, None]
    if labels.size == 0:
        raise ValueError(f"there is nothing to score: {spec.name} was given no examples")
    if labels.ndim != 1 or logits.shape != (len(labels), spec.num_labels):
        raise ValueError(
            f"logits of {spec.name} must have the shape (examples, {spec.num_labels}) and labels (examples,), "
            f"got {logits.shape} and {labels.shape}"
        )
    check_labels(labels, spec, "labels")
    bad = int((~np.isfinite(logits).all(axis=1)).sum())
    if bad:
        raise ValueError(
            f"logits are not finite in {bad} of {len(labels)} examples of {spec.name}: the run has diverged"
        )
    predictions = logits[:, 0] if spec.num_labels == 1 else logits.argmax(axis=1)
    both = {"f1": [np.equal(side, spec.positive).astype(int) for side in (labels, predictions)]}
    return {name: float(METRICS[name](*both.get(name, (labels, predictions)))) for name in spec.metrics}
