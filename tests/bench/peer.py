"""Mix2 as a PyTorch user would write it, after the paper: the network, the augmentation, the mixing, the loop. What the benchmarks measure
chorus against; nothing of chorus is used here."""

import math

import torch
import torch.nn.functional as F
import torchvision
from torch import nn

METHODS = ("none", "mixup", "manifold_mixup", "multimix", "mix2")


class Network(nn.Module):
    def __init__(self, architecture="large", classes=42):
        super().__init__()
        self.features = getattr(torchvision.models, f"mobilenet_v3_{architecture}")(weights=None).features
        self.features[0][0] = nn.Conv2d(1, 16, 3, stride=2, padding=1, bias=False)
        nn.init.kaiming_normal_(self.features[0][0].weight, mode="fan_out")
        self.head = nn.Linear(self.features[-1][0].out_channels, classes)
        nn.init.normal_(self.head.weight, 0, 0.01)
        nn.init.zeros_(self.head.bias)

    def embed(self, x):
        x = self.features(x).mean(dim=2)
        return x.amax(dim=2) + x.mean(dim=2)

    def forward(self, x):
        return self.head(self.embed(x))


def min_max(x):
    low, high = x.amin((1, 2, 3), keepdim=True), x.amax((1, 2, 3), keepdim=True)
    return (x - low) / (high - low).clamp_min(1e-12)


def augment(x, frequency_mask=10, time_mask=30):
    """Roll, three frequency masks, six time masks, for each example alone."""
    batch, _, mels, frames = x.shape
    shift = torch.randint(frames, (batch, 1))
    x = x.gather(3, ((torch.arange(frames) - shift) % frames).view(batch, 1, 1, frames).expand_as(x))

    def kept(length, masks, widest):
        place, keep = torch.arange(length), torch.ones(batch, length)
        for _ in range(masks):
            width = torch.randint(widest + 1, (batch, 1))
            start = (torch.rand(batch, 1) * (length - width + 1)).long()
            keep[(place >= start) & (place < start + width)] = 0
        return keep

    return x * kept(mels, 3, frequency_mask).view(batch, 1, mels, 1) * kept(frames, 6, time_mask).view(batch, 1, 1, frames)


def mixed_loss(network, x, y, method, mixtures=128):
    """The loss of one step; Mix2 draws one of the three."""
    if method == "mix2":
        method = ("mixup", "manifold_mixup", "multimix")[torch.multinomial(torch.tensor([0.25, 0.5, 0.25]), 1).item()]
    batch = len(x)
    bce = F.binary_cross_entropy_with_logits
    if method == "none":
        return bce(network(x), y)
    if method == "multimix":
        weights = torch.distributions.Dirichlet(torch.full((batch,), 0.2)).sample((mixtures,))
        return bce(network.head(weights @ network.embed(x)), weights @ y)
    weight, partner = torch.rand(batch, 1), torch.randperm(batch)
    if method == "mixup":
        w = weight.view(batch, 1, 1, 1)
        out = network(w * x + (1 - w) * x[partner])
    else:
        z = network.embed(x)
        out = network.head(weight * z + (1 - weight) * z[partner])
    both = weight * bce(out, y, reduction="none") + (1 - weight) * bce(out, y[partner], reduction="none")
    return both.mean()


def settle_statistics(network, step):
    """BatchNorm's momentum falls from 1 to 0.01, so that short trainings have statistics of their own."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = max(0.01, 10 / (10 + step))


def learning_rate(first, epoch, epochs):
    return first * (1 + math.cos(math.pi * epoch / epochs)) / 2
