"""Makes heads.json: examples, and what scikit-learn's classifiers say of them: `make.py`. Needs numpy and scikit-learn.

60 windows with 12 values and 3 classes, the last one with labels of half of the windows only; logits of the same windows by
LogisticRegression on standardised values with C of 0.01 and 1, class_weight balanced and none; and the shrinkage of ledoit_wolf.
"""

import json

import numpy as np
from sklearn.covariance import ledoit_wolf_shrinkage
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

WINDOWS, WIDTH, CLASSES = 60, 12, 3


def main():
    random = np.random.default_rng(7)
    values = random.normal(size=(WINDOWS, WIDTH)) @ random.normal(size=(WIDTH, WIDTH)) + random.normal(size=WIDTH)
    values = values.astype(np.float32)
    labels = np.zeros((WINDOWS, CLASSES))
    for number in range(CLASSES):
        chosen = values[:, number] + 0.5 * random.normal(size=WINDOWS) > np.quantile(values[:, number], 0.6 + 0.15 * number)
        labels[:, number] = chosen
    known = np.ones((WINDOWS, CLASSES), dtype=bool)
    known[::2, 2] = False
    scaler = StandardScaler().fit(values)
    scaled = scaler.transform(values.astype(np.float64))
    logits = {}
    for strength in (0.01, 1.0):
        for weight in ("balanced", None):
            columns = []
            for number in range(CLASSES):
                rows = known[:, number]
                model = LogisticRegression(C=strength, class_weight=weight, tol=1e-10, max_iter=10000)
                columns.append(model.fit(scaled[rows], labels[rows, number]).decision_function(scaled))
            logits[f"{strength:g} {weight or 'none'}"] = np.stack(columns, 1).round(6).tolist()
    out = {
        "width": WIDTH,
        "classes": CLASSES,
        "values": values.ravel().tolist(),
        "labels": [[None if not k else bool(label) for label, k in zip(*row)] for row in zip(labels, known)],
        "logits": logits,
        "ledoit_wolf": float(ledoit_wolf_shrinkage(scaled, assume_centered=True)),
    }
    with open("heads.json", "w") as file:
        json.dump(out, file)


if __name__ == "__main__":
    main()
