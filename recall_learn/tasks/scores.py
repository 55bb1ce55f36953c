"""The scores of GLUE: each a function of labels and predictions, both of shape (examples,)."""

import numpy as np


def _accuracy(labels: np.ndarray, predictions: np.ndarray) -> float:
    return np.mean(labels == predictions)


def _f1(labels: np.ndarray, predictions: np.ndarray) -> float:
    from sklearn.metrics import f1_score

    return f1_score(labels, predictions, labels=[1], average="macro", zero_division=0.0)


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
    "matthews_correlation": _correlation("matthews"),
    "pearson": _correlation("pearsonr"),
    "spearman": _correlation("spearmanr"),
}
