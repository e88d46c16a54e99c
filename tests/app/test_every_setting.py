"""Every setting is explained, has a control in the window, and goes to files and back."""

import contextlib

import pytest
from PySide6.QtWidgets import QFileDialog, QWidget

from app.command_line import parse, run_config
from app.jobs import list_choices
from app.panels.explanations import explanation
from app.panels.finetune_form import FinetuneForm
from app.panels.settings import IN_SOURCE, SettingsPanel
from app.selection import Selection
from app.setting_words import WORDS
from core.config import RunConfig, run_config_from_toml, to_toml
from core.config.settings import value_of, with_values
from core.errors import ConfigError
from tests.app.every_setting import SETTINGS, another_value


@pytest.fixture
def panel(qtbot) -> SettingsPanel:
    panel = SettingsPanel(Selection())
    qtbot.addWidget(panel)
    return panel


@pytest.fixture
def finetuning(qtbot) -> FinetuneForm:
    form = FinetuneForm()
    qtbot.addWidget(form)
    return form


def differing(before: RunConfig, after: RunConfig) -> list[str]:
    return [name for name in SETTINGS if value_of(before, name) != value_of(after, name)]


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_has_words_a_unit_and_a_default(name):
    assert name in WORDS, "write its sentence in app/setting_words"
    words, said = WORDS[name], explanation(name)
    assert words.label[0].isupper() and words.sentence.endswith(".")
    assert "Default" not in words.sentence  # which is said by what the setting declares
    assert "Default: " in said.sentence and "Source: " in said.sentence


def test_there_are_no_words_about_settings_that_are_gone():
    helpers = {"factory", "consent", "preset", "runs_folder"}
    assert set(WORDS) - set(SETTINGS) == helpers


@pytest.mark.parametrize("name", [n for n, s in SETTINGS.items() if s.kind in (int, float)])
def test_every_number_declares_its_range(name):
    assert SETTINGS[name].range is not None or SETTINGS[name].choices


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_has_a_control_that_changes_it_alone(panel, finetuning, name):
    value = another_value(SETTINGS[name])
    if name in IN_SOURCE:
        before = panel.config()
        source = {**vars(panel.source.source), name: value}
        panel.source.set_source(type(panel.source.source)(**source))
        after = panel.config()
    elif name in panel.fields:
        before = panel.config()
        panel.fields[name].set_value(value)
        after = panel.config()
    else:
        before = RunConfig(finetune=finetuning.config())
        finetuning.fields[name].set_value(value)
        after = RunConfig(finetune=finetuning.config())
    assert differing(before, after) == [name]
    assert value_of(after, name) == value


@pytest.mark.parametrize("name", SETTINGS)
def test_every_control_tells_when_it_changes_and_what_it_is(qtbot, panel, finetuning, name):
    if name in IN_SOURCE:
        assert explanation(name).sentence in {
            child.toolTip() for child in panel.source.findChildren(QWidget)
        }
        return
    form = panel if name in panel.fields else finetuning
    field = form.fields[name]
    spoken = field.focusProxy() or field
    assert spoken.accessibleName() and spoken.accessibleDescription()
    assert field.toolTip() == field.whatsThis() == explanation(name).sentence
    with qtbot.waitSignal(form.changed):
        field.set_value(another_value(SETTINGS[name]))


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_goes_to_toml_and_back(name):
    config = with_values(RunConfig(), {name: another_value(SETTINGS[name])})
    assert run_config_from_toml(to_toml(config)) == config
    assert differing(RunConfig(), config) == [name]


def all_changed() -> RunConfig:
    config = RunConfig()
    for name, setting in SETTINGS.items():
        with contextlib.suppress(ConfigError):  # a few do not fit together
            config = with_values(config, {name: another_value(setting)})
    assert len(differing(RunConfig(), config)) > 0.9 * len(SETTINGS)
    return config


def test_the_forms_take_all_settings_together(panel, finetuning):
    config = all_changed()
    panel.set_config(config)
    finetuning.set_config(config.finetune)
    assert panel.config() == config
    assert finetuning.config() == config.finetune


def test_what_the_window_saves_is_what_the_terminal_reads(monkeypatch, window, tmp_path):
    file = tmp_path / "mine.toml"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(file), ""))
    window.deeds.show(all_changed())
    window.commands["save_settings"].trigger()
    read = run_config(parse(["search", "--config", str(file)]))
    assert differing(all_changed(), read) == []
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(file), ""))
    window.deeds.show(RunConfig())
    assert window.parts.finetune.config() == RunConfig().finetune
    window.commands["load_settings"].trigger()
    assert window.parts.settings.config() == all_changed()
    assert window.parts.finetune.config() == all_changed().finetune


def test_names_are_offered_as_soon_as_the_libraries_are_here(panel):
    from core.rl.rewards import REWARDS
    from core.search.methods import method_names
    from core.search.tournament import prior_names

    choices = run_to_the_end(list_choices())
    panel.set_choices(choices)
    offered = {
        name: [field.itemText(place) for place in range(field.count())]
        for name in ("search.reward", "search.method", "search.prior", "search.device")
        for field in (panel.fields[name],)
    }
    assert offered["search.reward"] == list(REWARDS)
    assert set(offered["search.method"]) == set(method_names())
    assert offered["search.prior"] == list(prior_names())
    assert offered["search.device"][:2] == ["auto", "cpu"]
    assert panel.config() == RunConfig()


def run_to_the_end(generator):
    try:
        while True:
            next(generator)
    except StopIteration as end:
        return end.value
