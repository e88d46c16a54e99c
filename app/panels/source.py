"""Where the network and the images come from: the same form in the settings and on opening."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QCheckBox,
    QCompleter,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from app.panels.fields import (
    BrowseField,
    NameField,
    add_explained,
    add_note,
    explain,
    narrow_form,
)
from app.panels.source_fields import (
    FactoryField,
    NormalisationField,
    ShapeField,
    caption_label,
    choose_file,
    choose_folder,
    facts_words,
    shape_text,
)
from app.source import Source, source_of_files
from app.theme import SPACE_S
from core.config import RunConfig
from core.data import NORMALISATIONS, are_resized, usual_normalisation
from core.errors import EspalierError
from core.networks import (
    PUBLISHED,
    NetworkFacts,
    checkpoint_suffixes,
    file_suffixes,
    inspect_network,
    network_names,
    split_spec,
)
from core.networks.timm_models import PREFIX as TIMM_PREFIX

# Fetched through torchvision when they are not on this machine yet.
DOWNLOADED_DATASETS = ("cifar10", "cifar100")
LOOK_BYTES = 256 * 2**20  # of a file that is read only to say what it holds
TYPING_MS = 300  # a pause in typing, after which what is written is looked at


class SourceForm(QWidget):
    """Network, checkpoint and images, and how the images come to the network.

    Signals:
        changed(): something else is chosen.
        facts_wanted(str): a network's file is named; `show_facts` takes what is found in it.
        refused(str): a file was chosen that cannot be understood; a sentence.
        is_unclear(Path): a file is taken as weights that may hold a whole network.
    """

    changed = Signal()
    facts_wanted = Signal(str)
    refused = Signal(str)
    is_unclear = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._facts: NetworkFacts | None = None
        self.network = NameField(("demo",))
        self.network_row = BrowseField(self.network)
        self.network_note = caption_label()
        self.factory = FactoryField()
        weights = QLineEdit()
        weights.setPlaceholderText(self.tr("the network's own weights"))
        weights.setCompleter(QCompleter([PUBLISHED], self))
        self.checkpoint = BrowseField(weights)
        self.images_field = NameField(("digits",))
        self.images = BrowseField(self.images_field)
        self.normalisation = NormalisationField()
        self.input_shape = ShapeField()
        self.consent = QCheckBox(self.tr("Download if it is not here yet"))
        self._pause = QTimer(self, interval=TYPING_MS, singleShot=True)
        self._fill_form()
        self._add_browsing()
        self._connect()
        self.set_source(Source.of(RunConfig()))

    @property
    def source(self) -> Source:
        """What is chosen."""
        return Source(
            self.network_row.text,
            self.checkpoint.text,
            self.images.text,
            self.normalisation.name,
            self.input_shape.shape,
        )

    @property
    def needs_choice(self) -> bool:
        """Whether a Python file is named, but not what in it makes the network."""
        return self.factory.needs_choice

    @property
    def may_download(self) -> bool:
        """Whether the person agreed that these images are fetched."""
        return self._is_downloaded() and self.consent.isChecked()

    @property
    def datasets(self) -> tuple[str, ...]:
        """The names of images that are offered."""
        field = self.images_field
        return tuple(field.itemText(i) for i in range(field.count()))

    @property
    def networks(self) -> tuple[str, ...]:
        """The names that are offered."""
        return tuple(self.network.itemText(i) for i in range(self.network.count()))

    def set_source(self, source: Source) -> None:
        """Choose something else."""
        self.network.setEditText(source.network)
        self.checkpoint.set_text(source.checkpoint)
        self.images.set_text(source.data)
        self.normalisation.choose(source.normalisation)
        self.input_shape.setText(source.input_shape)
        self.look()

    def set_choices(self, networks: Iterable[str], datasets: Iterable[str]) -> None:
        """Offer these names."""
        self.network.set_names(networks)
        self.images_field.set_names(datasets)

    def take_file(self, path: Path) -> None:
        """Put a chosen file where it belongs, whichever button it was chosen with."""
        try:
            chosen = source_of_files([path], self.networks, self.source)
        except EspalierError as error:
            self.refused.emit(str(error))
            return
        self.set_source(chosen.source)
        if chosen.unclear is not None:
            self.is_unclear.emit(chosen.unclear)

    def show_facts(self, facts: NetworkFacts | str, spec: str) -> None:
        """Show what is known of network `spec`, or a sentence about why nothing is."""
        if spec != self.source.network:
            return  # something else is written by now
        self._facts = None if isinstance(facts, str) else facts
        note = facts if isinstance(facts, str) else facts_words(facts)
        self.network_note.setText(note)
        self.network_note.setVisible(bool(note))
        self._show_images()

    def _fill_form(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE_S)
        form = self._form = narrow_form()
        add_explained(form, "network", self.network_row)
        add_note(form, self.network_note)
        add_explained(form, "factory", self.factory)
        add_explained(form, "checkpoint", self.checkpoint)
        add_explained(form, "data", self.images)
        add_explained(form, "normalisation", self.normalisation)
        add_note(form, self.normalisation.numbers)
        add_explained(form, "input_shape", self.input_shape)
        layout.addLayout(form)
        layout.addWidget(self.consent)
        explain(self.consent, "consent")

    def _add_browsing(self) -> None:
        self.network_row.add_browsing(
            [self._action(self.tr("Choose a network's file…"), self._browse_network)]
        )
        self.checkpoint.add_browsing(
            [self._action(self.tr("Choose a file…"), self._browse_weights)]
        )
        self.images.add_browsing(
            [
                self._action(self.tr("Choose a .npz file…"), self._browse_arrays),
                self._action(self.tr("Choose an image folder…"), self._browse_folder),
            ]
        )

    def _connect(self) -> None:
        self._pause.timeout.connect(self.look)
        self.factory.spec_chosen.connect(self.network.setEditText)
        self.network.editTextChanged.connect(self._on_changed)
        for signal in (
            self.checkpoint.changed,
            self.images.changed,
            self.normalisation.currentTextChanged,
            self.input_shape.textChanged,
        ):
            signal.connect(self._on_changed)

    def _action(self, text: str, slot: Callable[[], None]) -> QAction:
        action = QAction(text, self)
        action.triggered.connect(slot)
        return action

    def _browse_network(self) -> None:
        title, kind = self.tr("Choose a network"), self.tr("Networks ({})")
        self._browse(title, kind, file_suffixes(), self.source.network)

    def _browse_weights(self) -> None:
        title, kind = self.tr("Choose a checkpoint"), self.tr("Checkpoints ({})")
        self._browse(title, kind, checkpoint_suffixes(), self.source.checkpoint)

    def _browse_arrays(self) -> None:
        title, kind = self.tr("Choose images"), self.tr("NumPy archives ({})")
        self._browse(title, kind, (".npz",), self.source.data)

    def _browse(self, title: str, kind: str, suffixes: Iterable[str], now: str) -> None:
        self._take(choose_file(self, title, kind, suffixes, now))

    def _browse_folder(self) -> None:
        self._take(choose_folder(self, self.tr("Choose an image folder"), self.images.text))

    def _take(self, path: str) -> None:
        if path:
            self.take_file(Path(path))

    def _is_downloaded(self) -> bool:
        return self.images.text in DOWNLOADED_DATASETS or self.checkpoint.text == PUBLISHED

    def _on_changed(self) -> None:
        self.consent.setVisible(self._is_downloaded())
        self._pause.start()
        self.changed.emit()

    def look(self) -> None:
        """Look at what is written: names at once, files elsewhere."""
        self._pause.stop()
        spec = self.source.network
        self.factory.show_spec(spec)
        self._form.setRowVisible(self.factory, self.factory.count() > 0)
        self.consent.setVisible(self._is_downloaded())
        if self._facts is not None and self._facts.spec != spec:
            self._facts = None
        if spec in network_names():
            self.show_facts(inspect_network(spec), spec)
        else:
            self.network_note.clear()
            self.network_note.hide()
            self._show_images()
            if _can_be_looked_at(spec):
                self.facts_wanted.emit(spec)
        self.changed.emit()

    def _show_images(self) -> None:
        """Say what normalisation and shape are without being told."""
        source, facts = self.source, self._facts
        auto = usual_normalisation(source.data)
        if source.checkpoint == PUBLISHED and facts is not None and facts.normalisation:
            auto = NORMALISATIONS[facts.normalisation]
        is_archive = source.data.lower().endswith(".npz") and Path(source.data).is_file()
        self.normalisation.show_numbers(auto, are_measured=is_archive)
        if facts is not None and facts.input_shape is not None:
            words = self.tr("{}, the network's").format(shape_text(facts.input_shape))
        elif are_resized(source.data):
            channels = (facts.channels if facts is not None else None) or 3
            words = self.tr("needed, such as {}x224x224").format(channels)
        else:
            words = self.tr("as the images are")
        self.input_shape.setPlaceholderText(words)


def _can_be_looked_at(spec: str) -> bool:
    if spec.startswith(TIMM_PREFIX):
        return True
    path = os.path.expanduser((split_spec(spec) or (spec, ""))[0])
    try:
        return os.path.isfile(path) and os.path.getsize(path) <= LOOK_BYTES
    except (OSError, ValueError):
        return False
