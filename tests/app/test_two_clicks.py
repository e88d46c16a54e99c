"""From a finished run every question has its answer on the screen after two clicks at most."""

import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QTabBar

from app import jobs
from app.session_state import SessionState
from tests.app import samples
from tests.app.window_steps import WAIT_MS, reach
from tests.core.runs.made import make_run

MOST_CLICKS = 2


def search_recorded(folder):
    def search(opened, config, runs_folder):
        yield from samples.search_events(evaluations=40)
        yield samples.run_reported(str(folder))

    return search


def look_into(opened, layer):
    yield samples.layer_looked_into(layer)


@pytest.fixture
def finished(qtbot, fakes, window, tmp_path):
    """A window as a search leaves it: nothing is selected and no panel was asked for."""
    folder = make_run(tmp_path / "runs" / "2026-03-01_10-00-00_tiny_50", accuracy=0.75)
    fakes.setattr(jobs, "search", search_recorded(folder))
    fakes.setattr(jobs, "look_into_layer", look_into)
    window.parts.settings.set_runs_folder(str(folder.parent))
    with reach(qtbot, window, SessionState.FINISHED):
        window.commands["demo"].trigger()
    assert window.selection.layer == ""
    yield window
    window.parts.docked["verdict"].reader.stop()


def click_tab(qtbot, window, name: str) -> None:
    title = window.parts.docks.docks[name].windowTitle()
    for bar in window.findChildren(QTabBar):
        for place in range(bar.count()):
            if bar.isVisible() and bar.tabText(place) == title:
                at = bar.tabRect(place).center()
                qtbot.mouseClick(bar, Qt.MouseButton.LeftButton, pos=at)
                return
    pytest.fail(f"no tab says {title}")


def click_layer(qtbot, window, layer: str) -> None:
    view, card = window.parts.graph.view, window.parts.graph.scene.nodes[layer]
    at = view.mapFromScene(card.mapToScene(QPointF(*card.size) / 2))
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=at)


# Question: the clicks, on a tab or on a layer of the graph, and how the answer is seen.
QUESTIONS = {
    "Which channels go, layer by layer?": (
        ["masks"],
        lambda panel: "MACs" in panel.caption.text() and panel.matrix.isVisible(),
    ),
    "How is it different from magnitude?": (
        ["compare"],
        lambda panel: "that L1 would remove" in panel.sentence.text(),
    ),
    "Does it look right on images?": (
        ["filters", "layer"],
        lambda panel: panel.canvas.isVisible() and "block.inner" in panel.caption.text(),
    ),
    "What does the encoder look at?": (
        ["attention"],
        lambda panel: panel.canvas.isVisible() and "The encoder" in panel.caption.text(),
    ),
    "Is it getting better, honestly?": (
        ["trajectory"],
        lambda panel: panel.point_count == 40 and "best: evaluation" in panel.readout.text(),
    ),
    "What could I have instead?": (
        ["tradeoff"],
        lambda panel: panel.plot.isVisible() and len(panel.table().rows) > 40,
    ),
    "Was the agent worth it?": (
        ["verdict"],
        lambda panel: "15.0 points better" in panel.sentence.text(),
    ),
    "Which run was better?": (
        ["runs"],
        lambda panel: [run.accuracy for run in panel.view.shown] == [0.75],
    ),
    "Is something going wrong?": (
        ["health"],
        lambda panel: panel.heading.isVisible() and panel.evidence.text() != "",
    ),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_is_answered_in_two_clicks(qtbot, finished, question):
    clicks, is_answered = QUESTIONS[question]
    for click in clicks:
        if click == "layer":
            click_layer(qtbot, finished, "block.inner")
        else:
            click_tab(qtbot, finished, click)
    assert len(clicks) <= MOST_CLICKS
    panel = finished.parts.docked[clicks[0]]
    qtbot.waitUntil(lambda: panel.isVisible() and is_answered(panel), timeout=WAIT_MS)
