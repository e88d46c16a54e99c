"""What the mask matrix knows: rows of channels, masks, probabilities, scores, what flipped."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from app.panels.panel import Table
from app.selection import LoadedMask
from core.events import (
    BoolArray,
    Event,
    FloatArray,
    ImportancesMeasured,
    NetworkOpened,
    PolicyUpdated,
    SearchStarted,
)
from core.graph.rows import ChannelRow, channel_rows
from core.pruning.pins import Pins

View = Literal["mask", "policy"]
NETWORK_ORDER, BY_PROBABILITY = "network order", "keep probability"  # else a criterion's name
BEFORE_MEASURED = "l1"  # the criterion that needs no images


@dataclass(frozen=True, eq=False)
class Decision:
    """A mask over all channels, and which of them the mask before decided differently."""

    keep: BoolArray  # (channels,)
    has_flipped: BoolArray  # (channels,)

    @classmethod
    def after(cls, keep: BoolArray, before: "Decision | None") -> "Decision":
        """The decision that follows another; without one nothing has flipped."""
        return cls(keep, np.zeros_like(keep) if before is None else keep != before.keep)


class MaskFacts:
    """Follows the search and the mask that is shown; the panel draws what stands here."""

    def __init__(self) -> None:
        self.opened: NetworkOpened | None = None
        self._forget()

    def _forget(self) -> None:
        self.rows: tuple[ChannelRow, ...] = ()
        self.flat = np.zeros(0, dtype=np.int64)  # channel ids in the order of the rows
        self.scores: dict[str, FloatArray] = {}
        self.mask: LoadedMask | None = None
        self._ids: list[NDArray[np.int64]] = []  # of every row
        self._row_of_flat = np.zeros(0, dtype=np.int64)
        self._row_of_channel = np.zeros(0, dtype=np.int64)
        self._place_of_channel = np.zeros(0, dtype=np.int64)
        self._sorted: tuple[FloatArray, NDArray[np.int64]] | None = None  # values, order
        self._mask: Decision | None = None
        self._policy: Decision | None = None
        self.probability: FloatArray | None = None
        self.update = 0

    def take_event(self, event: Event) -> bool:
        """Remember what an event tells; whether that changes what is shown."""
        match event:
            case NetworkOpened():
                self._open(event)
            case SearchStarted():
                self._mask = self._policy = self.mask = self.probability = None
                self.update = 0
            case ImportancesMeasured():
                self.scores = dict(event.scores)
            case PolicyUpdated():
                self._policy = Decision.after(event.keep, self._policy)
                self.probability, self.update = event.keep_probability, event.update
            case _:
                return False
        return True

    def take_mask(self, mask: LoadedMask | None) -> None:
        """Remember the mask that all panels show, unless it is another network's."""
        if mask is None or mask.keep.shape != self.flat.shape:
            self.mask = self._mask = None
        elif self.mask is None or mask.keep is not self.mask.keep:
            self._mask = Decision.after(mask.keep, self._mask)
            self.mask = mask

    def decision(self, view: View) -> Decision:
        """The mask that a view shows; every channel is kept as long as none is known."""
        known = self._policy if view == "policy" else self._mask
        if known is not None:
            return known
        everything = np.ones(len(self.flat), dtype=np.bool_)
        return Decision(everything, ~everything)

    def order(self, sort: str) -> NDArray[np.int64]:
        """Channel ids row by row, each row sorted, the highest first; (channels,)."""
        values = self.probability if sort == BY_PROBABILITY else self.scores.get(sort)
        if values is None:
            return self.flat
        if self._sorted is None or self._sorted[0] is not values:
            parts = [
                row.channels[np.argsort(-values[row.channels], kind="stable")] for row in self.rows
            ]
            self._sorted = values, np.concatenate(parts) if parts else self.flat
        return self._sorted[1]

    def row_of(self, channel: int) -> int:
        """The row that shows a channel."""
        return int(self._row_of_channel[channel])

    def place_of(self, channel: int) -> int:
        """Which output of its row's layer a channel is."""
        return int(self._place_of_channel[channel])

    def rows_of_layer(self, layer: str) -> list[int]:
        """The rows that show channels of a layer, also those of an earlier coupled layer."""
        if self.opened is None or layer not in self.opened.graph:
            return []
        owners = self.opened.graph.layer(layer).channels
        rows: list[int] = np.unique(self._row_of_channel[owners[owners >= 0]]).tolist()
        return rows

    def rank(self, criterion: str, channel: int) -> tuple[int, int]:
        """A channel's place by a criterion among its row's, from 1, and how many they are."""
        ids = self.rows[self.row_of(channel)].channels
        scores = self.scores[criterion]
        return 1 + int((scores[ids] > scores[channel]).sum()), len(ids)

    def table(self, view: View, pinned: Pins) -> Table:
        """One row for each channel, in network order."""
        decision, flat = self.decision(view), self.flat
        columns: dict[str, list[object]] = {
            "layer": [self.rows[row].layer for row in self._row_of_flat],
            "channel": self._place_of_channel[flat].tolist(),
            "is_kept": decision.keep[flat].astype(int).tolist(),
            "has_flipped": decision.has_flipped[flat].astype(int).tolist(),
            "pin": pinned[flat].tolist(),
        }
        if self.probability is not None:
            columns["keep_probability"] = self.probability[flat].tolist()
        for name, scores in self.scores.items():
            columns[f"score_{name}"] = scores[flat].tolist()
        return Table(tuple(columns), list(zip(*columns.values(), strict=True)))

    def _open(self, event: NetworkOpened) -> None:
        self._forget()
        self.opened = event
        self.rows = channel_rows(event.graph, event.groups)
        self.scores = {BEFORE_MEASURED: event.magnitude}
        if not self.rows:
            return
        self._ids = [row.channels for row in self.rows]
        self.flat = np.concatenate(self._ids)
        self._row_of_flat = np.repeat(np.arange(len(self.rows)), [len(row) for row in self.rows])
        self._row_of_channel = np.empty_like(self.flat)
        self._row_of_channel[self.flat] = self._row_of_flat
        self._place_of_channel = np.empty_like(self.flat)
        self._place_of_channel[self.flat] = np.concatenate([row.places for row in self.rows])
