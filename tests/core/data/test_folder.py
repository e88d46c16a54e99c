import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from core.data import image_files, open_images
from core.data.folder import FolderPart, ImageFiles
from core.data.image_files import read_image
from core.errors import DataError

TINY = (3, 8, 8)


def save_image(path: Path, value: int, mode: str = "RGB", size: tuple[int, int] = (12, 10)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    colour = value if mode == "L" else (value,) * len(mode)
    Image.new(mode, size, colour).save(path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Ten training and three test images of each of two classes, dark cats and light dogs."""
    for name, value in (("cat", 10), ("dog", 200)):
        for number in range(10):
            save_image(tmp_path / "pets" / "train" / name / f"{number}.png", value + number)
        for number in range(3):
            save_image(tmp_path / "pets" / "test" / name / f"{number}.jpg", value)
    return tmp_path / "pets"


def test_a_folder_is_opened_for_the_network_s_input(root: Path) -> None:
    images = open_images(str(root), input_shape=TINY)
    assert images.name == "pets"
    assert images.class_names == ("cat", "dog")
    assert images.image_shape == TINY
    assert images.notices == ()
    assert (len(images.reward), len(images.held_out), len(images.test)) == (16, 4, 6)
    x, y = images.test.batch(np.array([0, 5]))
    assert x.shape == (2, 3, 8, 8) and x.dtype == torch.float32
    assert y.tolist() == [0, 1]
    assert float(x[0].mean()) < 0 < float(x[1].mean())


def test_the_default_input_is_that_of_torchvision(root: Path) -> None:
    assert open_images(str(root)).image_shape == (3, 224, 224)


def test_parts_never_overlap(root: Path) -> None:
    images = open_images(str(root), input_shape=TINY)
    assert isinstance(images.reward, FolderPart) and isinstance(images.held_out, FolderPart)
    assert isinstance(images.test, FolderPart)
    reward, held_out, test = (
        {part.files.paths[i] for i in part.indices}
        for part in (images.reward, images.held_out, images.test)
    )
    assert not reward & held_out and not (reward | held_out) & test
    assert len(reward | held_out) == 20


def test_a_grey_network_gets_grey_images(root: Path) -> None:
    images = open_images(str(root), input_shape=(1, 8, 8))
    assert images.reward.batch(np.arange(2))[0].shape == (2, 1, 8, 8)
    assert len(images.mean) == len(images.std) == 1


def test_val_stands_for_test(root: Path) -> None:
    (root / "test").rename(root / "val")
    assert len(open_images(str(root), input_shape=TINY).test) == 6


def test_classes_without_test_images_are_named(root: Path) -> None:
    shutil.rmtree(root / "test" / "cat")
    (notice,) = open_images(str(root), input_shape=TINY).notices
    assert notice.startswith("1 of 2 classes have no folder in ")
    assert notice.endswith("test (cat): test accuracies say nothing of them.")
    for name in "abcde":
        shutil.copytree(root / "train" / "cat", root / "train" / name)
    (notice,) = open_images(str(root), input_shape=TINY).notices
    assert "6 of 7 classes" in notice
    assert "(a, b, c and 3 more)" in notice


def test_unreadable_images_are_skipped_counted_and_named(root: Path) -> None:
    (root / "train" / "cat" / "a.png").write_bytes(b"not an image")
    whole = (root / "test" / "dog" / "0.jpg").read_bytes()
    (root / "test" / "dog" / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (root / "train" / "cat" / "notes.txt").write_text("not meant to be an image")
    images = open_images(str(root), input_shape=TINY)
    names = f"{Path('train/cat/a.png')}, {Path('test/dog/cut.jpg')}"
    assert images.notices == (
        f"2 unreadable images were skipped: {names}. Replace or remove what cannot be opened.",
    )
    assert len(images.reward) + len(images.held_out) == 20
    assert len(images.test) == 6


def test_more_unreadable_images_are_counted_and_not_all_named(root: Path) -> None:
    for number in range(5):
        (root / "train" / "dog" / f"bad{number}.png").write_bytes(b"")
    (notice,) = open_images(str(root), input_shape=TINY).notices
    assert notice.startswith("5 unreadable images") and "and 2 more" in notice
    assert notice.count("bad") == 3


def test_a_class_without_readable_images_is_refused(root: Path) -> None:
    for path in (root / "train" / "cat").iterdir():
        path.write_bytes(b"broken")
    for number in range(10, 20):
        save_image(root / "train" / "dog" / f"{number}.png", 7)
    save_image(root / "train" / "fox" / "0.png", 7)
    with pytest.raises(DataError, match="cat has no readable image"):
        open_images(str(root), input_shape=TINY)


def remove(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()


@pytest.mark.parametrize(
    ("removed", "made", "sentence"),
    [
        ("train", "", r"no folder .*train\. An image folder needs"),
        ("train", "train", r"Folder .*train is empty"),
        ("train/dog", "", r"has one class, 'cat'"),
        ("train/dog", "train/dog", r"dog has no images \(.*\.jpg"),
        ("test", "", r"no folder test/ or val/"),
        ("test", "test", r"no test images"),
        ("test/cat", "test/fox", r"fox is of a class that train/ does not have"),
    ],
)
def test_a_folder_with_something_missing_is_refused(
    root: Path, removed: str, made: str, sentence: str
) -> None:
    remove(root / removed)
    if made:
        (root / made).mkdir()
    with pytest.raises(DataError, match=sentence):
        open_images(str(root), input_shape=TINY)


def test_other_channel_counts_are_refused(root: Path) -> None:
    with pytest.raises(DataError, match="expects 4 channels"):
        open_images(str(root), input_shape=(4, 8, 8))


def test_an_image_is_cropped_about_its_centre(tmp_path: Path) -> None:
    pixels = np.zeros((8, 24, 3), dtype=np.uint8)
    pixels[:, 8:16] = 255  # the middle third
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    assert (read_image(tmp_path / "wide.png", TINY) == 255).all()


def test_large_inputs_leave_a_margin_as_torchvision_does(tmp_path: Path) -> None:
    pixels = np.zeros((256, 256, 3), dtype=np.uint8)
    pixels[16:240, 16:240] = 255
    Image.fromarray(pixels).save(tmp_path / "framed.png")
    assert (read_image(tmp_path / "framed.png", (3, 224, 224)) == 255).all()


@pytest.mark.parametrize("size", [(50_001, 1), (1, 50_001)])
def test_a_strip_is_read_in_little_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    strip = Image.new("L", size)  # black, and white in its middle: 13 GB at 256 pixels' height
    strip.paste(255, (size[0] // 2 - 10, size[1] // 2 - 10, size[0] // 2 + 11, size[1] // 2 + 11))
    strip.save(tmp_path / "strip.png")
    resize = Image.Image.resize
    sizes: list[int] = []

    def spy(image: Image.Image, size: tuple[int, int], *options: Any) -> Image.Image:
        sizes.append(max(size))
        assert max(sizes) <= 8 * 256
        return resize(image, size, *options)

    monkeypatch.setattr(Image.Image, "resize", spy)
    assert (read_image(tmp_path / "strip.png", (3, 224, 224)) == 255).all()
    assert len(sizes) == 1


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "CMYK", "P", "I;16", "1"])
def test_every_kind_of_image_becomes_bytes(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("image.tif" if mode == "CMYK" else "image.png")
    if mode == "I;16":
        Image.fromarray(np.full((9, 9), 128 * 256, dtype=np.uint16)).save(path)
        assert (read_image(path, TINY) == 128).all()
    else:
        transparency = {"transparency": b"\x00\x80"} if mode == "P" else {}
        Image.new("RGB", (9, 9)).convert(mode).save(path, **transparency)
    assert read_image(path, TINY).shape == (8, 8, 3)
    assert read_image(path, (1, 8, 8)).shape == (8, 8, 1)


def test_pixels_are_kept_while_there_is_room(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_files, "CACHE_BYTES", 3 * 8 * 8 * 2)
    paths = tuple(sorted((root / "train" / "cat").iterdir()))
    files = ImageFiles(paths, np.zeros(10, dtype=np.int64), TINY)
    first = [files.pixels(index).copy() for index in range(10)]
    assert len(files.cache) == 2
    assert all(np.array_equal(files.pixels(index), first[index]) for index in range(10))


def test_a_file_that_vanishes_is_named(root: Path) -> None:
    images = open_images(str(root), input_shape=TINY)
    (root / "test" / "cat" / "0.jpg").unlink()
    with pytest.raises(DataError, match=r"0\.jpg, which was readable before"):
        images.test.batch(np.arange(1))


def test_more_training_images_than_a_search_reads_are_sampled(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.data.folder.TRAINING_MOST", 12)
    images = open_images(str(root), input_shape=TINY)
    labels = images.reward.batch(np.arange(len(images.reward)))[1].tolist()
    labels += images.held_out.batch(np.arange(len(images.held_out)))[1].tolist()
    assert (labels.count(0), labels.count(1)) == (6, 6)
