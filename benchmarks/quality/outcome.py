"""What one contender's run came to, as it travels from its process to the report."""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.measuring import Meter, peak_rss_mb
from benchmarks.quality.ranking_metrics import interval
from recsys.datasets.base import Rejected

Floats = NDArray[np.float64]


@dataclasses.dataclass
class Outcome:
    """One contender's results.

    Attributes
    ----------
    figures : dict
        What was measured, ready for JSON.
    data : dict
        What it was measured on.
    rejected : list of Rejected
        Lines set aside (the first of them, where there are very many).
    bad_lines : dict of file name to int
        How many there were.
    paired : dict of metric to float64 array
        Its value for each prediction, in the same order for all contenders.
    clusters : int32 array
        Session or visitor of each prediction.
    """

    figures: dict[str, Any]
    data: dict[str, Any]
    rejected: list[Rejected]
    bad_lines: dict[str, int]
    paired: dict[str, Floats]
    clusters: NDArray[np.int32]


def phases(training: Meter, predicting: Meter) -> dict[str, float]:
    """Return seconds and memory of this process; the seconds include reading the data and taking the measures."""
    return {
        "seconds": round(training.wall_s + predicting.wall_s, 2),
        "cpu_seconds": round(training.cpu_s + predicting.cpu_s, 2),
        "train_cpu_seconds": round(training.cpu_s, 2),
        "predict_cpu_seconds": round(predicting.cpu_s, 2),
        "peak_rss_mb": peak_rss_mb(),
    }


def difference(one: Outcome, other: Outcome, metric: str) -> list[float]:
    """Return by how much `one` exceeds `other` as [difference, low, high], with a 95 % interval.

    Both predicted the same things, so most of the noise cancels: a difference can be sure though both intervals
    overlap. Empty where there are fewer than two clusters.
    """
    deltas = one.paired[metric] - other.paired[metric]
    return [round(float(deltas.mean()), 6), *bounds] if (bounds := interval(deltas, one.clusters)) else []
