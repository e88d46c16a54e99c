"""The independent count of MACs."""

from torch import nn

from core.export.second_count import count_again


def test_3x3_conv_4_to_8_on_10x10_costs_28800_macs():
    network = nn.Sequential(
        nn.Conv2d(4, 8, 3, padding=1), nn.BatchNorm2d(8), nn.LeakyReLU(), nn.AvgPool2d(2)
    )
    count = count_again(network, (4, 10, 10), 28_800)
    assert count.macs == 28_800  # 8 * 4 * 9 * 100; norm, activation and pooling are free
    assert count.difference == 0.0


def test_a_closed_form_that_is_a_tenth_short_is_seen():
    network = nn.Sequential(nn.Flatten(), nn.Linear(10, 11))
    count = count_again(network, (10, 1, 1), 100)
    assert count.macs == 110
    assert round(count.difference, 6) == 0.1


def test_counting_leaves_the_network_as_it_was():
    network = nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2)).train()
    keys = list(network.state_dict())
    count_again(network, (3, 4, 4), 96)
    assert list(network.state_dict()) == keys
    assert network.training
