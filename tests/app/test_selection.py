"""One selection for all panels."""

import numpy as np

from app.selection import NO_CHANNEL, LoadedMask, Selection
from core.events import BestChanged, SearchStarted

KEEP = np.array([True, False, True])


def best(evaluation: int) -> BestChanged:
    return BestChanged(evaluation, KEEP, 0.5, 0.9, 0.3)


def test_another_layer_has_no_selected_channel():
    selection = Selection()
    selection.select_channel("conv1", 3)
    seen = []
    selection.channel_changed.connect(seen.append)
    selection.select_layer("conv2")
    assert (selection.layer, selection.channel, seen) == ("conv2", NO_CHANNEL, [NO_CHANNEL])


def test_the_same_layer_again_says_nothing():
    selection = Selection()
    selection.select_channel("conv1", 3)
    seen = []
    selection.layer_changed.connect(seen.append)
    selection.select_layer("conv1")
    assert not seen and selection.channel == 3


def test_the_mask_follows_the_search_until_the_person_chooses_one():
    selection = Selection()
    seen = []
    selection.mask_changed.connect(seen.append)
    selection.show_event(best(1))
    chosen = LoadedMask("l1_uniform", ~KEEP, 0.5, is_chosen=True)
    selection.choose_mask(chosen)
    selection.show_event(best(2))
    assert selection.mask is chosen
    assert len(seen) == 2  # the second best was not shown
    selection.choose_mask(None)
    assert seen[-1] is selection.mask and "2" in selection.mask.name


def test_a_new_search_forgets_the_chosen_mask():
    selection = Selection()
    selection.choose_mask(LoadedMask("l1_uniform", KEEP, 0.5, is_chosen=True))
    selection.show_event(SearchStarted(10, 0.5, 100, 10, 0.9, 0.3, 0.1))
    assert selection.mask is None
