"""Holds for every test, doctests included: in CI nothing is skipped, and property tests have no deadline."""

import os
from collections.abc import Generator
from typing import Any

import hypothesis
import pytest

# Examples are not timed: machines are noisy, and the first one may compile.
hypothesis.settings.register_profile("freshet", deadline=None)
hypothesis.settings.load_profile("freshet")

# Importing these starts the site, which needs its secrets; there are no doctests in them.
collect_ignore = ["webapp/asgi.py", "webapp/celery.py", "webapp/demo/__main__.py"]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skipped test into a failed one."""
    return _refuse_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn a module that skips itself into a failed one."""
    return _refuse_skip((yield))


def _refuse_skip(report: Any) -> Any:
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"CI skips nothing, but this was skipped: {reason}"
    return report
