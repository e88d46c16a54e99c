"""What can be done with the graph at one place: its context menu."""

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from app.panels.graph_view import GraphView

_UNFOLD = QT_TRANSLATE_NOOP("graph", "Unfold {}")
_FOLD = QT_TRANSLATE_NOOP("graph", "Fold {}")


def folding_menu(view: GraphView, node: str, frame: str) -> QMenu:
    """Make a menu that folds and unfolds what is round a node, or the block of a frame.

    `node` and `frame` are names, "" for none. The caller adds what concerns the whole graph.
    """
    shown, menu = view.graph_scene.shown, QMenu(view)
    block = shown.block(node)
    if block is not None:
        unfold = menu.addAction(_translate(_UNFOLD).format(block.title))
        unfold.triggered.connect(lambda: view.unfold(block.name))
        menu.setDefaultAction(unfold)
    around = shown.unfolded_around(node) if node else ()
    if not node and frame:
        around = (*shown.unfolded_around(frame), frame)
    for name in reversed(around):
        menu.addAction(_fold_action(view, menu, name))
    if not menu.isEmpty():
        menu.addSeparator()
    return menu


def _fold_action(view: GraphView, menu: QMenu, name: str) -> QAction:
    title = view.graph_scene.shown.tree.blocks[name].title
    action = QAction(_translate(_FOLD).format(title), menu)
    action.triggered.connect(lambda: view.fold(name))
    return action


def _translate(text: str) -> str:
    return QCoreApplication.translate("graph", text)
