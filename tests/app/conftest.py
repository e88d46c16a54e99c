"""A whole window with the real jobs behind it."""

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def own_consents(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nobody has agreed to anything yet."""
    from core.networks import consent

    monkeypatch.setattr(consent, "consents_file", lambda: tmp_path / "config" / "trusted.json")


@pytest.fixture
def real_window(qtbot: Any, tmp_path: Path, own_consents: None) -> Any:
    """A window that opens real files, with settings of its own; its thread ends before it does."""
    from tests.app.opening_steps import make_window

    return make_window(qtbot, tmp_path / "settings.ini")
