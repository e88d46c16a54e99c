"""Whether a search goes wrong in a way that is known, told while it happens. No torch."""

from core.events import Event, HealthRaised, SearchStarted
from core.health.history import SearchHistory
from core.health.signatures import SIGNATURES, Series, State, Verdict

__all__ = ["SIGNATURES", "HealthMonitor", "SearchHistory", "Series", "State", "Verdict"]


QUIET_UPDATES = 10  # without it, until it counts as a new episode


class HealthMonitor:
    """Watches one search; `verdicts` has the last word of every signature."""

    def __init__(self) -> None:
        self.history = SearchHistory()
        self.verdicts = {kind: sign(self.history) for kind, sign in SIGNATURES.items()}
        self._last_seen: dict[str, int] = {}  # kind -> update in which it was last raised

    def take(self, event: Event) -> list[HealthRaised]:
        """Take in an event; returns what is raised by it and belongs to no episode before."""
        if not self.history.take(event):
            return []
        if isinstance(event, SearchStarted):
            self._last_seen = {}
        self.verdicts = {kind: sign(self.history) for kind, sign in SIGNATURES.items()}
        now = len(self.history.updates)
        raised = []
        for kind, verdict in self.verdicts.items():
            if verdict.state == "raised":
                if now - self._last_seen.get(kind, -QUIET_UPDATES - 1) > QUIET_UPDATES:
                    at = self.history.evaluation
                    raised.append(HealthRaised(kind, at, verdict.evidence, verdict.advice))
                self._last_seen[kind] = now
        return raised
