"""The table of all panels that stand in docks: a new panel registers with one entry of DOCKS."""

from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QT_TRANSLATE_NOOP

from app.panels.attention import AttentionPanel
from app.panels.compare import ComparePanel
from app.panels.filters import FiltersPanel
from app.panels.finetune import FinetunePanel
from app.panels.health import HealthPanel
from app.panels.inspector import InspectorPanel
from app.panels.layers import LayersPanel
from app.panels.log import LogPanel
from app.panels.masks import MasksPanel
from app.panels.methods import MethodsPanel
from app.panels.panel import Panel
from app.panels.runs import RunsPanel
from app.panels.settings import SettingsPanel
from app.panels.tradeoff import TradeoffPanel
from app.panels.trajectory import TrajectoryPanel
from app.panels.verdict import VerdictPanel

Area = Literal["left", "right", "bottom"]


@dataclass(frozen=True)
class Dock:
    """Where a panel stands at first, and what it is for."""

    panel: type[Panel]
    area: Area
    question: str  # that the panel answers, for tooltips; to be translated in "docks"
    shortcut: str
    is_open: bool = True  # at first


# In the order of their tabs; the first of an area is in front.
DOCKS: dict[str, Dock] = {
    "settings": Dock(
        SettingsPanel,
        "right",
        QT_TRANSLATE_NOOP("docks", "What is searched, and how?"),
        "Ctrl+1",
    ),
    "inspector": Dock(
        InspectorPanel,
        "right",
        QT_TRANSLATE_NOOP("docks", "What is in the selected layer?"),
        "Ctrl+2",
    ),
    "layers": Dock(
        LayersPanel,
        "left",
        QT_TRANSLATE_NOOP("docks", "Which modules and layers are there, in words?"),
        "Ctrl+Shift+L",
        is_open=False,
    ),
    "trajectory": Dock(
        TrajectoryPanel,
        "bottom",
        QT_TRANSLATE_NOOP("docks", "Is it getting better, honestly?"),
        "Ctrl+4",
    ),
    "masks": Dock(
        MasksPanel,
        "bottom",
        QT_TRANSLATE_NOOP("docks", "Which channels go, layer by layer?"),
        "Ctrl+5",
    ),
    "compare": Dock(
        ComparePanel,
        "bottom",
        QT_TRANSLATE_NOOP("docks", "How is it different from magnitude?"),
        "Ctrl+6",
    ),
    "tradeoff": Dock(
        TradeoffPanel,
        "bottom",
        QT_TRANSLATE_NOOP("docks", "What could I have instead?"),
        "Ctrl+7",
    ),
    "verdict": Dock(
        VerdictPanel,
        "bottom",
        QT_TRANSLATE_NOOP("docks", "Was the agent worth it?"),
        "Ctrl+8",
    ),
    "finetune": Dock(
        FinetunePanel,
        "bottom",
        QT_TRANSLATE_NOOP("docks", "What does training make of it?"),
        "Ctrl+Shift+F",
    ),
    "runs": Dock(
        RunsPanel,
        "bottom",
        QT_TRANSLATE_NOOP("docks", "Which run was better?"),
        "Ctrl+9",
    ),
    "methods": Dock(
        MethodsPanel,
        "bottom",
        QT_TRANSLATE_NOOP("docks", "Which method finds the best masks?"),
        "Ctrl+Shift+B",
        is_open=False,
    ),
    "filters": Dock(
        FiltersPanel,
        "bottom",
        QT_TRANSLATE_NOOP("docks", "Does it look right on images?"),
        "Ctrl+I",
    ),
    "attention": Dock(
        AttentionPanel,
        "bottom",
        QT_TRANSLATE_NOOP("docks", "What does the encoder look at?"),
        "Ctrl+T",
    ),
    "health": Dock(
        HealthPanel,
        "bottom",
        QT_TRANSLATE_NOOP("docks", "Is something going wrong?"),
        "Ctrl+H",
    ),
    "log": Dock(
        LogPanel,
        "bottom",
        QT_TRANSLATE_NOOP("docks", "What happened, and when?"),
        "Ctrl+Shift+G",
    ),
}
