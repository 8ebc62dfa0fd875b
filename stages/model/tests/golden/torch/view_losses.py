"""Makes view_losses.safetensors with PyTorch 2.13: `python3 view_losses.py`, in this folder. It holds inputs, and the value and the
gradients of each loss of `pretrain.objective`, plain and mixed.

The plain losses follow the papers' own code: SimCLR's NT-Xent as cross-entropy over the 2 n - 1 other outputs, Barlow Twins with batch
normalisation without weights, VICReg with its mean of the two variances. The mixed ones compare a mixture with the same mixture of the other
view; SimCLR's is i-Mix's N-pair loss with soft labels.
"""

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

N, WIDTH, ROWS = 12, 8, 10


def simclr(first, second, mixtures, temperature=0.2):
    if mixtures is not None:
        logits = F.cosine_similarity(first.unsqueeze(1), second.unsqueeze(0), dim=2) / temperature
        return F.cross_entropy(logits, mixtures)
    outputs = torch.cat([first, second])
    logits = F.cosine_similarity(outputs.unsqueeze(1), outputs.unsqueeze(0), dim=2) / temperature
    logits = logits.masked_fill(torch.eye(2 * N, dtype=torch.bool), float("-inf"))
    return F.cross_entropy(logits, torch.cat([torch.arange(N) + N, torch.arange(N)]))


def barlow_twins(first, second, mixtures, weight=0.0051):
    other = second if mixtures is None else mixtures @ second
    norm = lambda rows: F.batch_norm(rows, None, None, training=True, eps=1e-5)
    matrix = norm(first).T @ norm(other) / len(first)
    on = (torch.diagonal(matrix) - 1).pow(2).sum()
    return on + weight * matrix.masked_select(~torch.eye(WIDTH, dtype=torch.bool)).pow(2).sum()


def vicreg(first, second, mixtures, weights=(25.0, 25.0, 1.0)):
    other = second if mixtures is None else mixtures @ second
    x, y = (first, second) if mixtures is None else (second, second)
    hinge = lambda rows: torch.mean(F.relu(1 - torch.sqrt(rows.var(dim=0) + 1e-4)))
    covariance = lambda rows: torch.cov(rows.T).masked_select(~torch.eye(WIDTH, dtype=torch.bool)).pow(2).sum() / WIDTH
    a, b, c = weights
    return a * F.mse_loss(first, other) + b * (hinge(x) / 2 + hinge(y) / 2) + c * (covariance(x) + covariance(y))


torch.manual_seed(0)
first, second, mixed = (torch.randn(rows, WIDTH, dtype=torch.float64) for rows in (N, N, ROWS))
mixtures = torch.distributions.Dirichlet(torch.full((N,), 0.2, dtype=torch.float64)).sample((ROWS,))
tensors = {"first": first, "second": second, "mixed": mixed, "mixtures": mixtures}
for name, loss in (("simclr", simclr), ("barlow_twins", barlow_twins), ("vicreg", vicreg)):
    for mixing, rows in (("plain", first), ("mixed", mixed)):
        a, b = rows.clone().requires_grad_(), second.clone().requires_grad_()
        value = loss(a, b, mixtures if mixing == "mixed" else None)
        value.backward()
        tensors |= {f"{name}.{mixing}.loss": value.detach(), f"{name}.{mixing}.first": a.grad, f"{name}.{mixing}.second": b.grad}
save_file(tensors, "view_losses.safetensors")
