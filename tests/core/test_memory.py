"""Memory that runs out: what is halved, what is said, and what the numbers are then."""

import copy
import errno
import gc
import io
import linecache

import numpy as np
import pytest
import torch
from torch import nn
from torch.fx.experimental.symbolic_shapes import ShapeEnv

from core.errors import ExportError, MemoryShortage
from core.evaluation import (
    CachedPart,
    norms_at_once,
    read_part,
    recalibrate_norms,
    score_logits,
    use_batch_statistics,
)
from core.events import NoticeRaised
from core.memory import (
    ImagesAtOnce,
    equal_parts,
    forget_traces,
    is_out_of_memory,
    told_shortage,
)
from core.pruning.refit_measuring import measure_refit
from core.pruning.statistics import collect_statistics
from core.pruning.surgery import prune_network
from core.pruning.verification import analyse_exactly, analysis_events
from core.scoring import MaskScorer
from tests.core.short_memory import REFUSALS, ShortMemory
from tests.core.tiny import TinyPart, finish, open_tiny
from tests.networks import Chain, build, example_images

CPU = torch.device("cpu")
KINDS = pytest.mark.parametrize("kind", REFUSALS)


def notices_of(events):
    return [event.message for event in events if isinstance(event, NoticeRaised)]


@KINDS
def test_all_allocators_are_understood(kind):
    assert is_out_of_memory(REFUSALS[kind]())


@pytest.mark.parametrize(
    "said",
    [
        "GET was unable to find an engine to execute this computation",
        "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
    ],
)
def test_what_a_gpu_without_memory_for_its_libraries_says_is_understood(said):
    assert is_out_of_memory(RuntimeError(said))


def test_a_process_that_cannot_be_started_for_want_of_memory_is_understood():
    assert is_out_of_memory(OSError(errno.ENOMEM, "Cannot allocate memory"))
    assert not is_out_of_memory(OSError(errno.ENOSPC, "No space left on device"))


@pytest.mark.parametrize("error", [RuntimeError("shape mismatch"), ValueError("out of memory")])
def test_other_errors_are_none_of_memory(error):
    assert not is_out_of_memory(error)


@pytest.mark.parametrize(
    ("count", "most", "least", "sizes"),
    [
        (128, 0, 1, [128]),
        (128, 64, 1, [64, 64]),
        (100, 32, 1, [25, 25, 25, 25]),
        (7, 3, 1, [2, 3, 2]),
        (3, 1, 1, [1, 1, 1]),
        (3, 2, 2, [3]),  # a part of one image would have no statistics
    ],
)
def test_parts_are_as_equal_as_can_be(count, most, least, sizes):
    parts = equal_parts(count, most, least)
    assert [part.stop - part.start for part in parts] == sizes
    assert parts[0].start == 0
    assert parts[-1].stop == count


def test_work_is_halved_until_it_fits_and_that_is_said_once():
    at_once, done = ImagesAtOnce("counting", effect="Nothing changes."), []

    def work(part):
        if part.stop - part.start > 3:
            raise REFUSALS["cuda"]()
        done.append((part.start, part.stop))
        return part.stop - part.start

    assert at_once.run(work, 10) == [2, 2, 2, 2, 2]
    assert at_once.most == 2
    said = [notice.message for notice in at_once.take_notices()]
    assert said == [
        "Memory ran out while counting (CUDA out of memory): 5 images are computed at once from "
        "now on, not 10. Nothing changes.",
        "Memory ran out while counting (CUDA out of memory): 2 images are computed at once from "
        "now on, not 5. Nothing changes.",
    ]
    assert list(at_once.take_notices()) == []


def test_work_that_does_not_fit_at_all_is_one_sentence():
    def work(part):
        raise REFUSALS["cpu"]()

    with pytest.raises(MemoryShortage) as caught:
        ImagesAtOnce("counting").run(work, 8)
    assert str(caught.value) == (
        "Memory ran out while counting (DefaultCPUAllocator: can't allocate memory: you tried to "
        "allocate 4096000000 bytes). Close other programs, or choose smaller images or another "
        "device."
    )


def test_bugs_pass_through():
    def work(part):
        raise RuntimeError("shape mismatch")

    with pytest.raises(RuntimeError, match="shape mismatch"):
        ImagesAtOnce("counting").run(work, 8)
    with pytest.raises(RuntimeError, match="shape mismatch"), told_shortage("counting"):
        work(slice(0, 1))


def test_a_shortage_anywhere_inside_a_block_is_told():
    with pytest.raises(MemoryShortage, match="while searching"), told_shortage("searching"):
        raise MemoryError
    with pytest.raises(ExportError, match="out of memory"), told_shortage("searching"):
        raise ExportError("out of memory")  # has a sentence of its own


@KINDS
def test_reading_in_halves_gives_the_same_scores(kind, monkeypatch):
    module = build(Chain)
    part = TinyPart(module, seed=1)
    _, expected = finish(read_part({"a": module}, part, device=CPU, batch_size=12))
    memory = ShortMemory(monkeypatch, 5, kind)
    events, scores = finish(read_part({"a": module}, part, device=CPU, batch_size=12))
    assert scores["a"].accuracy == expected["a"].accuracy
    assert scores["a"].cross_entropy == pytest.approx(expected["a"].cross_entropy, rel=1e-6)
    assert set(memory.sizes) == {3}
    assert [words.rpartition("): ")[2] for words in notices_of(events)] == [
        "6 images are computed at once from now on, not 12.",
        "3 images are computed at once from now on, not 6.",
    ]


@KINDS
def test_reading_where_no_image_fits_is_refused_in_a_sentence(kind, monkeypatch):
    module = build(Chain)
    part = TinyPart(module, seed=1)
    ShortMemory(monkeypatch, 0, kind)
    with pytest.raises(MemoryShortage, match=r"while reading images \(.*\)\. Close other"):
        finish(read_part({"a": module}, part, device=CPU))


@KINDS
def test_a_score_in_halves_takes_statistics_of_each_half(kind, monkeypatch):
    module = build(Chain)
    plan = analyse_exactly(module, example_images()).plan
    images, labels = TinyPart(module, seed=1).batch(np.arange(16))
    keep = np.arange(plan.channel_count) % 3 != 1
    pruned = prune_network(module, plan, keep)
    use_batch_statistics(pruned)
    with torch.no_grad():
        halves = torch.cat([pruned(images[:8]), pruned(images[8:])])
    ShortMemory(monkeypatch, 8, kind)
    scorer = MaskScorer(module, plan, CPU)
    score = scorer.score(keep, images, labels)
    assert score.cross_entropy == pytest.approx(
        score_logits(halves, labels).cross_entropy, rel=1e-4
    )
    assert scorer.images_at_once == 8
    assert "do not compare to the last digit" in next(iter(scorer.take_notices())).message


def test_statistics_are_never_taken_of_one_image(monkeypatch):
    module = build(Chain)
    plan = analyse_exactly(module, example_images()).plan
    images, labels = TinyPart(module, seed=1).batch(np.arange(16))
    ShortMemory(monkeypatch, 1)
    with pytest.raises(MemoryShortage, match="while scoring a mask"):
        MaskScorer(module, plan, CPU).score(np.ones(plan.channel_count, bool), images, labels)


def test_norms_are_fitted_anew_on_smaller_batches(monkeypatch):
    def fresh():
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(144, 4))

    module, expected = fresh().eval(), fresh().eval()
    expected.load_state_dict(module.state_dict())
    part = TinyPart(module, seed=1)
    recalibrate_norms(expected, part, images=24, batch_size=6, device=CPU)
    ShortMemory(monkeypatch, 7)
    at_once = norms_at_once()
    recalibrate_norms(module, part, images=24, batch_size=24, device=CPU, at_once=at_once)
    assert torch.equal(module[1].running_mean, expected[1].running_mean)
    assert torch.equal(module[1].running_var, expected[1].running_var)
    assert len(list(at_once.take_notices())) == 2  # 12, then 6


@KINDS
def test_statistics_of_criteria_begin_anew_with_smaller_batches(kind, monkeypatch):
    opened = open_tiny(Chain)
    given = (opened.network.module, opened.analysis, opened.images.reward)
    _, expected = finish(collect_statistics(*given, device=CPU, images=24, batch_size=6))
    ShortMemory(monkeypatch, 7, kind)
    events, found = finish(collect_statistics(*given, device=CPU, images=24, batch_size=24))
    assert np.array_equal(found.taylor, expected.taylor)
    assert len(notices_of(events)) == 2


def test_what_layers_read_is_measured_anew_with_smaller_batches(monkeypatch):
    opened = open_tiny(Chain)
    memory = ShortMemory(monkeypatch, 7)
    given = (opened.network.module, opened.analysis, opened.images.reward)
    events, refit = finish(measure_refit(*given, device=CPU))
    assert len(notices_of(events)) == 2  # 12, then 6
    assert set(memory.sizes) == {6}
    assert refit.left_alone == {}


@KINDS
def test_the_proof_of_an_analysis_goes_on_with_one_image(kind, monkeypatch):
    module = build(Chain)
    expected = analyse_exactly(module, example_images())
    ShortMemory(monkeypatch, 1, kind)
    events, found = finish(analysis_events(module, example_images(2)))
    assert found.groups.channel_count == expected.groups.channel_count
    assert found.groups.frozen == expected.groups.frozen
    assert len(notices_of(events)) == 1


def test_no_group_is_frozen_for_want_of_memory(monkeypatch):
    module = build(Chain)
    ShortMemory(monkeypatch, 0)
    with pytest.raises(MemoryShortage, match="while proving that cut equals masked"):
        finish(analysis_events(module, example_images(2)))


def test_a_cache_that_does_not_fit_is_made_smaller(monkeypatch):
    part = TinyPart(build(Chain), seed=1)
    empty = torch.empty

    def short_empty(shape):
        if shape[0] > 6:
            raise REFUSALS["cpu"]()
        return empty(shape)

    monkeypatch.setattr(torch, "empty", short_empty)
    cached = CachedPart(part)
    assert torch.equal(cached.batch(np.arange(24))[0], part.images)
    assert torch.equal(cached.batch(np.array([1, 2]))[0], part.images[[1, 2]])
    part.read.clear()
    cached.batch(np.array([1, 2]))
    assert part.read == []


def test_no_program_that_was_read_stays_in_memory():
    batch = torch.export.Dim("batch")
    example = torch.zeros(2, 3, 4, 4)
    program = torch.export.export(nn.Conv2d(3, 2, 3), (example,), dynamic_shapes=({0: batch},))
    saved = io.BytesIO()
    torch.export.save(program, saved)

    def symbols_after_reading():
        saved.seek(0)
        torch.export.load(saved).module()(example)
        forget_traces()
        gc.collect()
        gc.collect()  # what the first one finalised
        return sum(issubclass(type(one), ShapeEnv) for one in gc.get_objects())

    first = symbols_after_reading()
    assert [symbols_after_reading() for _ in range(2)] == [first, first]


def test_the_text_of_generated_modules_is_dropped_and_they_still_work():
    generated = torch.fx.symbolic_trace(nn.Linear(2, 2))
    name = generated.forward.__code__.co_filename
    assert name in linecache.cache
    forget_traces()
    assert name not in linecache.cache
    again = copy.deepcopy(generated)
    assert torch.equal(again(torch.ones(1, 2)), generated(torch.ones(1, 2)))
