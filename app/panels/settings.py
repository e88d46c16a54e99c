"""The settings of a run, each with one sentence about what it is."""

from collections.abc import Iterable
from dataclasses import replace
from os import cpu_count
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QFileDialog,
    QFormLayout,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from app.jobs import Choices
from app.panels.advanced import AdvancedSettings
from app.panels.explanations import explanation
from app.panels.fields import BrowseField, PercentField, add_explained, add_wide_note, narrow_form
from app.panels.panel import Panel, Table
from app.panels.parts import heading_label, scrolled
from app.panels.preset_field import PresetField
from app.panels.setting_fields import ChoiceField, make_field
from app.panels.source import Source, SourceForm
from app.selection import Selection
from app.theme import SPACE_L, SPACE_M, SPACE_S
from core.config import FinetuneConfig, RunConfig
from core.config.settings import Setting, all_settings, setting_named, value_of, with_values
from core.errors import ConfigError
from core.events import Event
from core.presets import apply_preset
from core.pruning.pins import PinLines

# The source's form holds these; those of the fine-tuning are in its own panel.
IN_SOURCE = ("network", "data", "checkpoint", "normalisation", "input_shape")
FINETUNING = "finetune"
SEARCH = ("search.macs_budget", "preset", "search.evaluations")
METHOD = (
    "search.method",
    "search.reward",
    "search.constraint",
    "search.streams",
    "search.groups",
    "search.round_to",
)
PINS = ("search.pinned_keep", "search.pinned_removed")
MACHINE = ("search.seed", "search.device", "search.threads", "latency", "runs_folder")


class SettingsPanel(Panel):
    """All settings of a run but those of the fine-tuning, which keep the values that were loaded.

    `fields` has a control for every setting by its name, but for those of `source`.

    Signals:
        changed(): a setting is another one.
        pins_written(): the lines of pinned channels are written.
    """

    NAME = "settings"
    changed = Signal()
    pins_written = Signal()

    def __init__(self, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(selection, parent)
        self._config = RunConfig()
        self._opened: Source | None = None
        self._is_filling = False
        self.pins_are_followed = False  # the lines of pins came from the panels, not from a file
        self.source = SourceForm()
        self.preset = PresetField()
        self.advanced = AdvancedSettings(_advanced_settings())
        self.budget = PercentField(1, 100)
        self.fields: dict[str, Any] = {"search.macs_budget": self.budget}
        for name in (*SEARCH, *METHOD, *MACHINE):
            if name not in (*self.fields, "preset", "runs_folder"):
                self.fields[name] = make_field(setting_named(name), explanation(name).label)
        self.fields |= self.advanced.fields
        self.evaluations = self.fields["search.evaluations"]
        self.reward = self.fields["search.reward"]
        self.groups = self.fields["search.groups"]
        self.seed = self.fields["search.seed"]
        self.device = self.fields["search.device"]
        spare_one = max(1, (cpu_count() or 1) - 1)
        self.fields["search.threads"].setSpecialValueText(self.tr("auto ({})").format(spare_one))
        self.runs = BrowseField(QLineEdit())
        self.runs.field.setPlaceholderText(self.tr("the user's data folder"))
        browse = QAction(self.tr("Choose a folder…"), self)
        browse.triggered.connect(self._browse_runs)
        self.runs.add_browsing([browse])
        self.hint = QLabel()
        self.error = QLabel()
        self._build()
        self._connect()
        self.set_choices(Choices())
        self.set_config(self._config)

    def config(self) -> RunConfig:
        """Return the settings as they are on the screen; ConfigError if one does not fit."""
        values = {name: field.value() for name, field in self.fields.items()}
        return self.source.source.put_into(with_values(self._config, values))

    def set_config(self, config: RunConfig) -> None:
        """Show other settings."""
        self._config = config
        self.pins_are_followed = False
        self._is_filling = True  # half of them may not fit the other half
        self.source.set_source(Source.of(config))
        for name, field in self.fields.items():
            field.set_value(value_of(config, name))
        self._is_filling = False
        self._on_changed()

    def set_finetuning(self, config: FinetuneConfig) -> None:
        """Take up what is set in the panel of the fine-tuning."""
        if config != self._config.finetune:
            self._config = replace(self._config, finetune=config)
            self._on_changed()

    @property
    def pin_lines(self) -> PinLines:
        """The lines of channels that always stay and always go, as they are written."""
        return self.fields[PINS[0]].value(), self.fields[PINS[1]].value()

    def set_pin_lines(self, lines: PinLines) -> None:
        """Show what is pinned in the panels."""
        self.pins_are_followed = True
        for name, value in zip(PINS, lines, strict=True):
            self.fields[name].set_value(value)

    def say_refused(self, sentence: str) -> None:
        """Say below the settings why something in them cannot be, until they change."""
        self.error.setText(sentence)
        self.error.show()

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
        for setting in all_settings():
            field = self.fields.get(setting.name)
            if setting.registry is not None and isinstance(field, ChoiceField):
                field.set_values(getattr(choices, setting.registry))

    def set_editable(self, is_editable: bool) -> None:
        """Let the settings be changed, or only be read while a run goes on."""
        self._body.setEnabled(is_editable)

    def show_event(self, event: Event) -> None:
        """What is open comes by `show_opened`: events do not say how it was named."""

    def show_opened(self, config: RunConfig) -> None:
        """Remember what is open, to say when starting would open something else."""
        self._opened = Source.of(config)
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
        config = self._fitting() or self._config  # the last that did fit
        rows = [(one.name, str(value_of(config, one.name))) for one in all_settings()]
        return Table(("setting", "value"), rows)

    def _build(self) -> None:
        self._body = QWidget()
        layout = QVBoxLayout(self._body)
        layout.setContentsMargins(SPACE_L, SPACE_M, SPACE_L, SPACE_M)
        layout.setSpacing(SPACE_S)
        layout.addWidget(heading_label(self.tr("Network and images")))
        layout.addWidget(self.source)
        layout.addWidget(self.hint)
        for title, settings in (
            (self.tr("Search"), SEARCH),
            (self.tr("Method"), METHOD),
            (self.tr("Machine"), MACHINE),
        ):
            layout.addSpacing(SPACE_M)
            layout.addWidget(heading_label(title))
            layout.addLayout(self._form(settings))
        layout.addSpacing(SPACE_M)
        layout.addWidget(self.advanced)
        layout.addWidget(self.error)
        layout.addStretch(1)
        for label, role in ((self.hint, "caption"), (self.error, "error")):
            label.setProperty("role", role)
            label.setWordWrap(True)
        self.hint.hide()
        self.error.hide()
        scroll = scrolled(self._body, self.title())
        # A dock may be narrower than a form can be.
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scroll)

    def _form(self, settings: Iterable[str]) -> QFormLayout:
        helpers = {"preset": self.preset, "runs_folder": self.runs}
        form = narrow_form()
        for setting in settings:
            add_explained(form, setting, helpers.get(setting) or self.fields[setting])
            if setting == "preset":
                add_wide_note(form, self.preset.note)
        return form

    def _connect(self) -> None:
        self.preset.chosen.connect(self._on_preset_chosen)
        self.source.changed.connect(self._on_changed)
        for field in self.fields.values():
            field.changed.connect(self._on_changed)
        for name in PINS:
            self.fields[name].setPlaceholderText(self.tr("such as conv1:0-3,7"))
            self.fields[name].finished.connect(self.pins_written)

    def _browse_runs(self) -> None:
        path = QFileDialog.getExistingDirectory(
            self, self.tr("Choose a folder for runs"), self.runs.text
        )
        if path:
            self.set_runs_folder(path)

    def _on_preset_chosen(self, name: str) -> None:
        if (config := self._fitting()) is not None:
            self.set_config(apply_preset(config, name))

    def _on_changed(self) -> None:
        if self._is_filling:
            return
        self.error.hide()
        self.preset.show_config(self._fitting())
        self._show_hint()
        self.changed.emit()

    def _fitting(self) -> RunConfig | None:
        """The settings on the screen; None if they do not fit, which is said below them."""
        try:
            return self.config()
        except ConfigError as error:
            self.say_refused(str(error))
            return None

    def _show_hint(self) -> None:
        source = self.source.source
        is_other = self._opened is not None and source != self._opened
        self.hint.setText(self.tr("Start will open {} first.").format(source.network))
        self.hint.setVisible(is_other and bool(source.network))


def _advanced_settings() -> list[Setting]:
    shown = {*IN_SOURCE, *SEARCH, *METHOD, *MACHINE}
    return [one for one in all_settings() if one.name not in shown and one.table != FINETUNING]
