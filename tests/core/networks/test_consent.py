import json
import os
from pathlib import Path

import pytest

from core.errors import ConfigError, ConsentNeeded, NetworkError
from core.networks import consent

HASH = "a" * 64


@pytest.fixture(autouse=True)
def _own_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(consent, "consents_file", lambda: tmp_path / "config" / "trusted.json")


def ask(path: Path = Path("nets.py"), *, trust: bool = False) -> None:
    consent.require_consent(path, HASH, "it is a Python file", trust=trust)


def test_nobody_has_agreed_at_first() -> None:
    with pytest.raises(
        ConsentNeeded, match=r"Opening nets\.py runs code: it is a Python file"
    ) as e:
        ask()
    asked = e.value
    assert isinstance(asked, NetworkError)
    assert (asked.path, asked.sha256) == (Path("nets.py"), HASH)
    assert asked.why == "it is a Python file"
    assert HASH in str(asked) and "--trust" in str(asked)


def test_what_was_agreed_to_is_remembered_for_its_hash() -> None:
    consent.grant(Path("nets.py"), HASH)
    ask()
    assert consent.granted() == {HASH: "nets.py"}
    with pytest.raises(ConsentNeeded):
        consent.require_consent(Path("nets.py"), "b" * 64, "it changed", trust=False)


def test_trust_is_for_one_call_and_remembers_nothing() -> None:
    ask(trust=True)
    assert not consent.consents_file().exists()


def test_an_answer_can_be_taken_back() -> None:
    consent.grant(Path("nets.py"), HASH)
    consent.revoke(HASH)
    with pytest.raises(ConsentNeeded):
        ask()


@pytest.mark.parametrize("content", ["", "[1]", "{broken", '{"a": 1}'])
def test_a_damaged_memory_asks_again_and_can_be_written_again(content: str) -> None:
    file = consent.consents_file()
    file.parent.mkdir()
    file.write_text(content)
    with pytest.raises(ConsentNeeded):
        ask()
    consent.grant(Path("nets.py"), HASH)
    assert json.loads(file.read_text()) == {HASH: "nets.py"}


def test_the_memory_is_replaced_in_one_step(monkeypatch: pytest.MonkeyPatch) -> None:
    consent.grant(Path("old.py"), HASH)

    def fail(source: str, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(ConfigError, match="No space left on device"):
        consent.grant(Path("new.py"), "b" * 64)
    assert consent.granted() == {HASH: "old.py"}
    assert os.listdir(consent.consents_file().parent) == ["trusted.json"]


def test_a_line_break_in_a_path_stays_on_one_line() -> None:
    with pytest.raises(ConsentNeeded) as asked:
        ask(Path("a\nb\x1b[0m.py"))
    assert r"a\nb\x1b[0m.py" in str(asked.value)
    assert "\n" not in str(asked.value)
