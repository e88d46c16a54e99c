"""Pins as lines of the settings and pins in the panels are the same pins."""

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from app.session import Session
from core.config import RunConfig
from core.errors import ConfigError
from core.events import Event, NetworkOpened
from core.pruning.pins import PinLines

if TYPE_CHECKING:
    from app.main_window import MainWindow


class PinLinesSync(QObject):
    """Keeps both alike while the settings name the network that is open, whatever the images.

    Lines that are loaded or written for another network wait in the settings until it is open.
    Make this before panels hear of events: it looks at the lines as they are before.
    """

    def __init__(self, window: "MainWindow", session: Session) -> None:
        super().__init__(window)
        self._session = session
        self._pins = window.pins
        self._settings = window.parts.settings
        self._told: PinLines = ((), ())  # what `follow` wrote into the settings
        session.event_received.connect(self._on_event)
        self._pins.changed.connect(self.follow)
        self._pins.refused.connect(window.parts.log.write_warning)
        self._settings.pins_written.connect(self._on_written)
        self._settings.changed.connect(self._on_settings_changed)

    def take(self, config: RunConfig) -> RunConfig:
        """Pin what the settings' lines say, and return the settings with the pins as they are.

        Raises: ConfigError if the lines do not fit the network that is open.
        """
        lines = _lines(config)
        if self._session.opened_config is None or self._is_open(config.network):
            if lines != self._pins.lines():
                self._pins.set_lines(*lines)
            return _with_lines(config, self._pins.lines())
        if self._are_followed():  # those of the network that is open, not of this one
            return _with_lines(config, ((), ()))
        return config

    def kept(self, config: RunConfig) -> RunConfig:
        """Return settings that name the network that is open with the pins as they are now."""
        return _with_lines(config, self._pins.lines()) if self._is_open(config.network) else config

    def _on_event(self, event: Event) -> None:
        if isinstance(event, NetworkOpened) and not self._are_followed():
            self._pins.wait(*self._settings.pin_lines)

    def _are_followed(self) -> bool:
        """Whether the lines only tell what is pinned; else they were loaded or written."""
        return self._settings.pins_are_followed and self._settings.pin_lines == self._told

    def _is_open(self, network: str) -> bool:
        opened = self._session.opened_config
        return opened is not None and opened.network == network

    def follow(self) -> None:
        """Show the pins of the open network in the settings, if these name it."""
        if self._is_open(self._settings.source.source.network):
            self._told = self._pins.lines()
            self._settings.set_pin_lines(self._told)

    def _on_settings_changed(self) -> None:
        """Take up what was pinned while the settings named another network."""
        if self._are_followed() and self._told != self._pins.lines():
            self.follow()

    def _on_written(self) -> None:
        try:
            self.take(self._settings.config())
        except ConfigError as error:
            self._settings.say_refused(str(error))


def _lines(config: RunConfig) -> PinLines:
    return config.search.pinned_keep, config.search.pinned_removed


def _with_lines(config: RunConfig, lines: PinLines) -> RunConfig:
    kept, removed = lines
    return replace(config, search=replace(config.search, pinned_keep=kept, pinned_removed=removed))
