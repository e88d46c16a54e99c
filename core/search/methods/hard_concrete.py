"""Hard-concrete gates: a sigmoid with noise, stretched over 0 and 1 and clipped there.

A gate is exactly 0 or 1 with some probability and can still be learned by gradient.
Source: Louizos et al., "Learning Sparse Neural Networks through L0 Regularization", 2018,
section 2.2; beta, gamma and zeta are theirs.
"""

import math

import torch
from torch import Tensor

BETA, GAMMA, ZETA = 2 / 3, -0.1, 1.1
SHIFT = BETA * math.log(-GAMMA / ZETA)
LEAST_NOISE = 1e-6  # of 1, so that no logarithm is infinite


def gates_of(log_alpha: Tensor, uniform: Tensor) -> Tensor:
    """Sample gates in 0-1 from noise in 0-1; both of one shape (equation 10)."""
    u = uniform.clamp(LEAST_NOISE, 1 - LEAST_NOISE)
    concrete = torch.sigmoid((torch.log(u) - torch.log1p(-u) + log_alpha) / BETA)
    return (concrete * (ZETA - GAMMA) + GAMMA).clamp(0.0, 1.0)


def open_logits(log_alpha: Tensor) -> Tensor:
    """Logits of a gate not being 0: P = sigmoid(log_alpha - beta log(-gamma / zeta)) (eq. 12)."""
    return log_alpha - SHIFT


def sure_gates(log_alpha: Tensor) -> Tensor:
    """The gates without noise, in 0-1 (equation 13)."""
    return (torch.sigmoid(log_alpha) * (ZETA - GAMMA) + GAMMA).clamp(0.0, 1.0)
