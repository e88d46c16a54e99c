"""The words of every action: how it is shown, its keys, and in which states it makes sense."""

from dataclasses import dataclass

from PySide6.QtCore import QT_TRANSLATE_NOOP

from app.session_state import SessionState

ALWAYS = frozenset(SessionState)
IDLE = frozenset(state for state in SessionState if not state.is_busy)
STOPPABLE = frozenset(state for state in SessionState if state.is_busy)
PAUSABLE = frozenset({SessionState.SEARCHING, SessionState.PAUSED})
OPENED = ALWAYS - {SessionState.EMPTY}
FINISHED = frozenset({SessionState.FINISHED})


@dataclass(frozen=True)
class ActionWords:
    """How an action is shown, and in which states it makes sense."""

    text: str  # in menus, with an ellipsis if it asks further
    icon_text: str  # on buttons
    tooltip: str
    shortcut: str = ""
    icon: str = ""
    states: frozenset[SessionState] = ALWAYS


def reason(states: frozenset[SessionState]) -> str:
    """Say what has to be the case for an action of these states, to be translated."""
    return REASONS.get(states, QT_TRANSLATE_NOOP("actions", "Wait until the work is done."))


REASONS = {
    IDLE: QT_TRANSLATE_NOOP("actions", "Something is running; stop it or wait."),
    IDLE - {SessionState.EMPTY}: QT_TRANSLATE_NOOP("actions", "Open a network first, and wait."),
    STOPPABLE: QT_TRANSLATE_NOOP("actions", "Nothing is running."),
    PAUSABLE: QT_TRANSLATE_NOOP("actions", "No search is running."),
    OPENED: QT_TRANSLATE_NOOP("actions", "Open a network first."),
    FINISHED: QT_TRANSLATE_NOOP("actions", "Search first."),
}
ACTIONS = {
    "open": ActionWords(
        QT_TRANSLATE_NOOP("actions", "&Open a network…"),
        QT_TRANSLATE_NOOP("actions", "Open"),
        QT_TRANSLATE_NOOP("actions", "Open a network with its weights and images"),
        "Ctrl+O",
        "open",
        IDLE,
    ),
    "demo": ActionWords(
        QT_TRANSLATE_NOOP("actions", "Try the &demo"),
        QT_TRANSLATE_NOOP("actions", "Try the demo"),
        QT_TRANSLATE_NOOP("actions", "Prune a small network that reads handwritten digits"),
        "Ctrl+D",
        "demo",
        IDLE,
    ),
    "load_settings": ActionWords(
        QT_TRANSLATE_NOOP("actions", "&Load settings…"),
        QT_TRANSLATE_NOOP("actions", "Load"),
        QT_TRANSLATE_NOOP("actions", "Read all settings from a file, such as a run's config.toml"),
        "Ctrl+L",
        "load",
        IDLE,
    ),
    "save_settings": ActionWords(
        QT_TRANSLATE_NOOP("actions", "&Save settings…"),
        QT_TRANSLATE_NOOP("actions", "Save"),
        QT_TRANSLATE_NOOP("actions", "Write all settings into a file"),
        "Ctrl+S",
        "save",
    ),
    "export": ActionWords(
        QT_TRANSLATE_NOOP("actions", "&Export the pruned network…"),
        QT_TRANSLATE_NOOP("actions", "Export"),
        QT_TRANSLATE_NOOP("actions", "Write the pruned network for PyTorch and ONNX"),
        "Ctrl+E",
        "export",
        FINISHED,
    ),
    "run_folder": ActionWords(
        QT_TRANSLATE_NOOP("actions", "Open the run's &folder"),
        QT_TRANSLATE_NOOP("actions", "Run folder"),
        QT_TRANSLATE_NOOP("actions", "Show the files of the last run"),
        "Ctrl+Shift+O",
        "folder",
    ),
    "quit": ActionWords(
        QT_TRANSLATE_NOOP("actions", "&Quit"),
        QT_TRANSLATE_NOOP("actions", "Quit"),
        QT_TRANSLATE_NOOP("actions", "Close Espalier"),
        "Ctrl+Q",
        "quit",
    ),
    "undo": ActionWords(
        QT_TRANSLATE_NOOP("actions", "&Undo pin"),
        QT_TRANSLATE_NOOP("actions", "Undo"),
        QT_TRANSLATE_NOOP("actions", "Take back the last pin of a channel"),
        "Ctrl+Z",
        "undo",
        OPENED,
    ),
    "redo": ActionWords(
        QT_TRANSLATE_NOOP("actions", "&Redo pin"),
        QT_TRANSLATE_NOOP("actions", "Redo"),
        QT_TRANSLATE_NOOP("actions", "Pin again what was taken back"),
        "Ctrl+Shift+Z",
        "redo",
        OPENED,
    ),
    "copy_picture": ActionWords(
        QT_TRANSLATE_NOOP("actions", "&Copy panel as picture"),
        QT_TRANSLATE_NOOP("actions", "Copy picture"),
        QT_TRANSLATE_NOOP("actions", "Copy the panel in use into the clipboard as a picture"),
        "Ctrl+Shift+I",
        "copy",
        OPENED,
    ),
    "copy_table": ActionWords(
        QT_TRANSLATE_NOOP("actions", "Copy panel as &table"),
        QT_TRANSLATE_NOOP("actions", "Copy table"),
        QT_TRANSLATE_NOOP("actions", "Copy the numbers of the panel in use, for a spreadsheet"),
        "Ctrl+Shift+D",
        states=OPENED,
    ),
    "save_panel": ActionWords(
        QT_TRANSLATE_NOOP("actions", "&Save panel…"),
        QT_TRANSLATE_NOOP("actions", "Save panel"),
        QT_TRANSLATE_NOOP("actions", "Write the panel in use into a PNG, SVG or CSV file"),
        "Ctrl+Shift+S",
        states=OPENED,
    ),
    "start": ActionWords(
        QT_TRANSLATE_NOOP("actions", "&Start"),
        QT_TRANSLATE_NOOP("actions", "Start"),
        QT_TRANSLATE_NOOP("actions", "Search a mask with the settings on the right"),
        "Ctrl+R",
        "start",
        IDLE - {SessionState.EMPTY},
    ),
    "finetune": ActionWords(
        QT_TRANSLATE_NOOP("actions", "Fine-t&une"),
        QT_TRANSLATE_NOOP("actions", "Fine-tune"),
        QT_TRANSLATE_NOOP("actions", "Train the pruned network, with the settings of its panel"),
        "Ctrl+U",
        states=FINISHED,
    ),
    "round": ActionWords(
        QT_TRANSLATE_NOOP("actions", "Round &widths…"),
        QT_TRANSLATE_NOOP("actions", "Round widths"),
        QT_TRANSLATE_NOOP(
            "actions", "Bring the layers' widths to multiples that hardware computes faster"
        ),
        "Ctrl+Shift+W",
        "round",
        FINISHED,
    ),
    "compare_methods": ActionWords(
        QT_TRANSLATE_NOOP("actions", "Compare &methods…"),
        QT_TRANSLATE_NOOP("actions", "Compare"),
        QT_TRANSLATE_NOOP(
            "actions", "Search with several methods and seeds, and put them into one table"
        ),
        "Ctrl+Shift+M",
        states=IDLE - {SessionState.EMPTY},
    ),
    "open_comparison": ActionWords(
        QT_TRANSLATE_NOOP("actions", "&Open a comparison…"),
        QT_TRANSLATE_NOOP("actions", "Open comparison"),
        QT_TRANSLATE_NOOP("actions", "Show the table of methods that were compared before"),
        "Ctrl+Alt+O",
        states=IDLE - {SessionState.EMPTY},
    ),
    "pause": ActionWords(
        QT_TRANSLATE_NOOP("actions", "&Pause"),
        QT_TRANSLATE_NOOP("actions", "Pause"),
        QT_TRANSLATE_NOOP("actions", "Hold the search after this mask, or go on"),
        "Ctrl+P",
        "pause",
        PAUSABLE,
    ),
    "stop": ActionWords(
        QT_TRANSLATE_NOOP("actions", "S&top"),
        QT_TRANSLATE_NOOP("actions", "Stop"),
        QT_TRANSLATE_NOOP("actions", "Finish with the best mask so far; again: end at once"),
        "Ctrl+.",
        "stop",
        STOPPABLE,
    ),
    "fit": ActionWords(
        QT_TRANSLATE_NOOP("actions", "&Fit"),
        QT_TRANSLATE_NOOP("actions", "Fit"),
        QT_TRANSLATE_NOOP("actions", "Show the whole network"),
        "Ctrl+0",
        "fit",
        OPENED,
    ),
    "zoom_in": ActionWords(
        QT_TRANSLATE_NOOP("actions", "Zoom &in"),
        QT_TRANSLATE_NOOP("actions", "Zoom in"),
        QT_TRANSLATE_NOOP("actions", "Show the layers larger"),
        "Ctrl++",
        "zoom_in",
        OPENED,
    ),
    "zoom_out": ActionWords(
        QT_TRANSLATE_NOOP("actions", "Zoom &out"),
        QT_TRANSLATE_NOOP("actions", "Zoom out"),
        QT_TRANSLATE_NOOP("actions", "Show more of the network"),
        "Ctrl+-",
        "zoom_out",
        OPENED,
    ),
    "find": ActionWords(
        QT_TRANSLATE_NOOP("actions", "Find a &layer…"),
        QT_TRANSLATE_NOOP("actions", "Find"),
        QT_TRANSLATE_NOOP("actions", "Search a layer in the graph by its name"),
        "Ctrl+F",
        states=OPENED,
    ),
    "fold_all": ActionWords(
        QT_TRANSLATE_NOOP("actions", "&Collapse all"),
        QT_TRANSLATE_NOOP("actions", "Collapse"),
        QT_TRANSLATE_NOOP("actions", "Show every block of the graph as one card"),
        "Ctrl+Shift+C",
        states=OPENED,
    ),
    "unfold_all": ActionWords(
        QT_TRANSLATE_NOOP("actions", "&Unfold all"),
        QT_TRANSLATE_NOOP("actions", "Unfold"),
        QT_TRANSLATE_NOOP("actions", "Show every layer of the graph"),
        "Ctrl+Shift+U",
        states=OPENED,
    ),
    "turn": ActionWords(
        QT_TRANSLATE_NOOP("actions", "&Turn the graph"),
        QT_TRANSLATE_NOOP("actions", "Turn"),
        QT_TRANSLATE_NOOP("actions", "Draw the graph from left to right or from top to bottom"),
        "Ctrl+Shift+T",
        states=OPENED,
    ),
    "picture": ActionWords(
        QT_TRANSLATE_NOOP("actions", "Save the graph as a &picture…"),
        QT_TRANSLATE_NOOP("actions", "Picture"),
        QT_TRANSLATE_NOOP("actions", "Write the whole graph into an SVG, PNG or PDF file"),
        "Ctrl+Shift+P",
        states=OPENED,
    ),
    "reset_layout": ActionWords(
        QT_TRANSLATE_NOOP("actions", "&Reset layout"),
        QT_TRANSLATE_NOOP("actions", "Reset layout"),
        QT_TRANSLATE_NOOP("actions", "Put every panel where it stood at first"),
        "Ctrl+Shift+0",
        states=OPENED,
    ),
    "theme_system": ActionWords(
        QT_TRANSLATE_NOOP("actions", "As the &system"),
        QT_TRANSLATE_NOOP("actions", "System"),
        QT_TRANSLATE_NOOP("actions", "Follow the desktop's colours"),
        "F5",
    ),
    "theme_light": ActionWords(
        QT_TRANSLATE_NOOP("actions", "&Light"),
        QT_TRANSLATE_NOOP("actions", "Light"),
        QT_TRANSLATE_NOOP("actions", "Dark on light"),
        "F6",
    ),
    "theme_dark": ActionWords(
        QT_TRANSLATE_NOOP("actions", "&Dark"),
        QT_TRANSLATE_NOOP("actions", "Dark"),
        QT_TRANSLATE_NOOP("actions", "Light on dark"),
        "F7",
    ),
    "any_action": ActionWords(
        QT_TRANSLATE_NOOP("actions", "&Find any action…"),
        QT_TRANSLATE_NOOP("actions", "Find action"),
        QT_TRANSLATE_NOOP("actions", "Type a few letters of what you want to do"),
        "Ctrl+K",
    ),
    "guide": ActionWords(
        QT_TRANSLATE_NOOP("actions", "&Guide"),
        QT_TRANSLATE_NOOP("actions", "Guide"),
        QT_TRANSLATE_NOOP("actions", "First steps, what each panel says, and all words explained"),
        "F1",
        "guide",
    ),
    "shortcuts": ActionWords(
        QT_TRANSLATE_NOOP("actions", "&Keyboard shortcuts"),
        QT_TRANSLATE_NOOP("actions", "Shortcuts"),
        QT_TRANSLATE_NOOP("actions", "All keys on one sheet"),
        "Ctrl+F1",
    ),
    "about": ActionWords(
        QT_TRANSLATE_NOOP("actions", "&About Espalier"),
        QT_TRANSLATE_NOOP("actions", "About"),
        QT_TRANSLATE_NOOP("actions", "What Espalier is"),
        "Ctrl+Shift+F1",
        "about",
    ),
}
