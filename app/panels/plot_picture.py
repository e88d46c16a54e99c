"""Plots in a picture of more pixels than the screen: points as shapes, lines as wide as there."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pyqtgraph as pg
from PySide6.QtGui import QGuiApplication, QPen
from PySide6.QtWidgets import QWidget


@contextmanager
def sharp_plots(widget: QWidget, zoom: float) -> Iterator[None]:
    """Let all plots in `widget` be painted for a picture of `zoom` pixels for each logical one.

    pyqtgraph draws points by copying small pictures of the screen's resolution, and counts the
    widths of its pens in pixels: without this, points are coarse and lines thin.
    """
    screen = QGuiApplication.instance().devicePixelRatio()
    with ExitStack() as restored:
        for view in widget.findChildren(pg.GraphicsView):
            for item in view.scene().items():
                if isinstance(item, pg.ScatterPlotItem):
                    _draw_shapes(item, screen, restored)
                elif isinstance(item, (pg.PlotCurveItem, pg.ErrorBarItem)):
                    pen = item.opts["pen"]
                    restored.callback(item.opts.__setitem__, "pen", pen)
                    item.opts["pen"] = _widened(pen, zoom / screen)
                elif isinstance(item, pg.InfiniteLine):
                    restored.callback(setattr, item, "currentPen", item.currentPen)
                    item.currentPen = _widened(item.currentPen, zoom / screen)
        yield


def _draw_shapes(scatter: pg.ScatterPlotItem, screen: float, restored: ExitStack) -> None:
    """Until `restored` draw each point by its path, its outline as wide as on the screen."""
    pen = scatter.opts["pen"]
    restored.callback(scatter.opts.__setitem__, "pen", pen)
    restored.callback(scatter.setExportMode, False)
    outline = pg.mkPen(pen)
    # A point is drawn at size 1 in a scaled painter, which a cosmetic pen would not follow.
    outline.setCosmetic(False)
    outline.setWidthF(outline.widthF() / screen / scatter.opts["size"])
    scatter.opts["pen"] = outline
    scatter.setExportMode(True, {"antialias": True})


def _widened(pen: object, factor: float) -> QPen:
    wide = pg.mkPen(pen)
    wide.setWidthF(wide.widthF() * factor)
    return wide
