"""The latency that a search predicted, beside what the networks really take."""

import time
from collections.abc import Generator, Mapping
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import Any

import torch
from torch import nn

from core.events import (
    Event,
    NoticeRaised,
    SearchFinished,
    StageAdvanced,
    StageStarted,
    StopRequested,
)
from core.memory import is_out_of_memory, reason_of, shortage
from core.opening import Opened
from core.pruning.latency_table import LatencyTable
from core.search.timers import Clock, make_timer

STAGE = "Comparing the predicted latency with the real one"
MOST_PAIRS = 200
FEWEST_PAIRS = 5
SECONDS = 3.0  # unless they are that few


@dataclass(frozen=True)
class Prediction:
    """Milliseconds for a batch, predicted from the table of layers and measured as a whole."""

    device: str
    threads: int
    batch: int
    budget: float  # share of the unpruned network's latency
    predicted_before_ms: float
    predicted_after_ms: float
    measured_before_ms: float | None = None
    measured_after_ms: float | None = None

    @property
    def predicted_kept(self) -> float:
        """Predicted share of the unpruned network's latency."""
        return self.predicted_after_ms / self.predicted_before_ms

    @property
    def measured_kept(self) -> float | None:
        """Measured share of it; None if it was not measured."""
        if self.measured_before_ms is None or self.measured_after_ms is None:
            return None
        return self.measured_after_ms / self.measured_before_ms

    def sentence(self) -> str:
        """Say how the two compare, and what to do where the real network is too slow."""
        where = f"PyTorch, {self.device}, batch {self.batch}, threads {self.threads}"
        predicted = (
            f"Latency predicted from its layers: {100 * self.predicted_kept:.1f} % kept "
            f"({self.predicted_before_ms:.2f} to {self.predicted_after_ms:.2f} ms; {where})"
        )
        if self.measured_kept is None:
            return f"{predicted}; the whole network was not measured."
        words = (
            f"{predicted}; measured: {100 * self.measured_kept:.1f} % "
            f"({self.measured_before_ms:.2f} to {self.measured_after_ms:.2f} ms)."
        )
        if self.measured_kept <= self.budget:
            return words
        return (
            f"{words} The real network is above the budget of {100 * self.budget:g} %: a sum of "
            "layers is not all of a network, and a busy machine measures badly. Search again with "
            "a smaller latency budget."
        )

    def as_report(self) -> dict[str, Any]:
        """Return the entry of report.json."""
        return {
            **asdict(self),
            "predicted_kept": self.predicted_kept,
            "measured_kept": self.measured_kept,
            "note": self.sentence(),
        }


def predict(
    table: Mapping[str, Any] | None, budget: float, finished: SearchFinished
) -> Prediction | None:
    """Say what the table predicts for the winner; None where latency was not budgeted."""
    kept = finished.further_kept.get("latency")
    if table is None or kept is None:
        return None
    known = LatencyTable.from_dict(table)
    before = known.unpruned_ms
    return Prediction(known.device, known.threads, known.batch, budget, before, kept * before)


def measure_prediction(
    opened: Opened,
    pruned: nn.Module,
    device: torch.device,
    prediction: Prediction,
    clock: Clock = time.perf_counter,
) -> Generator[Event, None, Prediction]:
    """Measure both networks in turns where the layers were measured; fills the prediction.

    A StopRequested leaves it as it is, and so does another device than that of the layers.
    """
    try:
        yield StageStarted(STAGE, total=MOST_PAIRS)
        began = clock()
        timer = make_timer(device, opened.network.input_shape, prediction.batch)
        if timer.device != prediction.device:
            yield NoticeRaised(
                f"The predicted latency is that of {prediction.device}, and this is "
                f"{timer.device}, so the two are not compared."
            )
            return prediction
        before, after = list[float](), list[float]()
        while len(after) < MOST_PAIRS:
            before.append(timer.network(opened.network.module))
            after.append(timer.network(pruned))
            yield StageAdvanced(len(after))
            if len(after) >= FEWEST_PAIRS and clock() - began > SECONDS:
                break
    except StopRequested:
        yield NoticeRaised("Stopped: the predicted latency is not compared with the real one.")
        return prediction
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        yield NoticeRaised(f"{shortage('measuring latency', reason_of(error))}")
        return prediction
    return replace(prediction, measured_before_ms=median(before), measured_after_ms=median(after))
