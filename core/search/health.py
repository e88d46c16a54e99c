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
    is_stopping = False
    try:
        while True:
            event = events.throw(StopRequested()) if is_stopping else next(events)
            is_stopping = False
            for told in (event, *monitor.take(event)):
                try:
                    yield told
                except StopRequested:
                    is_stopping = True
    except StopIteration:
        return
    finally:
        events.close()
