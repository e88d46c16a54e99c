"""Everything that opens something: the dialog, what is dropped, what was open before, consent."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QSettings, QUrl
from PySide6.QtWidgets import QMessageBox

from app.dialogs import consent_question, missing_question
from app.dialogs_open import OpenDialog
from app.recent import Recent, RecentList, RecentMenu
from app.session import Session
from app.source import Source, source_of_files
from core.config import RunConfig
from core.errors import ConfigError, ConsentNeeded, EspalierError, readable
from core.events import Event, NetworkOpened

if TYPE_CHECKING:
    from app.main_window import MainWindow


class Opening(QObject):
    """Asks what to open, opens it, and remembers it; what is open stays if nothing comes of it."""

    def __init__(self, window: "MainWindow", session: Session, settings: QSettings) -> None:
        super().__init__(window)
        self._window = window
        self._session = session
        self._before: RunConfig | None = None  # the settings before the last wish to open
        self.recent = RecentList(settings)
        self.menu = RecentMenu(self.recent, self.open_recent, window)
        session.event_received.connect(self._on_event)
        session.consent_needed.connect(self._ask_for_consent)

    def connect_window(self) -> None:
        """Put the menu into the window, and let the settings' form learn of files, too."""
        demo = self._window.commands["demo"]
        file_menu = self._window.menuBar().actions()[0].menu()
        file_menu.insertMenu(demo, self.menu)
        form = self._window.parts.settings.source
        form.facts_wanted.connect(self._session.look_at)
        self._session.facts_found.connect(form.show_facts)
        form.refused.connect(self._window.show_error)
        form.is_unclear.connect(lambda path: self.ask_about(form.source, path))

    def ask(self) -> None:
        """Ask what to open, filled in with the settings."""
        self.ask_about(self._window.parts.settings.source.source)

    def ask_about(self, source: Source, unclear: Path | None = None) -> None:
        """Ask what to open, filled in with `source`."""
        dialog = OpenDialog(source, self._window.parts.settings.source, self._window, unclear)
        dialog.form.facts_wanted.connect(self._session.look_at)
        self._session.facts_found.connect(dialog.form.show_facts)
        dialog.accepted.connect(lambda: self._on_accepted(dialog))
        self._window.show_dialog(dialog)
        dialog.form.look()

    def can_take(self, urls: Sequence[QUrl]) -> bool:
        """Whether something may be dropped now."""
        return bool(urls) and not self._session.state.is_busy

    def take_dropped(self, urls: Sequence[QUrl]) -> None:
        """Ask about dropped files, filled in; say in a sentence what cannot be opened."""
        form = self._window.parts.settings.source
        strange = [url for url in urls if not url.isLocalFile()]
        if strange:
            address = readable(strange[0].toDisplayString())
            sentence = self.tr("'{}' is no file on this machine. Download it, then drop the file.")
            self._window.show_error(sentence.format(address))
            return
        paths = [Path(url.toLocalFile()) for url in urls]
        try:
            chosen = source_of_files(paths, form.networks, form.source)
        except EspalierError as error:
            self._window.show_error(str(error), error.details)
            return
        self.ask_about(chosen.source, chosen.unclear)

    def open_recent(self, entry: Recent) -> None:
        """Open again what was open before; ask whether to forget it if files are gone.

        Its settings are those of that time, but a network that is open keeps its pins.
        """
        if self._session.state.is_busy:
            return
        if entry.missing:
            box = missing_question(self._window, entry.missing)
            forget = box.button(QMessageBox.StandardButton.Discard)
            forget.clicked.connect(lambda: self.recent.forget(entry))
            self._window.show_dialog(box)
            return
        self.open(self._window.pin_lines.kept(entry.config))

    def open(self, config: RunConfig) -> None:
        """Show these settings and open what they name."""
        settings = self._window.parts.settings
        self._before = self._settings_now()
        settings.set_config(config)
        self._session.open(config, allow_download=settings.source.may_download)

    def _on_accepted(self, dialog: OpenDialog) -> None:
        settings = self._window.parts.settings
        self._before = self._settings_now()
        settings.source.set_source(dialog.form.source)
        settings.source.consent.setChecked(dialog.form.consent.isChecked())
        try:
            config = settings.config()
        except ConfigError as error:
            self._window.show_error(str(error), error.details)
        else:
            self._session.open(config, allow_download=settings.source.may_download)

    def _settings_now(self) -> RunConfig | None:
        try:
            return self._window.parts.settings.config()
        except ConfigError:
            return None

    def _on_event(self, event: Event) -> None:
        config = self._session.opened_config
        if isinstance(event, NetworkOpened) and config is not None:
            self._before = None
            self.recent.remember(config)

    def _ask_for_consent(self, asked: ConsentNeeded) -> None:
        box = consent_question(self._window, asked)
        run = box.button(QMessageBox.StandardButton.Yes)
        run.clicked.connect(lambda: self._session.agree(asked))
        box.rejected.connect(self._on_declined)
        self._window.dialogs.show_later(box)

    def _on_declined(self) -> None:
        """Leave the settings as they were before a file was named whose code may not run."""
        if self._before is not None:
            self._window.parts.settings.set_config(self._before)
            self._before = None
