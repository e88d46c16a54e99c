"""Where every action of ACTIONS stands: in the menus and on the toolbar."""

from PySide6.QtCore import QT_TRANSLATE_NOOP

SEPARATOR = ""
VIEW_MENU = QT_TRANSLATE_NOOP("actions", "&View")
THEMES = ("theme_system", "theme_light", "theme_dark")
TOOLBAR = (
    "open",
    "demo",
    SEPARATOR,
    "start",
    "pause",
    "stop",
    SEPARATOR,
    "export",
    "run_folder",
    SEPARATOR,
    "fit",
    "zoom_out",
    "zoom_in",
)
MENUS = {
    QT_TRANSLATE_NOOP("actions", "&File"): (
        "open",
        "demo",
        SEPARATOR,
        "load_settings",
        "save_settings",
        SEPARATOR,
        "export",
        "run_folder",
        SEPARATOR,
        "quit",
    ),
    QT_TRANSLATE_NOOP("actions", "&Edit"): (
        "undo",
        "redo",
        SEPARATOR,
        "copy_picture",
        "copy_table",
        "save_panel",
    ),
    QT_TRANSLATE_NOOP("actions", "&Search"): (
        "start",
        "pause",
        "stop",
        SEPARATOR,
        "finetune",
        "round",
        SEPARATOR,
        "compare_methods",
        "open_comparison",
    ),
    VIEW_MENU: (
        "fit",
        "zoom_in",
        "zoom_out",
        SEPARATOR,
        "find",
        "fold_all",
        "unfold_all",
        "turn",
        "picture",
    ),
    QT_TRANSLATE_NOOP("actions", "&Help"): (
        "any_action",
        "guide",
        "shortcuts",
        SEPARATOR,
        "about",
    ),
}
