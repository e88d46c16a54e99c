"""What Qt remembers of a window's places, kept with a hash.

Qt reads a damaged state for a minute or crashes over it; without its hash it is not given to Qt.
"""

import hashlib

from PySide6.QtCore import QByteArray

SEAL_BYTES = 16


def sealed(content: QByteArray) -> QByteArray:
    """Put its hash before it, for the settings."""
    data = content.data()
    return QByteArray(_seal(data) + data)


def unsealed(stored: object) -> QByteArray | None:
    """Return what `sealed` was given; None if the settings hold anything else, or nothing."""
    if not isinstance(stored, QByteArray):
        return None
    seal, data = stored.data()[:SEAL_BYTES], stored.data()[SEAL_BYTES:]
    return QByteArray(data) if seal == _seal(data) else None


def _seal(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()[:SEAL_BYTES]
