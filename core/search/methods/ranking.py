"""Rewards of different updates made comparable, though each update has its own images."""

from collections.abc import Sequence

import numpy as np

SMOOTHING = 0.7  # of the mean reward from update to update


class ComparableRewards:
    """Measures a mask against its siblings, and these by a moving average.

    estimate = own - siblings' mean + average of means, as the search ranks its finalists.
    """

    def __init__(self) -> None:
        self.average: float | None = None

    def adjust(self, rewards: Sequence[float]) -> list[float]:
        """Return estimates for the rewards of one update, and move the average."""
        mean = float(np.mean(rewards))
        last = mean if self.average is None else self.average
        self.average = SMOOTHING * last + (1 - SMOOTHING) * mean
        return [reward - mean + self.average for reward in rewards]
