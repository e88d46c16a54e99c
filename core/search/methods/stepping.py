"""Gradient steps that a method takes before it proposes masks, one at a time."""

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from core.events import NoticeRaised, StageAdvanced
from core.search.methods.method import Method
from core.search.stopwatch import Stopwatch


@runtime_checkable
class TakesSteps(Protocol):
    """Learns from images of its own, beside the rewards."""

    def steps_for(self, count: int) -> int:
        """How many steps come before `count` masks."""

    def step(self) -> None:
        """Take one, on one batch of images."""

    def take_notices(self) -> Iterator[NoticeRaised]:
        """What a person must know of the steps since the last call."""


def take_steps(
    method: Method, count: int, evaluations: int, clock: Stopwatch
) -> Iterator[StageAdvanced | NoticeRaised]:
    """Let a method that learns so take its steps; a stop is heard after each."""
    if not isinstance(method, TakesSteps):
        return
    for _ in range(method.steps_for(count)):
        with clock.measure("policy"):
            method.step()
        yield from method.take_notices()
        yield StageAdvanced(evaluations)
