"""Any text as a name, a path or settings: understood, or refused in a sentence."""

from pathlib import Path

import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.recent import Recent
from app.source import Source, source_of_files
from core.config import RunConfig, run_config_from_dict, run_config_from_toml, to_toml
from core.data import are_resized, open_images, usual_normalisation
from core.errors import ConfigError, EspalierError
from core.networks import inspect_network, split_spec

ENDINGS = ("", ".py", ".py:make", ".pt", ".pt2", ".onnx", ".npz", "/", ":", "~")
NAMES = st.builds(str.__add__, st.text(max_size=40), st.sampled_from(ENDINGS))
STARTS = st.sampled_from(("", "~", "~x", "timm:", "../", "file:", "C:\\", "-", "\udcff"))
WORDS = st.builds(str.__add__, STARTS, NAMES)
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
NESTED = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3), max_leaves=5)
SETTINGS = st.sampled_from(
    ("network", "data", "checkpoint", "normalisation", "input_shape", "search", "finetune", "x\n")
)
SEARCH = st.sampled_from(("macs_budget", "evaluations", "seed", "reward", "pinned_keep", "ppo"))
QUICK = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def sentence(error: EspalierError) -> str:
    words = str(error)
    assert words.isprintable() and words, repr(words)
    return words


@pytest.fixture(autouse=True)
def _empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")


@QUICK
@given(WORDS)
def test_any_name_of_a_network(word: str) -> None:
    split_spec(word)
    try:
        assert inspect_network(word).spec == word
    except EspalierError as error:
        assert sentence(error)


@QUICK
@given(WORDS)
def test_any_name_of_images(word: str) -> None:
    usual = usual_normalisation(word)
    assert usual is None or are_resized(word)
    try:
        open_images(word)
    except EspalierError as error:
        assert sentence(error)


@QUICK
@given(st.lists(WORDS, min_size=1, max_size=3))
def test_any_dropped_names(words: list[str]) -> None:
    now = Source("demo", "", "digits")
    try:
        chosen = source_of_files([Path(word) for word in words], ("demo",), now).source
    except EspalierError as error:
        assert sentence(error)
    else:
        assert chosen != now


@QUICK
@given(WORDS, WORDS, WORDS)
def test_any_entry_of_what_was_opened(network: str, checkpoint: str, data: str) -> None:
    entry = Recent(RunConfig(network=network, checkpoint=checkpoint, data=data))
    assert (entry.title + "".join(entry.missing)).isprintable()
    assert all(line.isprintable() for line in entry.details.splitlines())


@QUICK
@given(st.text(max_size=200))
def test_any_text_as_settings(text: str) -> None:
    try:
        assert run_config_from_toml(text)
    except ConfigError as error:
        assert sentence(error)


@QUICK
@given(st.dictionaries(SETTINGS, NESTED | st.dictionaries(SEARCH, NESTED, max_size=3), max_size=3))
def test_any_values_as_settings(values: dict[str, object]) -> None:
    try:
        config = run_config_from_dict(values)
    except ConfigError as error:
        assert sentence(error)
    else:
        assert run_config_from_toml(to_toml(config)) == config
        assert tomli_w.dumps({"network": config.network})
