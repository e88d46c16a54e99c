"""Fine-tuning in the terminal: lines, the bar, the table, Ctrl-C."""

import dataclasses
import io
import os
import signal

import pytest

from app import headless_finetune
from app.headless_finetune import FinetuneScreen, run_finetuning
from core.config import RunConfig
from core.errors import RunError
from core.events import (
    FinetuneAdvanced,
    FinetuneFinished,
    FinetuneReported,
    FinetuneScored,
    FinetuneStarted,
    StageAdvanced,
    StageStarted,
    StopRequested,
)
from core.runs.finetune_file import FinetunedNetwork, FinetuneFile, TestScore, file_contents
from tests.app.test_headless import read_all

USUAL = RunConfig()
FILE = FinetuneFile(
    network="cifar_resnet20",
    dataset="cifar10_subset",
    training="the reward images of cifar10_subset",
    training_images=4068,
    test_images=1017,
    unpruned=TestScore(0.916, 0.378, 0.0),
    networks=(
        FinetunedNetwork(
            "learned",
            0.499,
            TestScore(0.716, 1.267, 1.125),
            TestScore(0.859, 0.645, 0.489),
            best_epoch=2,
            epochs=2,
            seconds=72.4,
        ),
        FinetunedNetwork("l1_uniform", 0.5),
    ),
    parity={"hard_vs_soft": 4e-7, "onnx": 1e-8},
)


def events(file=FILE, epochs=2):
    yield StageStarted("Preparing")
    yield FinetuneStarted("learned", epochs, 2 * epochs, 0.72, 1.2)
    stopped = False
    try:
        for epoch in range(1, epochs + 1):
            for half in (1, 2):
                step = 2 * (epoch - 1) + half
                yield StageAdvanced(step)
                yield FinetuneAdvanced("learned", step, step / 2, 1.5 / step, 0.01, step)
            yield FinetuneScored("learned", epoch, 0.8 + epoch / 100, 0.6, True)
    except StopRequested:
        stopped = True
    yield FinetuneFinished("learned", epochs, 0.86, 0.5, 3.0, stopped, None)
    yield FinetuneReported("runs/first", file_contents(file))


@pytest.fixture
def run(monkeypatch, tmp_path):
    (tmp_path / "report.json").touch()

    def run_events(made, config=USUAL, **options):
        monkeypatch.setattr(headless_finetune, "_open_and_finetune", lambda *arguments: made)
        return run_finetuning(config, tmp_path, None, **options)

    return run_events


def test_each_epoch_is_a_line_and_the_table_goes_to_standard_output(run, capsys):
    assert run(events()) == 0
    shown = capsys.readouterr()
    assert "learned: 72.0 % on the held-out images before fine-tuning" in shown.err
    assert (
        "  epoch 2/2  held-out accuracy 82.0 %, cross-entropy 0.600, the best so far" in shown.err
    )
    assert "\r" not in shown.err
    out = [" ".join(line.split()) for line in shown.out.splitlines()]
    assert out[2] == "unpruned 100.0 % 91.6 % 0.378"
    assert out[3] == "learned 49.9 % 71.6 % 85.9 % 1.267 0.645 1.125 0.489 2 of 2 72 s"
    assert out[4] == "l1_uniform 50.0 % - - - - - - - of - -"
    assert "Files: runs/first" in out
    assert "greatest relative difference 4e-07" in shown.out


def test_an_epoch_that_was_broken_off_is_no_whole_one(run, capsys):
    def broken_off():
        made = [*events()]
        made[-2:-2] = [FinetuneScored("learned", 1.33, 0.75, 0.9, False)]
        yield from made

    assert run(broken_off()) == 0
    assert "  epoch 1.33/2, broken off  held-out accuracy 75.0 %" in capsys.readouterr().err


def test_quiet_leaves_only_the_table(run, capsys):
    assert run(events(), is_quiet=True) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert "learned" in shown.out


def test_a_report_without_test_numbers_is_broken_off(run, capsys):
    file = FinetuneFile(networks=(FinetunedNetwork("learned"),), test_images=359)
    assert run(events(file)) == 130
    table = capsys.readouterr().out
    assert "The test images were not read." in table
    assert "read once" not in table


@pytest.mark.parametrize(("exports", "code"), [(True, 130), (False, 0)])
def test_what_was_not_exported_is_whole_where_no_files_are_wanted(run, exports, code):
    made = events(dataclasses.replace(FILE, parity=None))
    assert run(made, RunConfig(exports=exports)) == code


def test_ctrl_c_once_keeps_the_best(run, capsys):
    def stopping():
        made = events(epochs=1000)
        for event in made:
            if isinstance(event, FinetuneScored) and event.epoch == 2:
                signal.raise_signal(signal.SIGINT)
            try:
                yield event
            except StopRequested as stop:
                yield made.throw(stop)

    assert run(stopping()) == 0
    shown = capsys.readouterr()
    assert "the best epoch so far is tested and written" in shown.err
    assert "runs/first" in shown.out


def test_ctrl_c_twice_says_how_to_go_on(run, capsys):
    def stopping():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        yield StageStarted("never reached")

    assert run(stopping()) == 130
    assert "--resume" in capsys.readouterr().err


def test_a_run_that_may_find_another_mask_is_fine_tuned_elsewhere_only(monkeypatch, tmp_path):
    monkeypatch.setattr(headless_finetune, "_open_and_finetune", lambda *arguments: events())
    for out in (None, tmp_path):
        with pytest.raises(RunError, match=f"Finish it with 'espalier resume {tmp_path}'"):
            run_finetuning(USUAL, tmp_path, out)
    assert run_finetuning(USUAL, tmp_path, tmp_path / "tuned") == 0


def test_what_can_be_mended_is_one_sentence(run, capsys):
    def failing():
        yield StageStarted("Preparing")
        raise RunError("Cannot read masks.npz. Choose the folder of a run.")

    assert run(failing()) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("espalier: Cannot read masks.npz")


@pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals are a thing of Unix")
def test_a_real_terminal_gets_a_bar_with_epoch_and_loss():
    import pty
    import termios

    reader, writer = pty.openpty()
    termios.tcsetwinsize(writer, (25, 120))
    with open(writer, "w") as terminal:
        screen = FinetuneScreen(io.StringIO(), terminal)
        for event in events():
            screen.show(event)
    shown = read_all(reader).decode()
    assert "4/4, epoch 2.0, loss 0.375" in shown
