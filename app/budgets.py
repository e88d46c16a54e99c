"""Budgets beside that of the MACs in the window's words."""

from collections.abc import Mapping

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication

from app.words import percent_text

_SHORT = {
    "params": QT_TRANSLATE_NOOP("budgets", "parameters {}"),
    "size": QT_TRANSLATE_NOOP("budgets", "file {}"),
    "latency": QT_TRANSLATE_NOOP("budgets", "latency {}"),
}
# What a share is of, in a list behind the MACs, and as the title of a number.
_OF = {
    "params": QT_TRANSLATE_NOOP("budgets", "{} of the parameters"),
    "size": QT_TRANSLATE_NOOP("budgets", "{} of the weights' file"),
    "latency": QT_TRANSLATE_NOOP("budgets", "{} of the predicted latency"),
}
_TITLES = {
    "params": QT_TRANSLATE_NOOP("budgets", "Parameters kept"),
    "size": QT_TRANSLATE_NOOP("budgets", "File kept"),
    "latency": QT_TRANSLATE_NOOP("budgets", "Latency kept"),
}


def shares_text(shares: Mapping[str, float]) -> str:
    """Write shares of further budgets as ", 40.0 % of the parameters"; empty if there are none."""
    known = [(text, shares[name]) for name, text in _OF.items() if name in shares]
    return "".join(f", {_translate(text).format(percent_text(share))}" for text, share in known)


def budgets_text(macs_budget: float | None, further: Mapping[str, float]) -> str:
    """Write a run's budgets where room is short: "50 %", or "50 %, parameters 40 %"."""
    own = [
        _translate(_SHORT[name]).format(percent_text(share, 0)) for name, share in further.items()
    ]
    is_limit = macs_budget is None or macs_budget < 1.0 or not own
    return ", ".join([percent_text(macs_budget, 0), *own] if is_limit else own)


def budget_title(name: str) -> str:
    """What the kept share of a further budget is called, such as "Parameters kept"."""
    return _translate(_TITLES[name])


def _translate(text: str) -> str:
    return QCoreApplication.translate("budgets", text)
