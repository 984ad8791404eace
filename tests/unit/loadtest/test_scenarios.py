"""Scenarios have as many visitors as they say, when they say it."""

import pytest

from loadtest.recorder import Recorder
from loadtest.run import Run
from loadtest.scenarios import SCENARIOS
from recsys.simulation.factors import unknown
from recsys.simulation.market import Market


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario_reaches_everybody_and_never_more(name: str):
    shares = [SCENARIOS[name].share(step / 100) for step in range(101)]
    assert max(shares) == 1.0
    assert min(shares) > 0.0


def test_flash_crowd_comes_at_once_and_goes():
    share = SCENARIOS["flash"].share
    assert (share(0.3), share(0.34), share(0.65), share(0.7)) == (0.2, 1.0, 1.0, 0.2)


def test_ramp_only_rises():
    shares = [SCENARIOS["ramp"].share(step / 100) for step in range(101)]
    assert shares == sorted(shares)
    assert shares[0] == 0.1


def test_visitors_pace_makes_the_rate(tmp_path):
    run = Run(
        SCENARIOS["steady"],
        "http://127.0.0.1",
        500,
        1_000.0,
        60.0,
        0.5,
        Recorder(tmp_path, "steady", 0),
        Market(unknown(), 1),
    )
    run.recorder.finish()
    assert run.sockets / run.seconds_per_event == 1_000.0
    assert run.users() == (500, 30.0)
    assert not run.over()
