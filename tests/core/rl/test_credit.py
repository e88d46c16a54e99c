"""Credit for every channel, by hand."""

import numpy as np
import pytest

from core.rl.credit import DECAY, MOST, ChannelCredit, less_their_price


def test_gradients_count_relative_to_their_mean_size() -> None:
    removable = np.array([True, True, False])
    average = ChannelCredit().add(np.array([1.0, -3.0, 2.0]), removable)
    assert average == pytest.approx([0.5, -1.5, 1.0])  # the mean size is 2


def test_one_channel_counts_only_so_much() -> None:
    gradient = np.array([1000.0, *[0.001] * 999])
    average = ChannelCredit().add(gradient, np.ones(1000, dtype=np.bool_))
    assert average[0] == MOST


def test_updates_are_averaged() -> None:
    credit, both = ChannelCredit(), np.ones(2, dtype=np.bool_)
    credit.add(np.array([1.0, 1.0]), both)
    average = credit.add(np.array([2.0, 0.0]), both)
    assert average == pytest.approx([DECAY + (1 - DECAY) * 2, DECAY])


def test_an_average_goes_on_from_its_state() -> None:
    credit, again, both = ChannelCredit(), ChannelCredit(), np.ones(2, dtype=np.bool_)
    credit.add(np.array([1.0, -2.0]), both)
    again.load_state_dict(credit.state_dict())
    gradient = np.array([0.3, 0.4])
    assert again.add(gradient, both).tolist() == credit.add(gradient, both).tolist()


def test_a_channel_pays_for_its_macs() -> None:
    # 1 per MAC is what both give, so neither is worth more than its price
    given, macs = np.array([2.0, 6.0]), np.array([2.0, 6.0])
    credit = less_their_price(given, macs, np.array([0.5, 0.5]))
    assert credit == pytest.approx([0.0, 0.0])


def test_the_price_is_that_of_the_undecided() -> None:
    # channel 2 is decided: p (1 - p) = 0. Price: (1 x 1 + 1 x 3) / (1 + 1) = 2 per MAC
    credit = less_their_price(np.array([1.0, 3.0, 9.0]), np.ones(3), np.array([0.5, 0.5, 1.0]))
    assert credit == pytest.approx([-1.0, 1.0, 7.0])


def test_where_all_is_decided_there_is_no_price() -> None:
    credit = less_their_price(np.array([1.0, 3.0]), np.ones(2), np.array([0.0, 1.0]))
    assert credit == pytest.approx([1.0, 3.0])
