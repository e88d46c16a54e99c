"""A session in the states in which tests begin: empty, opened, searched."""

import pytest

from app import jobs
from app.session import Session
from app.session_state import SessionState
from tests.app.session.steps import CONFIG, open_tiny, reach, search_tiny


@pytest.fixture
def fakes(monkeypatch):
    """Jobs without torch; a test may put in others."""
    monkeypatch.setattr(jobs, "open_network", open_tiny)
    monkeypatch.setattr(jobs, "search", search_tiny)
    return monkeypatch


@pytest.fixture
def session(qtbot, fakes):
    session = Session()
    yield session
    with qtbot.waitSignal(session.shut_down_finished, timeout=20_000):
        session.shut_down()
    session.deleteLater()


@pytest.fixture
def opened(qtbot, session):
    with reach(qtbot, session, SessionState.READY):
        session.open(CONFIG)
    return session


@pytest.fixture
def searched(qtbot, opened):
    with reach(qtbot, opened, SessionState.FINISHED):
        opened.start(CONFIG)
    return opened
