"""Read image files when they are needed, and keep their pixels while there is room."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from core.data.images import IndexArray, PixelArray, to_batch
from core.errors import DataError, readable

if TYPE_CHECKING:
    from torch import Tensor

PIXELS_MOST = 89_478_485  # at which Pillow begins to suspect a bomb, a quarter of a gigabyte
CACHE_BYTES = 512 * 2**20  # for each of the training and the test files
STRIP_MOST = 8  # how much longer than what is seen of it an image is resized


@dataclass(frozen=True, eq=False)
class ImageFiles:
    """Image files with their labels, and the pixels of those that were read before."""

    paths: tuple[Path, ...]
    labels: IndexArray  # (files,)
    shape: tuple[int, int, int]
    cache: dict[int, PixelArray] = field(default_factory=dict)

    def pixels(self, index: int) -> PixelArray:
        """Read one image, (H, W, C); DataError if its file has become unreadable."""
        known = self.cache.get(index)
        if known is not None:
            return known
        try:
            pixels = read_image(self.paths[index], self.shape)
        except Exception as error:  # Pillow's readers raise almost anything on a broken file
            raise DataError(
                f"Cannot read image {readable(self.paths[index])}, which was readable before: "
                f"{readable(error_words(error))}. Open the images again."
            ) from error
        if (len(self.cache) + 1) * pixels.nbytes <= CACHE_BYTES:
            self.cache[index] = pixels
        return pixels


@dataclass(frozen=True, eq=False)
class FolderPart:
    """A part of images that lie on the disk."""

    files: ImageFiles
    indices: IndexArray  # the files of this part
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.indices)

    def batch(self, indices: IndexArray) -> "tuple[Tensor, Tensor]":
        chosen = self.indices[indices]
        pixels = np.stack([self.files.pixels(int(index)) for index in chosen])
        return to_batch(pixels, self.files.labels[chosen], self.mean, self.std)


def read_image(path: Path, shape: tuple[int, int, int]) -> PixelArray:
    """Read an image as bytes (H, W, C), resized and cropped about its centre.

    For inputs of 128 pixels and more the crop is 224/256 of the shorter side, as in the
    evaluation of torchvision's networks; smaller inputs take all of it.

    Raises: OSError, or what else Pillow raises, if it cannot be read.
    """
    channels, height, width = shape
    with Image.open(path) as file:
        image = _convert(file, channels)
    margin = 256 / 224 if min(height, width) >= 128 else 1.0
    scale = max(height / image.height, width / image.width) * margin
    # At this scale a strip of a few hundred bytes would fill the memory, and its ends are not seen.
    kept_width = min(image.width, math.ceil(STRIP_MOST * width / scale))
    kept_height = min(image.height, math.ceil(STRIP_MOST * height / scale))
    if (kept_width, kept_height) != image.size:
        image = _crop(image, kept_width, kept_height)
    new_width = max(round(image.width * scale), width)
    new_height = max(round(image.height * scale), height)
    image = _crop(image.resize((new_width, new_height), Image.Resampling.BILINEAR), width, height)
    return np.asarray(image, dtype=np.uint8).reshape(height, width, channels)


def _crop(image: Image.Image, width: int, height: int) -> Image.Image:
    """Keep an image's middle."""
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def _convert(image: Image.Image, channels: int) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits of grey, which convert() would cut off at 255
        image = Image.fromarray((np.asarray(image).clip(0, 65535) // 256).astype(np.uint8))
    if "transparency" in image.info:
        image = image.convert("RGBA")
    return image.convert("L" if channels == 1 else "RGB")


def error_words(error: Exception) -> str:
    """What an error says, on one line."""
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(".")


def is_readable(path: Path) -> bool:
    """Whether an image file can be decoded to its end; one that would fill the memory is not."""
    try:
        with Image.open(path) as image:
            if image.width * image.height > PIXELS_MOST:
                return False
            # A JPEG is decoded to the end at an eighth of its size, which costs a third.
            image.draft("RGB", (max(image.width // 8, 1), max(image.height // 8, 1)))
            image.load()
    except Exception:  # Pillow's readers raise almost anything on a broken file
        return False
    return True
