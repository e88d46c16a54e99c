"""How the learned mask differs from what a criterion would keep, layer by layer."""

from html import escape

import numpy as np
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QComboBox, QLabel, QStackedLayout, QVBoxLayout, QWidget

from app.panels.compare_chart import CompareChart
from app.panels.compare_facts import Compared, CompareFacts, Mode
from app.panels.compare_strip import paint_strip
from app.panels.compare_words import criterion_words, say_comparison, say_masks
from app.panels.masks_cells import as_image
from app.panels.masks_legend import CELL_PX, FlowLegend
from app.panels.masks_picture import StackedPicture
from app.panels.panel import Cell, Panel, Table
from app.panels.parts import ElidedLabel, text_label, tool_row
from app.selection import Selection
from app.theme import SPACE_M, SPACE_S, Palette
from core.comparison_rows import BOTH, NEITHER, ONLY_CRITERION, ONLY_LEARNED, RowComparison
from core.events import Event, NetworkOpened

HEADER = (
    "layer",
    "channels",
    "both_keep",
    "only_shown_mask",
    "only_criterion",
    "neither",
    "jaccard",
    "jaccard_by_chance",
    "rank_correlation",
)


class ComparePanel(Panel):
    """The shown mask beside any criterion's, at the same counts or the same MACs."""

    NAME = "compare"

    def __init__(self, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(selection, parent)
        self.facts = CompareFacts()
        self.compared: Compared | None = None
        self.criterion, self.mode = QComboBox(), QComboBox()
        self.sentence, self.caption = text_label(), ElidedLabel("caption")
        self.chart = CompareChart(self._describe)
        self.legend = FlowLegend()
        self._build()
        self.criterion.currentIndexChanged.connect(self._on_criterion_chosen)
        self.mode.currentIndexChanged.connect(self.redraw_soon)
        self.chart.row_chosen.connect(self._on_row_chosen)
        self.chart.channel_chosen.connect(self._on_channel_chosen)
        selection.layer_changed.connect(self._show_selection)
        selection.mask_changed.connect(self._on_mask_changed)
        self.facts.take_mask(selection.mask)

    def title(self) -> str:
        return self.tr("Compare")

    def show_event(self, event: Event) -> None:
        """Follow scores, criteria's masks and the policy; the mask comes from the selection."""
        if self.facts.take_event(event):
            if isinstance(event, NetworkOpened):
                self.facts.take_mask(self.selection.mask)
            self.redraw_soon()

    def redraw(self) -> None:
        """Compare what is known now."""
        self._list_criteria()
        compared = self.facts.compare(str(self.criterion.currentData()), self._mode)
        self.compared = compared
        has_rows = self.facts.mask is not None and bool(self.facts.rows)
        self._pages.setCurrentIndex(1 if has_rows else 0)
        if not has_rows:
            return
        self.sentence.setText(self._why_not() if compared is None else say_comparison(compared))
        self.caption.setText("" if compared is None else say_masks(compared))
        self.chart.show_comparison(compared, self._counts(), self._strip_title())
        self._show_legend()
        self._show_selection()

    def table(self) -> Table | None:
        """A row for each layer, and one of all."""
        if self.compared is None:
            return None
        rows: list[tuple[Cell, ...]] = [
            (
                row.row.layer,
                len(row.states),
                *row.counts,
                row.jaccard,
                row.chance_jaccard,
                row.rank_correlation,
            )
            for row in self.compared.result.rows
        ]
        total = self.compared.result.total.counts
        union = sum(total[:NEITHER])
        overlap = total[BOTH] / union if union else 1.0
        rows.append((self.tr("all layers"), sum(total), *total, overlap, None, None))
        return Table(HEADER, rows)

    def picture_size(self) -> QSize:
        return self._picture().size

    def paint_picture(self, painter: QPainter) -> None:
        """Paint the sentence, all layers and the legend."""
        self._picture().paint(painter)

    def _picture(self) -> StackedPicture:
        picture = StackedPicture(self.chart.viewport().width())
        if self.compared is not None:
            picture.add_words(self.sentence.text(), self.colours.text, "body")
            picture.add_words(self.caption.text(), self.colours.muted_text, "caption")
            picture.add(self.chart.whole_height, self.chart.paint_all)
            picture.add_legend(self.legend)
        return picture

    def use_palette(self, palette: Palette) -> None:
        self.chart.use_palette(palette)
        super().use_palette(palette)

    @property
    def _mode(self) -> Mode:
        return "macs" if self.mode.currentIndex() == 1 else "count"

    def _on_criterion_chosen(self) -> None:
        self.selection.compare_with(str(self.criterion.currentData() or ""))
        self.redraw_soon()

    def _on_mask_changed(self) -> None:
        self.facts.take_mask(self.selection.mask)
        self.redraw_soon()

    def _on_row_chosen(self, row: int) -> None:
        self.selection.select_layer(self.facts.rows[row].layer)

    def _on_channel_chosen(self, row: int, place: int) -> None:
        entry = self.facts.rows[row]
        self.selection.select_channel(entry.layer, int(entry.channels[place]))

    def _show_selection(self) -> None:
        opened, name = self.facts.opened, self.selection.layer
        if opened is None or name not in opened.graph:
            self.chart.select([])
            return
        owners = opened.graph.layer(name).channels
        rows = [i for i, row in enumerate(self.facts.rows) if np.isin(row.channels, owners).any()]
        self.chart.select(rows)

    def _why_not(self) -> str:
        criterion = criterion_words(str(self.criterion.currentData()))
        if self._mode == "macs":
            text = self.tr("No mask of {} within the budget is known yet.")
        else:
            text = self.tr(
                "The scores of {} are not known; its masks are: compare at the same MACs."
            )
        return text.format(criterion)

    def _counts(self) -> list[str]:
        """How many channels of each row the mask keeps, and how many more than the criterion."""
        if self.compared is None:
            return []
        texts = []
        for row in self.compared.result.rows:
            more = row.kept_learned - row.kept_criterion
            texts.append(
                f"{row.kept_learned}/{len(row.states)}"
                + (f" ({more:+d})".replace("-", "−") if more else "")
            )
        return texts

    def _strip_title(self) -> str:
        criterion = str(self.criterion.currentData())
        if not self.facts.has_scores(criterion):
            return self.tr("Channels in network order")
        return self.tr("Channels, highest {} score first").format(criterion_words(criterion))

    def _list_criteria(self) -> None:
        """Offer every criterion that is known now; the chosen one stays if it still is."""
        names = self.facts.criteria
        if names == [self.criterion.itemData(i) for i in range(self.criterion.count())]:
            return
        chosen = self.criterion.currentData()
        self.criterion.blockSignals(True)
        self.criterion.clear()
        for name in names:
            self.criterion.addItem(criterion_words(name), name)
        self.criterion.setCurrentIndex(names.index(chosen) if chosen in names else 0)
        self.criterion.blockSignals(False)
        self.selection.compare_with(str(self.criterion.currentData() or ""))

    def _show_legend(self) -> None:
        criterion = criterion_words(str(self.criterion.currentData()))
        agent = self.tr("the agent")
        if self.compared is not None and not self.compared.is_agents:
            agent = self.tr("the mask")
        counts = (0, 0, 0, 0) if self.compared is None else self.compared.result.total.counts
        entries = [
            (self._swatch(state), f"{words}: {counts[state]:,}")
            for state, words in (
                (BOTH, self.tr("both keep")),
                (ONLY_LEARNED, self.tr("only {}").format(agent)),
                (ONLY_CRITERION, self.tr("only {}").format(criterion)),
                (NEITHER, self.tr("neither")),
            )
        ]
        entries.append((self._mark(), self.tr("chance: Jaccard expected, correlation within 95 %")))
        self.legend.show_entries(entries, self.colours)

    def _swatch(self, state: int) -> QImage:
        scale = self.devicePixelRatioF()
        side = round(CELL_PX * scale)
        image = as_image(paint_strip(np.array([state], np.int8), side + 1, side, self.colours))
        image.setDevicePixelRatio(scale)
        return image

    def _mark(self) -> QImage:
        scale = self.devicePixelRatioF()
        image = QImage(round(2 * scale), round(CELL_PX * scale), QImage.Format.Format_RGB32)
        image.fill(self.colours.text)
        image.setDevicePixelRatio(scale)
        return image

    def _describe(self, index: int) -> str:
        if self.compared is None:
            return ""
        row: RowComparison = self.compared.result.rows[index]
        both, learned, criterion, neither = row.counts
        name = escape(criterion_words(self.compared.criterion))
        lines = [
            f"<b>{escape(row.row.layer)}</b>",
            self.tr("both keep {}, only the shown mask {}, only {} {}, neither {}").format(
                both, learned, name, criterion, neither
            ),
            self.tr("Jaccard {:.2f}, by chance {:.2f}").format(row.jaccard, row.chance_jaccard),
        ]
        if row.rank_correlation is not None:
            text = self.tr("rank correlation of keep probability and score {:.2f}")
            lines.append(text.format(row.rank_correlation).replace("-", "−"))
        if row.row.others:
            names = escape(", ".join(row.row.others))
            lines.append(self.tr("Shares its channels with: {}").format(names))
        return "<br>".join(lines)

    def _build(self) -> None:
        self.criterion.setAccessibleName(self.tr("Criterion"))
        self.criterion.setToolTip(self.tr("What the shown mask is compared with"))
        self.mode.addItems([self.tr("same count per layer"), self.tr("same MACs")])
        self.mode.setAccessibleName(self.tr("What is equal"))
        self.mode.setToolTip(
            self.tr(
                "The criterion keeps as many channels in each layer, or its own mask within "
                "the same MACs budget is taken"
            )
        )
        choices = ((self.tr("Against"), self.criterion), (self.tr("at the"), self.mode))
        work = QWidget()
        layout = QVBoxLayout(work)
        layout.setContentsMargins(SPACE_M, SPACE_M, SPACE_M, SPACE_M)
        layout.setSpacing(SPACE_S)
        layout.addLayout(tool_row(choices, self.caption))
        for part in (self.sentence, self.chart, self.legend):
            layout.addWidget(part, 1 if part is self.chart else 0)
        self._empty = QLabel(
            self.tr("The learned mask beside any criterion's appears here\nonce a mask is known."),
            alignment=Qt.AlignmentFlag.AlignCenter,
        )
        self._empty.setProperty("role", "caption")
        self._pages = QStackedLayout(self)
        self._pages.addWidget(self._empty)
        self._pages.addWidget(work)
