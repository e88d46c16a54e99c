"""The embedded default: scikit-learn's 1,797 real handwritten digits, 8 x 8 grey."""

import numpy as np
from numpy.typing import NDArray

from core.data.images import ImageRequest, Images, images_from_arrays, stratified_sample

TEST_SHARE = 0.2
SPLIT_SEED = 0  # the test part stays the same whatever the request's seed
MEAN = (0.3053,)  # of all the digits, pixels in 0-1
STD = (0.3760,)


def open_digits(request: ImageRequest) -> Images:
    """Open the digits, resized to the input of a network that takes grey images.

    A fifth of each class is the test part. Source: Alpaydin and Kaynak, UCI, 1998.
    """
    from sklearn.datasets import load_digits

    digits = load_digits()
    values = digits.images / 16  # (1797, 8, 8), 0-1
    if request.input_shape is not None and request.input_shape[0] == 1:
        values = _resize(values, *request.input_shape[1:])
    pixels = np.round(values * 255).astype(np.uint8)[..., np.newaxis]
    labels = digits.target.astype(np.int64)
    is_test = np.zeros(len(labels), dtype=np.bool_)
    is_test[stratified_sample(labels, round(len(labels) * TEST_SHARE), SPLIT_SEED)] = True
    return images_from_arrays(
        "digits",
        (pixels[~is_test], labels[~is_test]),
        (pixels[is_test], labels[is_test]),
        tuple(str(digit) for digit in range(10)),
        request.choose_normalisation(1, (MEAN, STD)),
        request.seed,
    )


def _resize(values: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    """Resize (N, H, W) bilinearly, pixel centres aligned as everywhere in torch."""
    rows = _interpolation(values.shape[1], height)  # (height, H)
    columns = _interpolation(values.shape[2], width)
    return np.asarray(np.einsum("hH,nHW,wW->nhw", rows, values, columns, optimize=True))


def _interpolation(size: int, new_size: int) -> NDArray[np.float64]:
    """The weights (new_size, size) with which new pixels are made of old ones."""
    centres = np.clip((np.arange(new_size) + 0.5) * size / new_size - 0.5, 0, size - 1)
    distances = np.abs(centres[:, np.newaxis] - np.arange(size))
    weights: NDArray[np.float64] = np.maximum(1 - distances, 0)
    return weights
