"""The smaller fields of the source form: factory, normalisation, shape, and a question."""

import os
from collections.abc import Iterable
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QRadioButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app.theme import SPACE_M, SPACE_S
from core.data.normalisation import AUTO, NORMALISATIONS, Normalisation
from core.errors import NetworkError, readable
from core.networks import NetworkFacts, list_factories, split_spec

SOURCE_BYTES = 2 * 2**20  # of a Python file that is read while somebody types


def caption_label() -> QLabel:
    """A quiet line below a field; plain text, wrapped."""
    label = QLabel()
    label.setProperty("role", "caption")
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setAlignment(Qt.AlignmentFlag.AlignTop)  # it belongs to the field above it
    policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
    policy.setHeightForWidth(True)
    label.setSizePolicy(policy)
    return label


def choose_file(parent: QWidget, title: str, kind: str, suffixes: Iterable[str], now: str) -> str:
    """Ask for a file, beginning beside `now`; `kind` is "Networks ({})", for the endings."""
    patterns = kind.format(" ".join(f"*{suffix}" for suffix in suffixes))
    every = _tr("All files (*)")
    path, _ = QFileDialog.getOpenFileName(parent, title, _folder_of(now), f"{patterns};;{every}")
    return path


def choose_folder(parent: QWidget, title: str, now: str) -> str:
    """Ask for a folder, beginning beside `now`."""
    return QFileDialog.getExistingDirectory(parent, title, _folder_of(now))


def _folder_of(text: str) -> str:
    return str(Path(text).parent) if text and os.path.exists(text) else ""


def shape_text(shape: Iterable[int]) -> str:
    """Write a shape as it is typed: 3x224x224."""
    return "x".join(map(str, shape))


def facts_words(facts: NetworkFacts) -> str:
    """Say in a line what a network was made for; empty if nothing is known."""
    known = []
    if facts.input_shape is not None:
        known.append(_tr("images of {}").format(shape_text(facts.input_shape)))
    elif facts.channels is not None:
        known.append(_tr("images of %n channel(s)", facts.channels))
    if facts.class_count is not None:
        known.append(_tr("%n class(es)", facts.class_count))
    words = _tr("Made for {}.").format(", ".join(known)) if known else ""
    if facts.needs_consent:
        words = _tr("It runs code when it is opened; you are asked first.")
    return words


def _tr(text: str, count: int = -1) -> str:
    if count < 0:
        return QCoreApplication.translate("source", text)
    # Without a translation Qt leaves "(s)" in: English plurals are made here.
    plural = ("s" if text.endswith("(s)") else "es") if count != 1 else ""
    words = QCoreApplication.translate("source", text, None, count)
    return words.replace("(s)", plural).replace("(es)", plural)


class FactoryField(QComboBox):
    """The functions and classes of a Python file, one of which makes the network.

    Signals:
        spec_chosen(str): the file's path with the chosen name behind it.
    """

    spec_chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setPlaceholderText(self.tr("choose what makes the network"))
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._path = ""
        self.activated.connect(self._on_activated)

    @property
    def needs_choice(self) -> bool:
        """Whether a name is needed that is not given."""
        return self.count() > 1 and self.currentIndex() < 0

    def show_spec(self, spec: str) -> None:
        """Offer what the file of `spec` defines; nothing if it is no Python file or has one."""
        self._path, chosen = split_spec(spec) or ("", "")
        names = _public_names(self._path)
        with QSignalBlocker(self):
            self.clear()
            self.addItems(names if len(names) > 1 else [])
            self.setCurrentIndex(self.findText(chosen) if chosen else -1)
        if chosen and chosen not in names:
            self.clear()  # the core says what is wrong with it

    def _on_activated(self, index: int) -> None:
        self.spec_chosen.emit(f"{self._path}:{self.itemText(index)}")


def _public_names(path: str) -> list[str]:
    try:
        file = Path(path).expanduser()
        if not path or not file.is_file() or file.stat().st_size > SOURCE_BYTES:
            return []
        return [name for name in list_factories(file) if not name.startswith("_")]
    except (NetworkError, OSError, ValueError):
        return []


class NormalisationField(QComboBox):
    """Mean and standard deviation by the name of a preset; `numbers` is a line to put below."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = caption_label()
        for name in (AUTO, *NORMALISATIONS):
            self._add(name)

    @property
    def name(self) -> str:
        """The chosen preset, or "auto"."""
        return self.currentText()

    def choose(self, name: str) -> None:
        """Choose a preset; one that is not offered is added, and refused when opening."""
        if self.findText(name) < 0:
            self._add(name)
        self.setCurrentText(name)

    def show_numbers(self, auto: Normalisation | None, *, are_measured: bool) -> None:
        """Say what the choice means; `auto` is what "auto" gives, as far as that is known."""
        is_auto = self.name == AUTO
        found = auto if is_auto else NORMALISATIONS.get(self.name)
        if found is not None:
            words = _normalisation_words(found)
            same = [name for name, numbers in NORMALISATIONS.items() if numbers == found]
            self.numbers.setText(f"{same[0]}: {words}" if is_auto and same else words)
        elif is_auto and are_measured:
            self.numbers.setText(self.tr("measured on the training images"))
        else:
            self.numbers.setText(self.tr("what the images say") if is_auto else "")
        self.numbers.setVisible(bool(self.numbers.text()))

    def _add(self, name: str) -> None:
        self.addItem(name)
        if name in NORMALISATIONS:
            words = _normalisation_words(NORMALISATIONS[name])
            self.setItemData(self.count() - 1, words, Qt.ItemDataRole.ToolTipRole)


def _normalisation_words(normalisation: Normalisation) -> str:
    mean, std = (", ".join(f"{value:.3g}" for value in values) for values in normalisation)
    return _tr("mean {}; std {}").format(mean, std)


class ShapeField(QLineEdit):
    """Channels, height and width; "3 × 32 × 32" is understood as 3x32x32."""

    @property
    def shape(self) -> str:
        """What is written, as settings have it."""
        return "".join(self.text().split()).lower().replace("×", "x").replace("*", "x")


class UnclearQuestion(QWidget):
    """Asks whether a file is a whole network or weights, where only the person can know.

    Signals:
        answered(): one of them is chosen.
    """

    answered = Signal()

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.question = QLabel(
            self.tr("What does {} hold? Its pickle does not say.").format(readable(path.name))
        )
        self.question.setTextFormat(Qt.TextFormat.PlainText)
        self.question.setWordWrap(True)
        self.weights = QRadioButton(self.tr("Weights"))
        self.network = QRadioButton(self.tr("A whole network"))
        self.weights.setChecked(True)
        answers = QHBoxLayout()
        answers.setSpacing(SPACE_M)
        answers.addWidget(self.weights)
        answers.addWidget(self.network)
        answers.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE_S)
        layout.addWidget(self.question)
        layout.addLayout(answers)
        self.network.toggled.connect(self.answered)
