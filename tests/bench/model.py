"""A model that chorus trained, rebuilt on torchvision: `model.py RUN`. Its scores have to be those of the table predictions.

The function `load` is the example of docs/learning.md.
"""

import sys
from pathlib import Path

import numpy as np
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import torch
import torchvision
import yaml
from safetensors.torch import load_file


class Model(torch.nn.Module):
    """torchvision's features with the pooling and head of Mix2's paper."""

    def __init__(self, architecture, width, channels, classes):
        super().__init__()
        self.features = getattr(torchvision.models, architecture)(weights=None, width_mult=width).features
        first = self.features[0][0]
        self.features[0][0] = torch.nn.Conv2d(channels, first.out_channels, 3, stride=2, padding=1, bias=False)
        self.head = torch.nn.Linear(self.features[-1][0].out_channels, classes)

    def forward(self, decibels):
        low, high = decibels.amin((1, 2, 3), keepdim=True), decibels.amax((1, 2, 3), keepdim=True)
        hidden = self.features((decibels - low) / (high - low).clamp_min(1e-38)).mean(dim=2)
        return self.head(hidden.amax(dim=2) + hidden.mean(dim=2))


def load(folder):
    """The network and its classes from a model's folder."""
    card = yaml.safe_load(Path(folder, "model.yaml").read_text())
    model = Model(card["architecture"], card["width"], card["channels"], len(card["classes"]))
    model.load_state_dict(load_file(Path(folder, "weights.safetensors")))
    return model.eval(), card["classes"]


def main(run):
    model, classes = load(f"{run}/model")
    predictions = ds.dataset(f"{run}/tables/predictions", format="parquet").to_table(["segment_id", "class", "score"]).to_pydict()
    expected = {key: score for *key, score in zip(predictions["segment_id"], predictions["class"], predictions["score"]) for key in [tuple(key)]}
    largest, windows = 0.0, 0
    for path in sorted(Path(run, "tables", "features").rglob("*.parquet")):
        file = pq.ParquetFile(path)
        shape = [int(n) for n in file.metadata.metadata[b"chorus.shape"].split(b",")]
        table = file.read().to_pydict()
        if not table["segment_id"]:
            continue
        arrays = np.stack([np.frombuffer(row, "<f2").reshape(shape) for row in table["logmel"]])
        with torch.inference_mode():
            scores = model(torch.from_numpy(arrays).float()[:, None]).sigmoid().numpy()
        for segment, row in zip(table["segment_id"], scores):
            found = [expected[segment, name] for name in classes]
            largest, windows = max(largest, float(np.abs(row - found).max())), windows + 1
    print(f"{windows} windows, {len(classes)} classes: scores differ by at most {largest:.1e}")
    if windows == 0 or largest > 1e-4:
        sys.exit("the model in Python gives other scores than chorus")


if __name__ == "__main__":
    main(sys.argv[1])
