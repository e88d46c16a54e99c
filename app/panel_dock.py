"""A dock with a panel: a slim title with its buttons."""

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import (
    QDockWidget,
    QHBoxLayout,
    QMainWindow,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.icons import icon
from app.panels.panel import Panel
from app.panels.parts import ElidedLabel
from app.theme import SPACE_M, SPACE_XS, Palette

TITLE_HEIGHT_PX = 24
TITLE_ICON_PX = 14
LEAST_SIZE_PX = (160, 80)


class PanelDock(QDockWidget):
    """A panel in a dock, with a slim title that has its buttons.

    Signals:
        menu_requested(str, QPoint): the buttons' menu of this panel, at a point of the screen.
        closed_or_opened(): whether it is open, or in front, may have changed.
    """

    menu_requested = Signal(str, QPoint)
    closed_or_opened = Signal()

    def __init__(self, name: str, panel: Panel, question: str, window: QMainWindow) -> None:
        """question: that the panel answers, translated; it stands above a panel with a tab."""
        super().__init__(panel.title(), window)
        self.setObjectName(name)
        # A panel that is hidden in its holder leaves the dock its size.
        holder = QWidget()
        holder.setMinimumSize(*LEAST_SIZE_PX)  # a panel never makes the window grow
        layout = QVBoxLayout(holder)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(panel)
        self.setWidget(holder)
        self.panel = panel
        self._question = question
        self.label = ElidedLabel("caption")
        words = panel.title()
        self.menu_button = self._button(self.tr("Save and copy {}").format(words))
        self.float_button = self._button(self.tr("Float or put back {}").format(words))
        self.close_button = self._button(self.tr("Close {}").format(words))
        self.setTitleBarWidget(self._title_bar())
        self.menu_button.clicked.connect(self._on_menu)
        self.float_button.clicked.connect(lambda: self.setFloating(not self.isFloating()))
        self.close_button.clicked.connect(self.close)
        self.toggleViewAction().toggled.connect(self.closed_or_opened)
        self.is_in_front = False  # open, and no other tab covers it
        self.visibilityChanged.connect(self._on_visibility_changed)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        event.accept()  # else the window would offer its list of docks
        self.menu_requested.emit(self.objectName(), event.globalPos())

    def use_palette(self, palette: Palette) -> None:
        """Draw the buttons in other colours."""
        for button, name in (
            (self.menu_button, "more"),
            (self.float_button, "float"),
            (self.close_button, "close"),
        ):
            button.setIcon(icon(name, palette, palette.muted_text))

    def show_title(self, *, is_shown: bool) -> None:
        """Say what the panel is; its question, if a tab says that already."""
        self.label.setText(self.windowTitle() if is_shown else self._question)

    def _on_visibility_changed(self, is_in_front: bool) -> None:
        # Only noted: Qt tells it in the middle of laying out the docks. Behind another tab a
        # panel still counts as visible to Qt.
        self.is_in_front = is_in_front
        self.panel.set_covered(is_covered=not is_in_front)
        self.closed_or_opened.emit()

    def _on_menu(self) -> None:
        corner = self.menu_button.mapToGlobal(QPoint(0, self.menu_button.height()))
        self.menu_requested.emit(self.objectName(), corner)

    def _button(self, words: str) -> QToolButton:
        button = QToolButton()
        button.setAutoRaise(True)
        button.setFixedSize(TITLE_HEIGHT_PX - 2, TITLE_HEIGHT_PX - 2)
        button.setIconSize(QSize(TITLE_ICON_PX, TITLE_ICON_PX))
        button.setToolTip(words)
        button.setAccessibleName(words)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button

    def _title_bar(self) -> QWidget:
        bar = QWidget()
        bar.setFixedHeight(TITLE_HEIGHT_PX)
        bar.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        layout = QHBoxLayout(bar)
        layout.setContentsMargins(SPACE_M, 1, SPACE_XS, 1)  # with the buttons, as high as it is
        layout.setSpacing(SPACE_XS)
        layout.addWidget(self.label, 1)
        for button in (self.menu_button, self.float_button, self.close_button):
            layout.addWidget(button)
        return bar
