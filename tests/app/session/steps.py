"""Jobs that are plain generators, and how to wait for a state of the session."""

import threading

from app.session import Session
from app.session_state import SessionState
from core.config import RunConfig
from core.events import StageAdvanced, StageStarted, StopRequested
from tests.app import samples

CONFIG = RunConfig()
NEVER = threading.Event()


def open_tiny(config, *, allow_download):
    yield StageStarted("Reading the network")
    yield samples.network_opened(handle=config)


def search_tiny(opened, config, runs_folder):
    yield from samples.search_events()
    yield samples.run_reported()


def search_until_stopped(opened, config, runs_folder):
    try:
        yield samples.search_started()
        while True:
            NEVER.wait(0.001)  # scoring takes time; without it the events would flood the window
            yield StageAdvanced(0)
    except StopRequested:
        yield samples.search_finished(is_stopped=True)


def reach(qtbot, session: Session, state: SessionState):
    """Wait for the session to arrive in `state`."""
    return qtbot.waitSignal(
        session.state_changed, timeout=20_000, check_params_cb=lambda new: new is state
    )


def look_into(seen):
    def job(opened):
        seen.append(opened)
        yield StageStarted("Looking")
        yield samples.candidate(len(seen))

    return job


def is_opened(event):
    return type(event).__name__ == "NetworkOpened"
