"""Which masks a search has shown so far, and what to call them."""

from dataclasses import dataclass

from app.selection import LoadedMask
from core.events import (
    BestChanged,
    BoolArray,
    CandidateEvaluated,
    CriterionEvaluated,
    Event,
    FloatArray,
    PolicyUpdated,
    SearchFinished,
    SearchStarted,
)

# What the user can choose to look at; LOADED is there once a mask was loaded in some panel.
VIEWS = {"newest": "Newest mask", "policy": "Policy", "best": "Best mask"}
LOADED = "loaded"


@dataclass(frozen=True, eq=False)
class ShownMask:
    """A mask with the policy's probabilities, and what to call it."""

    caption: str
    keep: BoolArray
    probability: FloatArray | None = None


class KnownMasks:
    """The newest mask of every kind of VIEWS."""

    def __init__(self) -> None:
        self._evaluations = 0
        self._policy: tuple[int, FloatArray] | None = None  # update, keep probabilities
        self._masks: dict[str, ShownMask] = {}

    def __getitem__(self, view: str) -> ShownMask | None:
        return self._masks.get(view)

    def clear(self) -> None:
        """Forget everything."""
        self._evaluations, self._policy = 0, None
        self._masks = {}

    def load(self, mask: LoadedMask) -> None:
        """Remember a mask that the person chose to look at."""
        words = f"Loaded mask: {mask.name} · {_percent(mask.macs_kept)} of MACs"
        if mask.accuracy is not None:
            words += f" · {_percent(mask.accuracy)} accuracy"
        self._masks[LOADED] = ShownMask(words, mask.keep)

    def take_event(self, event: Event) -> bool:
        """Remember the mask that an event brings; whether there is something new to show."""
        match event:
            case SearchStarted():
                self.clear()
                self._evaluations = event.evaluations
            case CriterionEvaluated():
                words = f"criterion {event.criterion} · {_percent(event.macs_kept)} of MACs"
                self._masks["newest"] = ShownMask(words, event.keep)
            case CandidateEvaluated():
                self._take_candidate(event)
            case PolicyUpdated():
                self._policy = event.update, event.keep_probability
                words = f"policy after update {event.update}"
                mask = ShownMask(words, event.keep, event.keep_probability)
                self._masks["policy"] = self._masks["newest"] = mask
            case BestChanged():
                words = (
                    f"best mask so far, evaluation {event.evaluation} · "
                    f"{_percent(event.macs_kept)} of MACs · {_percent(event.accuracy)} accuracy"
                )
                self._masks["best"] = ShownMask(words, event.keep)
            case SearchFinished():
                words = (
                    f"final mask · {_percent(event.macs_kept)} of MACs · "
                    f"{_percent(event.accuracy)} held-out accuracy"
                )
                self._masks["best"] = self._masks["newest"] = ShownMask(words, event.keep)
            case _:
                return False
        return True

    def _take_candidate(self, event: CandidateEvaluated) -> None:
        total = f" of {self._evaluations}" if self._evaluations else ""
        words = f"mask {event.evaluation}{total} · {_percent(event.macs_kept)} of MACs"
        probability = None
        if self._policy is not None:
            update, probability = self._policy
            words += f" · shade: policy after update {update}"
        self._masks["newest"] = ShownMask(words, event.keep, probability)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
