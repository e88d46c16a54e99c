"""The files that Espalier keeps for later, and all that reads them."""

import dataclasses
import functools
import json
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, QSettings, Qt
from PySide6.QtWidgets import QApplication, QDockWidget, QMainWindow

from app.appearance import Appearance
from app.sealed import sealed, unsealed
from core.config import FinetuneConfig, PolicyConfig
from core.events import FinetuneStarted
from core.export import load_pruned
from core.finetuning.loop import CheckpointPlace, finetune
from core.opening import Opened
from core.pruning.latency_table import LatencyCost, LatencyTable, LayerTimes
from core.pruning.surgery import network_state
from core.rl.transfer import load_agent
from core.runs.adapted import adapted_arrays, read_adapted
from core.runs.comparing import ComparisonPlan
from core.runs.comparison_reading import contents_text, read_comparison, read_runs, run_folder
from core.runs.comparison_table import csv_text, markdown_text, table_text
from core.runs.files import ADAPTED_FILE, FINETUNE_FILE, LATENCY_FILE, write_arrays
from core.runs.finetune_file import (
    EpochLine,
    FinetunedNetwork,
    FinetuneFile,
    TestScore,
    file_contents,
    read_finetune_file,
)
from core.runs.html_report import html_report
from core.runs.rounding import read_latency_table
from core.search.tournament import feature_count
from tests.bad_input.case import tiny
from tests.bad_input.pruned import described
from tests.bad_input.run_folders import CONFIG, judge_it
from tests.core.export.opened import half_mask, open_tiny
from tests.core.runs.made import make_run

METHODS = ("agent", "random")
TRAINING = dataclasses.replace(CONFIG, finetune=FinetuneConfig(epochs=1, batch_size=20))


@functools.cache
def opened() -> Opened:
    """The tiny network, opened once."""
    return open_tiny()


def keep() -> object:
    return half_mask(opened().analysis.groups.channel_count)


def write_pruned(name: str) -> Callable[[Path], object]:
    return lambda folder: Path(described()(folder)).with_name(name)


def write_progress(folder: Path) -> Path:
    """A checkpoint of a fine-tuning that is over."""
    path = folder / "learned.pt"
    list(finetune(opened(), keep(), TRAINING, checkpoint=CheckpointPlace(path, resume=False)))
    return path


def take_up_progress(path: Path) -> object:
    place = CheckpointPlace(path, resume=True)
    training = finetune(opened(), keep(), TRAINING, checkpoint=place)
    try:
        return next(event for event in training if isinstance(event, FinetuneStarted))
    finally:
        training.close()


def write_adapted(folder: Path) -> Path:
    state = network_state(opened().network.module)
    weights = {name: value.numpy() for name, value in state.items()}
    write_arrays(folder / ADAPTED_FILE, adapted_arrays(weights, keep()))
    return folder / ADAPTED_FILE


def write_finetuned(folder: Path) -> Path:
    score = TestScore(0.7, 0.9, 0.1)
    network = FinetunedNetwork(
        "learned", 0.498, score, score, 1, 1, 2.0, history=(EpochLine(0, 0.7, 0.9),)
    )
    file = FinetuneFile("tiny", "digits", "digits", 40, 40, 0.5, score, (network,), {"epochs": 1})
    path = make_run(folder / "run") / FINETUNE_FILE
    path.write_text(json.dumps(file_contents(file), indent=2))
    return path


def read_finetuned(path: Path) -> object:
    folder = path.parent
    return read_finetune_file(folder), html_report(folder), judge_it(folder, opened())


def write_comparison(folder: Path) -> Path:
    plan = ComparisonPlan(
        METHODS, (0, 1), "tiny", "digits", 0.5, 3, further_budgets={"params": 0.4}
    )
    for method, seed in plan.runs:
        make_run(folder / run_folder(method, seed), seed=seed, accuracy=0.7 + seed / 10)
    (folder / "comparison.json").write_text(contents_text(read_runs(folder, plan)))
    return folder / "comparison.json"


def write_compared(folder: Path) -> Path:
    return write_comparison(folder).parent / run_folder("agent", 0) / "report.json"


def tables_of(folder: Path) -> object:
    comparison = read_comparison(folder)
    return table_text(comparison), markdown_text(comparison), csv_text(comparison)


def write_latency(folder: Path) -> Path:
    layers = [op.layer for op in opened().analysis.operations if op.layer]
    times = LayerTimes((layers[0],), (3,), (2, 4, 8), ((1.0, 2.0, 4.0),))
    table = LatencyTable("CPU", 1, 1, 20.0, 10.0, 2.0, 0.5, 1.5, (times,))
    (folder / LATENCY_FILE).write_text(json.dumps(table.as_dict(), indent=1))
    return folder / LATENCY_FILE


def read_latency(path: Path) -> object:
    return LatencyCost(opened().analysis, read_latency_table(path.parent)).share(keep())


def _window() -> QMainWindow:
    window = QMainWindow()
    for name in ("layers", "masks"):
        dock = QDockWidget(name, window)
        dock.setObjectName(name)
        window.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, dock)
    return window


def write_places(folder: Path) -> Path:
    """What the window remembers of itself."""
    QApplication.instance() or QApplication([])
    settings, window = QSettings(str(folder / "app.ini"), QSettings.Format.IniFormat), _window()
    settings.setValue("window/geometry", sealed(window.saveGeometry()))
    settings.setValue("window/state", sealed(window.saveState(1)))
    settings.setValue("theme", "dark")
    settings.setValue("folders/export", "/somewhere/else")
    settings.sync()
    window.deleteLater()
    return folder / "app.ini"


def read_places(path: Path) -> object:
    settings, window = QSettings(str(path), QSettings.Format.IniFormat), _window()
    try:
        for name, restore in (
            ("window/geometry", window.restoreGeometry),
            ("window/state", lambda state: window.restoreState(state, 1)),
        ):
            if (value := unsealed(settings.value(name))) is not None:
                restore(value)
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        return Appearance(app, settings, window).choice, Path(str(settings.value("folders/export")))
    finally:
        window.deleteLater()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


# What writes a file, and what reads it.
KEPT_FILES: dict[str, tuple[Callable[[Path], object], Callable[[Path], object]]] = {
    "pruned.json": (write_pruned("pruned.json"), lambda path: load_pruned(tiny(), path.parent)),
    "pruned.pt": (write_pruned("pruned.pt"), lambda path: load_pruned(tiny(), path.parent)),
    "fine-tuning's checkpoint": (write_progress, take_up_progress),
    "adapted.npz": (write_adapted, lambda path: read_adapted(path.parent, opened(), keep())),
    "finetune.json": (write_finetuned, read_finetuned),
    "comparison.json": (write_comparison, lambda path: tables_of(path.parent)),
    "compared run's report.json": (write_compared, lambda path: tables_of(path.parents[1])),
    "latency_table.json": (write_latency, read_latency),
    "what the window remembers": (write_places, read_places),
}


def read_agent(path: Path) -> object:
    """Read agent.pt of a run."""
    return load_agent(str(path), PolicyConfig(), feature_count())
