"""A look at a file in the background: it is given up for anything else, and fails in silence."""

import threading
from collections.abc import Callable, Generator
from typing import Any

import pytest

from app import jobs
from app.session import Session
from app.session_state import SessionState
from core.config import RunConfig
from core.events import StageAdvanced, StopRequested
from tests.app import samples

WAIT_MS = 20_000
NEVER = threading.Event()


@pytest.fixture
def session(qtbot: Any, qapp: Any) -> Generator[Session, None, None]:
    session = Session()
    yield session
    if not session.is_quiet:
        with qtbot.waitSignal(session.shut_down_finished, timeout=WAIT_MS):
            session.shut_down()


def open_tiny(config: RunConfig, *, allow_download: bool) -> Any:
    yield samples.network_opened()


def looking_for_ever(ended: list[str]) -> Callable[[str], Any]:
    def look(network: str) -> Any:
        try:
            while True:
                NEVER.wait(0.001)
                yield StageAdvanced(0)
        except StopRequested:
            ended.append(network)
            raise

    return look


def test_what_is_found_is_told_with_what_was_looked_at(qtbot: Any, session: Session) -> None:
    events: list[object] = []
    session.event_received.connect(events.append)
    with qtbot.waitSignal(session.facts_found, timeout=WAIT_MS) as found:
        session.look_at("cifar_resnet20")
    facts, network = found.args
    assert (facts.input_shape, network) == ((3, 32, 32), "cifar_resnet20")
    assert events == [] and session.state is SessionState.EMPTY


def test_what_cannot_be_read_is_a_sentence(qtbot: Any, session: Session) -> None:
    with qtbot.waitSignal(session.facts_found, timeout=WAIT_MS) as found:
        session.look_at("resnet81")
    assert "Did you mean resnet" in found.args[0]


def test_a_look_is_given_up_when_something_is_opened(
    qtbot: Any, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[str] = []
    monkeypatch.setattr(jobs, "look_at", looking_for_ever(ended))
    monkeypatch.setattr(jobs, "open_network", open_tiny)
    session.look_at("large.pt")
    session.look_at("other.pt")  # of two looks only the last counts
    with qtbot.waitSignal(session.event_received, timeout=WAIT_MS):
        session.open(RunConfig())
    qtbot.waitUntil(lambda: session.is_quiet, timeout=WAIT_MS)
    assert session.state is SessionState.READY


def test_a_look_that_breaks_is_not_told(
    qtbot: Any, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaking(network: str) -> Any:
        yield StageAdvanced(0)
        raise KeyError(network)

    monkeypatch.setattr(jobs, "look_at", breaking)
    failures: list[str] = []
    session.failed.connect(lambda sentence, details: failures.append(sentence))
    session.look_at("odd.pt")
    qtbot.waitUntil(lambda: session.is_quiet, timeout=WAIT_MS)
    assert failures == []


def test_nothing_is_looked_at_while_something_runs(
    qtbot: Any, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    monkeypatch.setattr(jobs, "look_at", lambda network: looked.append(network))
    monkeypatch.setattr(jobs, "open_network", open_tiny)
    session.open(RunConfig())
    session.look_at("net.pt")
    qtbot.waitUntil(lambda: session.is_quiet, timeout=WAIT_MS)
    assert looked == [] and session.state is SessionState.READY
