"""Places of a window that are only given to Qt as Qt wrote them."""

import pytest
from PySide6.QtCore import QByteArray

from app.sealed import sealed, unsealed


def test_what_was_sealed_comes_back():
    assert unsealed(sealed(QByteArray(b"\x00\xffplaces"))) == QByteArray(b"\x00\xffplaces")


def test_every_damaged_byte_is_noticed():
    kept = sealed(QByteArray(b"places")).data()
    for place in range(len(kept)):
        changed = bytearray(kept)
        changed[place] ^= 4
        assert unsealed(QByteArray(bytes(changed))) is None


@pytest.mark.parametrize("stored", [None, "", "words", 3, QByteArray(), QByteArray(b"older")])
def test_anything_else_is_nothing(stored):
    assert unsealed(stored) is None
