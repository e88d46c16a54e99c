"""The filters panel in a real window: it is answered by real jobs."""

import numpy as np

from app.panels.filters import CHANGED_VIEW
from app.selection import LoadedMask
from core.config import RunConfig


def test_a_selected_layer_and_a_mask_are_looked_at(qtbot, real_window):
    window = real_window
    window.show()
    window.session.open(RunConfig())  # the demo
    panel = window.parts.filters
    qtbot.waitUntil(lambda: panel._opened is not None and window.session.is_quiet, timeout=60_000)
    window.parts.docks.bring_forward("filters")
    window.selection.select_layer("conv1")
    window.parts.docks.bring_forward("filters")
    qtbot.waitUntil(lambda: panel.answers.look_of("conv1") is not None, timeout=60_000)
    assert panel.answers.look_of("conv1").activations.shape[:2] == (6, 16)
    panel.view.setCurrentIndex(CHANGED_VIEW)
    keep = np.arange(panel._opened.groups.channel_count) % 2 == 0
    window.selection.choose_mask(LoadedMask("every second", keep, 0.3))
    qtbot.waitUntil(lambda: panel._found is not None, timeout=60_000)
    panel.redraw_now()
    assert panel._found.changed > 0
    assert "pruned by every second" in panel.caption.text()
