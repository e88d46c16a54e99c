"""The few dialogs: opening, exporting, a question, about."""

from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QFileDialog,
    QFormLayout,
    QLabel,
    QLineEdit,
    QMessageBox,
    QPushButton,
    QWidget,
)

from app.dialog_parts import caption, lay_out
from app.icons import icon_pixmap
from app.panels.fields import BrowseField
from app.selection import LoadedMask
from app.words import percent_text, tiny_text
from core.errors import ConsentNeeded, readable
from core.events import ExportFinished

HASH_LETTERS = 40  # in a line


class ExportDialog(QDialog):
    """Asks where the pruned network goes and in which formats."""

    def __init__(
        self,
        folder: Path,
        parent: QWidget,
        mask: LoadedMask | None = None,
        *,
        is_half_wanted: bool = False,
    ) -> None:
        """is_half_wanted: whether float16 is chosen at first."""
        super().__init__(parent)
        self.setWindowTitle(self.tr("Export the pruned network"))
        self.mask = mask  # the one on the screen; None: the search's best
        self.what = QLabel(self._say_mask())
        self.what.setWordWrap(True)
        line = QLineEdit(str(folder))
        line.setAccessibleName(self.tr("Folder"))  # it has the keys
        self.folder = BrowseField(line)
        self.folder.setAccessibleName(self.tr("Folder"))
        self.folder.button.clicked.connect(self._browse)
        self.formats = {
            "pytorch": QCheckBox(self.tr("PyTorch: weights with kept channels, and a .pt2")),
            "onnx": QCheckBox(self.tr("ONNX: one file, any batch size")),
        }
        self.half = QCheckBox(self.tr("ONNX in float16 too: half as large, if it is near enough"))
        promise = caption(
            self.tr(
                "Every file is read back and compared with the network on the screen first; one "
                "that differs by more than 0.01 % (in float16: 2 %) is refused."
            )
        )
        form = QFormLayout()
        form.addRow(self.tr("Mask"), self.what)
        form.addRow(self.tr("Folder"), self.folder)
        for box in self.formats.values():
            box.setChecked(True)
            box.toggled.connect(self._on_changed)
            form.addRow("", box)
        form.addRow("", self.half)
        self.folder.changed.connect(self._on_changed)
        self.export_button = QPushButton(self.tr("Export"))
        lay_out(self, [form, promise], self.export_button)
        self.half.setChecked(is_half_wanted)
        self._on_changed()

    def _say_mask(self) -> str:
        if self.mask is None:
            return self.tr("The search's best mask")
        words = self.mask.name[:1].upper() + self.mask.name[1:]
        numbers = [self.tr("{} of the MACs").format(percent_text(self.mask.macs_kept))]
        if self.mask.accuracy is not None:
            numbers.append(self.tr("{} accuracy").format(percent_text(self.mask.accuracy)))
        return f"{words}: {', '.join(numbers)}"

    def say_finetuned(self) -> None:
        """Say that the network of this mask is written as it is after fine-tuning."""
        self.what.setText(self.tr("{}\nFine-tuned weights").format(self._say_mask()))

    @property
    def chosen_formats(self) -> tuple[str, ...]:
        """Names in EXPORTERS."""
        return tuple(name for name, box in self.formats.items() if box.isChecked())

    @property
    def is_half_chosen(self) -> bool:
        """Whether pruned_float16.onnx is wanted beside pruned.onnx."""
        return self.half.isEnabled() and self.half.isChecked()

    @property
    def chosen_folder(self) -> Path:
        """Where the files go; it need not exist."""
        return Path(self.folder.text).expanduser()

    def _browse(self) -> None:
        path = QFileDialog.getExistingDirectory(
            self, self.tr("Choose a folder"), str(self.chosen_folder)
        )
        if path:
            self.folder.set_text(path)

    def _on_changed(self) -> None:
        self.export_button.setEnabled(bool(self.folder.text and self.chosen_formats))
        self.half.setEnabled(self.formats["onnx"].isChecked())


def close_question(window: QWidget) -> QMessageBox:
    """Ask whether closing may cut the run short; Discard means to stop and close."""
    box = QMessageBox(window)
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle(window.tr("Close Espalier?"))
    box.setText(window.tr("A run is going on."))
    box.setInformativeText(
        window.tr("The best mask found so far is in the run's folder and stays there.")
    )
    box.setStandardButtons(QMessageBox.StandardButton.Discard | QMessageBox.StandardButton.Cancel)
    box.button(QMessageBox.StandardButton.Discard).setText(window.tr("Stop and close"))
    box.button(QMessageBox.StandardButton.Cancel).setText(window.tr("Keep running"))
    box.setDefaultButton(QMessageBox.StandardButton.Cancel)
    return box


def consent_question(window: QWidget, asked: ConsentNeeded) -> QMessageBox:
    """Ask whether a file may run its code; Yes means that it may."""
    box = QMessageBox(window)
    box.setIcon(QMessageBox.Icon.Warning)
    box.setWindowTitle(window.tr("Run this file's code?"))
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(window.tr("Opening this file runs code: {}.").format(asked.why))
    box.setInformativeText(
        window.tr(
            "{}\n\nSHA-256\n{}\n\nAgree only if you trust where it came from: code can do whatever "
            "you can do. The answer is remembered until the file changes."
        ).format(readable(asked.path), _in_two_lines(asked.sha256))
    )
    box.setStandardButtons(QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.Cancel)
    box.button(QMessageBox.StandardButton.Yes).setText(window.tr("Run its code"))
    box.setDefaultButton(QMessageBox.StandardButton.Cancel)
    return box


def _in_two_lines(sha256: str) -> str:
    """Break a hash, which a box would cut off where its letters are wide."""
    half = len(sha256) // 2
    return f"{sha256[:half]}\n{sha256[half:]}" if len(sha256) > HASH_LETTERS else sha256


def missing_question(window: QWidget, names: Sequence[str]) -> QMessageBox:
    """Say which files are gone and ask whether to forget them; Discard means to forget."""
    box = QMessageBox(window)
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle(window.tr("Remove it from the list?"))
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(window.tr("No longer where it was: {}.").format(", ".join(names)))
    box.setInformativeText(window.tr("Put it back, or remove this line from the list."))
    box.setStandardButtons(QMessageBox.StandardButton.Discard | QMessageBox.StandardButton.Cancel)
    box.button(QMessageBox.StandardButton.Discard).setText(window.tr("Remove from the list"))
    box.setDefaultButton(QMessageBox.StandardButton.Cancel)
    return box


def resume_question(window: QWidget) -> QMessageBox:
    """Ask whether a fine-tuning that was broken off goes on (Yes) or begins anew (No)."""
    box = QMessageBox(window)
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle(window.tr("Go on with the fine-tuning?"))
    box.setText(window.tr("A fine-tuning of this run was broken off."))
    box.setInformativeText(
        window.tr("It goes on after its last whole epoch, if the settings are still the same.")
    )
    buttons = QMessageBox.StandardButton
    box.setStandardButtons(buttons.Yes | buttons.No | buttons.Cancel)
    box.button(buttons.Yes).setText(window.tr("Go on"))
    box.button(buttons.No).setText(window.tr("Begin anew"))
    box.setDefaultButton(buttons.Yes)
    return box


def exported_box(window: QWidget, folder: Path, event: ExportFinished) -> QMessageBox:
    """Say what was exported, and how equal it is."""
    box = QMessageBox(window)
    box.setIconPixmap(icon_pixmap("done", "#00805d", 32, window.devicePixelRatioF()))
    box.setWindowTitle(window.tr("Exported"))
    box.setText(window.tr("The pruned network is in {}.").format(folder))
    names = ", ".join(Path(file).name for file in event.files)
    # cut and masked network differ by nature where channels of approximate groups went
    checks = event.parity.keys() - ({"hard_vs_soft"} if event.approximate else set())
    known = [event.parity[check] for check in checks]
    difference = window.tr("Greatest relative difference of the outputs: {}.")
    equal = difference.format(tiny_text(max(known))) if known else ""
    box.setInformativeText(f"{names}\n{equal}".strip())
    return box


def about_box(window: QWidget) -> QMessageBox:
    """Say what Espalier is."""
    box = QMessageBox(window)
    box.setWindowTitle(window.tr("About Espalier"))
    box.setIconPixmap(icon_pixmap("espalier", "#000000", 64, window.devicePixelRatioF()))
    box.setText(f"<b>Espalier {_version()}</b>")
    box.setInformativeText(
        window.tr(
            "An espalier is a tree trained against a frame. Espalier trains a network against a "
            "budget: an agent learns which channels to cut while you watch."
        )
    )
    return box


def _version() -> str:
    return metadata.version("espalier")
