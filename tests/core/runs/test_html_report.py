"""report.html: one file, whole, escaped, and with the numbers of report.json."""

import json
import re
import shutil
from dataclasses import asdict
from html.parser import HTMLParser

import numpy as np
import pytest

from app.__main__ import main
from core.config import FinetuneConfig
from core.errors import RunError
from core.events import CandidateEvaluated, CriterionEvaluated, SearchStarted
from core.runs.event_log import LogHeader, event_line, header_line
from core.runs.files import write_arrays
from core.runs.finetune_file import FinetunedNetwork, FinetuneFile, TestScore, file_contents
from core.runs.html_report import html_report
from core.runs.html_svg import Level, Points, plot, strip

NASTY = "<script>alert('x')</script>&\n\"net"
KEEP = np.array([1, 1, 0, 0, 0, 1], dtype=np.bool_)


def make_run(folder, *, seed=0, accuracy=0.8, criterion=0.6, annealed=2.0, updates=(1, 2, 3)):
    folder.mkdir()
    (folder / "config.toml").write_text(
        f'network = "tiny"\n[search]\nseed = {seed}\nevaluations = 3\n# {NASTY.splitlines()[0]}\n'
    )
    report = {
        "network": NASTY,
        "dataset": NASTY,
        "seed": seed,
        "macs_budget": 0.5,
        "evaluations": 3,
        "baseline": {"accuracy": 0.9, "cross_entropy": 0.25, "macs": 2000, "params": 100},
        "pruned": {"accuracy": accuracy, "cross_entropy": 0.625, "macs": 1000, "macs_kept": 0.5},
        "criteria": {NASTY: {"accuracy": criterion, "cross_entropy": 1.5, "macs_kept": 0.49}},
        "parity": {"hard_vs_soft": 3e-7, "onnx": None},
        "thop": {"macs": 1001},
        "latency": [
            {"runtime": NASTY, "threads": 1, "batch": 1, "before_p50_ms": 3.0, "after_p50_ms": 2.0},
            "no row",
        ],
        "latency_note": NASTY,
        "opset": 20,
        "parity_float16": {"onnx": 6e-4, NASTY: 1},
        "parity_float16_limit": 0.01,
        "parity_float16_not_measured": {"state": NASTY},
        "peak_activation_bytes": {"baseline": 4096, "pruned": 2048},
        "images": {"test": 1000},
        "environment": {"torch": NASTY},
    }
    (folder / "report.json").write_text(json.dumps(report))
    events = [
        SearchStarted(3, 0.5, 2000, 100, 0.9, 0.3, 0.1, annealed_evaluations=annealed),
        CriterionEvaluated(NASTY, KEEP, 0.49, 0.6, 1.5),
        *(
            CandidateEvaluated(n + 1, update, KEEP, 0.5, 0.7, 1, -1, 0.7, True, n + 1)
            for n, update in enumerate(updates)
        ),
    ]
    header = header_line(LogHeader(NASTY, ((NASTY, 6),)))
    (folder / "events.jsonl").write_bytes(header + b"".join(map(event_line, events)))
    arrays = {
        "best": KEEP,
        "criteria": ~KEEP[None],
        "criteria_names": np.array([NASTY]),
        "group_of_channel": np.zeros(6, dtype=np.int64),
        "group_names": np.array([NASTY]),
    }
    write_arrays(folder / "masks.npz", arrays)
    return folder


class Reader(HTMLParser):
    """Collects what a browser would run, fetch and show; checks that tags close."""

    def __init__(self):
        super().__init__()
        self.tags, self.fetched, self.open, self.words = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.fetched += [value for name, value in attrs if name in ("src", "href", "action")]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def read(text):
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


def test_the_page_is_whole_alone_and_escaped(tmp_path):
    page = read(html_report(make_run(tmp_path / "run")))
    assert page.fetched == []
    assert "script" not in page.tags
    assert page.tags.count("svg") == 2 + 2  # two plots; the learned mask and the criterion's
    assert any(NASTY.split("\n")[0] in words for words in page.words)


def test_the_numbers_are_those_of_the_report(tmp_path):
    words = " ".join(read(html_report(make_run(tmp_path / "run"))).words)
    # Wilson's intervals of 800 and 600 of 1,000
    assert "80.0 % (77.4 to 82.4)" in words
    assert "60.0 % (56.9 to 63.0)" in words
    assert "0.625" in words
    assert "better by +20.0 points" in words
    assert "1,001" in words
    assert "3.0e-07" in words
    assert "3 of 6" in words
    assert "to the final one over the first 2 evaluations" in words


@pytest.mark.parametrize(
    ("annealed", "updates", "words"),
    [
        (0.0, (1, 2, 3), None),
        (2.0, (1, 1, 2), None),  # the first masks were held to the final budget already
        (2.5, (1, 1, 2), "to the final one over the first 2 evaluations"),  # of 2.5
        (
            8.0,
            (1, 1, 2),
            "over the first 8 evaluations, while the network adapted; the search ended "
            "after 3, so that its masks keep more",
        ),
        (8.0, (), None),
    ],
)
def test_the_budget_falls_as_far_as_it_fell(tmp_path, annealed, updates, words):
    page = html_report(make_run(tmp_path / "run", annealed=annealed, updates=updates))
    assert ("budget" in page and words in page) if words else "The budget" not in page


def test_masks_that_were_only_charged_are_not_said_to_have_kept_more(tmp_path):
    folder = make_run(tmp_path / "run")
    (folder / "config.toml").write_text('[search]\nmethod = "agent"\nconstraint = "lagrange"\n')
    page = html_report(folder)
    assert "above which masks cost reward, was to fall" in page
    assert "keep more, and" not in page


def test_float16_and_the_opset_are_told(tmp_path):
    words = " ".join(read(html_report(make_run(tmp_path / "run"))).words)
    assert "6.0e-04" in words
    assert "Up to 1.0e-02 counts" in words
    assert "opset 20" in words
    assert "Not measured: pruned.pt in float16, and the masked network: <script>" in words


def test_the_fine_tuned_network_is_told_with_all_that_was_measured_again(tmp_path):
    folder = make_run(tmp_path / "run")
    assert "Fine-tuned network" not in html_report(folder)
    before, after = TestScore(0.75, 0.9, 0.8), TestScore(0.875, 0.42, 0.31)
    measured = {
        "file_bytes": {"baseline": 8192, "pruned": 5120},
        "latency": [{"runtime": NASTY, "before_p50_ms": 3.0, "after_p50_ms": 1.5}],
        "parity_float16": {"onnx": 7e-4},
    }
    file = FinetuneFile(
        training=NASTY,
        training_images=4068,
        networks=(FinetunedNetwork(NASTY, 0.5, before, after, 2, 3),),
        settings={"epochs": 3, NASTY: NASTY},
        parity={"onnx": 4e-7},
        measured=measured,
    )
    (folder / "finetune.json").write_text(json.dumps(file_contents(file)))
    words = " ".join(read(html_report(folder)).words)
    assert "Fine-tuned network" in words
    for told in ("87.5 %", "0.310", "2 of 3", "4,068", "7.0e-04", "4.0e-07", "2.00 x", "5 KiB"):
        assert told in words


def test_each_way_to_load_the_network_is_told(tmp_path):
    folder = make_run(tmp_path / "run")
    about = {"input_shape": [1, 8, 8], "mean": [0.5], "std": [0.25], "class_names": ["a", NASTY]}
    (folder / "pruned.json").write_text(json.dumps(about))
    ways = {
        "pruned.pt2": "torch.export.load",
        "pruned.pt": "load_pruned(YourNetwork())",
        "pruned.onnx": "InferenceSession",
    }
    for name, told in ways.items():
        assert told not in html_report(folder)  # there is no such file
        (folder / name).touch()
    words = " ".join(read(html_report(folder)).words)
    for told in (*ways.values(), "(N, 1, 8"):
        assert told in words
    assert "pruned_float16.onnx" not in words.partition("Loading the smaller network")[2]
    (folder / "pruned_float16.onnx").touch()
    assert "pruned_float16.onnx reads and gives float16" in html_report(folder)


@pytest.mark.parametrize(
    ("settings", "changes", "told"),
    [
        ({"method": "agent"}, {}, "An agent (a policy trained by PPO) proposed masks that keep at"),
        ({"method": "gates"}, {}, "(hard concrete) proposed masks that keep at most 50.0 % of its"),
        ({"method": "l1"}, {}, "Nothing was searched: the mask, of at most 50.0 % of its MACs"),
        ({"method": "proposal"}, {}, "is that of an agent that was trained before."),
        (
            {"method": "agent", "constraint": "lagrange"},
            {},
            "proposed masks and paid for those that keep more than 50.0 %",
        ),
        ({"method": "random", "constraint": "lagrange"}, {}, "A random search proposed masks that"),
        ({"method": "agent"}, {"evaluations": 0}, "is that of the best criterion so far."),
        ({"method": "agent"}, {"pruned": {}}, "The test images were not read."),
        ({}, {}, "A search proposed masks that keep at most"),
        ({}, {"is_labelled": False}, "The images have no labels: what is right is what the"),
    ],
)
def test_who_proposed_the_masks_is_told_as_it_was(tmp_path, settings, changes, told):
    folder = make_run(tmp_path / "run")
    report = json.loads((folder / "report.json").read_text())
    (folder / "report.json").write_text(json.dumps(report | changes))
    lines = [f'{name} = "{value}"\n' for name, value in settings.items()]
    (folder / "config.toml").write_text("[search]\n" + "".join(lines))
    assert told in html_report(folder)


def test_a_learned_mask_that_is_a_criterions_is_called_so(tmp_path):
    folder = make_run(tmp_path / "run")
    assert "The learned mask is that of" not in html_report(folder)
    with np.load(folder / "masks.npz") as arrays:
        same = {**arrays, "criteria": KEEP[None], "criteria_names": np.array(["l1_uniform"])}
    write_arrays(folder / "masks.npz", same)
    assert "The learned mask is that of l1_uniform." in html_report(folder)


def test_a_run_without_exports_says_so_and_how_to_load_what_was_fine_tuned(tmp_path):
    folder = make_run(tmp_path / "run")
    report = json.loads((folder / "report.json").read_text())
    assert "exported nothing" not in html_report(folder)
    report["parity"] = {"hard_vs_soft": None, "onnx": None}
    (folder / "report.json").write_text(json.dumps(report))
    page = html_report(folder)
    assert "The run exported nothing." in page
    assert "Loading the smaller network" not in page
    (folder / "finetuned").mkdir()
    (folder / "finetuned" / "pruned.pt2").touch()
    assert "torch.export.load" in html_report(folder)


def test_a_page_that_a_browser_may_not_fetch_anything_for(tmp_path):
    assert "default-src 'none'" in html_report(make_run(tmp_path / "run"))


def test_runs_that_differ_in_their_seed_are_judged_together(tmp_path):
    for seed, accuracy in enumerate((0.80, 0.82, 0.84)):
        make_run(tmp_path / f"run-{seed}", seed=seed, accuracy=accuracy)
    words = " ".join(read(html_report(tmp_path / "run-1")).words)
    assert "1,000 test images, 3 seeds the learned mask, with at most 50.0 % of its MACs, " in words
    assert "is right in 82.0 %" in words


def change(folder, **changes):
    report = json.loads((folder / "report.json").read_text())
    (folder / "report.json").write_text(json.dumps(report | changes))


def finetune(folder, accuracy, *, is_stopped=False, settings=None, **criteria):
    tuned = [FinetunedNetwork("learned", after=TestScore(accuracy), is_stopped=is_stopped)]
    tuned += [FinetunedNetwork(name, after=TestScore(value)) for name, value in criteria.items()]
    contents = file_contents(FinetuneFile(networks=tuple(tuned), settings=settings))
    (folder / "finetune.json").write_text(json.dumps(contents))


def test_what_was_stopped_is_not_averaged_with_what_was_not(tmp_path):
    runs = [make_run(tmp_path / f"run-{seed}", seed=seed, accuracy=0.8) for seed in range(3)]
    change(make_run(tmp_path / "run-3", seed=3, accuracy=0.4), stopped=True)
    assert "1,000 test images, 3 seeds the learned mask" in html_report(runs[0])
    assert "is right in 80.0 %" in html_report(runs[0])
    words = html_report(tmp_path / "run-3")
    assert "On 1,000 test images the learned mask" in words and "is right in 40.0 %" in words


def test_a_fine_tuning_that_was_stopped_is_not_averaged_with_whole_ones(tmp_path):
    runs = [make_run(tmp_path / f"run-{seed}", seed=seed) for seed in range(3)]
    for run in runs[:2]:
        finetune(run, 0.86)
    finetune(runs[2], 0.5, is_stopped=True, l1_uniform=0.7)
    assert "86.0 % (" in html_report(runs[0]) and "74.0 % (" not in html_report(runs[0])
    assert "50.0 % (" in html_report(runs[2]) and "74.0 % (" not in html_report(runs[2])
    assert "3 seeds" in html_report(runs[2])  # the searches are whole
    left_out = "Left out after fine-tuning, which was stopped early: learned of seed 2."
    assert left_out in html_report(runs[0])
    with_it = "Left out with the learned network of their run: l1_uniform of seed 2."
    assert with_it in html_report(runs[0])
    alone = "The fine-tuning was stopped early: it is compared with nothing"
    assert f"{alone}, and those of other seeds are left out." in html_report(runs[2])
    for run in runs[:2]:
        shutil.rmtree(run)
    assert f"{alone}.<" in html_report(runs[2])


def test_fine_tunings_of_other_settings_are_left_out_and_named(tmp_path):
    runs = [make_run(tmp_path / f"run-{seed}", seed=seed) for seed in range(4)]
    for seed, (run, epochs) in enumerate(zip(runs, (20, 20, 5, 20), strict=True)):
        accuracy = 0.86 if epochs == 20 else 0.5
        finetune(run, accuracy, settings=asdict(FinetuneConfig(epochs=epochs, seed=seed)))
    words = html_report(runs[0])
    assert "86.0 % (" in words
    assert "Left out after fine-tuning, which had other settings: seed 2." in words
    finetune(runs[2], 0.86, settings=asdict(FinetuneConfig(epochs=20)))
    assert "Left out" not in html_report(runs[0])


def test_intervals_of_too_few_fine_tunings_are_not_said_to_be_over_seeds(tmp_path):
    runs = [make_run(tmp_path / f"run-{seed}", seed=seed) for seed in range(3)]
    of_images = "those of methods with fewer than three: of the test images alone."
    assert of_images not in html_report(runs[0])
    for run, epochs in zip(runs, (20, 5, 5), strict=True):
        finetune(run, 0.86, settings=asdict(FinetuneConfig(epochs=epochs)))
    assert of_images in html_report(runs[0])
    for run in runs:
        finetune(run, 0.86)
    assert of_images not in html_report(runs[0])


def test_criteria_that_were_not_tested_are_not_said_to_be_missing(tmp_path):
    folder = make_run(tmp_path / "run")
    change(folder, criteria={"l1_uniform": {"accuracy": None, "macs_kept": 0.49}})
    assert "The criteria's masks were not tested (test_criteria = false)" in " ".join(
        read(html_report(folder)).words
    )
    finetune(folder, 0.86, l1_uniform=0.7)
    words = " ".join(read(html_report(folder)).words)
    assert "Before fine-tuning the criteria's masks were not tested" in words
    assert "best criterion (l1_uniform): better by +16.0 points" in words
    assert "nothing to compare" not in words
    assert "70.0 % (67.1 to 72.8)" in words  # Wilson's interval of 700 of 1,000
    (folder / "finetune.json").unlink()
    change(folder, criteria={})
    assert "There is no criterion to compare with." in html_report(folder)


@pytest.mark.parametrize(
    ("changes", "title", "command", "words"),
    [
        ({}, "Reproducing it", "espalier search --config config.toml", "the numbers are the same"),
        ({"stopped": True}, "Searching again", "espalier search --config", "the numbers are other"),
        (
            {"further_budgets": {"latency": {"budget": 0.5, "kept": 0.4}}},
            "Searching again",
            "espalier search --config config.toml",
            "measured anew, so that the numbers come near these",
        ),
        (
            {"rounded": {"from": "my run", "to": 8}, "stopped": True},
            "Reproducing it",
            "espalier round 'my run' --to 8 --macs-budget 0.5",
            "The widths were rounded after a search",
        ),
        ({"rounded": {"from": 3}}, "Reproducing it", "espalier search --config", "same"),
    ],
)
def test_only_what_can_be_reproduced_is_said_to_be(tmp_path, changes, title, command, words):
    folder = make_run(tmp_path / "run")
    change(folder, **changes)
    page = " ".join(read(html_report(folder)).words)
    assert (title in page) and (command in page) and (words in page)
    assert ({"Reproducing it", "Searching again"} - {title}).pop() not in page


def test_a_tie_is_called_a_tie(tmp_path):
    folder = make_run(tmp_path / "run", accuracy=0.61)
    assert "no measurable difference (+1.0 points (" in html_report(folder)


def test_a_worse_mask_is_not_called_worse_by_less_than_nothing(tmp_path):
    folder = make_run(tmp_path / "run", accuracy=0.4)
    assert "before any fine-tuning: worse: -20.0 points (-24." in html_report(folder)


@pytest.mark.parametrize("name", ["events.jsonl", "masks.npz", "config.toml"])
def test_what_is_missing_or_broken_leaves_the_rest(tmp_path, name):
    folder = make_run(tmp_path / "run")
    (folder / name).write_bytes(b"\x00nonsense")
    read(html_report(folder))
    (folder / name).unlink()
    assert "80.0 %" in " ".join(read(html_report(folder)).words)


@pytest.mark.parametrize("text", ["{", "[]", "[" * 100_000, '{"pruned": [1e999]}', "{}"])
def test_a_report_that_holds_anything_is_shown_or_refused(tmp_path, text):
    folder = make_run(tmp_path / "run")
    (folder / "report.json").write_text(text)
    try:
        assert "test images were not read" in html_report(folder)
    except RunError as error:
        assert "no finished run" in str(error)


def test_the_page_is_written_again_from_the_terminal(tmp_path, capsys):
    folder = make_run(tmp_path / "run")
    assert main(["report", str(folder)]) == 0
    assert capsys.readouterr().out == f"{folder / 'report.html'}\n"
    assert "80.0 %" in (folder / "report.html").read_text()
    shutil.rmtree(folder)
    assert main(["report", str(folder)]) == 2
    assert "There is no finished run" in capsys.readouterr().err


def test_a_comparison_is_said_to_be_one(tmp_path, capsys):
    (tmp_path / "comparison.json").write_text("{}")
    assert main(["report", str(tmp_path)]) == 2
    refusal = capsys.readouterr().err
    assert f"There is a comparison in {tmp_path}, not one run. Its table is in compar" in refusal
    assert "resume" not in refusal


def test_a_strip_is_high_where_channels_stay():
    rects = re.findall(
        r'<rect class="(\w+)" x="(\d+)" y="\d+" width="(\d+)" height="(\d+)"',
        strip(KEEP, "learned"),
    )
    assert rects == [
        ("learned", "0", "8", "14"),
        ("gone", "8", "12", "3"),
        ("learned", "20", "4", "14"),
    ]


def test_points_that_are_no_numbers_are_left_out():
    nan = float("nan")
    points = Points("p", "candidate", np.array([0.0, 1.0, 10.0]), np.array([0.0, nan, 10.0]))
    drawn = plot([points], [Level("l", "criteria", nan)], x_label="x", y_label="y (%)")
    assert drawn.count("h.01") == 2
    assert "M56.0 236.0h.01M696.0 12.0h.01" in drawn  # the corners of the plot
    empty = Points("p", "candidate", np.empty(0), np.empty(0))
    assert plot([empty], [], x_label="x", y_label="y") == "<p>Nothing was measured.</p>"


def test_an_axis_of_accuracies_ends_at_a_hundred():
    alike = Points("p", "candidate", np.array([0.0, 10.0]), np.array([100.0, 100.0]))
    drawn = plot([alike], [], x_label="x", y_label="y (%)", y_limits=(0.0, 100.0))
    assert re.findall(r'text-anchor="end">([\d.]+)<', drawn) == ["99.4", "99.6", "99.8", "100.0"]
    assert "M56.0 12.0h.01" in drawn  # at the top of the plot
