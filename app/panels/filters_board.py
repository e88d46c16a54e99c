"""The filters panel without its buttons: a caption, the keys to the colours, and one view."""

from PySide6.QtCore import QSize
from PySide6.QtGui import QPainter, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QVBoxLayout, QWidget

from app.panels.filters_canvas import FiltersCanvas
from app.panels.filters_changed import ChangedImages
from app.panels.filters_scale import ScaleKey
from app.panels.parts import text_label
from app.panels.whole_picture import paint_whole, whole_size
from app.theme import LIGHT, SPACE_M, SPACE_S, Palette, fill_background

CAPTION_BESIDE_PX, SCALES_BESIDE_PX = 880, 580  # from these widths on


class FiltersBoard(QWidget):
    """What pictures of the panel show; the keys stand where there is room for them."""

    def __init__(self) -> None:
        super().__init__()
        self._colours = LIGHT
        self.caption = text_label("caption")
        self.scales = ScaleKey(), ScaleKey()
        self.canvas = FiltersCanvas()
        self.changed = ChangedImages()
        self._scales_row = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._scales_row.setSpacing(SPACE_S)
        for scale in self.scales:
            self._scales_row.addWidget(scale)
            self._scales_row.addSpacing(SPACE_S)
        self._scales_row.addStretch(1)
        self._keys = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._keys.setSpacing(SPACE_M)
        self._keys.addWidget(self.caption, 1)
        self._keys.addLayout(self._scales_row)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(SPACE_M, SPACE_S, SPACE_M, SPACE_S)
        layout.setSpacing(SPACE_S)
        layout.addLayout(self._keys)
        layout.addWidget(self.canvas, 1)
        layout.addWidget(self.changed, 1)

    @property
    def view(self) -> FiltersCanvas | ChangedImages:
        """What is shown below the caption."""
        return self.canvas if self.changed.isHidden() else self.changed

    def show_view(self, *, is_layer: bool) -> None:
        """Show a layer's filters with their keys, or the changed images."""
        for part in (*self.scales, self.canvas):
            part.setVisible(is_layer)
        self.changed.setVisible(not is_layer)

    def use_palette(self, palette: Palette) -> None:
        """Paint in other colours."""
        self._colours = palette
        fill_background(self, palette.surface, palette.text)
        for part in (self.canvas, self.changed, *self.scales):
            part.use_palette(palette)

    def picture_size(self) -> QSize:
        """The size of all of it, without scrolling."""
        return whole_size(self, self.view)

    def paint_picture(self, painter: QPainter) -> None:
        """Paint all of it, not only what is in sight."""
        paint_whole(painter, self, self.view, self._colours.surface)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        across, down = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom
        width = event.size().width()
        self._keys.setDirection(across if width >= CAPTION_BESIDE_PX else down)
        self._scales_row.setDirection(across if width >= SCALES_BESIDE_PX else down)
