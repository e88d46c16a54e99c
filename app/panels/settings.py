"""The settings of a run, each with one sentence about what it is."""

import typing
from collections.abc import Iterable
from dataclasses import replace
from os import cpu_count
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QFrame,
    QLabel,
    QLineEdit,
    QScrollArea,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app.jobs import Choices
from app.panels.fields import BrowseField, PercentField, add_explained, narrow_form
from app.panels.panel import Panel, Table
from app.panels.parts import heading_label
from app.panels.source import Source, SourceForm
from app.selection import Selection
from app.theme import SPACE_L, SPACE_M, SPACE_S
from core.config import Constraint, Groups, RunConfig, Streams
from core.errors import ConfigError
from core.events import Event, NetworkOpened
from core.presets import PRESETS, apply_preset, preset_of

CUSTOM = ""  # the settings of no preset


class SettingsPanel(Panel):
    """All settings of a run; what it does not show keeps the value that was loaded.

    Signals:
        changed(): a setting is another one.
    """

    NAME = "settings"
    changed = Signal()

    def __init__(self, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(selection, parent)
        self._config = RunConfig()
        self._opened: Source | None = None
        self.source = SourceForm()
        self.budget = PercentField(1, 100)
        self.preset = QComboBox()
        self.evaluations = _number(1, 1_000_000)
        self.reward = _names(("cross_entropy",))
        self.constraint = _names(typing.get_args(Constraint))
        self.streams = _names(typing.get_args(Streams))
        self.groups = _names(typing.get_args(Groups))
        self.seed = _number(0, 2**31 - 1)
        self.device = QComboBox()
        self.device.setEditable(True)
        self.device.addItems(Choices().devices)
        self.threads = _number(0, 1024)
        spare_one = max(1, (cpu_count() or 1) - 1)
        self.threads.setSpecialValueText(self.tr("auto ({})").format(spare_one))
        self.runs = BrowseField(QLineEdit())
        self.runs.field.setPlaceholderText(self.tr("the user's data folder"))
        browse = QAction(self.tr("Choose a folder…"), self)
        browse.triggered.connect(self._browse_runs)
        self.runs.add_browsing([browse])
        self.hint = QLabel()
        self.error = QLabel()
        self._fill_presets()
        self._build()
        self._connect()
        self.set_config(self._config)

    def config(self) -> RunConfig:
        """Return the settings as they are on the screen; ConfigError if one does not fit."""
        search = replace(
            self._config.search,
            macs_budget=self._exact_budget(),
            evaluations=self.evaluations.value(),
            seed=self.seed.value(),
            device=self.device.currentText().strip(),
            threads=self.threads.value(),
            reward=self.reward.currentText(),
            constraint=self.constraint.currentText(),
            streams=self.streams.currentText(),
            groups=self.groups.currentText(),
        )
        return self.source.source.put_into(replace(self._config, search=search))

    def set_config(self, config: RunConfig) -> None:
        """Show other settings."""
        self._config = config
        self.source.set_source(Source.of(config))
        self.budget.set_share(config.search.macs_budget)
        self.evaluations.setValue(config.search.evaluations)
        self.seed.setValue(config.search.seed)
        self.device.setEditText(config.search.device)
        self.threads.setValue(config.search.threads)
        for field, name in (
            (self.reward, config.search.reward),
            (self.constraint, config.search.constraint),
            (self.streams, config.search.streams),
            (self.groups, config.search.groups),
        ):
            _choose(field, name)
        self._on_changed()

    @property
    def runs_folder(self) -> Path | None:
        """Where runs are recorded, or None for the user's data folder."""
        return Path(self.runs.text).expanduser() if self.runs.text else None

    def set_runs_folder(self, folder: str) -> None:
        """Record runs into another folder; empty for the user's data folder."""
        self.runs.set_text(folder)

    def set_choices(self, choices: Choices) -> None:
        """Offer what this machine has."""
        self.source.set_choices(choices.networks, choices.datasets)
        chosen_reward, written_device = self.reward.currentText(), self.device.currentText()
        self.reward.clear()
        self.reward.addItems(choices.rewards)
        _choose(self.reward, chosen_reward)
        self.device.clear()
        self.device.addItems(choices.devices)
        self.device.setEditText(written_device)

    def set_editable(self, is_editable: bool) -> None:
        """Let the settings be changed, or only be read while a run goes on."""
        self._body.setEnabled(is_editable)

    def show_event(self, event: Event) -> None:
        """Remember what is open, to say when starting would open something else."""
        if isinstance(event, NetworkOpened):
            self._opened = self.source.source
            self._on_changed()

    def title(self) -> str:
        """What the panel is called."""
        return self.tr("Settings")

    def redraw(self) -> None:
        """Fields draw themselves."""

    def picture_widget(self) -> QWidget:
        """All settings, those scrolled away too."""
        return self._body

    def table(self) -> Table | None:
        """Every setting by its name in a settings file."""
        try:
            config = self.config()
        except ConfigError:  # what is written does not fit; the last that did
            config = self._config
        rows = [
            (name, str(value))
            for part in (config, config.search)
            for name, value in vars(part).items()
            if name != "search"
        ]
        return Table(("setting", "value"), rows)

    def _exact_budget(self) -> float:
        # A loaded budget between two percents stays what it is until the slider moves.
        known = self._config.search.macs_budget
        return known if round(100 * known) == round(100 * self.budget.share) else self.budget.share

    def _fill_presets(self) -> None:
        words = {
            "quick": self.tr("Quick"),
            "thorough": self.tr("Thorough"),
            "paper": self.tr("Paper"),
            "long": self.tr("Long"),
        }
        for name in PRESETS:
            evaluations = apply_preset(RunConfig(), name).search.evaluations
            self.preset.addItem(self.tr("{} – {:,}").format(words[name], evaluations), name)
        self.preset.addItem(self.tr("Custom"), CUSTOM)

    def _build(self) -> None:
        self._body = QWidget()
        layout = QVBoxLayout(self._body)
        layout.setContentsMargins(SPACE_L, SPACE_M, SPACE_L, SPACE_M)
        layout.setSpacing(SPACE_S)
        layout.addWidget(heading_label(self.tr("Network and images")))
        layout.addWidget(self.source)
        layout.addWidget(self.hint)
        for title, settings in (
            (self.tr("Search"), ("macs_budget", "preset", "evaluations")),
            (self.tr("Method"), ("reward", "constraint", "streams", "groups")),
            (self.tr("Machine"), ("seed", "device", "threads", "runs_folder")),
        ):
            layout.addSpacing(SPACE_M)
            layout.addWidget(heading_label(title))
            layout.addLayout(self._form(settings))
        layout.addWidget(self.error)
        layout.addStretch(1)
        for label, role in ((self.hint, "caption"), (self.error, "error")):
            label.setProperty("role", role)
            label.setWordWrap(True)
        self.hint.hide()
        self.error.hide()
        scroll = QScrollArea()
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setWidget(self._body)
        scroll.setAccessibleName(self.title())
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scroll)

    def _form(self, settings: Iterable[str]) -> QFormLayout:
        fields: dict[str, QWidget] = {
            "macs_budget": self.budget,
            "preset": self.preset,
            "evaluations": self.evaluations,
            "reward": self.reward,
            "constraint": self.constraint,
            "streams": self.streams,
            "groups": self.groups,
            "seed": self.seed,
            "device": self.device,
            "threads": self.threads,
            "runs_folder": self.runs,
        }
        form = narrow_form()
        for setting in settings:
            add_explained(form, setting, fields[setting])
        return form

    def _connect(self) -> None:
        self.preset.activated.connect(self._on_preset_chosen)
        for signal in (
            self.source.changed,
            self.budget.changed,
            self.evaluations.valueChanged,
            self.seed.valueChanged,
            self.device.editTextChanged,
            self.reward.currentTextChanged,
            self.constraint.currentTextChanged,
        ):
            signal.connect(self._on_changed)

    def _browse_runs(self) -> None:
        path = QFileDialog.getExistingDirectory(
            self, self.tr("Choose a folder for runs"), self.runs.text
        )
        if path:
            self.set_runs_folder(path)

    def _on_preset_chosen(self) -> None:
        name = self.preset.currentData()
        try:
            config = self.config()
        except ConfigError:  # shown below the settings already
            return
        if name != CUSTOM:
            self.set_config(apply_preset(config, name))

    def _on_changed(self) -> None:
        self.preset.setCurrentIndex(self._preset_index())
        self._show_hint()
        self._show_error()
        self.changed.emit()

    def _preset_index(self) -> int:
        try:
            name = preset_of(self.config())
        except ConfigError:
            name = None
        return self.preset.findData(name or CUSTOM)

    def _show_hint(self) -> None:
        source = self.source.source
        is_other = self._opened is not None and source != self._opened
        self.hint.setText(self.tr("Start will open {} first.").format(source.network))
        self.hint.setVisible(is_other and bool(source.network))

    def _show_error(self) -> None:
        try:
            self.config()
        except ConfigError as error:
            self.error.setText(str(error))
            self.error.show()
        else:
            self.error.hide()


def _number(low: int, high: int) -> QSpinBox:
    field = QSpinBox()
    field.setRange(low, high)
    field.setGroupSeparatorShown(True)
    return field


def _names(names: Iterable[str]) -> QComboBox:
    field = QComboBox()
    field.addItems(list(names))
    return field


def _choose(field: QComboBox, name: str) -> None:
    """Choose `name`, adding it if a settings file names something that is not offered yet."""
    if field.findText(name) < 0:
        field.addItem(name)
    field.setCurrentText(name)
