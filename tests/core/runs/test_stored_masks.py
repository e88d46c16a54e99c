"""Masks of two runs are compared layer by layer, if they are masks of one network."""

import numpy as np
import pytest

from core.errors import RunError
from core.runs.files import write_arrays
from core.runs.stored_masks import StoredMasks, compare_stored, read_stored_masks
from tests.core.runs.made import BEST, GROUPS, make_run


def test_masks_come_back(tmp_path):
    masks = read_stored_masks(make_run(tmp_path / "a"))
    assert (masks.best == BEST).all()
    assert masks.group_names == ("stem", "block.inner")
    assert list(masks.criteria) == ["l1_uniform", "random_uniform"]


def test_two_masks_differ_by_what_is_counted_by_hand(tmp_path):
    # best:  1 1 0 | 0 1 0
    other = np.array([1, 0, 0, 1, 1, 1], dtype=np.bool_)
    first = read_stored_masks(make_run(tmp_path / "a"))
    second = read_stored_masks(make_run(tmp_path / "b", best=other))
    stem, inner = compare_stored(first, second)
    assert (stem.both, stem.only_first, stem.only_second, stem.neither) == (1, 1, 0, 1)
    assert (inner.both, inner.only_first, inner.only_second, inner.neither) == (1, 0, 2, 0)
    assert stem.overlap == 0.5
    assert inner.overlap == pytest.approx(1 / 3)


def test_masks_of_different_networks_are_not_compared():
    one = StoredMasks(BEST, {}, GROUPS, ("stem", "block.inner"))
    two = StoredMasks(BEST, {}, GROUPS, ("stem", "other"))
    with pytest.raises(RunError, match="different networks"):
        compare_stored(one, two)


@pytest.mark.parametrize("cut", [0, 10, 200])
def test_a_cut_file_is_refused(tmp_path, cut):
    folder = make_run(tmp_path / "a")
    path = folder / "masks.npz"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(RunError, match="missing or damaged"):
        read_stored_masks(folder)


@pytest.mark.parametrize(
    "change",
    [
        {"best": BEST[:3]},
        {"group_of_channel": GROUPS + 7},
        {"best": BEST.reshape(2, 3)},
        {"criteria": np.ones((2, 4), dtype=np.bool_)},
    ],
)
def test_arrays_that_do_not_fit_each_other_are_refused(tmp_path, change):
    folder = make_run(tmp_path / "a")
    with np.load(folder / "masks.npz") as saved:
        arrays = {name: saved[name] for name in saved.files}
    write_arrays(folder / "masks.npz", {**arrays, **change})
    with pytest.raises(RunError, match="missing or damaged"):
        read_stored_masks(folder)
