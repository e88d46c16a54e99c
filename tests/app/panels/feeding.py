"""A panel by itself, and events that reach it as they would in the window."""

from typing import Any, TypeVar

from app.panels.panel import Panel
from app.selection import Selection
from app.theme import LIGHT
from core.events import Event

OnePanel = TypeVar("OnePanel", bound=Panel)


def small_panel(qtbot: Any, kind: type[OnePanel], width: int, height: int) -> OnePanel:
    """Show a panel of a few hundred pixels with a selection of its own."""
    panel = kind(Selection())
    qtbot.addWidget(panel)
    panel.resize(width, height)
    panel.use_palette(LIGHT)
    panel.show()
    return panel


def feed(panel: OnePanel, *events: Event) -> OnePanel:
    """Tell the selection and then the panel, and let it draw."""
    for event in events:
        panel.selection.show_event(event)
        panel.show_event(event)
    panel.redraw_now()
    return panel
