"""What is known for comparing: the shown mask, the criteria's scores, and masks of theirs."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from app.selection import LoadedMask
from core.comparison_rows import (
    MasksComparison,
    RankedRows,
    compare_masks,
    rank_rows,
    same_count_mask,
)
from core.events import (
    BoolArray,
    CriterionEvaluated,
    Event,
    FloatArray,
    ImportancesMeasured,
    NetworkOpened,
    PolicyUpdated,
    SearchFinished,
    SearchStarted,
)
from core.graph.rows import ChannelRow, channel_rows

Mode = Literal["count", "macs"]
BEFORE_MEASURED = "l1"  # the criterion that needs no images
MOST_RANKED = 12


@dataclass(frozen=True, eq=False)
class CriterionMask:
    """A criterion's mask within the budget; without a score if it was not told."""

    name: str  # "l1_uniform"
    keep: BoolArray  # (channels,)
    macs_kept: float | None = None
    cross_entropy: float = float("inf")


@dataclass(frozen=True, eq=False)
class Compared:
    """A comparison, and what it was made of."""

    result: MasksComparison
    mode: Mode
    criterion: str
    mask: LoadedMask
    is_agents: bool  # False: the shown mask is itself a criterion's
    other: CriterionMask | None  # None: the criterion keeps as many as the mask in each row
    order: tuple[NDArray[np.int64], ...]  # of each row's channels: the highest score first


class CompareFacts:
    """Follows the search and the shown mask; compares on demand."""

    def __init__(self) -> None:
        self.opened: NetworkOpened | None = None
        self.mask: LoadedMask | None = None
        self.rows: tuple[ChannelRow, ...] = ()
        self._scores: dict[str, FloatArray] = {}
        self._masks: dict[str, CriterionMask] = {}
        self._probability: FloatArray | None = None
        self._ranks: dict[int, tuple[FloatArray, RankedRows]] = {}  # by the values' identity

    @property
    def criteria(self) -> list[str]:
        """All criteria of which scores or masks are known."""
        named = [self._criterion_of(name) for name in self._masks]
        return list(dict.fromkeys([*self._scores, *named]))

    def has_scores(self, criterion: str) -> bool:
        """Whether every channel's score by the criterion is known, not only a mask."""
        return criterion in self._scores

    def take_event(self, event: Event) -> bool:
        """Remember what an event tells; whether that can change a comparison."""
        match event:
            case NetworkOpened():
                self.opened, self.mask = event, None
                self.rows = channel_rows(event.graph, event.groups)
                self._scores = {BEFORE_MEASURED: event.magnitude}
                self._masks, self._probability, self._ranks = {}, None, {}
            case SearchStarted():
                self._masks, self._probability, self.mask = {}, None, None
            case ImportancesMeasured():
                self._scores = dict(event.scores)
            case CriterionEvaluated():
                self._masks[event.criterion] = CriterionMask(
                    event.criterion, event.keep, event.macs_kept, event.cross_entropy
                )
            case PolicyUpdated():
                self._probability = event.keep_probability
            case SearchFinished():
                for name, keep in event.criteria.items():
                    self._masks.setdefault(name, CriterionMask(name, keep))
            case _:
                return False
        return True

    def take_mask(self, mask: LoadedMask | None) -> None:
        """Remember the mask that all panels show, unless it is another network's."""
        count = sum(map(len, self.rows))
        self.mask = mask if mask is not None and mask.keep.shape == (count,) else None

    def compare(self, criterion: str, mode: Mode) -> Compared | None:
        """Set the shown mask beside a criterion's; None if one of the two is not known."""
        mask, scores = self.mask, self._scores.get(criterion)
        other = self._best_mask(criterion) if mode == "macs" else None
        scored = None if scores is None else self._ranked(scores)
        if mask is None:
            return None
        if other is not None:
            keep = other.keep
        elif scored is not None and mode == "count":
            keep = same_count_mask(self.rows, mask.keep, scored)
        else:
            return None
        preferred = None if self._probability is None else self._ranked(self._probability)
        is_criterions = any((mask.keep == one.keep).all() for one in self._masks.values())
        return Compared(
            compare_masks(self.rows, mask.keep, keep, scored, preferred),
            mode,
            criterion,
            mask,
            not is_criterions,
            other,
            tuple(np.arange(len(row)) for row in self.rows) if scored is None else scored.orders,
        )

    def _ranked(self, values: FloatArray) -> RankedRows:
        """Sort once: scores stay as they are, probabilities until the next update."""
        key = id(values)
        if key not in self._ranks:
            self._ranks = dict(list(self._ranks.items())[-MOST_RANKED:])
            self._ranks[key] = values, rank_rows(self.rows, values)
        return self._ranks[key][1]

    def _best_mask(self, criterion: str) -> CriterionMask | None:
        """The criterion's mask that was best on the reward images."""
        own = [m for name, m in self._masks.items() if self._criterion_of(name) == criterion]
        return min(own, key=lambda one: one.cross_entropy, default=None)

    def _criterion_of(self, name: str) -> str:
        """The criterion of "l1_uniform": the longest known one that the name begins with."""
        known = [one for one in self._scores if name == one or name.startswith(f"{one}_")]
        return max(known, key=len, default=name)
