"""The search in a terminal: lines, the bar, the table, Ctrl-C."""

import io
import os
import signal

import numpy as np
import pytest
import torch

from app import headless
from app.__main__ import main
from app.headless import Screen, run_headless
from app.report_table import as_percent, report_table
from core.config import RunConfig
from core.errors import ParityError
from core.events import (
    BestChanged,
    CandidateEvaluated,
    HealthRaised,
    NoticeRaised,
    RecordingFailed,
    RunReported,
    SearchFinished,
    SearchStarted,
    StageStarted,
    StopRequested,
)

KEEP = np.array([True, False])
EVALUATIONS = 20


def make_report(**changes):
    report = {
        "baseline": {"accuracy": 0.926, "macs": 40_000, "params": 2_000, "file_bytes": 10_240},
        "pruned": {
            "accuracy": 0.75,
            "macs": 20_000,
            "macs_kept": 0.5,
            "params": 1_000,
            "file_bytes": 5_120,
        },
        "criteria": {"l1_uniform": {"accuracy": 0.57, "macs_kept": 0.499}},
        "parity": {"hard_vs_soft": 0.0, "reloaded": 0.0, "onnx": 3e-7},
        "thop": {"macs": 20_000, "difference": 0.0},
        "seconds": {"total": 20.0, "evaluation": 15.0, "policy": 1.0},
        "opset": 20,
        "export_error": None,
    }
    return report | changes


def make_candidate(evaluation: int) -> CandidateEvaluated:
    return CandidateEvaluated(
        evaluation, 1, KEEP, 0.498, 0.7, 1.0, -1.0, 0.683, True, 0.5 * evaluation
    )


def make_events(evaluations=EVALUATIONS):
    """A whole run, as record_run tells it; a StopRequested ends its search early."""
    yield StageStarted("Reading the network")
    yield StageStarted("Reading the network")
    yield SearchStarted(evaluations, 0.5, 40_000, 2_000, 0.926, 0.3, 0.2)
    yield StageStarted("Searching", evaluations)
    stopped = False
    try:
        for evaluation in range(1, evaluations + 1):
            yield make_candidate(evaluation)
            yield BestChanged(evaluation, KEEP, 0.498, 0.7, 1.0)
    except StopRequested:
        stopped = True
    yield SearchFinished(KEEP, 0.498, 0.72, 0.9, evaluations, {}, {}, stopped)
    yield RunReported("runs/first", make_report(stopped=stopped))


@pytest.fixture
def run(monkeypatch):
    """Run these events as if a search made them."""

    def run_events(events, **options):
        monkeypatch.setattr(headless, "_open_and_record", lambda *arguments: events)
        return run_headless(RunConfig(), None, **options)

    return run_events


def test_lines_of_a_terminal_that_cannot_redraw_are_few_and_plain(run, capsys):
    assert run(make_events()) == 0
    err = capsys.readouterr().err
    assert "\r" not in err
    assert "\x1b" not in err
    lines = err.splitlines()
    assert lines[0] == "Reading the network ..."
    assert lines.count("Reading the network ...") == 1
    assert sum("left" in line for line in lines) == 10
    assert "  10/20  accuracy 68.3 %, MACs kept 49.8 %, 5 s left" in lines


@pytest.mark.parametrize(
    "words",
    [
        ["search", "--set", "search.reward=fame"],
        ["search", "--method", "luck"],
        ["search", "--set", "search.start_from=nowhere"],
        ["search", "--macs-budget", "1"],
        ["compare", "--macs-budget", "1"],
        ["compare", "--set", "search.reward=fame"],
    ],
)
def test_what_no_network_can_mend_is_refused_before_one_is_opened(words, monkeypatch, capsys):
    monkeypatch.setattr("core.opening.open_run", None)
    assert main(words) == 2
    refusal = capsys.readouterr().err.splitlines()[-1]
    assert any(name in refusal for name in ("'reward'", "'method'", "no agent", "nothing to prune"))


def test_the_table_goes_to_standard_output(run, capsys):
    run(make_events())
    out = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert out[1] == "accuracy MACs kept MACs parameters file"
    assert out[2] == "unpruned 92.6 % 100.0 % 40,000 2,000 10 KiB"
    assert out[3] == "pruned 75.0 % 50.0 % 20,000 1,000 5 KiB"
    assert out[4] == "l1_uniform 57.0 % 49.9 %"
    assert "Files: runs/first" in out


def test_quiet_leaves_only_the_table(run, capsys):
    assert run(make_events(), is_quiet=True) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert "pruned" in shown.out


def test_quiet_does_not_hide_what_went_wrong(run, capsys):
    events = [
        NoticeRaised("3 images were skipped."),
        RecordingFailed("The disk is full."),
        HealthRaised("bad_numbers", 7, "The reward is nan.", "Stop."),
    ]
    run(iter_generator([*events, *make_events()]), is_quiet=True)
    assert capsys.readouterr().err.splitlines() == [
        "3 images were skipped.",
        "The disk is full.",
        "The reward is nan. Stop.",
    ]


def iter_generator(events):
    yield from events


def test_an_error_is_one_sentence_without_a_traceback(run, capsys):
    def events():
        yield StageStarted("Exporting")
        raise ParityError("The export is refused.", "all the numbers")

    assert run(events()) == 2
    err = capsys.readouterr().err
    assert err.splitlines()[-1] == "espalier: The export is refused."
    assert "Traceback" not in err
    assert "numbers" not in err


def test_verbose_unfolds_the_details(run, capsys):
    def events():
        yield StageStarted("Exporting")
        raise ParityError("The export is refused.", "all the numbers")

    assert run(events(), is_verbose=True) == 2
    assert "all the numbers" in capsys.readouterr().err


def test_a_bug_is_not_hidden(run):
    def events():
        yield StageStarted("Exporting")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(events())


def test_an_error_in_the_code_of_a_network_is_one_sentence(run, capsys, tmp_path):
    code = compile("def forward(x):\n    return x.size(9)\n", str(tmp_path / "nets.py"), "exec")
    module = {}
    exec(code, module)

    def events():
        yield StageStarted("Searching")
        module["forward"](torch.zeros(3))

    assert run(events()) == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith("espalier: The network's own code failed: IndexError: Dimension out of")
    assert told.endswith("(line 2 of nets.py). Mend the code.")


def test_ctrl_c_once_stops_the_search_and_still_reports(run, capsys):
    def events():
        run = make_events(evaluations=1_000)
        for event in run:
            if event_number(event) == 3:
                signal.raise_signal(signal.SIGINT)
            try:
                yield event
            except StopRequested as stop:
                yield run.throw(stop)

    assert run(events()) == 0
    shown = capsys.readouterr()
    assert "Ctrl-C again ends at once" in shown.err
    assert "runs/first" in shown.out


def event_number(event) -> int:
    return event.evaluation if isinstance(event, CandidateEvaluated) else 0


def test_ctrl_c_twice_ends_at_once_with_130(run, capsys):
    cleaned = []

    def events():
        try:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            yield StageStarted("never reached")
        finally:
            cleaned.append("up")

    assert run(events()) == 130
    assert cleaned == ["up"]
    assert "never reached" not in capsys.readouterr().err


def test_ctrl_c_before_there_is_a_mask_ends_with_130(run, capsys):
    def events():
        signal.raise_signal(signal.SIGINT)
        yield StageStarted("Reading the network")

    assert run(events()) == 130
    assert "before there was a mask" in capsys.readouterr().err


def test_signal_handlers_are_given_back(run):
    before = signal.getsignal(signal.SIGINT)
    run(make_events())
    assert signal.getsignal(signal.SIGINT) is before


def test_a_run_without_its_test_numbers_is_broken_off(run):
    report = make_report(pruned=make_report()["pruned"] | {"accuracy": None})
    assert run(iter_generator([RunReported("runs/first", report)])) == 130


def told_again(done):
    """What a run that was broken off after so many evaluations tells first, without stages."""
    yield SearchStarted(EVALUATIONS, 0.5, 40_000, 2_000, 0.926, 0.3, 0.2)
    yield from (make_candidate(evaluation) for evaluation in range(1, done + 1))


def test_a_run_that_goes_on_says_no_time_that_was_left_once(run, capsys):
    def resumed():
        yield from told_again(10)
        yield NoticeRaised("Going on after 10 of 20 evaluations.")
        yield StageStarted("Searching", EVALUATIONS)
        yield from (make_candidate(evaluation) for evaluation in range(11, EVALUATIONS + 1))
        yield SearchFinished(KEEP, 0.498, 0.72, 0.9, EVALUATIONS, {}, {}, False)
        yield RunReported("runs/first", make_report())

    assert run(resumed()) == 0
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[0] for line in lines if "s left" in line] == [
        f"{evaluation}/20" for evaluation in (12, 14, 16, 18, 20)
    ]
    assert lines[-5] == "  12/20  accuracy 68.3 %, MACs kept 49.8 %, 4 s left"


def test_a_run_that_is_rounded_says_no_progress_of_its_search(run, capsys):
    def rounded():
        yield from told_again(EVALUATIONS)
        yield SearchFinished(KEEP, 0.498, 0.72, 0.9, EVALUATIONS, {}, {}, False)
        yield StageStarted("Reading the test images")
        yield RunReported("runs/first", make_report())

    assert run(rounded()) == 0
    assert "left" not in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals are a thing of Unix")
def test_the_bar_of_a_run_that_goes_on_begins_where_it_was():
    import pty

    reader, writer = pty.openpty()
    with open(writer, "w") as terminal:
        screen = Screen(io.StringIO(), terminal)
        for event in (*told_again(10), StageStarted("Searching", EVALUATIONS)):
            assert screen._bar is None
            screen.show(event)
        screen.show(StageStarted("Searching in fewer images at once"))
        assert (screen._bar.n, screen._bar.initial, screen._bar.total) == (10, 10, EVALUATIONS)
        screen.close_bar()
    assert "10/20" in read_all(reader).decode()


@pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals are a thing of Unix")
@pytest.mark.parametrize("columns", [0, 120])  # some terminals do not know their width
def test_a_real_terminal_gets_a_bar_with_accuracy_macs_and_time(columns):
    import pty
    import termios

    reader, writer = pty.openpty()
    termios.tcsetwinsize(writer, (25, columns))
    out = io.StringIO()
    with open(writer, "w") as terminal:
        screen = Screen(out, terminal)
        for event in make_events(evaluations=2):
            screen.show(event)
            if isinstance(event, CandidateEvaluated):
                screen.say("a notice")
    shown = read_all(reader).decode()
    assert "\r" in shown
    assert "2/2, accuracy 68.3 %, MACs kept 49.8 %" in shown
    assert "left]" in shown
    assert "a notice" in shown
    assert "Files: runs/first" in out.getvalue()


def read_all(reader: int) -> bytes:
    """What is left in a pseudo-terminal whose other end is closed."""
    shown = b""
    try:
        while chunk := os.read(reader, 65_536):
            shown += chunk
    except OSError:  # Linux says so instead of giving nothing
        pass
    finally:
        os.close(reader)
    return shown


def test_what_was_not_reached_is_a_dash():
    report = make_report(
        parity={"hard_vs_soft": 1e-8, "reloaded": None, "onnx": None},
        thop={"macs": None, "difference": None},
    )
    report["pruned"] = report["pruned"] | {"accuracy": None}
    table = report_table(report, "x")
    assert "read back -" in table
    assert "thop: -" in table
    assert "The test images were not read." in table
    assert "Accuracy on the test images" not in table
    assert as_percent(None) == "-"


def test_labels_that_are_the_unpruned_networks_answers_are_told():
    told = "Without labels, accuracy is how often a network agrees with the unpruned one."
    assert told in report_table(make_report(is_labelled=False), "x")
    assert told not in report_table(make_report(), "x")


def test_cpu_seconds_are_no_part_of_the_time():
    seconds = {"total": 30.0, "cpu": 8.0, "evaluation": 19.0, "test": 11.0}
    time = "Time: 30.0 s in all (evaluation 19.0 s, test 11.0 s); the search took 8.0 CPU-seconds"
    assert time in report_table(make_report(seconds=seconds), "x")
    assert "Time: 30.0 s in all\n" in report_table(make_report(seconds={"total": 30.0}), "x")


def test_float16_is_told_where_it_was_compared():
    report = make_report(
        parity_float16={"onnx": 5.6e-4}, parity_float16_not_measured={"state": "no GPU."}
    )
    table = report_table(report, "x")
    assert "Parity in float16: ONNX Runtime 0.0006, pruned.pt not measured: no GPU." in table
    assert "float16" not in report_table(make_report(), "x")


def test_latency_is_a_table_of_its_own():
    row = {"runtime": "ONNX Runtime", "batch": 1, "threads": 2}
    row |= {"before_p50_ms": 3.0, "before_p95_ms": 3.5, "after_p50_ms": 2.0, "after_p95_ms": 2.25}
    note = "Fewer MACs are not faster here."
    table = report_table(make_report(latency=[row], latency_note=note), "x")
    shown = [line.split() for line in table.splitlines() if "ONNX Runtime   " in line]
    assert shown == [["ONNX", "Runtime", "1", "2", "3.00", "3.50", "2.00", "2.25", "1.50", "x"]]
    assert note in table
    assert "Latency" not in report_table(make_report(latency=[]), "x")


def test_a_refused_export_is_said_in_the_table():
    table = report_table(make_report(export_error="The export is refused."), "x")
    assert "Parity: nothing was exported" in table


def test_breaking_off_says_how_to_go_on(monkeypatch, capsys, tmp_path):
    def events():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        yield StageStarted("never reached")

    monkeypatch.setattr(headless, "_open_and_record", lambda *arguments: events())
    assert run_headless(RunConfig(), tmp_path / "my run") == 130
    assert f"espalier resume '{tmp_path}/my run'" in capsys.readouterr().err


def test_a_run_goes_on_in_the_terminal(monkeypatch, capsys, tmp_path):
    asked = []

    def resume(folder, allow_download, trust):
        asked.append((folder, allow_download, trust))
        return make_events()

    monkeypatch.setattr(headless, "_open_and_resume", resume)
    assert main(["resume", str(tmp_path), "--trust"]) == 0
    assert asked == [(tmp_path, False, True)]
    assert "runs/first" in capsys.readouterr().out


@pytest.mark.parametrize(("count", "told"), [(1, "before the widths"), (2, "rounds it again")])
def test_ctrl_c_while_rounding_points_at_no_resume(monkeypatch, capsys, tmp_path, count, told):
    def events():
        for _ in range(count):
            signal.raise_signal(signal.SIGINT)
        yield StageStarted("Preparing")

    monkeypatch.setattr(headless, "_open_and_round", lambda *arguments: events())
    assert main(["round", str(tmp_path)]) == 130
    shown = capsys.readouterr().err
    assert told in shown
    assert "resume" not in shown
    assert "nothing was written" not in shown


def test_ctrl_c_before_a_search_goes_on_leaves_it_as_it_was(monkeypatch, capsys, tmp_path):
    def events():
        signal.raise_signal(signal.SIGINT)
        yield StageStarted("Preparing")

    monkeypatch.setattr(headless, "_open_and_resume", lambda *arguments: events())
    assert main(["resume", str(tmp_path)]) == 130
    assert "the run is as it was" in capsys.readouterr().err


def test_what_is_no_run_cannot_go_on(capsys, tmp_path):
    assert main(["resume", str(tmp_path)]) == 2
    assert f"espalier: There is no run in {tmp_path}" in capsys.readouterr().err


def test_memory_that_runs_out_is_one_sentence_and_no_traceback(monkeypatch, tmp_path, capsys):
    def opening(*arguments):
        yield StageStarted("Preparing")
        raise MemoryError

    monkeypatch.setattr("app.headless._open_and_record", opening)
    assert run_headless(RunConfig(), tmp_path, is_quiet=True) == 2
    told = capsys.readouterr().err
    assert told.startswith("espalier: Memory ran out while working (MemoryError). Close other")
    assert "Traceback" not in told
