"""What a settled process frees goes back to the system."""

import ctypes
import subprocess
import sys

import pytest

HOLDS_AND_FREES = """
import sys

from webapp import garbage


def resident_mb():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4_096 / 1e6


if "settled" in sys.argv:
    garbage.settle()
# A freed buffer raises malloc's limits; the next one of its size then comes from the heap.
buffer = b"1" * (24_000_000 + len(sys.argv))
del buffer
before = resident_mb()
buffer = b"1" * (24_000_000 + len(sys.argv))
del buffer
print(resident_mb() - before)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="needs glibc's malloc")
def test_freed_buffers_go_back_to_the_system() -> None:
    assert grown_mb("settled") < 4
    assert grown_mb("unsettled") > 20, "else this test would say nothing"


def grown_mb(how: str) -> float:
    told = subprocess.run([sys.executable, "-c", HOLDS_AND_FREES, how], capture_output=True, check=True, text=True)
    return float(told.stdout)
