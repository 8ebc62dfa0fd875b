"""The training protocol in PyTorch, on the tables that a run of chorus made: `protocol.py RUN [METHOD…] [--seeds N] [--epochs N] …`.

Reads features, labels and splits, trains as the configuration of the run says (its network, epochs, batch size), keeps the epoch that is
best on validation by mean average precision, and tells the test figures by scikit-learn: what `chorus sweep` is compared with.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import numpy as np
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import torch
from sklearn.metrics import average_precision_score, f1_score, precision_recall_curve

from peer import METHODS, Network, augment, learning_rate, min_max, mixed_loss, settle_statistics


def read(run):
    """Features and labels of each subset; windows whose labels are not known are left out."""
    tables = Path(run, "tables")
    splits = pq.read_table(tables / "splits").to_pydict()
    subset_of = dict(zip(splits["recording_id"], splits["subset"]))
    labels = ds.dataset(tables / "labels", format="parquet").to_table(["segment_id", "recording_id", "class", "value"]).to_pydict()
    classes = sorted(set(labels["class"]))
    rows, subset = {}, {}
    for segment, recording, name, value in zip(*(labels[c] for c in ("segment_id", "recording_id", "class", "value"))):
        rows.setdefault(segment, {})[name] = value
        subset[segment] = subset_of.get(recording, "unused")
    sides = {name: ([], []) for name in ("train", "validation", "test")}
    for file in sorted((tables / "features").rglob("*.parquet")):
        table = pq.ParquetFile(file)
        shape = [int(n) for n in table.metadata.metadata[b"chorus.shape"].split(b",")]
        table = table.read().to_pydict()
        for segment, logmel in zip(table["segment_id"], table["logmel"]):
            values = [rows[segment][name] for name in classes]
            if subset[segment] in sides and None not in values:
                x, y = sides[subset[segment]]
                x.append(np.frombuffer(logmel, "<f2").reshape(shape))
                y.append(values)
    tensors = {name: (torch.from_numpy(np.stack(x))[:, None], torch.tensor(y, dtype=torch.float32)) for name, (x, y) in sides.items()}
    return tensors, classes


def scores(network, x, batch=64):
    network.eval()
    with torch.inference_mode():
        parts = [network(min_max(part.float()).to(memory_format=torch.channels_last)).sigmoid() for part in x.split(batch)]
    return torch.cat(parts).numpy()


def figures(found, y, thresholds):
    """Means over the classes with positives."""
    own = [c for c in range(y.shape[1]) if y[:, c].any()]
    mean = lambda of: statistics.mean(of(c) for c in own)
    return {
        "average_precision": mean(lambda c: average_precision_score(y[:, c], found[:, c])),
        "f1_fixed": mean(lambda c: f1_score(y[:, c], found[:, c] >= 0.5, zero_division=0)),
        "f1_tuned": mean(lambda c: f1_score(y[:, c], found[:, c] >= thresholds[c], zero_division=0)),
    }


def tuned(found, y):
    """The threshold of best F1 for each class, 0.5 without positives."""
    thresholds = []
    for c in range(y.shape[1]):
        if not y[:, c].any():
            thresholds.append(0.5)
            continue
        precision, recall, at = precision_recall_curve(y[:, c], found[:, c])
        f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
        thresholds.append(at[min(int(f1.argmax()), len(at) - 1)])
    return thresholds


def train(sides, classes, method, seed, settings):
    torch.manual_seed(seed)
    network = Network(settings.architecture, len(classes)).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate, weight_decay=0.01)
    (x, y), step, best = sides["train"], 0, None
    size = min(settings.batch, len(x))
    for epoch in range(settings.epochs):
        network.train()
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(settings.learning_rate, epoch, settings.epochs)
        order = torch.randperm(len(x))
        for rows in order[: len(x) // size * size].split(size):
            settle_statistics(network, step)
            clips = augment(min_max(x[rows].float()), settings.frequency_mask, settings.time_mask)
            loss = mixed_loss(network, clips.to(memory_format=torch.channels_last), y[rows], method, settings.mixtures)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
        validation = sides["validation"]
        found = scores(network, validation[0])
        value = figures(found, validation[1].numpy(), [0.5] * len(classes))["average_precision"]
        if best is None or value > best[0]:
            test = sides["test"]
            best = (value, tuned(found, validation[1].numpy()), scores(network, test[0]))
    return figures(best[2], sides["test"][1].numpy(), best[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run")
    parser.add_argument("methods", nargs="*", default=["none", "mix2"], help=f"of {', '.join(METHODS)}")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--architecture", default="small")
    parser.add_argument("--learning-rate", type=float, default=0.01)
    parser.add_argument("--mixtures", type=int, default=128)
    parser.add_argument("--frequency-mask", type=int, default=10)
    parser.add_argument("--time-mask", type=int, default=30)
    parser.add_argument("--threads", type=int, default=2)
    settings = parser.parse_args()
    torch.set_num_threads(settings.threads)
    sides, classes = read(settings.run)
    print({name: list(x.shape) for name, (x, _) in sides.items()}, len(classes), "classes", flush=True)
    for method in settings.methods:
        rows = []
        for seed in range(settings.first_seed, settings.first_seed + settings.seeds):
            start = time.perf_counter()
            rows.append(train(sides, classes, method, seed, settings))
            print(json.dumps({"method": method, "seed": seed, "seconds": round(time.perf_counter() - start)} | rows[-1]), flush=True)
        spread = lambda name: statistics.stdev(r[name] for r in rows) if len(rows) > 1 else float("nan")
        print(method, ", ".join(f"{name} {statistics.mean(r[name] for r in rows):.3f} ± {spread(name):.3f}" for name in rows[0]), flush=True)


main()
