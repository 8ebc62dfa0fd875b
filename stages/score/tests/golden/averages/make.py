"""Golden averages over classes by scikit-learn: writes cases.json beside this file.

Each case is a matrix [class, window] of scores and labels. Undefined values are null. lwlrap is scikit-learn's label-ranking average precision with each
window weighted by its number of labels, which is its definition (Howard et al., DCASE 2019 task 2).
"""

import json
import warnings
from pathlib import Path

import numpy as np
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    label_ranking_average_precision_score,
    precision_recall_fscore_support,
    roc_auc_score,
)

warnings.filterwarnings("ignore")
rng = np.random.default_rng(20260101)
BINS = 15


def none(value):
    return None if value is None or np.isnan(value) else float(value)


def averaged(values, weights=None):
    values = np.array([np.nan if v is None else v for v in values], dtype=float)
    defined = ~np.isnan(values)
    if weights is None:
        return float(values[defined].mean()) if defined.any() else None
    weights = np.asarray(weights, dtype=float)[defined]
    return float((values[defined] * weights).sum() / weights.sum()) if weights.sum() > 0 else None


def area(score, y, s, needs_negatives):
    if not y.any() or (needs_negatives and y.all()):
        return None
    return float(score(y, s))


def ece(y, s):
    if len(y) == 0:
        return None
    bins = np.minimum((s * BINS).astype(int), BINS - 1)
    return float(sum(abs(s[bins == b].mean() - y[bins == b].mean()) * (bins == b).mean() for b in np.unique(bins)))


def case(name, scores, labels, threshold=0.5):
    scores, labels = np.asarray(scores, dtype=np.float64), np.asarray(labels, dtype=bool)
    y, s, hit = labels.T, scores.T, scores.T >= threshold
    support = labels.sum(axis=1)
    out = {"name": name, "scores": scores.tolist(), "labels": labels.tolist(), "threshold": threshold, "metrics": {}}
    m = out["metrics"]
    for average in ["macro", "micro", "weighted"]:
        suffix = "" if average == "macro" else "_" + average
        keep = support > 0 if average != "micro" else np.full(len(support), True)
        if support.sum() == 0:
            m["f1_fixed" + suffix] = m["recall_fixed" + suffix] = None
        else:
            _, recall, f1, _ = precision_recall_fscore_support(y[:, keep], hit[:, keep], average=average, zero_division=np.nan)
            m["f1_fixed" + suffix], m["recall_fixed" + suffix] = none(f1), none(recall)
        if average == "weighted":
            # Classes without a prediction have no precision: scikit-learn leaves NaN out of the weighted mean too.
            precision = precision_recall_fscore_support(y, hit, average=None, zero_division=np.nan)[0]
            m["precision_fixed_weighted"] = averaged(precision, support)
        else:
            m["precision_fixed" + suffix] = none(precision_recall_fscore_support(y, hit, average=average, zero_division=np.nan)[0])
        for metric, score, needs_negatives in [("average_precision", average_precision_score, False), ("auroc", roc_auc_score, True)]:
            if average == "micro":
                m[metric + suffix] = area(score, y.ravel(), s.ravel(), needs_negatives)
            else:
                each = [area(score, y[:, c], s[:, c], needs_negatives) for c in range(len(support))]
                m[metric + suffix] = averaged(each, None if average == "macro" else support)
    brier = [float(brier_score_loss(y[:, c], s[:, c], pos_label=True, labels=[False, True])) for c in range(len(support))]
    m["brier"], m["brier_micro"] = averaged(brier), float(brier_score_loss(y.ravel(), s.ravel(), pos_label=True, labels=[False, True]))
    m["ece"], m["ece_micro"] = averaged([ece(y[:, c], s[:, c]) for c in range(len(support))]), ece(y.ravel(), s.ravel())
    weights, some = y.sum(axis=1), y.any(axis=1)
    m["lwlrap"] = float(label_ranking_average_precision_score(y[some], s[some], sample_weight=weights[some])) if some.any() else None
    return out


cases = []
for classes, windows, rate in [(2, 5, 0.4), (6, 60, 0.2), (12, 80, 0.05), (20, 80, 0.02)]:
    labels = rng.random((classes, windows)) < rate * rng.random((classes, 1)) * 2
    labels[0, 0] = True
    scores = np.clip(rng.normal(0.3 + 0.3 * labels, 0.2), 0, 1).astype(np.float32)
    cases.append(case(f"random, {classes} classes, {windows} windows", scores, labels))
    cases.append(case(f"ties, {classes} classes, {windows} windows", np.round(scores, 1).astype(np.float32), labels, 0.3))
cases.append(case("no positives", rng.random((3, 20)).astype(np.float32), np.zeros((3, 20))))
cases.append(case("all positives", rng.random((3, 20)).astype(np.float32), np.ones((3, 20))))
cases.append(case("all tied", np.full((3, 8), 0.5, dtype=np.float32), rng.random((3, 8)) < 0.5))
cases.append(case("one window", np.array([[0.75], [0.25], [0.5]], dtype=np.float32), [[True], [False], [True]]))
cases.append(case("nothing detected", rng.random((3, 20)).astype(np.float32) * 0.25, rng.random((3, 20)) < 0.5))
some = rng.random((4, 30)) < 0.4
some[1], some[2] = False, True
cases.append(case("a class without positives and one without negatives", rng.random((4, 30)).astype(np.float32), some))

path = Path(__file__).with_name("cases.json")
path.write_text(json.dumps({"cases": cases}, separators=(",", ":")) + "\n")
