"""Help > Guide: the pages of resources/guide with their contents, inside the application."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QListWidget,
    QSplitter,
    QTextBrowser,
    QWidget,
)

from app.action_finder import ROOMY_ROWS
from app.menu_entries import keys_text, plain_text
from app.panels.explanations import explanations_by_table
from app.theme import SPACE_M

GUIDE_FOLDER = Path(__file__).resolve().parent.parent / "resources" / "guide"
SIZE_PX = (860, 620)
CONTENTS_WIDTH_PX = 190


class Guide(QDialog):
    """Pages at the right, what they are called at the left; the window stays usable."""

    def __init__(self, pages: Mapping[str, str], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Guide to Espalier"))
        self.setModal(False)
        self._pages = dict(pages)
        self.contents = QListWidget()
        self.contents.setAccessibleName(self.tr("Contents"))
        self.contents.setStyleSheet(ROOMY_ROWS)
        self.contents.addItems(list(pages))
        self.page = QTextBrowser()
        self.page.setAccessibleName(self.tr("Page"))
        self.page.document().setDocumentMargin(2 * SPACE_M)
        self.contents.currentTextChanged.connect(self._show_page)
        parts = QSplitter(Qt.Orientation.Horizontal)
        parts.addWidget(self.contents)
        parts.addWidget(self.page)
        parts.setStretchFactor(1, 1)
        parts.setSizes([CONTENTS_WIDTH_PX, SIZE_PX[0] - CONTENTS_WIDTH_PX])
        parts.setChildrenCollapsible(False)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(SPACE_M, SPACE_M, SPACE_M, SPACE_M)
        layout.addWidget(parts)
        self.resize(*SIZE_PX)
        self.contents.setCurrentRow(0)

    def _show_page(self, title: str) -> None:
        self.page.setMarkdown(self._pages[title])


def guide_pages(actions: Iterable[tuple[str, QAction]]) -> dict[str, str]:
    """Read all pages, title to Markdown, with the settings and the shortcuts filled in."""
    pages = {}
    for path in sorted(GUIDE_FOLDER.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        if path.stem.endswith("settings"):
            text += _settings_page()
        pages[text.splitlines()[0].removeprefix("# ")] = text
    pages[_translate("Shortcuts")] = _shortcuts_page(actions)
    return pages


def _settings_page() -> str:
    parts = []
    for heading, explanations in explanations_by_table().items():
        parts.append(f"## {heading}")
        parts += [f"**{one.label}** (`{one.name}`) – {one.sentence}" for one in explanations]
    return "\n\n".join(parts)


def _shortcuts_page(actions: Iterable[tuple[str, QAction]]) -> str:
    rows = [f"# {_translate('Shortcuts')}\n", "| keys | what they do |", "|---|---|"]
    for _, action in actions:
        if keys := keys_text(action):
            rows.append(f"| {keys} | {plain_text(action)} |")
    return "\n".join(rows)


def _translate(text: str) -> str:
    return QCoreApplication.translate("guide", text)
