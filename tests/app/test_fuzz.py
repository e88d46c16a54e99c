"""Random clicks, keys, sizes and events: whatever a person does, nothing may raise.

Ten seconds from a fixed seed; ESPALIER_FUZZ_SECONDS and ESPALIER_FUZZ_SEED ask for other ones.
pytest-qt fails the test for an exception in any slot or event handler.
"""

import os
import random
import time
from collections.abc import Callable

import numpy as np
import pytest
import shiboken6
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QPointF, Qt, QTimer
from PySide6.QtGui import QDesktopServices, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog, QWidget

from app import jobs
from app.main_window import MainWindow
from app.selection import LoadedMask
from app.theme import LIGHT, apply_palette
from core.config import RunConfig
from core.events import (
    AttentionMeasured,
    BestChanged,
    CandidateEvaluated,
    Event,
    HealthRaised,
    HeldOutScored,
    ImportancesMeasured,
    NoticeRaised,
    PolicyCompared,
    PolicyUpdated,
    StageAdvanced,
    StageStarted,
)
from core.health import SIGNATURES
from tests.app import samples
from tests.app.finetune_samples import finetuning
from tests.app.windows import describe, make_window, show_run

SECONDS = float(os.environ.get("ESPALIER_FUZZ_SECONDS", "10"))
SEED = int(os.environ.get("ESPALIER_FUZZ_SEED", "20260131"))
POPUP_MS = 40  # menus and lists that hold the keys are closed after this
KEYS = (
    *(Qt.Key.Key_Tab, Qt.Key.Key_Backtab, Qt.Key.Key_Return, Qt.Key.Key_Escape, Qt.Key.Key_Space),
    *(Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Home),
    *(Qt.Key.Key_End, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown, Qt.Key.Key_Delete, Qt.Key.Key_Plus),
    *(Qt.Key.Key_Minus, Qt.Key.Key_Backspace, Qt.Key.Key_F, Qt.Key.Key_A, Qt.Key.Key_7),
)
MODIFIERS = (
    *(Qt.KeyboardModifier.NoModifier,) * 4,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
)
NOT_CLICKED = ("quit",)

pytestmark = pytest.mark.timeout(SECONDS + 120)


def open_tiny(config, *, allow_download):
    yield StageStarted("Reading the network", 2)
    yield samples.network_opened()


def search_tiny(opened, config, runs_folder):
    yield from samples.search_events()
    yield samples.run_reported()


def look_at_nothing(network):
    yield StageStarted("Preparing")
    return jobs.Looked(network, "It was not looked at.")


def look_into_tiny(opened, layer):
    yield samples.layer_looked_into(layer)


def find_tiny_changes(opened, keep, name, run_folder):
    yield samples.changed_images_found(name)


def export_nothing(*_):
    yield StageStarted("Preparing the export")


def finetune_tiny(opened, masks, config, folder):
    yield from finetuning("learned", "l1_uniform")


def export_finetuned_nothing(opened, finetuned, folder, formats, config):
    yield StageStarted("Preparing the export")


@pytest.fixture
def window(qtbot, monkeypatch, tmp_path):
    for name, job in (
        ("open_network", open_tiny),
        ("search", search_tiny),
        ("look_at", look_at_nothing),
        ("look_into_layer", look_into_tiny),
        ("find_changed_images", find_tiny_changes),
        ("export", export_nothing),
        ("replay", export_nothing),
        ("resume", export_nothing),
        ("finetune", finetune_tiny),
        ("export_finetuned", export_finetuned_nothing),
    ):
        monkeypatch.setattr(jobs, name, job)
    for name in ("getOpenFileName", "getSaveFileName"):
        monkeypatch.setattr(QFileDialog, name, lambda *_: ("", ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "")
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda *_: True)
    monkeypatch.setattr(MainWindow, "closeEvent", lambda _, event: event.ignore())
    window = make_window(tmp_path)

    def end(window: MainWindow) -> None:
        monkeypatch.undo()
        window.dialogs.close()
        if not window.session.is_quiet:
            with qtbot.waitSignal(window.session.shut_down_finished, timeout=20_000):
                window.session.shut_down()

    qtbot.addWidget(window, before_close_func=end)
    window.show()
    window.session._work.wanted_config = RunConfig()  # of what is told to have been opened
    show_run(window)
    yield window
    apply_palette(QApplication.instance(), LIGHT)


def test_nothing_that_a_person_does_raises(window):
    chance = random.Random(SEED)
    popups = QTimer(interval=POPUP_MS)
    popups.timeout.connect(close_popup)
    popups.start()
    deeds = (*(click,) * 3, *(press,) * 2, press_action, resize, *(tell,) * 3, select, drag)
    done = []
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        done.append(chance.choice(deeds)(window, chance))
        if len(done) % 8 == 0:
            close_dialogs(window)
        QApplication.processEvents()
        # What waits to be deleted goes only in an event loop, of which there is none here.
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    popups.stop()
    close_dialogs(window)
    window.dialogs.close()
    assert window.isVisible()
    assert len(done) > 20, done


def close_popup() -> None:
    popup = QApplication.activePopupWidget()
    if popup is not None:
        popup.close()


def close_dialogs(window: MainWindow) -> None:
    for widget in QApplication.topLevelWidgets():
        if isinstance(widget, QDialog) and widget.isVisible():
            widget.reject()


def on_top(window: MainWindow) -> QWidget:
    """The dialog that has the mouse and the keys, or the window."""
    return QApplication.activeModalWidget() or window


def click(window: MainWindow, chance: random.Random) -> str:
    widgets = [w for w in on_top(window).findChildren(QWidget) if w.isVisible() and w.isEnabled()]
    widget = chance.choice(widgets)
    point = QPoint(
        chance.randrange(max(1, widget.width())), chance.randrange(max(1, widget.height()))
    )
    button = chance.choice((Qt.MouseButton.LeftButton,) * 4 + (Qt.MouseButton.RightButton,))
    where = describe(widget)
    QTest.mouseMove(widget, point)
    if shiboken6.isValid(widget):  # moving the mouse let waiting events come, too
        QTest.mouseClick(widget, button, chance.choice(MODIFIERS), point)
    return f"click {where}"


def press(window: MainWindow, chance: random.Random) -> str:
    focused, top = QApplication.focusWidget(), on_top(window)
    # A dialog takes the keys; made-up ones would reach what is below it.
    widget = focused if focused is not None and focused.window() is top else top
    key = chance.choice(KEYS)
    modifier = chance.choice(MODIFIERS[:5])
    QTest.keyClick(widget, key, modifier)
    return f"press {key} {modifier}"


def press_action(window: MainWindow, chance: random.Random) -> str:
    if on_top(window) is not window:
        return "nothing: a dialog is open"
    names = [name for name in window.commands.names if name not in NOT_CLICKED]
    actions = [window.commands[name] for name in names]
    action = chance.choice([*actions, *window.parts.docks.actions.values()])
    action.trigger()
    return f"action {action.objectName()}"


def resize(window: MainWindow, chance: random.Random) -> str:
    window.resize(chance.randrange(400, 2200), chance.randrange(300, 1400))
    return "resize"


def drag(window: MainWindow, chance: random.Random) -> str:
    """Take a dock by its title and let it go anywhere over the window or beside it."""
    # A press closes an open list before it reaches anything, but not one that is made up. Where
    # the list closed in the middle of the drag, Qt lost the drag and left the dock in the window's
    # layout twice: it crashed when the layout was reset or the window destroyed.
    while (popup := QApplication.activePopupWidget()) is not None:
        popup.close()
    docks = [dock for dock in window.parts.docks.docks.values() if dock.is_in_front]
    if on_top(window) is not window or not docks:
        return "nothing: no dock can be taken"
    dock = chance.choice(docks)
    where, hand = f"drag {dock.objectName()}", Qt.MouseButton.LeftButton
    steps = [dock.mapToGlobal(QPoint(20, 8)), *(at_random(window, chance) for _ in range(4))]
    kinds = (QEvent.Type.MouseButtonPress, *(QEvent.Type.MouseMove,) * 4)
    for kind, at in zip(kinds, steps, strict=True):
        send_mouse(dock, kind, at, hand)
        QApplication.processEvents()
    send_mouse(dock, QEvent.Type.MouseButtonRelease, steps[-1], Qt.MouseButton.NoButton)
    return f"{where} to {steps[-1].toTuple()}"


def at_random(window: MainWindow, chance: random.Random) -> QPoint:
    x, y = (chance.uniform(-0.1, 1.1) * side for side in window.size().toTuple())
    return window.mapToGlobal(QPoint(round(x), round(y)))


def send_mouse(dock: QWidget, kind: QEvent.Type, at: QPoint, held: Qt.MouseButton) -> None:
    moved = kind == QEvent.Type.MouseMove
    button = Qt.MouseButton.NoButton if moved else Qt.MouseButton.LeftButton
    here, no_keys = QPointF(dock.mapFromGlobal(at)), Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(dock, QMouseEvent(kind, here, QPointF(at), button, held, no_keys))


def select(window: MainWindow, chance: random.Random) -> str:
    layers = ["", "stem", "block.inner", "block.back", "classifier", "unknown"]
    layer = chance.choice(layers)
    window.selection.select_channel(layer, chance.randrange(-1, 12))
    keep = random_mask(chance)
    mask = LoadedMask("by chance", keep, chance.random(), chance.choice((None, 0.5)), None, True)
    window.selection.choose_mask(chance.choice((None, mask)))
    return f"select {layer}"


def tell(window: MainWindow, chance: random.Random) -> str:
    if on_top(window) is not window:  # asked what can only be asked while nothing runs
        return "nothing: a dialog is open"
    if not window.session.is_quiet:  # it tells its own, and stands in the state that goes with them
        return "nothing: a job runs"
    event = chance.choice(EVENTS)(chance)
    session = window.session
    session._work.take_event(event)
    session.event_received.emit(event)
    session._set_state(session._resting_state())
    return f"event {type(event).__name__}"


def random_mask(chance: random.Random):
    return np.array([chance.random() < 0.6 for _ in range(12)], np.bool_)


def random_floats(chance: random.Random):
    return np.array([chance.random() for _ in range(12)], np.float32)


def a_candidate(chance: random.Random) -> CandidateEvaluated:
    number = chance.randrange(1, 10_000)
    return CandidateEvaluated(
        *(number, number // 8, random_mask(chance), chance.random(), chance.random()),
        *(
            10 * chance.random(),
            -chance.random(),
            chance.random(),
            chance.random() < 0.9,
            number / 3,
        ),
    )


def a_policy(chance: random.Random) -> PolicyUpdated:
    numbers = [chance.uniform(-1, 1) for _ in range(5)]
    return PolicyUpdated(
        chance.randrange(100), random_floats(chance), random_mask(chance), *numbers
    )


def an_attention(chance: random.Random) -> AttentionMeasured:
    edges = tuple(samples.tiny_graph().edges)
    weights = np.array([chance.random() for _ in range(2 * 4 * len(edges))], np.float32)
    return AttentionMeasured(1, edges, weights.reshape(2, 4, len(edges)))


EVENTS: tuple[Callable[[random.Random], Event], ...] = (
    a_candidate,
    a_candidate,
    a_policy,
    an_attention,
    lambda chance: BestChanged(chance.randrange(99), random_mask(chance), 0.4, 0.9, 0.3),
    lambda chance: ImportancesMeasured(
        {"l1": random_floats(chance), "fpgm": random_floats(chance)}
    ),
    lambda chance: HeldOutScored(chance.randrange(99), chance.random(), 0.4, 0.3),
    lambda chance: PolicyCompared(chance.randrange(99), chance.random(), 0.4),
    lambda chance: HealthRaised(chance.choice(list(SIGNATURES)), 3, "It was so.", "Do otherwise."),
    lambda chance: NoticeRaised("<b>Something</b> & more"),
    lambda chance: StageStarted("Working", chance.randrange(5)),
    lambda chance: StageAdvanced(chance.randrange(9)),
    lambda chance: samples.search_started(chance.randrange(1, 100)),
    lambda chance: samples.search_finished(is_stopped=chance.random() < 0.5),
    lambda chance: samples.run_reported(),
    lambda chance: samples.network_opened(),
)
