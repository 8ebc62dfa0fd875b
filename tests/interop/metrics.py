"""A run's metrics computed anew by scikit-learn from its predictions: `metrics.py RUN`.

Predictions, labels and the split are read with pyarrow. For each side, each class, the averages over classes and those at each site, what
`metrics` tells has to be what scikit-learn finds, to 1e-9: null where that is not defined. Where torchmetrics is installed it is
asked too, in double precision. Ends with exit status 1 and what differs, else prints what was compared.
"""

import math
import sys
import warnings
from pathlib import Path

import numpy as np
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from sklearn import metrics as sk

try:
    import torch
    import torchmetrics.functional as tm
except ImportError:
    torch = tm = None

TOLERANCE = 1e-9


def columns(folder, *names):
    table = ds.dataset(folder, format="parquet", partitioning="hive").to_table(columns=list(names))
    return zip(*(table[name].to_pylist() for name in names))


def read(run):
    """Of each side: classes, sites of the windows, and arrays [window, class] of labels (NaN: not reviewed) and scores."""
    tables = Path(run, "tables")
    side = dict(columns(tables / "splits", "recording_id", "subset"))
    labels = {(segment, name): value for segment, name, value in columns(tables / "labels", "segment_id", "class", "value")}
    classes = sorted({name for _, name in labels})
    windows, rows = {}, {}
    # Partition values are inferred here: a site may look like a number.
    for segment, recording, name, score, site in columns(tables / "predictions", "segment_id", "recording_id", "class", "score", "site"):
        windows[segment] = (side[recording], str(site))
        rows.setdefault(segment, {})[name] = score
    sides = {}
    for subset in ("train", "validation", "test"):
        own = [segment for segment, (s, _) in windows.items() if s == subset]
        truth = np.array([[np.nan if labels[s, c] is None else labels[s, c] for c in classes] for s in own], dtype=float)
        scores = np.array([[rows[s][c] for c in classes] for s in own], dtype=float)
        sides[subset] = (np.array([windows[s][1] for s in own]), truth, scores)
    return classes, sides


def of_class(truth, score, fixed, tuned):
    """Figures of one class; None where they are not defined."""
    known = ~np.isnan(truth)
    truth, score = truth[known].astype(int), score[known]
    found = {"support": int(truth.sum()), "average_precision": None, "auroc": None, "brier": None}
    if truth.size:
        found["brier"] = np.mean((score - truth) ** 2) if truth.min() == truth.max() else sk.brier_score_loss(truth, score)
    if truth.any():
        found["average_precision"] = sk.average_precision_score(truth, score)
        if not truth.all():
            found["auroc"] = sk.roc_auc_score(truth, score)
    for name, threshold in (("fixed", fixed), ("tuned", tuned)):
        decided = score >= threshold
        precision, recall, f1, _ = sk.precision_recall_fscore_support(truth, decided, average="binary", zero_division=0) if truth.size else (0, 0, 0, 0)
        negative = truth == 0
        found[f"precision_{name}"] = precision if decided.any() else None
        found[f"recall_{name}"] = recall if truth.any() else None
        found[f"f1_{name}"] = f1 if truth.any() else None
        found[f"specificity_{name}"] = np.mean(~decided[negative]) if negative.any() else None
    if tm and truth.any() and not truth.all():
        x, y = torch.from_numpy(score), torch.from_numpy(truth)
        also = {"auroc": tm.classification.binary_auroc(x, y), "average_precision": tm.classification.binary_average_precision(x, y)}
        also |= {"f1_fixed": tm.classification.binary_f1_score((x >= fixed).int(), y)}
        for name, value in also.items():
            # torchmetrics computes these in single precision.
            assert abs(float(value) - found[name]) < 1e-6, f"torchmetrics {name}: {float(value)}, scikit-learn {found[name]}"
    return found


def averages(figures):
    """Means over the classes where a figure is defined."""
    result = {}
    for name in figures[0]:
        values = [f[name] for f in figures if f[name] is not None]
        if name != "support":
            result[name] = math.fsum(values) / len(values) if values else None
    return result


def weighted(figures, name):
    pairs = [(f[name], f["support"]) for f in figures if f[name] is not None and f["support"]]
    total = sum(support for _, support in pairs)
    return math.fsum(value * support for value, support in pairs) / total if total else None


def micro(truth, scores, thresholds, fixed):
    """Figures over all pairs of window and class."""
    known = ~np.isnan(truth)
    y = truth[known].astype(int)
    if not y.any():
        return {}
    found = {"average_precision_micro": sk.average_precision_score(y, scores[known]), "auroc_micro": sk.roc_auc_score(y, scores[known])}
    for name, limit in (("fixed", fixed), ("tuned", np.array(thresholds)[None])):
        found[f"f1_{name}_micro"] = sk.f1_score(y, (scores >= limit)[known], zero_division=0)
    return found


def compare(where, told, found):
    differing = []
    for name, value in found.items():
        if name not in told:
            differing.append(f"{name} is missing")
        elif (told[name] is None) != (value is None) or (value is not None and abs(told[name] - value) > TOLERANCE):
            differing.append(f"{name}: told {told[name]}, scikit-learn {value}")
    assert not differing, f"{where}: {'; '.join(differing)}"
    return len(found)


def main(run):
    warnings.filterwarnings("ignore", category=sk.__dict__.get("UndefinedMetricWarning", UserWarning))
    classes, sides = read(run)
    tables = Path(run, "tables")
    threshold = {c: t for c, t, site in columns(tables / "thresholds", "class", "threshold", "site") if site is None}
    thresholds = [threshold[c] for c in classes]
    fixed = next(float(line.split(":")[1]) for line in Path(run, "config.resolved.yaml").read_text().split("evaluate:")[1].splitlines() if line.strip().startswith("threshold:"))
    told = {}
    for row in pq.read_table(tables / "metrics").to_pylist():
        if row["group"] is None:
            told.setdefault((row["subset"], row["site"], row["class"]), {})[row["metric"]] = row["value"]
            told[row["subset"], row["site"], row["class"]].setdefault("support", row["support"])
    count = 0
    for subset, (sites, truth, scores) in sides.items():
        for site in [None, *sorted(set(sites))]:
            at = np.ones(len(sites), bool) if site is None else sites == site
            if (subset, site, None) not in told:
                continue
            figures = [of_class(truth[at, c], scores[at, c], fixed, thresholds[c]) for c in range(len(classes))]
            for name, found in zip(classes, figures):
                # At a site only classes with a label there have rows.
                if (subset, site, name) in told:
                    count += compare(f"{run}, {subset}, site {site}, {name}", told[subset, site, name], found)
            mean = averages(figures) | {f"{name}_weighted": weighted(figures, name) for name in ("average_precision", "auroc", "f1_tuned")}
            mean |= micro(truth[at], scores[at], thresholds, fixed)
            whole = ~np.isnan(truth[at]).any(axis=1)
            if whole.all() and truth[at].any():
                positive = truth[at].sum(axis=1) > 0
                # Its own weights are per window: by their positive classes.
                mean["lwlrap"] = sk.label_ranking_average_precision_score(
                    truth[at][positive].astype(int), scores[at][positive], sample_weight=truth[at][positive].sum(axis=1)
                )
            count += compare(f"{run}, {subset}, site {site}, all classes", told[subset, site, None], mean)
    print(f"{run}: {count} figures equal scikit-learn's to {TOLERANCE}" + (", torchmetrics's to 1e-6" if tm else ""))
    assert count > 100, "hardly anything was compared"


if __name__ == "__main__":
    main(sys.argv[1])
