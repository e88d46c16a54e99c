"""What was opened before: at most eight sources with their settings, the last one first."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QSettings
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from app.source import Source
from core.config import RunConfig, run_config_from_toml, to_toml
from core.data import DATASETS
from core.errors import ConfigError, readable
from core.networks import PUBLISHED, network_names, split_spec
from core.networks.timm_models import PREFIX

RECENT_SETTING = "recent/opened"
RECENT_MOST = 8
NAME_LETTERS = 40  # of each name in the menu


@dataclass(frozen=True)
class Recent:
    """One source that was opened, with all settings as they were."""

    config: RunConfig

    @property
    def title(self) -> str:
        """The network and the images, short enough for a menu."""
        network = split_spec(self.config.network) or (self.config.network, "")
        names = [_short(network[0]) + (f":{network[1]}" if network[1] else "")]
        return " – ".join([*names, _short(self.config.data)])

    @property
    def missing(self) -> tuple[str, ...]:
        """The names of the files and folders that are no longer there."""
        network = (split_spec(self.config.network) or (self.config.network,))[0]
        is_file = network not in network_names() and not network.startswith(PREFIX)
        paths = [network] if is_file else []
        if self.config.checkpoint not in ("", PUBLISHED):
            paths.append(self.config.checkpoint)
        if not _is_name(self.config.data):
            paths.append(self.config.data)
        return tuple(readable(Path(path).name) for path in paths if not _is_there(path))

    @property
    def details(self) -> str:
        """All names and paths, a line each."""
        source = Source.of(self.config)
        named = (source.network, source.checkpoint, source.data)
        return "\n".join(readable(name) for name in named if name)


class RecentList:
    """The sources that were opened last, kept in the application's settings."""

    def __init__(self, settings: QSettings) -> None:
        self._settings = settings

    def entries(self) -> tuple[Recent, ...]:
        """What was opened, the last one first; what cannot be read any more is left out."""
        try:
            texts = json.loads(str(self._settings.value(RECENT_SETTING, "[]")))
        except ValueError:
            return ()
        entries = []
        for text in texts if isinstance(texts, list) else []:
            try:
                entries.append(Recent(run_config_from_toml(str(text))))
            except ConfigError:  # settings of another version
                continue
        return tuple(entries[:RECENT_MOST])

    def remember(self, config: RunConfig) -> None:
        """Put what was just opened on top; the same source stands there once."""
        others = [e for e in self.entries() if Source.of(e.config) != Source.of(config)]
        self._write([Recent(config), *others])

    def forget(self, entry: Recent) -> None:
        """Take one entry away."""
        self._write([other for other in self.entries() if other != entry])

    def clear(self) -> None:
        """Take all away."""
        self._write([])

    def _write(self, entries: list[Recent]) -> None:
        texts = [to_toml(entry.config) for entry in entries[:RECENT_MOST]]
        self._settings.setValue(RECENT_SETTING, json.dumps(texts))


class RecentMenu(QMenu):
    """What was opened before, made anew each time it is shown."""

    def __init__(
        self,
        recent: RecentList,
        on_chosen: Callable[[Recent], object],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setTitle(self.tr("Open &recent"))
        self.setToolTipsVisible(True)
        self._recent = recent
        self._on_chosen = on_chosen
        self.aboutToShow.connect(self.fill)
        self.fill()

    def fill(self) -> None:
        """Show what is remembered now."""
        self.clear()
        entries = self._recent.entries()
        for number, entry in enumerate(entries, start=1):
            self.addAction(self._action(number, entry))
        if not entries:
            self.addAction(self.tr("Nothing was opened yet")).setEnabled(False)
            return
        self.addSeparator()
        clear = self.addAction(self.tr("&Clear"))
        clear.setToolTip(self.tr("Forget all of these; no file is touched"))
        clear.triggered.connect(self._recent.clear)

    def _action(self, number: int, entry: Recent) -> QAction:
        title = entry.title.replace("&", "&&")
        if entry.missing:
            title = self.tr("{} (missing: {})").format(title, ", ".join(entry.missing))
        action = QAction(f"&{number}  {title}", self)
        action.setToolTip(entry.details)
        action.triggered.connect(lambda: self._on_chosen(entry))
        return action


def _short(name: str) -> str:
    shown = readable(Path(name).name or name)
    half = NAME_LETTERS // 2
    return shown if len(shown) <= NAME_LETTERS else f"{shown[:half]}…{shown[-half:]}"


def _is_name(data: str) -> bool:
    return data in DATASETS


def _is_there(path: str) -> bool:
    try:
        return Path(path).expanduser().exists()
    except (OSError, RuntimeError, ValueError):
        return False
