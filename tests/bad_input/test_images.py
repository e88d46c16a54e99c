"""Bad images give their sentences, and nothing else leaves the reader."""

from pathlib import Path

import pytest
from PIL import Image

from core.data import open_images
from core.errors import EspalierError
from tests.bad_input.case import Case, check_sentence
from tests.bad_input.images import IMAGES, bomb, picture, tree


@pytest.mark.parametrize("case", IMAGES, ids=lambda case: case.name)
def test_it_gives_its_sentence(tmp_path: Path, case: Case) -> None:
    spec = case.make(tmp_path)
    with pytest.raises(EspalierError) as refused:
        open_images(spec, input_shape=(3, 8, 8))
    check_sentence(refused.value, case.sentence)


def test_a_bomb_among_good_images_is_skipped_and_named(tmp_path: Path) -> None:
    root = tree(tmp_path / "images")
    (root / "train" / "cat" / "bomb.png").write_bytes(bomb())
    images = open_images(str(root), input_shape=(3, 8, 8))
    (notice,) = images.notices
    assert notice.startswith("1 unreadable image was skipped: train/cat/bomb.png")


def test_links_inside_of_the_images_are_followed_once(tmp_path: Path) -> None:
    root = tree(tmp_path / "images")
    (root / "train" / "cat" / "again").symlink_to(root / "train" / "cat")
    (root / "train" / "dog" / "x.png").symlink_to(root / "train" / "dog" / "0.png")
    images = open_images(str(root), input_shape=(3, 8, 8))
    assert len(images.reward) + len(images.held_out) == 13


def test_a_folder_with_an_odd_name_opens(tmp_path: Path) -> None:
    root = tree(tmp_path / "a 'b' \"é\"\n<i>")
    picture(root / "train" / "cat", name="x\ny.png")
    assert len(open_images(str(root), input_shape=(3, 8, 8)).test) == 4


def test_an_image_that_changes_after_opening_is_a_sentence(tmp_path: Path) -> None:
    import numpy as np

    root = tree(tmp_path / "images")
    images = open_images(str(root), input_shape=(3, 8, 8))
    for path in root.rglob("*.png"):
        Image.new("RGB", (6, 6)).save(path, "TIFF")
        path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(EspalierError, match=r"which was readable before: .*Open the images again"):
        images.reward.batch(np.arange(2))
