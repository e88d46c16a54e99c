"""A pickle module for torch.load that refuses damaged pickles which would fill the memory.

pickle's own reader keeps its objects in a table that is as long as the largest place that a file
names: one bit turned over there takes gigabytes.
"""

import pickle
import pickletools
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

LONGER_THAN_FILE = re.compile(r"expected \d+ bytes .* but only \d+ remain")
KEEPING = ("PUT", "BINPUT", "LONG_BINPUT")  # operations that name a place


class Unpickler(pickle.Unpickler):
    """Read one pickle from a file that can seek.

    Raises: pickle.UnpicklingError if an object is to be kept in a place that cannot be.
    """

    def __init__(self, file: BinaryIO, **options: Any) -> None:
        super().__init__(file, **options)
        self._file = file

    def load(self) -> Any:
        _check_places(self._file)
        return super().load()


def load(file: BinaryIO, **options: Any) -> Any:
    """Read one pickle from a file that can seek, as pickle.load does."""
    return Unpickler(file, **options).load()


def _check_places(file: BinaryIO) -> None:
    """Go through a pickle's operations, running none, and come back to where it begins."""
    start = file.tell()
    operations: Iterator[Any] = pickletools.genops(file)
    try:
        for operation, place, position in operations:
            # Places are counted from 0, and to fill one takes more than a byte.
            if operation.name in KEEPING and not 0 <= place <= position - start:
                raise pickle.UnpicklingError(f"it cannot hold an object number {place}")
    except pickle.UnpicklingError:
        raise
    except Exception as error:  # genops raises what it likes on what is cut off
        # pickle would make room for it before it is read
        if isinstance(error, MemoryError) or LONGER_THAN_FILE.search(str(error)):
            raise pickle.UnpicklingError("pickle data was truncated") from error
        return  # pickle says it better
    finally:
        file.seek(start)
