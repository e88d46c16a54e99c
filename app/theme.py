"""The window's looks in one place: colours for light and dark, a type scale, spacing.

The colours are Okabe and Ito's colour-blind-safe set, darkened on white and lightened on dark
until lines have a contrast of at least 3:1 and text of at least 4.5:1 (a test measures it).
One meaning has one colour everywhere: `kept` channels and the MACs they keep are green,
`accuracy` is blue, `reward` is purple, the `budget` is vermilion.
"""

from dataclasses import dataclass
from typing import Literal

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QFontInfo, QPalette
from PySide6.QtWidgets import QApplication, QStyleFactory, QWidget

# Spacing in logical pixels: inside a control, between controls, round a panel, between sections.
SPACE_XS, SPACE_S, SPACE_M, SPACE_L, SPACE_XL = 2, 4, 8, 12, 20
RADIUS = 4  # of corners
FIELD_DARKER, BOX_DARKER = 140, 127  # per cent: the window's colour is that of Fusion's borders

TextRole = Literal["caption", "body", "title"]
# Sizes relative to the application's font, so that the user's own setting is respected.
TEXT_SCALE: dict[TextRole, float] = {"caption": 0.87, "body": 1.0, "title": 1.3}


@dataclass(frozen=True)
class Palette:
    """Named colours as "#rrggbb"."""

    name: str
    is_dark: bool
    window: str  # behind the panels
    surface: str  # of cards, fields, plots and the graph
    raised: str  # headers, buttons, hovered rows
    text: str
    muted_text: str
    outline: str  # hairlines between things
    edge: str  # the graph's arrows, axes
    field_edge: str  # round what can be filled in or checked
    grid: str
    accent: str  # selection, focus, the one primary button
    accent_text: str  # on accent
    accent_soft: str  # behind selected or related things
    kept: str
    removed: str
    frozen: str  # channels that no mask can remove
    budget: str
    accuracy: str
    ema: str
    baseline: str  # the unpruned network
    criteria: str  # one-shot criteria, the lines to beat
    best: str
    reward: str
    macs: str
    error: str
    warning: str
    success: str


LIGHT = Palette(
    name="light",
    is_dark=False,
    window="#f1f3f4",
    surface="#ffffff",
    raised="#e7eaec",
    text="#1c2227",
    muted_text="#566069",
    outline="#ccd3d8",
    edge="#84909a",
    field_edge="#737f89",
    grid="#e4e8eb",
    accent="#0a64ad",
    accent_text="#ffffff",
    accent_soft="#dcebf8",
    kept="#00805d",
    removed="#b4460a",
    frozen="#8b959d",
    budget="#c24a00",
    accuracy="#0072b2",
    ema="#004f80",
    baseline="#3c454c",
    criteria="#8a6400",
    best="#b06f00",
    reward="#8e2f6e",
    macs="#00805d",
    error="#b3261e",
    warning="#8a5a00",
    success="#00734f",
)

DARK = Palette(
    name="dark",
    is_dark=True,
    window="#15191c",
    surface="#1d2226",
    raised="#2a3136",
    text="#e8ecef",
    muted_text="#a3afb8",
    outline="#3a434a",
    edge="#76838d",
    field_edge="#76838d",
    grid="#2c3338",
    accent="#5db3f0",
    accent_text="#0c1a26",
    accent_soft="#1d3a52",
    kept="#2fc79b",
    removed="#f08a4b",
    frozen="#7d8992",
    budget="#ff8f4a",
    accuracy="#56b4e9",
    ema="#a5dcff",
    baseline="#c9d1d7",
    criteria="#d9b64a",
    best="#f0b429",
    reward="#d65fa8",
    macs="#2fc79b",
    error="#ff8a80",
    warning="#f0c060",
    success="#4fd3aa",
)

PALETTES = {"light": LIGHT, "dark": DARK}


def apply_palette(app: QApplication, palette: Palette) -> None:
    """Give the whole application one look: Fusion, Qt's palette, a style sheet, the plots.

    Panels that already stand are told through their own `use_palette`.
    """
    sheet = _style_sheet(app, palette)
    if app.styleSheet() != sheet:  # else every widget would be polished again, for nothing
        if not app.styleSheet():  # once: Qt keeps something of every style it ever had
            app.setStyle(QStyleFactory.create("Fusion"))
        app.setPalette(_qt_palette(palette))
        for kinds, outline in _outlines(palette).items():
            for kind in kinds:
                app.setPalette(outline, kind)
        app.setStyleSheet(sheet)
    pg.setConfigOptions(background=palette.surface, foreground=palette.muted_text)


def system_palette(app: QApplication) -> Palette:
    """Choose what the desktop asks for; if it does not say, what its window colour suggests."""
    scheme = app.styleHints().colorScheme()
    if scheme == Qt.ColorScheme.Unknown:
        colours = app.palette()
        window = colours.color(QPalette.ColorRole.Window)
        text = colours.color(QPalette.ColorRole.WindowText)
        return DARK if window.lightness() < text.lightness() else LIGHT
    return DARK if scheme == Qt.ColorScheme.Dark else LIGHT


def text_font(role: TextRole = "body", *, bold: bool = False) -> QFont:
    """Return the application's font in the size of `role`."""
    font = QApplication.font()
    font.setPointSizeF(_point_size(font, role))
    if bold or role == "title":
        font.setWeight(QFont.Weight.DemiBold)
    return font


def fill_background(widget: QWidget, colour: str, text: str) -> None:
    """Give one widget its own background; much cheaper than a style sheet of its own."""
    colours = widget.palette()
    colours.setColor(QPalette.ColorRole.Window, QColor(colour))
    colours.setColor(QPalette.ColorRole.WindowText, QColor(text))
    widget.setPalette(colours)
    widget.setAutoFillBackground(True)


def blend(over: str, under: str, share: float) -> QColor:
    """Mix two colours; `share` (0-1) of `over`."""
    a, b = QColor(over), QColor(under)
    return QColor.fromRgbF(
        a.redF() * share + b.redF() * (1 - share),
        a.greenF() * share + b.greenF() * (1 - share),
        a.blueF() * share + b.blueF() * (1 - share),
    )


def contrast(first: str, second: str) -> float:
    """Contrast ratio of two colours, 1-21. Source: WCAG 2.2, relative luminance."""
    bright, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    rgb = QColor(colour)
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (rgb.redF(), rgb.greenF(), rgb.blueF())
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _point_size(font: QFont, role: TextRole) -> float:
    return round(QFontInfo(font).pointSizeF() * TEXT_SCALE[role], 1)


def _qt_palette(palette: Palette) -> QPalette:
    role = QPalette.ColorRole
    colours = {
        role.Window: palette.window,
        role.WindowText: palette.text,
        role.Base: palette.surface,
        role.AlternateBase: palette.window,
        role.Text: palette.text,
        role.PlaceholderText: palette.muted_text,
        role.Button: palette.raised,
        role.ButtonText: palette.text,
        role.BrightText: palette.error,
        role.ToolTipBase: palette.raised,
        role.ToolTipText: palette.text,
        role.Highlight: palette.accent,
        role.HighlightedText: palette.accent_text,
        role.Accent: palette.accent,
        role.Link: palette.accent,
        role.LinkVisited: palette.accent,
        role.Light: palette.surface,
        role.Midlight: palette.raised,
        role.Mid: palette.outline,
        role.Dark: palette.edge,
        role.Shadow: palette.outline,
    }
    result = QPalette()
    for entry, colour in colours.items():
        result.setColor(entry, QColor(colour))
    faded = blend(palette.text, palette.window, 0.42)
    for entry in (
        role.WindowText,
        role.Text,
        role.ButtonText,
        role.HighlightedText,
        role.PlaceholderText,
    ):
        result.setColor(QPalette.ColorGroup.Disabled, entry, faded)
    result.setColor(QPalette.ColorGroup.Disabled, role.Highlight, QColor(palette.raised))
    return result


def _outlines(palette: Palette) -> dict[tuple[str, ...], QPalette]:
    """Palettes for the classes of widgets whose borders are to be seen on a dark ground, too.

    Fusion draws borders in the window's colour, darkened: next to none in a dark window. These
    widgets show that colour nowhere else, so theirs is what becomes the border's.
    """
    boxes = "QCheckBox", "QRadioButton", "QTableView"  # as what is not checked, in the style sheet
    fields = "QLineEdit", "QAbstractSpinBox", "QComboBox", "QPlainTextEdit"
    return {
        boxes: _outlined(palette, palette.muted_text, BOX_DARKER),
        fields: _outlined(palette, palette.field_edge, FIELD_DARKER),
    }


def _outlined(palette: Palette, colour: str, darker: int) -> QPalette:
    result, group = _qt_palette(palette), QPalette.ColorGroup
    for entry, edge in (
        (group.Active, colour),
        (group.Inactive, colour),
        (group.Disabled, palette.outline),
    ):
        result.setColor(entry, QPalette.ColorRole.Window, QColor(edge).lighter(darker))
    return result


def _style_sheet(app: QApplication, palette: Palette) -> str:
    caption, title = (_point_size(app.font(), role) for role in ("caption", "title"))
    return f"""
    QToolTip {{
        background: {palette.raised}; color: {palette.text};
        border: 1px solid {palette.outline}; padding: {SPACE_S}px;
    }}
    QLabel[role="title"] {{ font-size: {title}pt; font-weight: 600; }}
    QLabel[role="caption"] {{ font-size: {caption}pt; color: {palette.muted_text}; }}
    QLabel[role="error"] {{ color: {palette.error}; }}
    QMainWindow::separator {{ background: {palette.window}; width: 6px; height: 6px; }}
    QMainWindow::separator:hover {{ background: {palette.accent}; }}
    QMainWindow > QTabBar {{ qproperty-drawBase: 0; }}
    QMainWindow > QTabBar::tab {{
        padding: {SPACE_S}px {SPACE_M + 1}px; border: none; color: {palette.muted_text};
        border-bottom: 2px solid {palette.outline};
    }}
    QMainWindow > QTabBar::tab:hover {{ background: {palette.raised}; color: {palette.text}; }}
    QMainWindow > QTabBar::tab:selected {{
        color: {palette.text}; border-bottom: 2px solid {palette.accent};
    }}
    QMainWindow > QTabBar::tab:selected:focus {{ background: {palette.accent_soft}; }}
    QSplitter::handle:hover {{ background: {palette.accent}; }}
    QCheckBox::indicator:unchecked, QTableView::indicator:unchecked {{
        border: 1px solid {palette.muted_text}; border-radius: 2px; background: {palette.surface};
        width: 11px; height: 11px;
    }}
    QRadioButton::indicator:unchecked {{
        border: 1px solid {palette.muted_text}; border-radius: 6px; background: {palette.surface};
        width: 11px; height: 11px;
    }}
    QCheckBox::indicator:unchecked:disabled, QRadioButton::indicator:unchecked:disabled {{
        border-color: {palette.outline};
    }}
    QToolButton[role="disclosure"] {{
        border: 1px solid transparent; border-radius: {RADIUS}px; padding: {SPACE_S}px 0px;
    }}
    QToolButton[role="disclosure"]:hover {{ background: {palette.raised}; }}
    QToolButton[role="disclosure"]:focus {{ border-color: {palette.accent}; }}
    QStatusBar {{ border-top: 1px solid {palette.outline}; }}
    QStatusBar::item {{ border: none; }}
    QPushButton[primary="true"]:enabled {{
        background: {palette.accent}; color: {palette.accent_text}; font-weight: 600;
        border: 1px solid {palette.accent}; border-radius: {RADIUS}px;
        padding: {SPACE_S}px {SPACE_L}px;
    }}
    QPushButton[primary="true"]:enabled:hover {{
        background: {blend(palette.accent, palette.text, 0.85).name()};
    }}
    """
