"""The selected layer: its masks side by side, what it costs, what it is coupled with."""

from collections.abc import Mapping
from html import escape

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QStackedLayout, QVBoxLayout, QWidget

from app.panels.compare_words import criterion_words
from app.panels.graph_text import KIND_WORDS, shape_text
from app.panels.mask_legend import MaskLegend
from app.panels.mask_strip import MaskStrip
from app.panels.panel import Panel, Table
from app.panels.parts import CostTable, heading_label, scrolled, text_label
from app.selection import USUAL_CRITERION, Selection
from app.theme import SPACE_L, SPACE_M, SPACE_S, Palette
from core.comparison import (
    LayerComparison,
    compare_layer,
    coupled_layers,
    layer_cost,
    reading_layers,
)
from core.events import (
    BoolArray,
    Event,
    FloatArray,
    ImportancesMeasured,
    NetworkOpened,
    PolicyUpdated,
    SearchStarted,
)
from core.graph.layers import LayerNode
from core.pruning.masks import ChannelMasks


class InspectorPanel(Panel):
    """Everything about the selected layer."""

    NAME = "inspector"

    def __init__(self, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(selection, parent)
        self._opened: NetworkOpened | None = None
        self._policy: BoolArray | None = None  # what it would keep, until a mask is known
        self._layer: LayerNode | None = None
        self._scores: Mapping[str, FloatArray] = {}  # of every criterion
        selection.layer_changed.connect(self._on_layer_changed)
        selection.mask_changed.connect(self.redraw_soon)
        selection.criterion_changed.connect(self.redraw_soon)
        self.name = text_label("title")
        self.kind = text_label("caption")
        self.kept = text_label()
        self.mask_source = text_label("caption")
        self.strip = MaskStrip()
        self.legend = MaskLegend()
        self.overlap = text_label()
        self.approximation = text_label("caption")
        self._are_exact_only = False
        self.cost = CostTable()
        self.coupled = text_label()
        self.readers = text_label()
        for links in (self.coupled, self.readers):
            links.linkActivated.connect(selection.select_layer)
        self._build()

    def title(self) -> str:
        """What the panel is called."""
        return self.tr("Layer")

    def show_event(self, event: Event) -> None:
        """Follow the network that is open and, until a mask is known, the policy."""
        match event:
            case NetworkOpened():
                self._opened, self._policy, self._layer = event, None, None
                self._scores = {USUAL_CRITERION: event.magnitude}
            case ImportancesMeasured():
                self._scores = {**self._scores, **event.scores}
            case SearchStarted():
                self._policy = None
            case PolicyUpdated():
                self._policy = event.keep
            case _:
                return
        self.redraw_soon()

    def use_palette(self, palette: Palette) -> None:
        """Paint in other colours."""
        self.strip.use_palette(palette)
        self.legend.use_palette(palette)
        super().use_palette(palette)

    def use_groups(self, choice: str) -> None:
        """Follow the setting `groups`: "approximate" or "exact"."""
        self._are_exact_only = choice == "exact"
        self.redraw_soon()

    def picture_widget(self) -> QWidget:
        """The whole layer, what is scrolled away too."""
        return self if self._layer is None else self._body

    def table(self) -> Table | None:
        """The layer's channels: kept by the mask, kept by the criterion."""
        if self._layer is None or self._opened is None:
            return None
        comparison = compare_layer(self._layer, self._keep(), self._scores[self._criterion])
        rows = [
            (channel, int(learned), int(magnitude), int(not is_fixed))
            for channel, (learned, magnitude, is_fixed) in enumerate(
                zip(comparison.learned, comparison.magnitude, comparison.is_fixed, strict=True)
            )
        ]
        return Table(("channel", "is_kept", f"is_kept_by_{self._criterion}", "is_removable"), rows)

    def _on_layer_changed(self, name: str) -> None:
        known = self._opened is not None and name in self._opened.graph
        self._layer = self._opened.graph.layer(name) if known and self._opened else None
        self.redraw_soon()

    def _keep(self) -> BoolArray:
        assert self._opened is not None
        mask, everything = self.selection.mask, ChannelMasks.keep_all(self._opened.groups).keep
        keep = self._policy if mask is None else mask.keep
        # A mask of another network may be chosen for a moment while that one is opened.
        return everything if keep is None or len(keep) != len(everything) else keep

    @property
    def _criterion(self) -> str:
        """What Compare is set to, if its scores are known."""
        wanted = self.selection.criterion
        return wanted if wanted in self._scores else USUAL_CRITERION

    @property
    def _words(self) -> str:
        return criterion_words(self._criterion)

    def redraw(self) -> None:
        """Draw the selected layer, or the invitation to select one."""
        layer, opened = self._layer, self._opened
        self._pages.setCurrentIndex(0 if layer is None else 1)
        if layer is None or opened is None:
            return
        keep = self._keep()
        comparison = compare_layer(layer, keep, self._scores[self._criterion])
        self.name.setText(layer.name)
        self.kind.setText(self._describe(layer))
        self._show_masks(layer, comparison)
        self.cost.show_cost(layer_cost(opened.graph, layer.name, keep))
        self._show_links(self.coupled, coupled_layers(opened.groups, layer), self.tr("None"))
        self._show_links(self.readers, reading_layers(opened.groups, layer), self.tr("None"))

    def _say_source(self) -> str:
        mask = self.selection.mask
        if mask is None and self._policy is None:
            return self.tr("No mask yet: every channel is kept.")
        if mask is None:
            source = self.tr("what the policy would keep now")
        elif mask.is_chosen:
            source = self.tr("loaded mask, {}").format(mask.name)
        else:
            source = mask.name
        return self.tr("Above: {}. Below: {}, keeping as many.").format(source, self._words)

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
        self.mask_source.setText(self._say_source())
        self.kept.setText(self.tr("{} of {} channels kept").format(kept, total))
        self.strip.show_comparison(comparison if layer.is_prunable else None, self._words)
        for part in (self.strip, self.legend, self.mask_source):
            part.setVisible(layer.is_prunable)
        self.legend.show_comparison(comparison, self._words)
        self.overlap.setText(self._say_overlap(layer, comparison))
        self.approximation.setText(self._say_approximation(layer))
        self.approximation.setVisible(bool(self.approximation.text()))

    def _say_overlap(self, layer: LayerNode, comparison: LayerComparison) -> str:
        if not layer.is_prunable:
            return self._why_kept(layer)
        kept, shared = comparison.kept, comparison.shared
        if kept == comparison.removable:
            return self.tr("All {} channels are kept, so there is nothing to compare.").format(kept)
        if kept == shared:
            same = self.tr("All {} kept channels are the same as {}'s.")
            same = same.format(kept, self._words)
        else:
            same = self.tr(
                "{} of {} kept channels are the same; the agent keeps {} that {} would remove."
            ).format(shared, kept, kept - shared, self._words)
        return f"{same} {self.tr('Jaccard {:.2f}.').format(comparison.overlap)}"

    def _say_approximation(self, layer: LayerNode) -> str:
        groups = self._opened.groups.groups if self._opened is not None else ()
        ids = set(layer.channels.tolist())
        for group in groups:
            if group.approximate is None or ids.isdisjoint(range(group.start, group.stop)):
                continue
            if self._are_exact_only:
                words = self.tr("Its channels stay, because only exact groups are wanted: {}.")
            else:
                words = self.tr("A cut of it differs a little from its mask: {}.")
            return words.format(group.approximate)
        return ""

    def _why_kept(self, layer: LayerNode) -> str:
        frozen = self._opened.groups.frozen if self._opened is not None else ()
        reasons = [entry.reason for entry in frozen if entry.layer == layer.name]
        if reasons:
            return self.tr("All channels stay: {}.").format(reasons[0].rstrip("."))
        return self.tr("No channel of this layer can be removed.")

    def _show_links(self, label: QLabel, names: tuple[str, ...], nothing: str) -> None:
        graph = self._opened.graph if self._opened is not None else ()
        links = [
            f'<a href="{escape(name)}" style="color: {self.colours.accent}">{escape(name)}</a>'
            if name in graph
            else escape(name)
            for name in names
        ]
        label.setText(", ".join(links) or nothing)

    def _build(self) -> None:
        self._body = body = QWidget()
        layout = QVBoxLayout(body)
        layout.setContentsMargins(SPACE_L, SPACE_M, SPACE_L, SPACE_M)
        layout.setSpacing(SPACE_S)
        for part in (self.name, self.kind):
            layout.addWidget(part)
        for heading, parts in (
            (
                self.tr("Channels"),
                (
                    *(self.kept, self.mask_source, self.strip, self.legend, self.overlap),
                    self.approximation,
                ),
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
        scroll = scrolled(body, self.title())
        scroll.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # for the keys that scroll
        invitation = QLabel(self.tr("Select a layer in the graph to see its channels."))
        invitation.setProperty("role", "caption")
        invitation.setWordWrap(True)
        invitation.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._pages = QStackedLayout(self)
        self._pages.addWidget(invitation)
        self._pages.addWidget(scroll)
