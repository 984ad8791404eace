"""What the generator measures, and the files that it leaves for the report."""

import time
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

#: Names of the generator's files within the report's folder.
MEASURED = "generator.json"
ACKNOWLEDGED = "acknowledged.jsonl"


class Measured(msgspec.Struct):
    """What one run of the generator came to; times are seconds since its begin.

    Attributes
    ----------
    scenario : str
    known_items : int
        Of which the visitors' tastes say something; where it is 0 they click on anything alike.
    began_s : float
        Wall clock.
    measured_from_s, ended_s : float
        What lies between is the run; before, visitors were still arriving.
    clicks : list of (at, acknowledged in ms, changed slate in ms)
        The last is None where no slate came.
    late_ms : list of (at, milliseconds)
        How late the generator itself was to wake up: included in all that it measured.
    sockets : list of (at, open sockets)
    acknowledged : list of events acknowledged, by second
    kinds : dict of event type to count
        Of events acknowledged within the run.
    outcomes : dict of outcome to count
        Of everything sent: ``accepted``, ``duplicate``, ``refused:...``; ``full`` waits on and is counted each time.
    errors : dict of what went wrong to count
    looks : dict of arm to list of (n-th click, slates, clicks)
        "For you" slates that were looked at, and those that were clicked.
    pages_ms : list of float
        Time to a page, for each visit.
    """

    scenario: str
    known_items: int
    began_s: float
    measured_from_s: float
    ended_s: float
    clicks: list[tuple[float, float, float | None]]
    late_ms: list[tuple[float, float]]
    sockets: list[tuple[float, int]]
    acknowledged: list[int]
    kinds: dict[str, int]
    outcomes: dict[str, int]
    errors: dict[str, int]
    looks: dict[str, list[tuple[int, int, int]]]
    pages_ms: list[float]


class Recorder:
    """Takes down what happens, in memory; sessions' acknowledgements go to a file when their visit ends.

    Parameters
    ----------
    folder : Path
        Where the files go; made when missing.
    scenario : str
    known_items : int
        As in `Measured`.
    """

    def __init__(self, folder: Path, scenario: str, known_items: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._scenario, self._known_items = folder, scenario, known_items
        self._file = (folder / ACKNOWLEDGED).open("wb")
        self._began_s = self._began = 0.0
        self.measured_from_s = 0.0
        self.open_sockets = 0
        self._at, self._ack_ms, self._slate_ms = array("d"), array("d"), array("d")
        self._late: list[tuple[float, float]] = []
        self._sockets: list[tuple[float, int]] = []
        self._acknowledged: Counter[int] = Counter()
        self._kinds: Counter[str] = Counter()
        self._outcomes: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self._looks: dict[str, Counter[int]] = {"adaptive": Counter(), "control": Counter()}
        self._clicked: dict[str, Counter[int]] = {"adaptive": Counter(), "control": Counter()}
        self._pages_ms: list[float] = []

    def begin(self, measured_from_s: float) -> None:
        """Start the clock."""
        self._began_s, self._began = time.time(), time.perf_counter()
        self.measured_from_s = measured_from_s

    def now_s(self) -> float:
        """Return the seconds since the begin, 0 before it."""
        return time.perf_counter() - self._began if self._began else 0.0

    def page(self, took_ms: float) -> None:
        """Take down how long a page took."""
        self._pages_ms.append(took_ms)

    def click(self, at_s: float, ack_ms: float, slate_ms: float | None) -> None:
        """Take down a click: when, and how long until the acknowledgement and the changed slate."""
        self._at.append(at_s)
        self._ack_ms.append(ack_ms)
        self._slate_ms.append(-1.0 if slate_ms is None else slate_ms)

    def settled(self, kinds: Iterable[str], outcomes: Iterable[str]) -> None:
        """Take down what became of the events of a message."""
        now_s = self.now_s()
        known = [(kind, outcome) for kind, outcome in zip(kinds, outcomes, strict=True)]
        self._outcomes.update(outcome for _, outcome in known)
        logged = [kind for kind, outcome in known if outcome in ("accepted", "duplicate")]
        self._acknowledged[int(now_s)] += len(logged)
        if now_s >= self.measured_from_s:
            self._kinds.update(logged)

    def look(self, arm: str, nth: int, *, clicked: bool) -> None:
        """Take down that a "for you" slate was looked at, by how many clicks the visit had before."""
        if arm in self._looks:
            self._looks[arm][nth] += 1
            self._clicked[arm][nth] += clicked

    def sample(self, late_ms: float) -> None:
        """Take down how the generator itself is doing."""
        at_s = self.now_s()
        self._late.append((at_s, late_ms))
        self._sockets.append((at_s, self.open_sockets))

    def visit_ended(self, session: str, acknowledged: Iterable[int]) -> None:
        """Write down which of a session's events were acknowledged as being in the log."""
        self._file.write(msgspec.json.encode((session, list(ranges(acknowledged)))) + b"\n")

    def finish(self) -> None:
        """Write the files."""
        self._file.close()
        ended_s = self.now_s()
        measured = Measured(
            scenario=self._scenario,
            known_items=self._known_items,
            began_s=self._began_s,
            measured_from_s=self.measured_from_s,
            ended_s=ended_s,
            clicks=[
                (at, ack, None if slate < 0 else slate)
                for at, ack, slate in zip(self._at, self._ack_ms, self._slate_ms, strict=True)
            ],
            late_ms=self._late,
            sockets=self._sockets,
            acknowledged=[self._acknowledged[second] for second in range(int(ended_s) + 1)],
            kinds=dict(self._kinds),
            outcomes=dict(self._outcomes),
            errors=dict(self.errors),
            looks={
                arm: [(nth, looks, self._clicked[arm][nth]) for nth, looks in sorted(found.items())]
                for arm, found in self._looks.items()
            },
            pages_ms=self._pages_ms,
        )
        (self._folder / MEASURED).write_bytes(msgspec.json.encode(measured))


def ranges(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield runs of whole numbers, first and last.

    >>> list(ranges([5, 1, 2, 3]))
    [(1, 3), (5, 5)]
    """
    ordered = sorted(set(numbers))
    if not ordered:
        return
    first = ordered[0]
    for number, following in pairwise(ordered):
        if following != number + 1:
            yield first, number
            first = following
    yield first, ordered[-1]


def read_measured(folder: Path) -> Measured:
    """Return what the generator wrote."""
    return msgspec.json.decode((folder / MEASURED).read_bytes(), type=Measured)


def read_acknowledged(folder: Path) -> dict[str, list[tuple[int, int]]]:
    """Return the acknowledged sequence numbers of each session, as runs."""
    found: dict[str, Any] = {}
    with (folder / ACKNOWLEDGED).open("rb") as file:
        for line in file:
            session, runs = msgspec.json.decode(line, type=tuple[str, list[tuple[int, int]]])
            found.setdefault(session, []).extend(runs)
    return found
