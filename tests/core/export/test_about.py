"""What an exported file says about itself."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core.errors import ExportError
from core.export.about import about_pruned, read_about, run_name, write_about
from core.export.onnx import check_onnx
from core.export.pruned import describe_pruned
from tests.core.export.opened import half_mask, open_tiny


@pytest.fixture(scope="module")
def pruned():
    opened = open_tiny()
    keep = half_mask(opened.analysis.groups.channel_count)
    costs = {"macs": 123, "macs_kept": 0.4375}
    return describe_pruned(opened, keep, torch.nn.Identity(), costs, accuracy=0.8125)


def test_the_accuracy_is_said_with_its_images(pruned):
    about = about_pruned(pruned, Path("runs/first"))
    assert about["accuracy"] == "0.8125"
    assert about["accuracy_images"] == "the 40 test images of random"
    assert (about["macs"], about["macs_kept"]) == ("123", "0.4375")
    assert about["input"].startswith("float32 (batch, 3, 8, 8)")


def test_an_accuracy_that_nobody_read_is_not_said(pruned):
    assert "accuracy" not in about_pruned(replace(pruned, accuracy=None), Path("runs/first"))


def test_a_run_is_named_without_its_place_on_the_machine():
    assert run_name(Path("somewhere/runs/first")) == "first"
    assert run_name(Path("somewhere/runs/first/finetuned")) == "first/finetuned"


def test_what_is_left_for_the_converters_is_read_back(tmp_path, pruned):
    about = about_pruned(pruned, tmp_path)
    assert read_about(tmp_path) == {}
    write_about(about, tmp_path)
    assert read_about(tmp_path) == about


def test_an_onnx_file_that_is_none_is_refused(tmp_path):
    import onnx

    broken = onnx.helper.make_model(
        onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "g", [], [])
    )
    onnx.save(broken, str(tmp_path / "x.onnx"))
    with pytest.raises(ExportError, match="checker refuses"):
        check_onnx(tmp_path / "x.onnx")
