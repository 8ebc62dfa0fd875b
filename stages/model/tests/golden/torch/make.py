"""Makes the golden figures of tests/parity.rs with PyTorch 2.13 and torchvision 0.28: `python3 make.py`, in this folder.

Weights, inputs and draws aren't stored: both sides make them from the same integer hash.
"""

import json
import math

import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from safetensors.torch import save_file
from torch import nn


def noise(tag, *shape, dtype=torch.float64):
    """Uniform numbers in -1..1: murmur3's finaliser over the index, exact in float64."""
    x = np.arange(math.prod(shape), dtype=np.uint64) * 0x9E3779B1 + np.uint64(tag) * 0x85EBCA77 + 1
    mask = np.uint64(0xFFFFFFFF)
    x &= mask
    for shift, factor in [(16, 0x85EBCA6B), (13, 0xC2B2AE35)]:
        x ^= x >> np.uint64(shift)
        x = (x * factor) & mask
    x ^= x >> np.uint64(16)
    return torch.from_numpy(x.astype(np.float64) / 2.0**31 - 1.0).view(*shape).to(dtype)


class Network(nn.Module):
    """torchvision's feature maps, with the pooling and head of Mix2's paper."""

    def fill(self, dtype):
        """Gives all weights the values that parity.rs gives them."""
        self.to(dtype)
        with torch.no_grad():
            counted = sorted(n for n in self.state_dict() if not n.endswith("num_batches_tracked"))
            for tag, name in enumerate(counted):
                tensor = self.state_dict()[name]
                tensor.copy_(first_value(name, tag, tensor.shape))
        return self

    def embed(self, x):
        x = self.maps(x).mean(dim=2)
        return x.max(dim=2).values + x.mean(dim=2)

    def forward(self, x):
        return self.head(self.embed(x))


class MobileNet(Network):
    def __init__(self, architecture, width, channels, classes):
        super().__init__()
        self.features = getattr(torchvision.models, architecture)(weights=None, width_mult=width).features
        first = self.features[0][0]
        self.features[0][0] = nn.Conv2d(channels, first.out_channels, 3, stride=2, padding=1, bias=False)
        self.head = nn.Linear(self.features[-1][0].out_channels, classes)

    def maps(self, x):
        return self.features(x)


class ResNet18(Network):
    def __init__(self, width, channels, classes):
        super().__init__()
        assert width == 1, "torchvision's ResNet has no such option"
        for name, module in torchvision.models.resnet18(weights=None).named_children():
            if name not in ("avgpool", "fc"):
                self.add_module(name, module)
        self.conv1 = nn.Conv2d(channels, 64, 7, stride=2, padding=3, bias=False)
        self.head = nn.Linear(512, classes)

    def maps(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))


def network(architecture, width, channels, classes, dtype):
    if architecture == "resnet18":
        return ResNet18(width, channels, classes).fill(dtype)
    return MobileNet(architecture, width, channels, classes).fill(dtype)


def first_value(name, tag, shape):
    values = noise(tag, *shape)
    if name.endswith("running_mean") or name.endswith("bias"):
        return 0.1 * values
    if name.endswith("running_var"):
        return 1 + 0.5 * values
    if len(shape) == 1:
        return 1 + 0.3 * values
    return values * math.sqrt(5 / math.prod(shape[1:]))


def numbers(tensor):
    return tensor.detach().double().flatten().tolist()


def case(architecture, width, channels, shape, names):
    net = network(architecture, width, channels, 4, torch.float32)
    x = noise(1000, *shape) / 2 + 0.5
    out = {"architecture": architecture, "width": width, "channels": channels, "input": shape}
    out["parameters"] = sum(p.numel() for p in net.parameters())
    if names:
        out["state_dict"] = {n: list(t.shape) for n, t in sorted(net.state_dict().items())}
    net.eval()
    out["eval_logits"] = numbers(net(x.float()))
    net = network(architecture, width, channels, 4, torch.float64).eval()
    out["eval_logits_double"] = numbers(net(x))
    net.train()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    logits = net(x)
    logits.square().sum().backward()
    out["train_logits"] = numbers(logits)
    parameters = dict(net.named_parameters())
    out["gradient_norms"] = [parameters[n].grad.norm().item() for n in sorted(parameters)]
    buffers = {n: b for n, b in net.named_buffers() if not n.endswith("num_batches_tracked")}
    out["buffer_norms"] = [buffers[n].norm().item() for n in sorted(buffers)]
    return out


def pairing(tag, batch):
    return noise(tag, batch) / 2 + 0.5, torch.argsort(noise(tag + 1, batch))


def combination(tag, mixtures, batch):
    weights = (noise(tag, mixtures, batch) / 2 + 0.5) ** 5
    return weights / weights.sum(dim=1, keepdim=True)


def mixed_loss(method, tag, x, y, embed, head, mixtures):
    """The methods as the paper writes them, all labels known."""
    bce = F.binary_cross_entropy_with_logits
    batch = len(x)
    if method == "multimix":
        weights = combination(tag, mixtures, batch)
        return bce(head(weights @ embed(x)), weights @ y)
    if method == "none":
        return bce(head(embed(x)), y)
    lam, partner = pairing(tag, batch)
    if method == "mixup":
        w = lam.view(-1, *[1] * (x.dim() - 1))
        out = head(embed(w * x + (1 - w) * x[partner]))
    else:
        z, w = embed(x), lam.view(-1, 1)
        out = head(w * z + (1 - w) * z[partner])
    a = bce(out, y, reduction="none").mean(dim=1)
    b = bce(out, y[partner], reduction="none").mean(dim=1)
    return (lam * a + (1 - lam) * b).mean()


METHODS = ["none", "mixup", "manifold_mixup", "multimix"]


def mixing():
    out = {}
    for method in METHODS:
        x, y = noise(1, 6, 1, 4, 3), (noise(2, 6, 5) > 0.2).double()
        embedding = noise(3, 12, 8).requires_grad_()
        head = noise(4, 8, 5).requires_grad_()
        loss = mixed_loss(method, 10, x, y, lambda x: torch.tanh(x.flatten(1) @ embedding), lambda z: z @ head, 9)
        loss.backward()
        out[method] = {"loss": loss.item(), "embedding": numbers(embedding.grad), "head": numbers(head.grad)}
    return out


def cosine(first, epoch, epochs):
    return first * (1 + math.cos(math.pi * epoch / epochs)) / 2


def optimisers():
    out = {}
    for name in ["adamw", "sgd"]:
        weights = noise(5, 50, dtype=torch.float32).requires_grad_()
        optimiser = {
            "adamw": lambda: torch.optim.AdamW([weights], lr=1, weight_decay=0.01),
            "sgd": lambda: torch.optim.SGD([weights], lr=1, momentum=0.9, weight_decay=0.01),
        }[name]()
        for step in range(20):
            optimiser.param_groups[0]["lr"] = cosine(1e-2, step, 20)
            weights.grad = noise(100 + step, 50, dtype=torch.float32) * 10.0 ** (step % 5 - 3)
            optimiser.step()
        out[name] = numbers(weights)
    return out


def training():
    """Ten steps in float64, two or three of each method; the weights are stored as float32."""
    net = network("mobilenet_v3_small", 0.1, 1, 5, torch.float64).train()
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-2, weight_decay=0.01)
    losses = []
    for step in range(10):
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = max(0.01, 10 / (10 + step))
        optimiser.param_groups[0]["lr"] = cosine(1e-2, step, 10)
        x, y = noise(2000 + step, 6, 1, 40, 56) / 2 + 0.5, (noise(3000 + step, 6, 5) > 0.2).double()
        loss = mixed_loss(METHODS[step % 4], 4000 + 2 * step, x, y, net.embed, net.head, 9)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses, {n: t.float() if t.is_floating_point() else t for n, t in net.state_dict().items()}


def main():
    torch.set_num_threads(1)
    cases = [
        case("mobilenet_v3_large", 1.0, 1, [2, 1, 64, 79], names=True),
        case("mobilenet_v3_small", 1.0, 1, [3, 1, 64, 79], names=True),
        case("mobilenet_v3_large", 0.35, 3, [2, 3, 33, 50], names=False),
        case("mobilenet_v3_small", 0.1, 2, [3, 2, 40, 56], names=False),
        case("resnet18", 1.0, 1, [2, 1, 64, 79], names=True),
    ]
    losses, weights = training()
    save_file(weights, "training.safetensors")
    golden = {"network": cases, "mixing": mixing(), "optimizers": optimisers(), "training_losses": losses}
    with open("golden.json", "w") as file:
        json.dump(golden, file, indent=0)


main()
