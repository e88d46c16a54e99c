"""Which palette the window wears: the desktop's, light or dark."""

from PySide6.QtCore import QObject, QSettings, Qt, Signal
from PySide6.QtWidgets import QApplication

from app.theme import DARK, LIGHT, Palette, apply_palette, system_palette

SYSTEM = "system"
CHOICES: dict[str, Palette | None] = {SYSTEM: None, "light": LIGHT, "dark": DARK}
SETTING = "theme"


class Appearance(QObject):
    """Applies the chosen palette and remembers the choice.

    Signals:
        palette_changed(Palette): every panel should recolour what it paints itself.
    """

    palette_changed = Signal(object)

    def __init__(self, app: QApplication, settings: QSettings, parent: QObject | None = None):
        super().__init__(parent)
        self._app = app
        self._settings = settings
        # Asked before anything is applied: afterwards the window's colours are our own.
        self._system = system_palette(app)
        known = str(settings.value(SETTING, SYSTEM))
        self._choice = known if known in CHOICES else SYSTEM
        self.palette = self._wanted()
        apply_palette(app, self.palette)
        app.styleHints().colorSchemeChanged.connect(self._on_scheme_changed)

    @property
    def choice(self) -> str:
        """The chosen name in CHOICES."""
        return self._choice

    def choose(self, choice: str) -> None:
        """Wear another palette, and remember it; KeyError if there is none."""
        wanted = CHOICES[choice]
        self._choice = choice
        self._settings.setValue(SETTING, choice)
        self._wear(wanted or self._system)

    def _wanted(self) -> Palette:
        return CHOICES[self._choice] or self._system

    def _wear(self, palette: Palette) -> None:
        self.palette = palette
        apply_palette(self._app, palette)
        self.palette_changed.emit(palette)

    def _on_scheme_changed(self, scheme: Qt.ColorScheme) -> None:
        if scheme == Qt.ColorScheme.Unknown:  # and the window's colours are our own by now
            return
        self._system = DARK if scheme == Qt.ColorScheme.Dark else LIGHT
        if self._choice == SYSTEM and self._system is not self.palette:
            self._wear(self._system)
