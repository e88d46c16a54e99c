"""The health of a search, raised among its own events."""

from collections.abc import Generator

from core.events import SearchEvent, StopRequested
from core.health import SIGNATURES, HealthMonitor

__all__ = ["SIGNATURES", "HealthMonitor", "watched"]

SearchEvents = Generator[SearchEvent, None, None]


def watched(events: SearchEvents) -> SearchEvents:
    """Pass on the events of a search, and after each what is raised by it.

    A StopRequested thrown in reaches the search.
    """
    monitor = HealthMonitor()
    raised: list[SearchEvent] = []
    is_stopping = False
    while True:
        try:
            event = events.throw(StopRequested()) if is_stopping else next(events)
        except StopIteration:
            return
        is_stopping = False
        raised = [event, *monitor.take(event)]
        while raised:
            try:
                yield raised.pop(0)
            except StopRequested:
                is_stopping = True
