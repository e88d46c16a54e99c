"""The training of an agent in the terminal: its words, its lines, the file it leaves."""

import errno
import io
from dataclasses import fields

import pytest

from app import headless_training
from app.__main__ import main
from app.command_line import parse
from app.headless_training import TrainingScreen
from app.training_words import practice_networks, training_config
from core.config import RunConfig
from core.config.training import TrainingConfig
from core.errors import ConfigError
from core.events import AgentTrained, StageAdvanced, StageStarted, TaskPractised
from tests.core.tiny import open_tiny
from tests.networks import Chain


def events(*_):
    yield StageStarted("Measuring", total=3)
    yield StageAdvanced(3)
    yield StageStarted("Training the agent", total=2)
    for update in (1, 2):
        yield TaskPractised(update, "cifar_resnet20", 0.35, 1.25, 1.0)
        yield StageAdvanced(update)
    yield AgentTrained("agents/agent.pt", ("cifar_resnet20", "cifar_resnet32"), 181234)


def test_each_network_has_the_checkpoint_behind_it():
    words = (
        "train-agent --network cifar_resnet20 --checkpoint a.th --network demo "
        "--network cifar_resnet56 --checkpoint b.th --data c.npz --updates 7 --minutes 1.5 --seed 3"
    )
    arguments = parse(words.split())
    assert practice_networks(arguments) == (
        RunConfig(network="cifar_resnet20", checkpoint="a.th", data="c.npz"),
        RunConfig(network="demo", data="c.npz"),
        RunConfig(network="cifar_resnet56", checkpoint="b.th", data="c.npz"),
    )
    assert training_config(arguments) == TrainingConfig(updates=7, minutes=1.5, seed=3)


@pytest.mark.parametrize("entry", fields(TrainingConfig), ids=lambda entry: entry.name)
def test_every_setting_of_the_training_is_a_word_and_a_line_of_a_file(entry, tmp_path, capsys):
    value = "cpu" if entry.name == "device" else entry.default / 2 or 0.5
    value = max(3, round(value)) if isinstance(entry.default, int) else value
    written = f'"{value}"' if isinstance(value, str) else value
    expected = TrainingConfig(**{entry.name: value})
    assert expected != TrainingConfig()
    word = f"--{entry.name.replace('_', '-')}"
    assert training_config(parse(["train-agent", word, str(value)])) == expected
    file = tmp_path / "training.toml"
    file.write_text(f"{entry.name} = {written}\n")
    from_file = ["train-agent", "--config", str(file)]
    assert training_config(parse(from_file)) == expected
    both = [*from_file, word, str(entry.default)]
    assert training_config(parse(both)) == TrainingConfig()
    with pytest.raises(SystemExit):
        parse(["train-agent", "--help"])
    assert word in capsys.readouterr().out


def test_a_file_of_settings_that_does_not_fit_is_refused_by_name(tmp_path):
    file = tmp_path / "training.toml"
    file.write_text("evaluations = 3\n")
    with pytest.raises(
        ConfigError, match=r"Unknown setting 'evaluations'\. Known here: cheap_share"
    ):
        training_config(parse(["train-agent", "--config", str(file)]))


def test_words_that_say_too_little_are_refused_in_a_sentence(capsys):
    with pytest.raises(ConfigError, match="Name one by --network"):
        practice_networks(parse(["train-agent"]))
    with pytest.raises(SystemExit):
        parse(["train-agent", "--checkpoint", "a.th"])
    assert "--checkpoint comes after the --network" in capsys.readouterr().err
    with pytest.raises(ConfigError, match="'updates' must be between 1 and"):
        training_config(parse(["train-agent", "--updates", "0"]))


def test_the_screen_says_how_far_it_is_and_where_the_agent_is():
    out, err = io.StringIO(), io.StringIO()
    screen = TrainingScreen(out, err)
    for event in events():
        screen.show(event)
    assert screen.is_complete
    assert "1/2  cifar_resnet20 at 35 %: loss 1.25" in err.getvalue()
    assert "2/2  cifar_resnet20 at 35 %" in err.getvalue()
    assert "181,234 bytes, trained on cifar_resnet20, cifar_resnet32" in out.getvalue()


def test_quiet_says_only_where_the_agent_is():
    out, err = io.StringIO(), io.StringIO()
    screen = TrainingScreen(out, err, is_quiet=True)
    for event in events():
        screen.show(event)
    assert err.getvalue() == ""
    assert out.getvalue().startswith("The agent is in ")


def test_the_command_trains(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(headless_training, "_open_and_train", events)
    words = ["train-agent", "--network", "demo", "--out", str(tmp_path / "new" / "agent.pt")]
    assert main(words) == 0
    assert "The agent is in" in capsys.readouterr().out
    assert (tmp_path / "new").is_dir()


def test_a_place_that_is_a_folder_is_refused_before_the_training(capsys, tmp_path):
    assert main(["train-agent", "--network", "demo", "--out", str(tmp_path)]) == 2
    assert "it is a folder. Name a file." in capsys.readouterr().err


def test_a_real_training_writes_an_agent(monkeypatch, capsys, tmp_path):
    def open_chain(*_, **__):
        yield StageStarted("Opening the network")
        return open_tiny(Chain)

    monkeypatch.setattr("core.opening.open_run", open_chain)
    place = tmp_path / "agent.pt"
    words = ["train-agent", "--network", "demo", "--updates", "1", "--threads", "1"]
    assert main([*words, "--out", str(place), "--quiet"]) == 0
    assert "trained on chain" in capsys.readouterr().out
    assert 10_000 < place.stat().st_size < 2_000_000


def test_an_earlier_agent_stays_where_there_is_no_room_for_another(monkeypatch, capsys, tmp_path):
    def open_nothing(*_, **__):
        yield StageStarted("Opening the network")
        return open_tiny(Chain)

    def learn(*_):
        yield StageStarted("Training the agent")
        return b"half of the new one"

    def is_full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("core.opening.open_run", open_nothing)
    monkeypatch.setattr("core.search.generalist.train_generalist", learn)
    monkeypatch.setattr("os.fsync", is_full)
    place = tmp_path / "agent.pt"
    place.write_bytes(b"the earlier one")
    assert main(["train-agent", "--network", "demo", "--out", str(place)]) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"the earlier one"]
