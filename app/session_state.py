"""What is going on, and what can be done now. No Qt."""

from enum import Enum


class SessionState(Enum):
    """What the person can do now follows from this."""

    EMPTY = "empty"
    OPENING = "opening"
    READY = "ready"
    SEARCHING = "searching"
    PAUSED = "paused"
    STOPPING = "stopping"
    FINISHED = "finished"
    EXPORTING = "exporting"
    FINETUNING = "finetuning"

    @property
    def is_busy(self) -> bool:
        """Whether a job that the person asked for is going on."""
        return self not in (SessionState.EMPTY, SessionState.READY, SessionState.FINISHED)

    @property
    def is_run(self) -> bool:
        """Whether closing the window now would cut something short that took time."""
        return self in (
            SessionState.SEARCHING,
            SessionState.PAUSED,
            SessionState.STOPPING,
            SessionState.EXPORTING,
            SessionState.FINETUNING,
        )
