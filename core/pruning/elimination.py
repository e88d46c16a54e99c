"""Structured OBS: what a layer loses when input channels go one by one and others make up for it.

The reader of a channel computes y = W x. Without the inputs of channel B, the other weights can be
refitted; what is then lost of y is tr(W_B (H^-1)_BB^-1 W_B^T), where H is the covariance of x. The
cheapest channels go first, and H^-1 and W are brought up to date after them.

Source: Hassibi and Stork, "Second Order Derivatives for Network Pruning: Optimal Brain Surgeon",
NIPS 1992, in blocks as in Kurtic et al., "ZipLM", NeurIPS 2023, section 3.1.
"""

import numpy as np
from numpy.typing import NDArray

Float64Array = NDArray[np.float64]
DAMPING = 1e-3  # of the covariance's mean variance
ROUNDS_MOST = 48  # wider layers lose several channels at a time
STEP = 1 + 1e-5  # keeps the order visible where a loss is no greater than an earlier one


def elimination_losses(
    covariance: Float64Array, weight: Float64Array, blocks: NDArray[np.int64]
) -> Float64Array:
    """Say for each block of inputs how much of the output's variance goes with it.

    covariance: (inputs, inputs) of what is read; weight: (outputs, inputs).
    blocks: (blocks, size) the inputs of each block; inputs in none of them stay.
    Returns: (blocks,) losses in the order of elimination: never less than an earlier one's, so
        that they compare across layers as what a cut down to there costs.
    """
    count = len(blocks)
    inverse = np.linalg.inv(
        covariance + DAMPING * max(np.diag(covariance).mean(), 1e-12) * np.eye(len(covariance))
    )
    # losses see the weights only through W^T W, which a triangle of the inputs' size has too
    is_tall = len(weight) > weight.shape[1]
    weight = np.linalg.qr(weight).R if is_tall else weight.copy()
    losses = np.zeros(count)
    left = np.arange(count)
    greatest = 0.0
    at_once = -(-count // ROUNDS_MOST)
    while len(left):
        now = _losses_now(inverse, weight, blocks[left])
        order = np.argsort(now, kind="stable")[:at_once]
        for index in order:
            greatest = max(greatest * STEP, float(now[index]))
            losses[left[index]] = greatest
        gone = blocks[left[order]].ravel()
        # what has gone stays in the arrays as zeros: taking it out would copy them every time
        solved = np.linalg.solve(inverse[np.ix_(gone, gone)], inverse[gone])
        weight -= weight[:, gone] @ solved
        inverse -= inverse[:, gone] @ solved
        left = np.delete(left, order)
    return losses


def _losses_now(
    inverse: Float64Array, weight: Float64Array, places: NDArray[np.int64]
) -> Float64Array:
    """Loss of each block if it alone went now; (blocks,)."""
    own = inverse[places[:, :, None], places[:, None, :]]  # (blocks, size, size)
    columns = weight[:, places].transpose(1, 2, 0)  # (blocks, size, outputs)
    losses: Float64Array = (columns * np.linalg.solve(own, columns)).sum(axis=(1, 2))
    return losses
