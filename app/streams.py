"""What is written into a terminal, a file or a pipe, which may take no more."""

import os
from typing import TextIO


def write_out(stream: TextIO, text: str) -> OSError | None:
    """Write `text`; a stream that refuses it swallows all from then on. Returns why it refused.

    Ctrl-C in `espalier search 2>&1 | tee log` ends tee, too, and the run is yet to be written.
    """
    try:
        stream.write(text)
        stream.flush()
    except OSError as error:
        with open(os.devnull, "wb") as nothing:
            os.dup2(nothing.fileno(), stream.fileno())
        return error
    return None
