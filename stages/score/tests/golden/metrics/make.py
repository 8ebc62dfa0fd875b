"""Golden metrics by scikit-learn: writes cases.json beside this file.

Undefined values are null: scikit-learn's substitutes for them (0, NaN, a warning) are not taken over.
"""

import json
from pathlib import Path

import numpy as np
from sklearn.metrics import (
    average_precision_score,
    precision_recall_curve,
    precision_recall_fscore_support,
    roc_auc_score,
)

rng = np.random.default_rng(20240501)


def case(name, scores, labels, threshold=0.5):
    """labels: 0, 1 or -1 (masked)."""
    scores, labels = np.asarray(scores, dtype=np.float64), np.asarray(labels)
    y, s = labels[labels >= 0], scores[labels >= 0]
    predicted = s >= threshold
    positives, negatives = int((y == 1).sum()), int((y == 0).sum())
    out = {
        "name": name,
        "scores": scores.tolist(),
        "labels": [None if v < 0 else bool(v) for v in labels],
        "threshold": threshold,
        "positives": positives,
        "negatives": negatives,
        "precision": None,
        "recall": None,
        "f1": None,
        "average_precision": None,
        "auroc": None,
        "best_f1": None,
    }
    if len(y):
        precision, recall, f1, _ = precision_recall_fscore_support(y, predicted, average="binary", zero_division=0)
        out["precision"] = float(precision) if predicted.any() else None
        if positives:
            out["recall"], out["f1"] = float(recall), float(f1)
            out["average_precision"] = float(average_precision_score(y, s))
            p, r, _ = precision_recall_curve(y, s)
            out["best_f1"] = float(np.max(2 * p * r / np.maximum(p + r, 1e-300)))
        if positives and negatives:
            out["auroc"] = float(roc_auc_score(y, s))
    return out


cases = []
for n, rate in [(2, 0.5), (7, 0.3), (50, 0.1), (300, 0.02), (300, 0.5)]:
    labels = (rng.random(n) < rate).astype(int)
    labels[0], labels[-1] = 1, 0
    scores = np.clip(rng.normal(0.35 + 0.25 * labels, 0.2), 0, 1)
    cases.append(case(f"random, {n} windows", scores, labels))
    cases.append(case(f"float32, {n} windows", scores.astype(np.float32), labels, 0.4))
    cases.append(case(f"ties, {n} windows", np.round(scores, 1), labels, 0.3))
    masked = np.where(rng.random(n) < 0.3, -1, labels)
    cases.append(case(f"masked, {n} windows", np.round(scores, 2), masked))
cases.append(case("logits", rng.normal(size=100) * 5, rng.integers(0, 2, 100), 0.0))
cases.append(case("all tied", [0.5] * 9, [0, 1, 0, 0, 1, 0, 0, 0, 0]))
cases.append(case("no positives", rng.random(20), [0] * 20))
cases.append(case("no positives, none predicted", rng.random(20) * 0.4, [0] * 20))
cases.append(case("all positives", rng.random(20), [1] * 20))
cases.append(case("positives, none predicted", rng.random(20) * 0.4, [0, 1] * 10))
cases.append(case("one positive window", [0.7], [1]))
cases.append(case("one positive window under the threshold", [0.2], [1]))
cases.append(case("one negative window", [0.7], [0]))
cases.append(case("one masked window", [0.7], [-1]))
cases.append(case("perfect", [0.9, 0.8, 0.2, 0.1], [1, 1, 0, 0]))
cases.append(case("reversed", [0.9, 0.8, 0.2, 0.1], [0, 0, 1, 1]))

# [window, class]: class 3 has no positives, class 4 no negatives.
labels = (rng.random((60, 6)) < [0.5, 0.2, 0.1, 0.0, 1.1, 0.3]).astype(int)
scores = rng.random((60, 6))
positive, both = labels.any(axis=0), labels.any(axis=0) & ~labels.all(axis=0)
f1 = precision_recall_fscore_support(labels[:, positive], scores[:, positive] >= 0.5, average="macro")[2]
macro = {
    "scores": scores.T.tolist(),
    "labels": labels.T.astype(bool).tolist(),
    "f1": float(f1),
    "f1_classes": int(positive.sum()),
    "average_precision": float(average_precision_score(labels[:, positive], scores[:, positive], average="macro")),
    "auroc": float(roc_auc_score(labels[:, both], scores[:, both], average="macro")),
    "auroc_classes": int(both.sum()),
    "auroc_micro": float(roc_auc_score(labels, scores, average="micro")),
    "average_precision_micro": float(average_precision_score(labels, scores, average="micro")),
}

path = Path(__file__).with_name("cases.json")
path.write_text(json.dumps({"cases": cases, "macro": macro}, indent=None, separators=(",", ":")) + "\n")
