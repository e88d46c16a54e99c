"""What a search needs of those who propose its masks."""

from collections.abc import Mapping
from typing import Any, Protocol

from core.events import BoolArray, FloatArray
from core.rl.ppo import UpdateStatistics


class Proposed(Protocol):
    """Masks to be scored; a method may remember more of them."""

    @property
    def keep(self) -> BoolArray:
        """The masks, (K, C)."""


class Method(Protocol):
    """Proposes masks and learns from what they earned."""

    def hold_budget(self, macs_budget: float) -> None:
        """Keep so much of the MACs (0-1) at most from now on; it only ever falls."""

    def propose(self, count: int) -> Proposed:
        """Give `count` masks."""

    def learn(self, proposal: Any, rewards: list[float]) -> UpdateStatistics:
        """Take in the rewards of what `propose` gave last."""

    def preference(self) -> tuple[FloatArray, BoolArray]:
        """Return keep probabilities (C,) and the mask (C,) that it would choose now."""

    @property
    def is_sound(self) -> bool:
        """Whether all that it has learned are numbers."""

    def state_dict(self) -> dict[str, Any]:
        """Copy what learning has changed, as tensors and plain values."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave, to the bit."""
