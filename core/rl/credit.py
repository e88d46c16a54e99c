"""Credit for every channel: what its own decision was worth, to first order.

A reward is one number for hundreds of decisions. Near a mask the loss is almost linear in the
gates of the channels, so its gradient there says what each decision was worth by itself, for
one backward pass an update. In the logit of a Bernoulli decision the natural gradient of the
expected reward is that very worth, so offsets move along it, beside what PPO learns.
The worth of a channel is what it gives less the price of its MACs: what they would give
elsewhere in the network.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

DECAY = 0.7  # of the average from update to update
MOST = 6.0  # times the mean size, that one channel may count

Float64Array = NDArray[np.float64]


class ChannelCredit:
    """Average over the updates of what the channels give."""

    def __init__(self) -> None:
        self._average: Float64Array | None = None

    def add(self, gradient: Float64Array, removable: NDArray[np.bool_]) -> Float64Array:
        """Take in the reward's gradient in the gates (C,); returns the average so far.

        Gradients of different images are of different sizes, so each counts relative to the
        mean size over the removable channels.
        """
        size = float(np.abs(gradient[removable]).mean()) if removable.any() else 0.0
        relative = np.clip(gradient / (size + 1e-12), -MOST, MOST)
        before = relative if self._average is None else self._average
        self._average = DECAY * before + (1 - DECAY) * relative
        return self._average

    def state_dict(self) -> dict[str, Any]:
        """Return the average, as a list or None."""
        return {"average": None if self._average is None else self._average.tolist()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        average = state["average"]
        self._average = None if average is None else np.array(average, dtype=np.float64)


def less_their_price(
    given: Float64Array, macs: Float64Array, probability: Float64Array
) -> Float64Array:
    """What channels give (C,) beyond the price of their MACs (C,).

    The price per MAC is the least-squares one over the undecided channels, each weighed by
    p (1 - p) of its probability (C,) to be kept: the credit that is left trades channels for
    others, and does not ask for a larger network.
    """
    weights = probability * (1 - probability) * macs
    total = float((weights * macs).sum())
    price = float((weights * given).sum()) / total if total > 0 else 0.0
    return given - price * macs
