"""pruned.pt and pruned.json: written, read back, refused."""

import json

import numpy as np
import pytest
import torch

from core.errors import CheckpointError
from core.export import cut_network, describe_pruned, load_pruned
from core.export.pytorch import describe, kept_indices, state_bytes, write_state
from tests.core.export.opened import build_tiny, half_mask, open_tiny


@pytest.fixture(scope="module")
def pruned():
    opened = open_tiny()
    keep = half_mask(opened.analysis.groups.channel_count)
    module = cut_network(opened, keep, torch.device("cpu"))
    return describe_pruned(opened, keep, module, {"macs": 100, "macs_kept": 0.4}, accuracy=0.75)


@pytest.fixture
def folder(pruned, tmp_path):
    write_state(pruned, tmp_path)
    return tmp_path


def test_a_fresh_build_gives_the_same_logits_after_loading(pruned, folder):
    images = torch.randn(5, 3, 8, 8)
    loaded = load_pruned(build_tiny(), folder)
    assert torch.equal(loaded(images), pruned.module(images))
    assert not loaded.training


def test_the_json_file_can_be_named_itself(pruned, folder):
    loaded = load_pruned(build_tiny(), folder / "pruned.json")
    assert loaded.stem.weight.shape == (4, 3, 3, 3)
    assert loaded.depthwise.groups == 6


def test_loading_leaves_the_fresh_build_whole(folder):
    fresh = build_tiny()
    load_pruned(fresh, folder)
    assert fresh.stem.weight.shape == (8, 3, 3, 3)


def test_a_loaded_network_can_be_trained(folder):
    loaded = load_pruned(build_tiny(), folder)
    loaded(torch.randn(2, 3, 8, 8)).sum().backward()
    assert loaded.classifier.weight.grad is not None


def test_the_state_dict_loads_with_weights_only(folder):
    state = torch.load(folder / "pruned.pt", weights_only=True)
    assert state["widen.weight"].shape == (6, 4, 1, 1)
    assert state["norm.running_mean"].shape == (6,)


def test_the_state_dict_holds_no_more_than_its_numbers(pruned, folder):
    values = sum(t.numel() for t in torch.load(folder / "pruned.pt", weights_only=True).values())
    assert (folder / "pruned.pt").stat().st_size < 4 * values + 8_000
    assert state_bytes(pruned.module) == pytest.approx((folder / "pruned.pt").stat().st_size, 0.02)


def test_the_description_names_kept_channels_per_key_and_dimension(pruned):
    description = json.loads(describe(pruned))
    assert description["network"] == "tiny"
    assert description["checkpoint"] == "tiny.pt"
    assert description["accuracy"] == 0.75
    assert description["class_names"] == ["a", "b", "c", "d"]
    assert description["kept_channels"]["narrow.weight"] == {
        "0": [0, 2, 4, 6],
        "1": [0, 2, 4, 6, 8, 10],
    }
    assert "classifier.bias" not in description["kept_channels"]


def test_nothing_is_listed_where_nothing_was_removed(pruned):
    whole = describe_pruned(
        open_tiny(), np.ones_like(pruned.keep), pruned.module, {"macs": 1, "macs_kept": 1.0}
    )
    assert kept_indices(whole) == {}
    assert json.loads(describe(whole))["kept_channels"] == {}


def test_a_missing_description_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"pruned\.json"):
        load_pruned(build_tiny(), tmp_path)


def test_a_truncated_state_dict_is_refused(folder):
    content = (folder / "pruned.pt").read_bytes()
    (folder / "pruned.pt").write_bytes(content[: len(content) // 2])
    with pytest.raises(CheckpointError, match=r"pruned\.pt"):
        load_pruned(build_tiny(), folder)


def test_a_missing_state_dict_is_refused(folder):
    (folder / "pruned.pt").unlink()
    with pytest.raises(CheckpointError, match=r"pruned\.pt"):
        load_pruned(build_tiny(), folder)


class Malice:
    def __reduce__(self):
        return (exec, ("raise SystemExit('code ran')",))


def test_a_pickle_that_would_run_code_is_refused(folder):
    torch.save({"stem.weight": Malice()}, folder / "pruned.pt")
    with pytest.raises(CheckpointError, match="run code"):
        load_pruned(build_tiny(), folder)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON"),
        ("[]", "does not describe"),
        ('{"format": "espalier.report"}', "does not describe"),
        ('{"format": "espalier.pruned", "version": 99}', "format version '99'"),
        ('{"format": "espalier.pruned", "version": 1, "weights": 3}', "damaged"),
    ],
)
def test_a_broken_description_is_refused(folder, text, words):
    (folder / "pruned.json").write_text(text)
    with pytest.raises(CheckpointError, match=words):
        load_pruned(build_tiny(), folder)


@pytest.mark.parametrize("indices", [[2, 0], [0, 0], [-1, 2], ["0"], [True], 3])
def test_indices_that_are_no_choice_of_channels_are_refused(folder, indices):
    change(folder, lambda kept: kept.update({"stem.weight": {"0": indices}}))
    with pytest.raises(CheckpointError, match="damaged"):
        load_pruned(build_tiny(), folder)


@pytest.mark.parametrize("dims", [{"0": [0, 99]}, {"7": [0]}, {"0": [0, 1]}])
def test_indices_that_do_not_fit_the_network_are_refused(folder, dims):
    change(folder, lambda kept: kept.update({"stem.weight": dims}))
    with pytest.raises(CheckpointError, match=r"'stem\.weight' should be"):
        load_pruned(build_tiny(), folder)


def test_another_network_is_refused_by_its_keys(folder):
    other = build_tiny()
    other.extra = torch.nn.Linear(2, 2)
    with pytest.raises(CheckpointError, match=r"network 'tiny' .*missing 'extra\.weight'"):
        load_pruned(other, folder)


def test_another_class_count_is_refused(folder):
    other = build_tiny()
    other.classifier = torch.nn.Linear(8, 10)
    with pytest.raises(CheckpointError, match="class_count=4"):
        load_pruned(other, folder)


def change(folder, edit) -> None:
    file = folder / "pruned.json"
    description = json.loads(file.read_text())
    edit(description["kept_channels"])
    file.write_text(json.dumps(description))
