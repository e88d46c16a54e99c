import copy
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from core.data.images import ArrayPart
from core.errors import ConsentNeeded, NetworkError
from core.evaluation import recalibrate_norms
from core.networks import Network, inspect_network, open_network
from core.networks.aten_modules import with_modules
from core.pruning.surgery import prune_network, soft_prune_network
from core.pruning.verification import analyse_exactly, random_keep, relative_difference
from core.scoring import MaskScorer
from tests import networks
from tests.networks import build, example_images
from tests.unusual_networks import UNUSUAL

SHAPE = (3, 8, 8)
KINDS = {
    name: networks.EXACT[name]
    for name in ("residual", "padded_shortcut", "dense", "inverted_residual", "grouped", "gated")
} | {"upsampled": networks.Upsampled, "transformer": UNUSUAL["Transformer"]}


def program_of(module: nn.Module, *, batch: bool = True) -> torch.export.ExportedProgram:
    shapes = ({0: torch.export.Dim("batch")},) if batch else None
    return torch.export.export(module, (torch.zeros(2, *SHAPE),), dynamic_shapes=shapes)


def opened(path: Path, program: torch.export.ExportedProgram) -> Network:
    torch.export.save(program, path)
    return open_network(str(path), class_count=4, input_shape=SHAPE, trust=True)


@pytest.fixture(scope="module")
def inverted(tmp_path_factory: pytest.TempPathFactory) -> Network:
    path = tmp_path_factory.mktemp("programs") / "inverted.pt2"
    return opened(path, program_of(build(networks.InvertedResidual)))


def test_reading_one_needs_consent(tmp_path: Path) -> None:
    torch.export.save(program_of(build(networks.Chain)), tmp_path / "net.pt2")
    with pytest.raises(ConsentNeeded, match="reading an exported program unpickles parts of it"):
        open_network(str(tmp_path / "net.pt2"), class_count=4, input_shape=SHAPE)


def test_its_facts_come_from_its_signature(tmp_path: Path) -> None:
    torch.export.save(program_of(build(networks.Chain)), tmp_path / "net.pt2")
    facts = inspect_network(str(tmp_path / "net.pt2"), trust=True)
    assert (facts.source, facts.label) == ("torch_export", "net.pt2")
    assert (facts.input_shape, facts.class_count, facts.is_trained) == (SHAPE, 4, True)


@pytest.mark.parametrize("name", KINDS)
def test_the_modules_compute_what_the_network_did_and_cut_as_it_does(name: str) -> None:
    origin = build(KINDS[name])
    module = with_modules(program_of(origin).module())
    x = example_images()
    analysis, expected = analyse_exactly(module, x), analyse_exactly(origin, x)
    if name == "transformer":  # its program has the widths of stream and heads written into it
        assert [group.name for group in analysis.groups.groups] == ["mlp.0"]
    else:
        assert analysis.groups.channel_count == expected.groups.channel_count
    keep = random_keep(analysis, seed=1)
    with torch.no_grad():
        assert relative_difference(origin(x), module(x)) < 1e-6
        hard = prune_network(module, analysis.plan, keep)(x)
        assert relative_difference(soft_prune_network(module, analysis.plan, keep)(x), hard) < 1e-5


def test_depthwise_groups_follow_the_cut(inverted: Network) -> None:
    analysis = analyse_exactly(inverted.module, example_images())
    keep = random_keep(analysis)
    depthwise = prune_network(inverted.module, analysis.plan, keep).get_submodule("depthwise.0")
    assert isinstance(depthwise, nn.Conv2d)
    assert depthwise.groups == depthwise.in_channels == len(depthwise.weight) < 12


class FunctionalDepthwise(networks.Chain):
    """A depthwise convolution whose weight lies in no module of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.filters = nn.Parameter(torch.randn(8, 1, 3, 3))

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.conv2d(self.first(x), self.filters, padding=1, groups=8)
        return self.head(self.second(x).mean((2, 3)))


def test_groups_of_operations_that_stay_follow_their_weight() -> None:
    module = with_modules(program_of(build(FunctionalDepthwise)).module())
    analysis = analyse_exactly(module, example_images())
    assert analysis.groups.channel_count == 8 + 6
    keep = random_keep(analysis)
    x = example_images()
    with torch.no_grad():
        hard = prune_network(module, analysis.plan, keep)(x)
        assert relative_difference(soft_prune_network(module, analysis.plan, keep)(x), hard) < 1e-5


class Padded(networks.Chain):
    """Zeros that the program makes itself, on the device where it was exported."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        zeros = torch.zeros(x.shape[0], 1, 8, 8, device=x.device)
        return self.head(self.second(torch.cat([x, zeros], 1)[:, :8]).mean((2, 3)))


def test_tensors_that_a_program_makes_lie_where_its_images_do() -> None:
    module = with_modules(program_of(build(Padded)).module())
    answer = module.to("meta")(torch.zeros(2, *SHAPE, device="meta"))
    assert answer.shape == (2, 4) and answer.is_meta


def test_a_decomposed_program_gets_its_modules_too() -> None:
    origin = build(networks.InvertedResidual)
    module = with_modules(program_of(origin).run_decompositions({}).module())
    kinds = [type(part) for part in module.modules()]
    assert kinds.count(nn.BatchNorm2d) == 3 and kinds.count(nn.Conv2d) == 6
    x = example_images()
    with torch.no_grad():
        assert relative_difference(origin(x), module(x)) < 1e-6
    assert len(analyse_exactly(module, x).groups.groups) == 3


def test_it_trains_and_evaluates_as_any_network(inverted: Network) -> None:
    module = copy.deepcopy(inverted.module)
    x = example_images()
    trained, evaluated = module.train()(x), module.eval()(x)
    assert not torch.equal(trained, evaluated)
    with torch.no_grad():
        assert relative_difference(inverted.module(x), build(networks.InvertedResidual)(x)) < 1e-6


def test_norms_see_batches_and_are_measured_again(inverted: Network) -> None:
    analysis = analyse_exactly(inverted.module, example_images())
    keep = random_keep(analysis)
    x, labels = example_images(8), torch.arange(8) % 4
    own = build(networks.InvertedResidual)
    scores = [
        MaskScorer(module, analyse_exactly(module, x).plan, torch.device("cpu"))
        .score(keep, x, labels)
        .cross_entropy
        for module in (inverted.module, own)
    ]
    assert scores[0] == pytest.approx(scores[1], rel=1e-5)
    pruned = prune_network(inverted.module, analysis.plan, keep)
    before = pruned.get_buffer("stem.1.running_mean").clone()
    pixels = np.random.default_rng(0).integers(0, 256, (32, 8, 8, 3), dtype=np.uint8)
    indices = np.arange(32)
    part = ArrayPart(pixels, indices % 4, indices, (0.5,) * 3, (0.5,) * 3)
    recalibrate_norms(pruned, part, device=torch.device("cpu"))
    assert not torch.equal(pruned.get_buffer("stem.1.running_mean"), before)


def test_what_was_pruned_and_exported_can_be_opened_again(
    inverted: Network, tmp_path: Path
) -> None:
    analysis = analyse_exactly(inverted.module, example_images())
    pruned = prune_network(inverted.module, analysis.plan, random_keep(analysis))
    again = opened(tmp_path / "pruned.pt2", program_of(pruned)).module
    x = example_images()
    with torch.no_grad():
        assert torch.equal(again(x), pruned(x))
    smaller = analyse_exactly(again, x)
    assert 0 < smaller.groups.channel_count < analysis.groups.channel_count


def refusal(path: Path) -> str:
    with pytest.raises(NetworkError) as refused:
        inspect_network(str(path), trust=True)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_a_program_for_one_batch_size_is_refused_with_the_remedy(tmp_path: Path) -> None:
    torch.export.save(program_of(build(networks.Chain), batch=False), tmp_path / "net.pt2")
    message = refusal(tmp_path / "net.pt2")
    assert "was exported for exactly 2 images at a time" in message
    assert "dynamic_shapes=({0: torch.export.Dim('batch')},)" in message


def test_a_program_in_training_mode_is_refused(tmp_path: Path) -> None:
    torch.export.save(program_of(build(networks.Chain).train()), tmp_path / "net.pt2")
    assert "was exported in training mode (aten::batch_norm)" in refusal(tmp_path / "net.pt2")


class TwoImages(networks.Chain):
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return super().forward(x + y)


def test_a_program_of_two_inputs_is_refused(tmp_path: Path) -> None:
    x = torch.zeros(2, *SHAPE)
    torch.export.save(torch.export.export(build(TwoImages), (x, x)), tmp_path / "net.pt2")
    assert "(2, 3, 8, 8), (2, 3, 8, 8)" in refusal(tmp_path / "net.pt2").replace("'", "")


def test_images_of_another_size_are_refused(tmp_path: Path) -> None:
    torch.export.save(program_of(build(networks.Chain)), tmp_path / "net.pt2")
    with pytest.raises(NetworkError, match=r"expects images of 3 channels and 8 x 8 pixels, but"):
        open_network(str(tmp_path / "net.pt2"), class_count=4, input_shape=(3, 16, 16), trust=True)


def test_other_files_are_refused_without_asking(tmp_path: Path) -> None:
    path = tmp_path / "net.pt2"
    path.write_bytes(b"nothing of the kind")
    assert "is truncated or no exported program" in refusal(path)
    torch.save(build(networks.Chain).state_dict(), path)
    assert "is truncated or no exported program" in refusal(path)


def test_compiled_parts_are_refused_even_beside_a_program(tmp_path: Path) -> None:
    path = tmp_path / "net.pt2"
    torch.export.save(program_of(build(networks.Chain)), path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("net/data/aotinductor/model/code.so", b"machine code")
    assert "is compiled for one machine" in refusal(path)


def test_a_broken_program_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "net.pt2"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("net/models/model.json", "{}")
        archive.writestr("net/archive_format", "pt2")
    assert "Cannot open" in refusal(path) and "Export it with torch" in refusal(path)
