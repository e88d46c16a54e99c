"""Settings with a name to choose from, and a line that says what the choice means."""

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication, Qt, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QComboBox

from app.panels.explanations import explanation
from app.panels.fields import turn_if_focused
from app.panels.source_fields import caption_label
from app.setting_words.describing import value_text
from core.config import RunConfig
from core.config.settings import setting_named
from core.presets import PRESETS, apply_preset, differing_settings, preset_of, preset_values

CUSTOM = ""  # the settings of no preset
MOST_NAMED = 4  # settings that differ from a preset
NAMES = {
    "quick": QT_TRANSLATE_NOOP("presets", "Quick"),
    "frozen": QT_TRANSLATE_NOOP("presets", "Frozen weights"),
    "thorough": QT_TRANSLATE_NOOP("presets", "Thorough"),
    "paper": QT_TRANSLATE_NOOP("presets", "Paper"),
    "long": QT_TRANSLATE_NOOP("presets", "Long"),
}


class PresetField(QComboBox):
    """The presets, and "Custom" for what is none; `note` is a line to put below.

    Signals:
        chosen(str): the person wants the settings of a preset.
    """

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.note = caption_label()
        for name in PRESETS:
            evaluations = apply_preset(RunConfig(), name).search.evaluations
            self.addItem(self.tr("{} – {:,}").format(_preset_name(name), evaluations), name)
        self.addItem(self.tr("Custom"), CUSTOM)
        self.activated.connect(self._on_activated)

    def show_config(self, config: RunConfig | None) -> None:
        """Show whose settings these are; None for settings that do not fit together."""
        name = None if config is None else preset_of(config)
        self.setCurrentIndex(self.findData(name or CUSTOM))
        self.note.setToolTip("" if not name else _say_values(name))
        if config is None:
            self.note.setText("")
        elif name is None:
            self.note.setText(self._say_difference(config))
        else:
            self.note.setText(self._say_preset(config))

    def wheelEvent(self, event: QWheelEvent) -> None:
        turn_if_focused(self, event, super().wheelEvent)

    def _say_preset(self, config: RunConfig) -> str:
        search = config.search
        return self.tr("{:,} masks · {} · {} · {:,} epochs of fine-tuning").format(
            search.evaluations, search.reward, search.constraint, config.finetune.epochs
        )

    def _say_difference(self, config: RunConfig) -> str:
        name, others = min(
            ((preset, differing_settings(config, preset)) for preset in PRESETS),
            key=lambda pair: len(pair[1]),
        )
        labels = list(dict.fromkeys(explanation(other).label for other in others))
        listed = ", ".join(labels[:MOST_NAMED])
        if len(labels) > MOST_NAMED:
            text = self.tr("{} and {} more differ from {}")
            return text.format(listed, len(labels) - MOST_NAMED, _preset_name(name))
        text = self.tr("{} differs from {}") if len(labels) == 1 else self.tr("{} differ from {}")
        return text.format(listed, _preset_name(name))

    def _on_activated(self) -> None:
        if self.currentData() != CUSTOM:
            self.chosen.emit(self.currentData())


def _say_values(preset: str) -> str:
    """What a preset sets otherwise than usual, a setting on each line."""
    values = preset_values(preset)
    return "\n".join(
        f"{name} = {value_text(value, str)}"
        for name, value in values.items()
        if value != setting_named(name).default
    )


def _preset_name(preset: str) -> str:
    return QCoreApplication.translate("presets", NAMES.get(preset, preset.capitalize()))
