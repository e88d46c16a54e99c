import argparse
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from core.errors import CheckpointError, NetworkError
from core.events import NoticeRaised
from core.networks import FoundNetwork, build_network, find_network, load_network, open_network
from core.networks.checkpoints import read_checkpoint

NAME = "cifar_resnet20"
COLOUR = (3, 32, 32)


class RunsCode:
    """Its pickle would make a folder when it is opened."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.folder),)


@pytest.fixture
def state() -> dict[str, Tensor]:
    module = build_network(NAME, class_count=10, input_shape=COLOUR)
    return {key: value + 1 for key, value in module.state_dict().items()}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "weights.pt"


def open_saved(path: Path, content: Any, classes: int = 10, channels: int = 3) -> nn.Module:
    torch.save(content, path)
    shape = (channels, 32, 32)
    return open_network(NAME, str(path), class_count=classes, input_shape=shape).module


@pytest.mark.parametrize("nest", ["state_dict", "model", "net", "model_state_dict", "my_network"])
@pytest.mark.parametrize("prefix", ["", "module.", "model.", "_orig_mod.module.", "backbone.x."])
def test_nested_and_prefixed_checkpoints_load(
    path: Path, state: dict[str, Tensor], nest: str, prefix: str
) -> None:
    inner = {prefix + key: value for key, value in state.items()}
    module = open_saved(path, {nest: inner, "epoch": 3})
    assert torch.equal(module.state_dict()["linear.bias"], state["linear.bias"])


def test_wrappers_in_the_middle_of_keys_are_taken_off(path: Path, state: dict[str, Tensor]) -> None:
    inner = {key.replace("layer1.", "layer1._orig_mod."): v for key, v in state.items()}
    module = open_saved(path, inner)
    assert torch.equal(module.state_dict()["layer1.0.conv1.weight"], state["layer1.0.conv1.weight"])


def test_an_average_of_weights_is_read(path: Path) -> None:
    network = build_network("cifar_resnet20", class_count=10, input_shape=(3, 32, 32))
    averaged = torch.optim.swa_utils.AveragedModel(network)
    module = open_saved(path, averaged.state_dict())
    assert torch.equal(module.state_dict()["bn1.weight"], network.state_dict()["bn1.weight"])


def test_counters_of_thop_and_what_lies_beside_the_network_are_left_out(
    path: Path, state: dict[str, Tensor]
) -> None:
    inner = {f"model.{key}": value for key, value in state.items()}
    inner |= {"model.conv1.total_ops": torch.zeros(1), "model.total_params": torch.zeros(1)}
    inner["loss.weight"] = torch.ones(10)
    module = open_saved(path, inner)
    assert torch.equal(module.state_dict()["bn1.weight"], state["bn1.weight"])


def open_told(path: Path, content: Any) -> tuple[nn.Module, list[str]]:
    """Open a checkpoint and keep what is told of it."""
    torch.save(content, path)
    events = load_network(build_found(), str(path), 10, COLOUR)
    told = []
    while True:
        try:
            event = next(events)
        except StopIteration as stop:
            return stop.value.module, told
        told += [event.message] if isinstance(event, NoticeRaised) else []


def build_found() -> FoundNetwork:
    with pytest.raises(StopIteration) as found:
        next(find_network(NAME))
    return found.value.value


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ("model.", "ema.", "under 'model' and others under 'ema'"),
        ("ema_model.module.", "model.", "under 'ema_model' and others under 'model'"),
        ("", "ema.", "without a prefix and others under 'ema'"),
        ("net.", "net.ema.", "under 'net' and others under 'net.ema'"),
    ],
)
def test_of_two_whole_copies_it_is_told_which_is_used(
    path: Path, state: dict[str, Tensor], first: str, second: str, words: str
) -> None:
    content = {f"{first}{key}": value for key, value in state.items()}
    content |= {f"{second}{key}": value + 1 for key, value in state.items()}
    module, told = open_told(path, content)
    assert torch.equal(module.state_dict()["bn1.weight"], state["bn1.weight"])
    assert len(told) == 1 and f"holds weights of this network {words}. Those" in told[0]


@pytest.mark.parametrize("nests", [("state_dict", "model_ema"), ("net", "ema")])
def test_of_two_nested_copies_it_is_told_which_is_used(
    path: Path, state: dict[str, Tensor], nests: tuple[str, str]
) -> None:
    averaged = {f"module.{key}": value + 1 for key, value in state.items()}
    content = {nests[1]: averaged, nests[0]: state, "epoch": 3}
    module, told = open_told(path, content)
    assert torch.equal(module.state_dict()["bn1.weight"], state["bn1.weight"])
    assert len(told) == 1 and f"under '{nests[0]}' and others under '{nests[1]}'" in told[0]


def test_a_copy_of_the_same_weights_or_of_another_network_is_not_worth_a_word(
    path: Path, state: dict[str, Tensor]
) -> None:
    inner = {f"{prefix}{k}": v for prefix in ("net.", "loss.net.") for k, v in state.items()}
    assert open_told(path, inner)[1] == []
    narrow = {key: value[:1] for key, value in state.items() if value.ndim}
    assert open_told(path, {"state_dict": state, "ema": narrow})[1] == []


def test_masks_of_pytorchs_own_pruning_are_folded_in(path: Path, state: dict[str, Tensor]) -> None:
    mask = (torch.arange(640).view(10, 64) % 2).float()
    inner = {f"module.{key}": value for key, value in state.items()}
    inner["module.linear.weight_orig"] = inner.pop("module.linear.weight")
    module = open_saved(path, inner | {"module.linear.weight_mask": mask})
    assert torch.equal(module.state_dict()["linear.weight"], state["linear.weight"] * mask)


def test_missing_batch_counters_do_not_matter(path: Path, state: dict[str, Tensor]) -> None:
    kept = {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}
    assert open_saved(path, kept).state_dict()["bn1.num_batches_tracked"] == 0


def test_harmless_numpy_numbers_and_arguments_are_read(
    path: Path, state: dict[str, Tensor]
) -> None:
    content = {"state_dict": state, "best": np.float64(0.9), "args": argparse.Namespace(lr=0.1)}
    module = open_saved(path, content)
    assert torch.equal(module.state_dict()["conv1.weight"], state["conv1.weight"])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_float_types_become_float32(
    path: Path, state: dict[str, Tensor], dtype: torch.dtype
) -> None:
    inner = {k: v.to(dtype) if v.is_floating_point() else v for k, v in state.items()}
    module = open_saved(path, inner)
    assert {parameter.dtype for parameter in module.parameters()} == {torch.float32}


@pytest.mark.parametrize("dtype", [torch.complex64, torch.int8])
def test_weights_that_are_not_real_numbers_are_refused(
    path: Path, state: dict[str, Tensor], dtype: torch.dtype
) -> None:
    state["layer1.0.conv1.weight"] = state["layer1.0.conv1.weight"].to(dtype)
    with pytest.raises(CheckpointError, match=r"'layer1\.0\.conv1\.weight' is (complex64|int8)"):
        open_saved(path, state)


def test_two_copies_with_sparse_weights_are_refused_in_a_sentence(
    path: Path, state: dict[str, Tensor]
) -> None:
    state["linear.weight"] = state["linear.weight"].to_sparse()
    inner = {f"{prefix}{k}": v for prefix in ("model.", "ema.") for k, v in state.items()}
    with pytest.raises(CheckpointError, match=r"weight 'linear\.weight' is sparse"):
        open_saved(path, inner)


@pytest.mark.filterwarnings("ignore:Sparse CSR")
@pytest.mark.parametrize("layout", [torch.sparse_coo, torch.sparse_csr])
def test_sparse_weights_are_refused_with_what_to_do(
    path: Path, state: dict[str, Tensor], layout: torch.layout
) -> None:
    state["linear.weight"] = state["linear.weight"].to_sparse(layout=layout)
    with pytest.raises(CheckpointError, match=r"'linear\.weight' is sparse .*densely\."):
        open_saved(path, state)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_nan_and_infinite_weights_are_refused_with_their_key(
    path: Path, state: dict[str, Tensor], value: float
) -> None:
    state["layer2.1.bn2.running_var"][5] = value
    with pytest.raises(CheckpointError, match=r"1 of 32 values in 'layer2\.1\.bn2\.running_var'"):
        open_saved(path, state)


def test_a_float64_weight_too_large_for_float32_is_refused(
    path: Path, state: dict[str, Tensor]
) -> None:
    state["conv1.weight"] = state["conv1.weight"].double() * 1e300
    with pytest.raises(CheckpointError, match=r"infinite weights: .*'conv1\.weight'"):
        open_saved(path, state)


def test_weights_that_give_nan_on_a_blank_image_are_refused(
    path: Path, state: dict[str, Tensor]
) -> None:
    state["bn1.running_var"] = -state["bn1.running_var"]
    with pytest.raises(NetworkError, match="gives NaN or infinite values for a blank image"):
        open_saved(path, state)


def test_keys_that_differ_are_named(path: Path, state: dict[str, Tensor]) -> None:
    del state["conv1.weight"]
    state["extra.weight"] = torch.zeros(2)
    state["bn1.bias"] = torch.zeros(7)
    with pytest.raises(CheckpointError) as caught:
        open_saved(path, state)
    assert (
        "missing conv1.weight; unexpected extra.weight; wrong shape bn1.bias (7,) instead of (16,)"
        in str(caught.value)
    )
    assert "missing: conv1.weight" in caught.value.details


def test_a_wrong_class_count_is_named(path: Path, state: dict[str, Tensor]) -> None:
    with pytest.raises(CheckpointError, match="has 10 outputs, but the images have 100 classes"):
        open_saved(path, state, classes=100)


@pytest.mark.parametrize("classes", [10, 100])
def test_wrong_channels_are_named(path: Path, state: dict[str, Tensor], classes: int) -> None:
    with pytest.raises(NetworkError, match="expects 3 channels, but the images have 1"):
        open_saved(path, state, classes=classes, channels=1)


def test_a_pickle_that_would_run_code_is_refused_and_not_run(path: Path, tmp_path: Path) -> None:
    torch.save({"state_dict": {}, "hook": RunsCode(tmp_path / "made")}, path)
    with pytest.raises(CheckpointError, match=r"refused: opening it would run code .*mkdir"):
        read_checkpoint(path)
    assert not (tmp_path / "made").exists()


def test_a_plain_pickle_is_refused_and_not_run(path: Path, tmp_path: Path) -> None:
    path.write_bytes(pickle.dumps(RunsCode(tmp_path / "made")))
    with pytest.raises(CheckpointError, match=r"refused: .*could run code"):
        read_checkpoint(path)
    assert not (tmp_path / "made").exists()


def test_a_whole_pickled_network_is_refused_with_the_remedy(path: Path) -> None:
    torch.save(nn.Linear(2, 2), path)
    with pytest.raises(CheckpointError, match=r"refused: .*Linear.*network\.state_dict\(\)"):
        read_checkpoint(path)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.99])
@pytest.mark.parametrize("is_zip", [True, False])
def test_a_truncated_file_is_named(
    path: Path, state: dict[str, Tensor], share: float, is_zip: bool
) -> None:
    torch.save(state, path, _use_new_zipfile_serialization=is_zip)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(CheckpointError, match=r"weights\.pt .*truncated"):
        read_checkpoint(path)


def test_files_that_are_no_checkpoints_are_named(path: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no checkpoint .*weights\.pt"):
        read_checkpoint(path)
    with pytest.raises(CheckpointError, match="is a folder"):
        read_checkpoint(tmp_path)
    path.write_bytes(b"")
    with pytest.raises(CheckpointError, match="is empty"):
        read_checkpoint(path)
    path.write_text("hello\n" * 20)
    with pytest.raises(CheckpointError, match="not a checkpoint"):
        read_checkpoint(path)


@pytest.mark.parametrize("content", [{}, {"epoch": 3}, [1, 2], {"state_dict": {}}])
def test_a_checkpoint_without_tensors_is_refused(path: Path, content: Any) -> None:
    torch.save(content, path)
    with pytest.raises(CheckpointError, match="holds no state dict"):
        read_checkpoint(path)
