"""What does the encoder look at: GATv2 attention over the layer graph."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from app.panels.attention_canvas import AttentionCanvas
from app.panels.attention_facts import Attention
from app.panels.panel import Panel, Table
from app.panels.parts import text_label
from app.panels.whole_picture import paint_whole, whole_size
from app.selection import Selection
from app.theme import SPACE_L, SPACE_M, SPACE_S, Palette, fill_background
from app.words import percent_text
from core.events import AttentionMeasured, Event, NetworkOpened, SearchStarted

NEARLY_EVEN = 0.97  # of the greatest entropy
MEAN = -1  # in the choices of encoder layer and head


class AttentionPanel(Panel):
    """A row for each layer of the network: how much it takes from each neighbour."""

    NAME = "attention"

    def __init__(self, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(selection, parent)
        self._names: tuple[str, ...] = ()
        self._first: AttentionMeasured | None = None
        self._last: AttentionMeasured | None = None
        self._pointed = -1
        self.attention: Attention | None = None
        self.layer, self.head = QComboBox(), QComboBox()
        self.caption = text_label("caption")
        self.key = text_label("caption")
        self.readout = QLabel()
        self.canvas = AttentionCanvas()
        self._build()
        self.layer.currentIndexChanged.connect(self.redraw_soon)
        self.head.currentIndexChanged.connect(self.redraw_soon)
        self.canvas.chosen.connect(self._on_chosen)
        self.canvas.pointed.connect(self._on_pointed)
        selection.layer_changed.connect(self._show_selection)

    def title(self) -> str:
        return self.tr("Attention")

    def show_event(self, event: Event) -> None:
        """Take the network and what the encoder looked at last."""
        match event:
            case NetworkOpened():
                self._names = tuple(layer.name for layer in event.graph.layers)
                self._first = self._last = self.attention = None
                self._pointed = -1
            case SearchStarted():
                self._first = self._last = None
            case AttentionMeasured() if self._fits(event):
                self._first = self._first or event
                self._last = event
            case _:
                return
        self.redraw_soon()

    def redraw(self) -> None:
        """Draw the chosen encoder layer and head of the last measurement."""
        event = self._last
        self._pages.setCurrentIndex(0 if event is None else 1)
        if event is None:
            self.attention = None
            return
        self._list_choices(*event.weights.shape[:2])
        self.attention = self._chosen(event)
        self.canvas.show_attention(self.attention)
        self._write_key()
        self.caption.setText(self._say_evenness(event, self.attention))
        self._show_selection()

    def table(self) -> Table | None:
        """A row for each edge: who looks at whom, how much, and how much evenly would be."""
        if self._last is None:
            return None
        attention = self._chosen(self._last)
        rows = [
            (
                name,
                attention.names[look.source],
                look.relation,
                look.weight,
                1 / int(attention.counts[place]),
            )
            for place, name in enumerate(attention.names)
            for look in attention.looks(place)
        ]
        return Table(("layer", "looks_at", "relation", "weight", "even_weight"), rows)

    def picture_widget(self) -> QWidget:
        """The rows with their caption and key."""
        return self if self._last is None else self._board

    def picture_size(self) -> QSize:
        if self._last is None:
            return super().picture_size()
        return whole_size(self._board, self.canvas)

    def paint_picture(self, painter: QPainter) -> None:
        if self._last is None:
            super().paint_picture(painter)
        else:
            paint_whole(painter, self._board, self.canvas, self.colours.surface)

    def use_palette(self, palette: Palette) -> None:
        fill_background(self._board, palette.surface, palette.text)
        self.canvas.use_palette(palette)
        super().use_palette(palette)

    def _fits(self, event: AttentionMeasured) -> bool:
        """Whether the edges are those of the open network; a file may tell of another one."""
        names = {name for edge in event.edges for name in edge}
        weights = event.weights
        has_all = weights.ndim == 3 and weights.size > 0 and weights.shape[2] == len(event.edges)
        return has_all and names <= set(self._names)

    def _chosen(self, event: AttentionMeasured) -> Attention:
        layer, head = self.layer.currentData(), self.head.currentData()
        return Attention.of(
            self._names,
            event,
            None if layer in (None, MEAN) else layer,
            None if head in (None, MEAN) else head,
        )

    def _list_choices(self, layers: int, heads: int) -> None:
        for box, count, mean, one in (
            (self.layer, layers, self.tr("mean"), self.tr("{} of {}")),
            (self.head, heads, self.tr("mean"), self.tr("{} of {}")),
        ):
            if box.count() == count + 1:
                continue
            box.blockSignals(True)
            box.clear()
            box.addItem(mean, MEAN)
            for index in range(count):
                box.addItem(one.format(index + 1, count), index)
            box.blockSignals(False)

    def _say_evenness(self, event: AttentionMeasured, attention: Attention) -> str:
        mean, place = attention.mean_evenness, attention.most_selective
        if place is None:
            return self.tr("No layer of this network has a neighbour.")
        words = [
            self.tr("Evenness after update {:,}: {} (100 %: the same weight for all).").format(
                event.update, percent_text(mean)
            )
        ]
        if self._first is not None and self._first is not event:
            first = percent_text(self._chosen(self._first).mean_evenness)
            words.append(self.tr("After update {:,} it was {}.").format(self._first.update, first))
        if mean >= NEARLY_EVEN:
            words.append(self.tr("The encoder prefers hardly any neighbour."))
        least = percent_text(float(attention.evenness[place]))
        words.append(self.tr("Least even: {}, {}.").format(attention.names[place], least))
        return " ".join(words)

    def _on_chosen(self, place: int) -> None:
        if self.attention is not None:  # else the rows are those of the network before
            self.selection.select_layer(self._names[place])

    def _on_pointed(self, place: int) -> None:
        self._pointed = place
        self._write_readout()

    def _show_selection(self) -> None:
        names = self._names
        selected = names.index(self.selection.layer) if self.selection.layer in names else -1
        self.canvas.select(selected)
        self._write_readout()

    def _write_readout(self) -> None:
        """Say in numbers what the pointed or the selected layer looks at."""
        attention, names = self.attention, self._names
        place = self._pointed
        if place < 0 and self.selection.layer in names:
            place = names.index(self.selection.layer)
        if attention is None or not 0 <= place < len(names):
            self.readout.setText(self.tr("Select a layer to see its weights."))
            return
        looks = sorted(attention.looks(place), key=lambda look: -look.weight)
        parts = [
            f"{self.tr('itself') if look.source == place else names[look.source]} "
            f"{percent_text(look.weight)}"
            for look in looks
        ]
        even = percent_text(1 / max(1, len(looks)))
        text = self.tr("{} looks at: {} (evenly: {} each)").format(
            names[place], ", ".join(parts), even
        )
        self.readout.setText(text)
        self.canvas.setAccessibleDescription(text)

    def _write_key(self) -> None:
        colours, gap = self.colours, "&nbsp;&nbsp; "
        keys = (
            (colours.accuracy, "■", self.tr("what lies before")),
            (colours.edge, "■", self.tr("itself")),
            (colours.reward, "■", self.tr("what comes after")),
            (colours.text, "┃", self.tr("where even attention would end")),
        )
        self.key.setText(
            gap.join(
                f"<span style='color:{colour}'>{glyph}</span>&nbsp;{words}"
                for colour, glyph, words in keys
            )
        )

    def _build(self) -> None:
        for box, name, tip in (
            (self.layer, self.tr("Encoder layer"), self.tr("Which layer of the encoder looks")),
            (self.head, self.tr("Attention head"), self.tr("Which head of it, or all together")),
        ):
            box.setAccessibleName(name)
            box.setToolTip(tip)
        self.readout.setProperty("role", "caption")
        self.readout.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._list_choices(2, 1)
        tools = QHBoxLayout()
        tools.setSpacing(SPACE_S)
        for words, box in ((self.tr("Encoder layer"), self.layer), (self.tr("head"), self.head)):
            tools.addWidget(QLabel(words))
            tools.addWidget(box)
            tools.addSpacing(SPACE_L)
        tools.addStretch(1)
        self._board = QWidget()
        board = QVBoxLayout(self._board)
        board.setContentsMargins(SPACE_M, SPACE_S, SPACE_M, SPACE_S)
        board.setSpacing(SPACE_S)
        for part, stretch in ((self.caption, 0), (self.key, 0), (self.canvas, 1)):
            board.addWidget(part, stretch)
        work = QWidget()
        layout = QVBoxLayout(work)
        layout.setContentsMargins(SPACE_M, SPACE_M, SPACE_M, SPACE_M)
        layout.setSpacing(SPACE_S)
        layout.addLayout(tools)
        layout.addWidget(self._board, 1)
        layout.addWidget(self.readout)
        empty = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        empty.setProperty("role", "caption")
        empty.setText(
            self.tr(
                "How much each layer takes from its neighbours\nappears here while a search runs."
            )
        )
        self._pages = QStackedLayout(self)
        self._pages.addWidget(empty)
        self._pages.addWidget(work)
