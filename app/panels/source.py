"""Where the network and the images come from: the same form in the settings and on opening."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QCheckBox, QCompleter, QFileDialog, QLineEdit, QVBoxLayout, QWidget

from app.panels.fields import (
    BrowseField,
    NameField,
    add_explained,
    explain,
    narrow_form,
)
from app.theme import SPACE_S
from core.config import RunConfig
from core.errors import ConfigError

CHECKPOINT_SUFFIXES = (".pt", ".pth", ".th", ".ckpt", ".bin", ".tar", ".safetensors")
NETWORK_SUFFIXES = (".py", ".pt2", ".onnx")  # whole networks, not only weights
# Fetched through torchvision when they are not on this machine yet.
DOWNLOADED_DATASETS = ("cifar10", "cifar100")
PUBLISHED = "published"  # as a checkpoint: the weights that the network's source publishes


@dataclass(frozen=True)
class Source:
    """Names and paths of a network, its weights and its images, as RunConfig has them."""

    network: str
    checkpoint: str
    data: str

    @classmethod
    def of(cls, config: RunConfig) -> "Source":
        """Take the source out of a run's settings."""
        return cls(config.network, config.checkpoint, config.data)

    def put_into(self, config: RunConfig) -> RunConfig:
        """Return the settings with this source; ConfigError if a name is missing."""
        if not self.network:
            raise ConfigError("No network is named. Choose one from the list, for example 'demo'.")
        if not self.data:
            raise ConfigError("No images are named. Choose a dataset, a .npz file or a folder.")
        return replace(config, network=self.network, checkpoint=self.checkpoint, data=self.data)


def source_of_drop(path: Path, networks: Iterable[str], now: Source) -> Source | None:
    """Understand a dropped file or folder as a checkpoint or as images; None if it is neither."""
    if path.is_dir() or path.suffix.lower() == ".npz":
        return replace(now, data=str(path))
    if path.suffix.lower() in NETWORK_SUFFIXES:
        return replace(now, network=str(path), checkpoint="")
    if path.suffix.lower() in CHECKPOINT_SUFFIXES:
        network = guess_network(path.name, networks) or now.network
        return replace(now, network=network, checkpoint=str(path))
    return None


def guess_network(file_name: str, networks: Iterable[str]) -> str:
    """Guess which network a checkpoint belongs to: the longest name found in the file's name."""
    wanted = _letters(file_name)
    fitting = [name for name in networks if _letters(name.removeprefix("cifar_")) in wanted]
    # A CIFAR network is preferred because torchvision loads its own weights without a file.
    fitting.sort(key=lambda name: (len(name.removeprefix("cifar_")), name.startswith("cifar_")))
    return fitting[-1] if fitting else ""


def _letters(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


class SourceForm(QWidget):
    """Network, checkpoint and images.

    Signals:
        changed(): something else is chosen.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.network = NameField(("demo",))
        self.network_row = BrowseField(self.network)
        weights = QLineEdit()
        weights.setPlaceholderText(self.tr("the network's own weights"))
        weights.setCompleter(QCompleter([PUBLISHED], self))
        self.checkpoint = BrowseField(weights)
        self.images_field = NameField(("digits",))
        self.images = BrowseField(self.images_field)
        self.consent = QCheckBox(self.tr("Download if it is not here yet"))
        self._fill_form()
        self.checkpoint.add_browsing(
            [self._action(self.tr("Choose a file…"), self._browse_weights)]
        )
        self.network_row.add_browsing(
            [self._action(self.tr("Choose a network's file…"), self._browse_network)]
        )
        self.images.add_browsing(
            [
                self._action(self.tr("Choose a .npz file…"), self._browse_arrays),
                self._action(self.tr("Choose an image folder…"), self._browse_folder),
            ]
        )
        self.network.editTextChanged.connect(self.changed)
        self.checkpoint.changed.connect(self._on_origin_changed)
        self.images.changed.connect(self._on_origin_changed)
        self.set_source(Source.of(RunConfig()))

    @property
    def source(self) -> Source:
        """What is chosen."""
        return Source(self.network.text, self.checkpoint.text, self.images.text)

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
        self._on_origin_changed()

    def set_choices(self, networks: Iterable[str], datasets: Iterable[str]) -> None:
        """Offer these names."""
        self.network.set_names(networks)
        self.images_field.set_names(datasets)

    def _fill_form(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE_S)
        form = narrow_form()
        add_explained(form, "network", self.network_row)
        add_explained(form, "checkpoint", self.checkpoint)
        add_explained(form, "data", self.images)
        layout.addLayout(form)
        layout.addWidget(self.consent)
        explain(self.consent, "consent")

    def _action(self, text: str, slot: object) -> QAction:
        action = QAction(text, self)
        action.triggered.connect(slot)
        return action

    def _browse_network(self) -> None:
        pattern = " ".join(f"*{suffix}" for suffix in NETWORK_SUFFIXES)
        path, _ = QFileDialog.getOpenFileName(
            self,
            self.tr("Choose a network"),
            _start_folder(self.network.text),
            self.tr("Networks ({});;All files (*)").format(pattern),
        )
        if path:
            self.network.setEditText(path)

    def _browse_weights(self) -> None:
        pattern = " ".join(f"*{suffix}" for suffix in CHECKPOINT_SUFFIXES)
        path, _ = QFileDialog.getOpenFileName(
            self,
            self.tr("Choose a checkpoint"),
            _start_folder(self.checkpoint.text),
            self.tr("Checkpoints ({});;All files (*)").format(pattern),
        )
        if path:
            self.checkpoint.set_text(path)

    def _browse_arrays(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self,
            self.tr("Choose images"),
            _start_folder(self.images.text),
            self.tr("NumPy archives (*.npz);;All files (*)"),
        )
        if path:
            self.images.set_text(path)

    def _browse_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(
            self, self.tr("Choose an image folder"), _start_folder(self.images.text)
        )
        if path:
            self.images.set_text(path)

    def _is_downloaded(self) -> bool:
        return self.images.text in DOWNLOADED_DATASETS or self.checkpoint.text == PUBLISHED

    def _on_origin_changed(self) -> None:
        self.consent.setVisible(self._is_downloaded())
        self.changed.emit()


def _start_folder(text: str) -> str:
    return str(Path(text).parent) if text and Path(text).exists() else ""
