"""Golden calibrations by scikit-learn: writes cases.json beside this file.

Platt's fit is a logistic regression without penalty on the logit, with each window twice: as a positive of weight t and as a negative of weight 1 - t, t being
Platt's target. The isotonic fit is IsotonicRegression on scores and labels.
"""

import json
from pathlib import Path

import numpy as np
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

rng = np.random.default_rng(20260102)
MARGIN = 2.0**-24
AT = np.concatenate([np.linspace(0, 1, 41), rng.random(20)])


def logit(scores):
    scores = np.clip(scores, MARGIN, 1 - MARGIN)
    return np.log(scores / (1 - scores))


def platt(scores, labels):
    positives, negatives = labels.sum(), (~labels).sum()
    target = np.where(labels, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    x = np.concatenate([logit(scores), logit(scores)])[:, None]
    y = np.concatenate([np.ones(len(scores)), np.zeros(len(scores))])
    weight = np.concatenate([target, 1 - target])
    fit = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12, max_iter=1000).fit(x, y, sample_weight=weight)
    return {"slope": float(fit.coef_[0, 0]), "intercept": float(fit.intercept_[0]), "at": fit.predict_proba(logit(AT)[:, None])[:, 1].tolist()}


def case(name, scores, labels, has_platt=True):
    scores, labels = np.asarray(scores, dtype=np.float64), np.asarray(labels, dtype=bool)
    isotonic = IsotonicRegression(out_of_bounds="clip", y_min=0, y_max=1).fit(scores, labels.astype(np.float64))
    return {
        "name": name,
        "scores": scores.tolist(),
        "labels": labels.tolist(),
        "platt": platt(scores, labels) if has_platt else None,
        "isotonic": isotonic.predict(AT).tolist(),
    }


cases = []
for n, rate in [(5, 0.4), (40, 0.3), (300, 0.05), (2000, 0.5)]:
    labels = rng.random(n) < rate
    labels[:2] = [True, False]
    scores = expit(rng.normal(-2 + 3 * labels, 2)).astype(np.float32)
    cases.append(case(f"random, {n} windows", scores, labels))
    cases.append(case(f"ties, {n} windows", np.round(scores, 1), labels))
cases.append(case("told apart", [0.9, 0.8, 0.2, 0.1], [1, 1, 0, 0]))
cases.append(case("the wrong way round", [0.9, 0.8, 0.2, 0.1], [0, 0, 1, 1]))
cases.append(case("the ends", [1.0, 1.0, 0.5, 0.0, 0.0], [1, 1, 0, 0, 1]))
cases.append(case("no positives", rng.random(20), np.zeros(20)))
cases.append(case("all positives", rng.random(20), np.ones(20)))
# Where all scores are equal slope and intercept are not determined apart: only the isotonic fit is compared.
cases.append(case("all tied", [0.5] * 9, [0, 1, 0, 0, 1, 0, 0, 0, 0], has_platt=False))
cases.append(case("one window", [0.7], [1], has_platt=False))

path = Path(__file__).with_name("cases.json")
path.write_text(json.dumps({"at": AT.tolist(), "cases": cases}, separators=(",", ":")) + "\n")
