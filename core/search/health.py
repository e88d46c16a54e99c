"""The health of a search, raised among its own events."""

from collections.abc import Generator, Iterable

from core.events import Event, SearchEvent, StopRequested
from core.health import SIGNATURES, HealthMonitor

__all__ = ["SIGNATURES", "HealthMonitor", "watched"]

SearchEvents = Generator[SearchEvent, None, None]


def watched(events: SearchEvents, earlier: Iterable[Event] = ()) -> SearchEvents:
    """Pass on the events of a search, and after each what is raised by it.

    A StopRequested thrown in reaches the search.
    earlier: what the search told before it was broken off; nothing of it is raised again.
    """
    monitor = HealthMonitor()
    for event in earlier:
        monitor.take(event)
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
