"""Pictures of weights, activations and images against numbers by hand."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from core.pictures import activation_maps, filter_pictures, to_pixels
from tests.core.tiny import open_tiny
from tests.networks import Chain


def test_a_3x3_filter_is_its_mean_over_the_inputs():
    weight = torch.zeros(2, 2, 3, 3)
    weight[0, 0, 1, 1], weight[0, 1, 1, 1], weight[1, 1, 0, 2] = 4.0, 2.0, 6.0
    pictures = filter_pictures(weight)
    assert pictures.shape == (2, 3, 3)
    assert pictures[0, 1, 1] == 3.0
    assert pictures[1, 0, 2] == 3.0
    assert np.count_nonzero(pictures) == 2


def test_a_1x1_filter_is_drawn_input_after_input():
    pictures = filter_pictures(torch.arange(10.0).reshape(2, 5, 1, 1))
    assert pictures.shape == (2, 2, 3)
    assert pictures[1].flatten()[:5].tolist() == [5, 6, 7, 8, 9]
    assert np.isnan(pictures[1, 1, 2])


def test_a_linear_filter_with_many_inputs_is_averaged_with_its_neighbours():
    pictures = filter_pictures(torch.arange(4096.0).reshape(1, 4096))
    assert pictures.shape == (1, 32, 32)
    assert pictures[0, 0, 0] == 1.5  # the mean of 0, 1, 2 and 3


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((4, 3, 5), (4, 1, 5)),
        ((4, 3, 2, 5, 5), (4, 5, 5)),
        ((6, 1, 3, 3), (6, 3, 3)),
        ((4, 3), (4, 2, 2)),
    ],
)
def test_every_kind_of_filter_has_rows_and_columns(shape, expected):
    assert filter_pictures(torch.randn(*shape)).shape == expected


def test_a_transposed_convolution_has_its_outputs_second():
    layer = nn.ConvTranspose2d(4, 6, 3, groups=2)  # weight (4, 3, 3, 3)
    pictures = filter_pictures(layer.weight, layer)
    assert pictures.shape == (6, 3, 3)
    expected = layer.weight[2:, 0].mean(dim=0).detach().numpy()  # the first of the second group
    assert pictures[3] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("shape", "is_channel_last", "expected"),
    [
        ((2, 5), False, (2, 5, 1, 1)),
        ((2, 5, 7), False, (2, 5, 1, 7)),
        ((2, 16, 5), True, (2, 5, 4, 4)),
        ((2, 17, 5), True, (2, 5, 1, 17)),
        ((2, 4, 6, 5), True, (2, 5, 4, 6)),
        ((2, 5, 3, 4, 6), False, (2, 5, 4, 6)),
        ((2, 5, 128, 32), False, (2, 5, 64, 32)),
    ],
)
def test_every_output_becomes_maps(shape, is_channel_last, expected):
    assert activation_maps(torch.zeros(shape), is_channel_last=is_channel_last).shape == expected


def test_pixels_are_given_back_as_they_were():
    images = dataclasses.replace(open_tiny(Chain).images, mean=(0.5,) * 3, std=(0.25,) * 3)
    batch = torch.tensor([0.0, 2.0, -2.0]).view(1, 3, 1, 1)
    assert to_pixels(batch, images).tolist() == [[[[128, 255, 0]]]]
    grey = dataclasses.replace(images, mean=(0.0,), std=(1.0,))
    assert to_pixels(torch.full((1, 1, 1, 1), 0.2), grey).tolist() == [[[[51, 51, 51]]]]
