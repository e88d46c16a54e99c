"""From the mask to the files, and what is refused on the way."""

import dataclasses
from functools import partial

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from core.config import RunConfig
from core.errors import ConfigError, ExportError, ParityError
from core.evaluation import class_logits
from core.events import ExportFinished, NoticeRaised, StageAdvanced, StageStarted
from core.export import EXPORTERS, cut_network, export_pruned, load_pruned
from core.export.half import HALF_LIMIT
from core.export.onnx import read_metadata, written_opset
from core.export.verify import Reader
from core.pruning.verification import random_keep
from tests.core.export.opened import build_tiny, half_mask, open_network, open_tiny
from tests.networks import build
from tests.unusual_networks import UNUSUAL

FILES = {"pruned.pt", "pruned.json", "load_pruned.py", "pruned.pt2", "pruned.onnx"}


@pytest.fixture(autouse=True)
def _tiny_has_a_name(monkeypatch):
    monkeypatch.setattr("core.export.pruned.build_network", lambda name, **shape: build_tiny())


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """One real export of everything: its folder, its events, the network that was written."""
    folder = tmp_path_factory.mktemp("export") / "new"
    opened = open_tiny()
    keep = half_mask(opened.analysis.groups.channel_count)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.export.pruned.build_network", lambda name, **shape: build_tiny())
        events = list(export_pruned(opened, keep, folder, config=RunConfig()))
    return folder, events, cut_network(opened, keep, torch.device("cpu"))


def test_all_files_are_there_and_nothing_else(exported):
    folder, events, _ = exported
    assert {file.name for file in folder.iterdir()} == FILES
    assert isinstance(events[-1], ExportFinished)
    assert {file.rsplit("/", 1)[-1] for file in events[-1].files} == FILES


def test_every_check_is_far_below_the_limit(exported):
    parity = exported[1][-1].parity
    assert set(parity) == {"hard_vs_soft", "reloaded", "onnx"}
    assert all(value < 1e-5 for value in parity.values())


def test_float16_is_measured_and_not_written_unless_asked_for(exported):
    folder, events, _ = exported
    last = events[-1]
    assert set(last.half) == {"onnx", "state", "program"}
    assert all(1e-6 < value < HALF_LIMIT for value in last.half.values())
    assert last.half_not_measured == {}
    assert not (folder / "pruned_float16.onnx").exists()


def test_a_stop_finds_a_gap_before_each_slow_step(exported):
    stages = [event.stage for event in exported[1] if isinstance(event, StageStarted)]
    assert "Converting to PyTorch and ONNX" in stages
    assert StageAdvanced(0) in exported[1]


@pytest.mark.parametrize("batch", [1, 3, 64])
def test_onnx_runtime_gives_the_same_logits(exported, batch):
    folder, _, module = exported
    images = torch.randn(batch, 3, 8, 8)
    session = onnxruntime.InferenceSession(str(folder / "pruned.onnx"))
    (logits,) = session.run(None, {"images": images.numpy()})
    with torch.no_grad():
        np.testing.assert_allclose(logits, module(images).numpy(), atol=1e-5)


@pytest.mark.parametrize("batch", [1, 3, 64])
def test_the_program_gives_the_same_logits_without_our_code(exported, batch):
    folder, _, module = exported
    images = torch.randn(batch, 3, 8, 8)
    program = torch.export.load(folder / "pruned.pt2").module()
    with torch.no_grad():
        assert torch.allclose(program(images), module(images), atol=1e-5)


def test_the_state_dict_gives_the_same_logits(exported):
    folder, _, module = exported
    images = torch.randn(4, 3, 8, 8)
    with torch.no_grad():
        assert torch.equal(load_pruned(build_tiny(), folder)(images), module(images))


def test_the_onnx_file_names_its_batch_and_no_place_on_this_machine(exported):
    path = exported[0] / "pruned.onnx"
    written = onnx.load(str(path))
    assert written.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
    assert written.graph.output[0].name == "logits"
    assert written_opset(path) >= 18
    assert b".py" not in path.read_bytes()


def test_the_onnx_file_says_what_it_is_and_how_to_feed_it(exported):
    about = read_metadata(exported[0] / "pruned.onnx")
    assert about["run"] == "new"
    assert about["network"] == "tiny"
    assert about["mean"] == "[0.5, 0.5, 0.5]"
    assert about["class_names"] == '["a", "b", "c", "d"]'
    assert 0 < float(about["macs_kept"]) < 1
    assert about["espalier_version"][0].isdigit()
    assert "accuracy" not in about  # nobody has read the test images


def export_by(monkeypatch, folder, **changes):
    """Export with a stand-in for the ONNX exporter."""
    stand_in = dataclasses.replace(EXPORTERS["onnx"], **{"convert": None, **changes})
    monkeypatch.setitem(EXPORTERS, "onnx", stand_in)
    opened = open_tiny()
    keep = half_mask(opened.analysis.groups.channel_count)
    return export_pruned(opened, keep, folder, formats=("onnx",), config=RunConfig())


def write_stub(pruned, folder):
    (folder / "pruned.onnx").write_text("new")


def true_reader(pruned) -> Reader:
    return lambda images: class_logits(pruned.module(images)).detach().numpy()


def test_another_function_is_refused_and_no_file_is_left(monkeypatch, tmp_path):
    (tmp_path / "pruned.onnx").write_text("old")
    events = export_by(
        monkeypatch,
        tmp_path,
        write=write_stub,
        readers=lambda pruned, folder: iter([lambda images: true_reader(pruned)(images) + 0.1]),
    )
    with pytest.raises(ParityError, match="ONNX Runtime"):
        list(events)
    assert [(f.name, f.read_text()) for f in tmp_path.iterdir()] == [("pruned.onnx", "old")]


def test_a_stop_in_the_middle_leaves_nothing_behind(monkeypatch, tmp_path):
    events = export_by(monkeypatch, tmp_path, write=write_stub)
    for event in events:
        if event == StageStarted("Reading pruned.onnx back"):
            break
    assert len(list(tmp_path.iterdir())) == 1
    events.close()
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_said_in_one_sentence(monkeypatch, tmp_path):
    def write(pruned, folder):
        raise OSError(28, "No space left on device")

    with pytest.raises(ExportError, match=r"No space left on device\. Make room"):
        list(export_by(monkeypatch, tmp_path, write=write))


def test_a_file_that_cannot_be_read_back_is_refused(monkeypatch, tmp_path):
    with pytest.raises(ExportError, match=r"Cannot read pruned\.onnx back"):
        list(export_by(monkeypatch, tmp_path, write=write_stub))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    opened = open_tiny()
    keep = half_mask(opened.analysis.groups.channel_count)
    with pytest.raises(ExportError, match="choose another folder"):
        list(export_pruned(opened, keep, tmp_path / "file" / "x", config=RunConfig()))


def test_an_unknown_format_is_refused_with_the_known_ones(tmp_path):
    opened = open_tiny()
    keep = half_mask(opened.analysis.groups.channel_count)
    with pytest.raises(ConfigError, match="onnx, pytorch"):
        list(export_pruned(opened, keep, tmp_path, formats=("tflite",), config=RunConfig()))


def test_removed_channels_that_still_speak_are_noticed(monkeypatch, tmp_path):
    # The masked twin must be silent where the network was cut; here it is not.
    monkeypatch.setattr("core.export.pruned.mask_state", lambda plan, state, keep: state)
    with pytest.raises(ParityError, match="the cut network against the masked one"):
        list(export_by(monkeypatch, tmp_path, write=write_stub, readers=lambda p, f: iter(())))


@pytest.mark.parametrize(
    ("name", "formats"),
    [
        ("GroupNormalised", ("pytorch",)),
        ("SmallConvNeXt", ("pytorch",)),
        ("SmallVit", ("pytorch", "onnx")),
    ],
)
def test_approximate_cuts_are_exported_as_they_were_cut_and_said(
    monkeypatch, tmp_path, name, formats
):
    build_again = partial(build, UNUSUAL[name])
    monkeypatch.setattr("core.export.pruned.build_network", lambda *_, **__: build_again(seed=9))
    opened = open_network(build_again())
    keep = random_keep(opened.analysis, seed=1)
    events = list(export_pruned(opened, keep, tmp_path, formats=formats, config=RunConfig()))
    exported = events[-1]
    assert isinstance(exported, ExportFinished)
    layer = exported.approximate[0]
    (notice,) = [event.message for event in events if isinstance(event, NoticeRaised)]
    assert layer in notice
    assert "statistics depend on the width" in notice
    assert exported.parity["hard_vs_soft"] > 1e-3
    assert set(exported.parity) == {"hard_vs_soft", "reloaded"} | ({"onnx"} & set(formats))
    assert all(value < 1e-5 for name, value in exported.parity.items() if name != "hard_vs_soft")


def test_a_mask_that_spares_the_approximate_channels_must_equal_its_cut(monkeypatch, tmp_path):
    build_again = partial(build, UNUSUAL["Transformer"])
    monkeypatch.setattr("core.export.pruned.build_network", lambda *_, **__: build_again(seed=9))
    opened = open_network(build_again())
    exact = [group for group in opened.analysis.groups.groups if not group.approximate]
    keep = random_keep(opened.analysis, groups=exact, seed=1)
    events = list(export_pruned(opened, keep, tmp_path, formats=("pytorch",), config=RunConfig()))
    assert events[-1].approximate == ()
    assert events[-1].parity["hard_vs_soft"] < 1e-5
