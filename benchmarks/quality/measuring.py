"""Seconds, memory and machine, and a loop of fixed work beside which times can be read as ratios."""

import dataclasses
import os
import platform
import resource
import statistics
import sys
import time
from array import array
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from recsys.compiled import compiled

#: Set before a contender's process starts, so that no library uses a second core.
SINGLE_THREAD: Final = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
}
_LOOP_STEPS: Final = 20_000_000
_LOOP_TIMES: Final = 5
_MB: Final = 1 << 20


@dataclasses.dataclass
class Meter:
    """Wall and CPU seconds of one phase, added up over its uses as a context."""

    wall_s: float = 0.0
    cpu_s: float = 0.0

    def __enter__(self) -> "Meter":
        self._began = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.wall_s += time.perf_counter() - self._began[0]
        self.cpu_s += time.process_time() - self._began[1]


class Latencies:
    """How long each query took.

    >>> latencies = Latencies()
    >>> for ns in (1_000, 2_000, 9_000):
    ...     latencies.add(ns)
    >>> latencies.figures()
    {'query_us_p50': 2.0, 'query_us_p99': 9.0}
    """

    def __init__(self) -> None:
        self._ns = array("q")

    def add(self, ns: int) -> None:
        """Add one query."""
        self._ns.append(ns)

    def figures(self) -> dict[str, float]:
        """Return median and 99th percentile in microseconds."""
        ranked = sorted(self._ns) or [0]
        return {
            "query_us_p50": round(statistics.median_low(ranked) / 1_000, 1),
            "query_us_p99": round(ranked[min(len(ranked) - 1, int(0.99 * len(ranked)))] / 1_000, 1),
        }


def peak_rss_mb() -> float:
    """Return the most memory that this process has held, in MB.

    Linux hands a parent's `ru_maxrss` on to its children, so the kernel's own high-water mark goes first.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) / 1_024, 1)
    unit = 1 if sys.platform == "darwin" else 1_024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / _MB, 1)


def resident_mb() -> float:
    """Return the memory that this process holds now, in MB; where the system does not say, the most it has held."""
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text().splitlines():
            if line.startswith("VmRSS:"):
                return round(int(line.split()[1]) / 1_024, 1)
    return peak_rss_mb()


def machine() -> dict[str, Any]:
    """Return what the figures were measured on."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in ("numpy", "numba", "river")},
    }


def calibration_ms() -> float:
    """Return how long a fixed compiled loop takes: the median of a few runs, in milliseconds."""
    _loop(1)
    times = []
    for _ in range(_LOOP_TIMES):
        began = time.perf_counter()
        _loop(_LOOP_STEPS)
        times.append(time.perf_counter() - began)
    return round(1_000 * statistics.median(times), 2)


def _cpu_model() -> str:
    cpus = Path("/proc/cpuinfo")
    if cpus.is_file():
        for line in cpus.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


@compiled
def _loop(steps: int) -> float:
    """Do integer and floating-point work that no compiler can leave out."""
    state, total = 88_172_645, 0.0
    for _ in range(steps):
        state = (state * 1_103_515_245 + 12_345) & 0x7FFF_FFFF
        total += 1.0 / (1.0 + state)
    return total
