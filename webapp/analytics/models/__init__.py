"""The staff pages' tables of counts, and their permissions."""

from webapp.analytics.models.aggregates import (
    TABLES,
    AggregateProgress,
    Bucket,
    ClickDelay,
    ItemPosition,
    ItemTraffic,
    Moments,
    NthMoments,
    SessionEnd,
    SessionSitting,
    ShownDay,
    SittingMoments,
    Traffic,
)
from webapp.analytics.models.pages import SimulatedVisitors, StaffPage

__all__ = [
    "TABLES",
    "AggregateProgress",
    "Bucket",
    "ClickDelay",
    "ItemPosition",
    "ItemTraffic",
    "Moments",
    "NthMoments",
    "SessionEnd",
    "SessionSitting",
    "ShownDay",
    "SimulatedVisitors",
    "SittingMoments",
    "StaffPage",
    "Traffic",
]
