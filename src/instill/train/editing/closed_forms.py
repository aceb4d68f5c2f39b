"""The closed forms of three ways to edit a linear layer. Pure linear algebra in float64; no model.

A layer maps a key `k` (what goes into the matrix) to a value `W k`. `W` is `(out, in)`, keys are rows `(n, in)`, values
rows `(n, out)`. Every function gives the change of `W`.
"""

from __future__ import annotations

import torch
from torch import Tensor

NULL_SHARE = 0.3
"""Directions in which what must stay has less than this share of the mean variance count as its null space. Small
models use all directions: with a tenth of it the micro model has no room left for an edit."""


def second_moment(keys: Tensor) -> Tensor:
    """`K^T K / n` of keys `(n, in)`: which directions they use, and how much.

    Example:
        >>> second_moment(torch.tensor([[1.0, 0.0], [1.0, 0.0]])).tolist()
        [[1.0, 0.0], [0.0, 0.0]]
    """
    found = keys.double()
    return found.T @ found / max(1, len(found))


def rome(weight: Tensor, moment: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """The change after which `key` gives `value`, and which changes what is given for all other keys least.

    Least in the mean over keys with the second moment `moment`. Meng et al., "Locating and Editing Factual Associations
    in GPT", NeurIPS 2022, section 3.1, equation 2: W + L (C^-1 k)^T with L = (v - W k) / (C^-1 k)^T k.

    Args:
        weight: `(out, in)`.
        moment: `(in, in)`; a little of its mean variance is added to every direction, so that it has an inverse.
        key, value: `(in,)` and `(out,)`.

    Example:
        >>> change = rome(torch.eye(2), torch.eye(2), torch.tensor([2.0, 0.0]), torch.tensor([0.0, 4.0]))
        >>> ((torch.eye(2) + change) @ torch.tensor([2.0, 0.0], dtype=torch.float64)).tolist()
        [0.0, 4.0]
    """
    key, value = key.double(), value.double()
    direction = torch.linalg.solve(_invertible(moment), key)
    missing = value - weight.double() @ key
    return torch.outer(missing / (direction @ key), direction)


def null_projection(moment: Tensor, share: float = NULL_SHARE) -> Tensor:
    """The projection `(in, in)` onto the directions that keys with this second moment hardly use.

    Fang et al., "AlphaEdit: Null-Space Constrained Knowledge Editing for Language Models", ICLR 2025, section 3.2: the
    eigenvectors of K0 K0^T with small eigenvalues. Their limit is absolute (1e-2); here it is relative to the mean
    eigenvalue, so that it does not depend on how large a model's keys are.

    For any change D the root mean square of `D P k` over the keys is at most `norm(D) * sqrt(share * mean)`.

    Example:
        >>> null_projection(torch.tensor([[4.0, 0.0], [0.0, 0.0]])).tolist()
        [[0.0, 0.0], [0.0, 1.0]]
    """
    variances, directions = torch.linalg.eigh(moment.double())
    unused = directions[:, variances <= share * variances.clamp(min=0).mean()]
    return unused @ unused.T


def alpha(projection: Tensor, keys: Tensor, missing: Tensor, *, ridge: float = 0.01) -> Tensor:
    """The change within a null space that gives `missing` more for `keys`.

    Fang et al. 2025, section 3.3: R K^T P (K K^T P + I)^-1. All edits are computed together, so there are no keys of
    earlier ones (K_p there). Their `I` stands against large changes; here it is `ridge` times the keys' mean square
    within the null space, for the same reason as above.

    Args:
        projection: of `null_projection`.
        keys: `(n, in)`, of the facts.
        missing: `(n, out)`: what is wanted less what is given now.
    """
    inside = keys.double() @ projection
    square = inside.T @ inside
    size = float(inside.square().sum(1).mean())
    if size == 0:
        return torch.zeros(missing.shape[1], keys.shape[1], dtype=torch.float64)
    eye = torch.eye(keys.shape[1], dtype=torch.float64)
    return torch.linalg.solve(square + ridge * size * eye, inside.T @ missing.double()).T @ projection


def ultra(keys: Tensor, gradients: Tensor, moment: Tensor) -> Tensor:
    """The change from one backward pass: for each key, against its gradient, in the least-squares sense.

    Gu et al., "UltraEdit: Training-, Subject-, and Memory-Free Lifelong Editing in Language Models", arXiv 2505.14679,
    section 3: with normalised features h and g, the wanted shift of each output is v = -|h|^2 g, and the change is
    (H^T H + I)^-1 H^T V. They normalise each feature by itself, so that |h| is nearly the same for all keys. Here
    h = C^-1/2 k / sqrt(n), with C the second moment of keys in other texts and n the number of keys, v = -g, and the
    change is one of W itself. So what all keys have in common, such as their mean, hardly moves. The change's size is
    left to the caller (there it is a setting of each model).

    Args:
        keys: `(n, in)`.
        gradients: `(n, out)`, of the loss by the layer's output, each feature divided by its spread in other texts.
        moment: `(in, in)`, C; a hundredth of its mean variance is added to every direction.

    Example:
        >>> change = ultra(torch.tensor([[1.0, 1.0]]), torch.tensor([[-1.0]]), torch.diag(torch.tensor([99.0, 1.0])))
        >>> bool(change[0, 1] > 60 * change[0, 0])  # along the direction that other keys use less
        True
    """
    found = keys.double()
    other = len(found) * _invertible(moment, 1e-2)
    return -torch.linalg.solve(found.T @ found + other, found.T @ gradients.double()).T


def anchored(values: Tensor, anchors: Tensor, most: float) -> Tensor:
    """Values that are no longer than `most` times the original model's values at their places.

    Liu et al., "Norm Anchors Make Model Edits Last", arXiv 2602.02543, 2026: without an anchor in the original model,
    values and weights make each other grow from edit to edit.

    Args:
        values, anchors: `(n, out)`.

    Example:
        >>> anchored(torch.tensor([[0.0, 9.0], [1.0, 0.0]]), torch.tensor([[1.0, 0.0], [1.0, 0.0]]), 3.0).tolist()
        [[0.0, 3.0], [1.0, 0.0]]
    """
    longest = most * anchors.norm(dim=1, keepdim=True)
    return values * (longest / values.norm(dim=1, keepdim=True).clamp(min=1e-12)).clamp(max=1.0)


def _invertible(moment: Tensor, least: float = 1e-3) -> Tensor:
    found = moment.double()
    size = float(found.diagonal().mean()) or 1.0
    return found + least * size * torch.eye(len(found), dtype=torch.float64)
