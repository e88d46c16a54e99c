"""The selected layer: its masks side by side, what it costs, what it is coupled with."""

from html import escape

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QFrame,
    QLabel,
    QScrollArea,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from app.panels.graph_text import KIND_WORDS, shape_text
from app.panels.mask_legend import MaskLegend
from app.panels.mask_strip import MaskStrip
from app.panels.parts import CostTable, heading_label, text_label
from app.theme import LIGHT, SPACE_L, SPACE_M, SPACE_S, Palette
from core.comparison import (
    LayerComparison,
    compare_layer,
    coupled_layers,
    layer_cost,
    reading_layers,
)
from core.events import (
    BestChanged,
    BoolArray,
    Event,
    NetworkOpened,
    PolicyUpdated,
    SearchFinished,
    SearchStarted,
)
from core.graph.layers import LayerNode
from core.pruning.masks import ChannelMasks

REDRAW_MS = 50


class InspectorPanel(QWidget):
    """Everything about one layer.

    Signals:
        layer_selected(str): a link to another layer was followed.
    """

    layer_selected = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._opened: NetworkOpened | None = None
        self._keep: BoolArray | None = None
        self._layer: LayerNode | None = None
        self._colours = LIGHT
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REDRAW_MS)
        self._timer.timeout.connect(self._redraw)
        self.title = text_label("title")
        self.kind = text_label("caption")
        self.kept = text_label()
        self.mask_source = text_label("caption")
        self.strip = MaskStrip()
        self.legend = MaskLegend()
        self.overlap = text_label()
        self.cost = CostTable()
        self.coupled = text_label()
        self.readers = text_label()
        for links in (self.coupled, self.readers):
            links.linkActivated.connect(self.layer_selected)
        self._build()

    def select_layer(self, name: str) -> None:
        """Show another layer; an empty name shows none."""
        known = self._opened is not None and name in self._opened.graph
        self._layer = self._opened.graph.layer(name) if known and self._opened else None
        self._redraw()

    def show_event(self, event: Event) -> None:
        """Follow the network that is open and the best mask known."""
        match event:
            case NetworkOpened():
                self._opened, self._keep, self._layer = event, None, None
                self.mask_source.setText(self.tr("No mask yet: every channel is kept."))
            case SearchStarted():
                self._keep = None
                self.mask_source.setText(self.tr("No mask yet: every channel is kept."))
            case PolicyUpdated() if self._keep is None:
                self._keep = event.keep
                self.mask_source.setText(
                    self.tr("Above: what the policy would keep now. Below: L1, keeping as many.")
                )
            case BestChanged():
                self._keep = event.keep
                text = self.tr(
                    "Above: the best mask so far, evaluation {:,}. Below: L1, keeping as many."
                )
                self.mask_source.setText(text.format(event.evaluation))
            case SearchFinished():
                self._keep = event.keep
                self.mask_source.setText(
                    self.tr("Above: the search's winner. Below: L1, keeping as many.")
                )
            case _:
                return
        if not self._timer.isActive():
            self._timer.start()

    def use_palette(self, palette: Palette) -> None:
        """Paint in other colours."""
        self._colours = palette
        self.strip.use_palette(palette)
        self.legend.use_palette(palette)
        self._redraw()

    def hideEvent(self, event: object) -> None:
        super().hideEvent(event)
        self._timer.stop()

    def showEvent(self, event: object) -> None:
        super().showEvent(event)
        self._redraw()

    def _redraw(self) -> None:
        self._timer.stop()
        layer, opened = self._layer, self._opened
        self._pages.setCurrentIndex(0 if layer is None else 1)
        if layer is None or opened is None:
            return
        keep = ChannelMasks.keep_all(opened.groups).keep if self._keep is None else self._keep
        comparison = compare_layer(layer, keep, opened.magnitude)
        self.title.setText(layer.name)
        self.kind.setText(self._describe(layer))
        self._show_masks(layer, comparison)
        self.cost.show_cost(layer_cost(opened.graph, layer.name, keep))
        self._show_links(self.coupled, coupled_layers(opened.groups, layer), self.tr("None"))
        self._show_links(self.readers, reading_layers(opened.groups, layer), self.tr("None"))

    def _say_source(self, source: str) -> None:
        self.mask_source.setText(self.tr("Above: {}. Below: L1, keeping as many.").format(source))

    def _describe(self, layer: LayerNode) -> str:
        shapes = f"{shape_text(layer.input_shape)} → {shape_text(layer.output_shape)}"
        kernel = " × ".join(map(str, layer.kernel))
        parts = [KIND_WORDS[layer.kind] + (f" {kernel}" if kernel else ""), shapes]
        if layer.stride > 1:
            parts.append(self.tr("stride {}").format(layer.stride))
        if layer.folded:
            parts.append(self.tr("with {}").format(", ".join(layer.folded)))
        return " · ".join(parts)

    def _show_masks(self, layer: LayerNode, comparison: LayerComparison) -> None:
        total, kept = len(layer.channels), int(comparison.learned.sum())
        self.kept.setText(self.tr("{} of {} channels kept").format(kept, total))
        self.strip.show_comparison(comparison if layer.is_prunable else None)
        for part in (self.strip, self.legend, self.mask_source):
            part.setVisible(layer.is_prunable)
        self.legend.show_comparison(comparison)
        self.overlap.setText(self._say_overlap(layer, comparison))

    def _say_overlap(self, layer: LayerNode, comparison: LayerComparison) -> str:
        if not layer.is_prunable:
            return self._why_kept(layer)
        kept, shared = comparison.kept, comparison.shared
        if kept == comparison.removable:
            return self.tr("All {} channels are kept, so there is nothing to compare.").format(kept)
        if kept == shared:
            same = self.tr("All {} kept channels are the same as L1's.").format(kept)
        else:
            same = self.tr(
                "{} of {} kept channels are the same; the agent keeps {} that L1 would remove."
            ).format(shared, kept, kept - shared)
        return f"{same} {self.tr('Jaccard {:.2f}.').format(comparison.overlap)}"

    def _why_kept(self, layer: LayerNode) -> str:
        frozen = self._opened.groups.frozen if self._opened is not None else ()
        reasons = [entry.reason for entry in frozen if entry.layer == layer.name]
        if reasons:
            return self.tr("All channels stay: {}.").format(reasons[0].rstrip("."))
        return self.tr("No channel of this layer can be removed.")

    def _show_links(self, label: QLabel, names: tuple[str, ...], nothing: str) -> None:
        graph = self._opened.graph if self._opened is not None else ()
        links = [
            f'<a href="{escape(name)}" style="color: {self._colours.accent}">{escape(name)}</a>'
            if name in graph
            else escape(name)
            for name in names
        ]
        label.setText(", ".join(links) or nothing)

    def _build(self) -> None:
        body = QWidget()
        layout = QVBoxLayout(body)
        layout.setContentsMargins(SPACE_L, SPACE_M, SPACE_L, SPACE_M)
        layout.setSpacing(SPACE_S)
        for part in (self.title, self.kind):
            layout.addWidget(part)
        for heading, parts in (
            (
                self.tr("Channels"),
                (self.kept, self.mask_source, self.strip, self.legend, self.overlap),
            ),
            (self.tr("Cost for one image"), (self.cost,)),
            (self.tr("Cut together with"), (self.coupled,)),
            (self.tr("Read by"), (self.readers,)),
        ):
            layout.addSpacing(SPACE_M)
            layout.addWidget(heading_label(heading))
            for part in parts:
                layout.addWidget(part)
        layout.addStretch(1)
        scroll = QScrollArea()
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(body)
        invitation = text_label("caption")
        invitation.setText(self.tr("Select a layer in the graph to see its channels."))
        invitation.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._pages = QStackedLayout(self)
        self._pages.addWidget(invitation)
        self._pages.addWidget(scroll)
