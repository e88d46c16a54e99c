"""What is set for the libraries, and memory that goes back to the system."""

import subprocess
import sys

import pytest

from app.process import give_back_memory

BLOCKS = """
import ctypes, resource
from app.process import give_back_memory, prepare_process
prepare_process()
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
blocks = [bytes(50_000) for _ in range(2_000)]  # too small for mappings of their own
last = bytes(50_000)  # on top of the heap, so that what is below cannot just shrink it
del blocks
before = resident()
assert give_back_memory()
print(before - resident())
"""

AGAIN = """
import resource
from app.process import prepare_process
prepare_process()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def fill():
    first = bytearray(b"1") * (8 << 20)  # as large as activations are
    second = bytearray(b"1") * (40 << 20)
fill()
before = faults()
for _ in range(5):
    fill()
print(faults() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc is asked")
def test_large_blocks_that_come_again_are_not_fetched_from_the_system_again() -> None:
    done = subprocess.run([sys.executable, "-c", AGAIN], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 2_000  # pages; 5 x 48 MB are 61,440


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc is asked")
def test_freed_memory_goes_back_to_the_system() -> None:
    done = subprocess.run(
        [sys.executable, "-c", BLOCKS], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) > 50_000_000  # of the 100 MB that were freed


def test_elsewhere_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not give_back_memory()
