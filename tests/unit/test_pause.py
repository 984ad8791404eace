"""What fails several times a second is said once in a while, in one line."""

import time

import pytest
import structlog
from structlog.testing import capture_logs

from recsys.errors import CorruptState
from webapp.pause import Pause
from webapp.training import services


def test_failure_is_said_in_one_line_and_nothing_is_tried_until_the_pause_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pause = Pause(structlog.get_logger(), "not_done", 10.0)
    with capture_logs() as told, pause.after(CorruptState):
        raise CorruptState("expected a number")
    assert told == [{"event": "not_done", "log_level": "error", "error": "expected a number", "again_in_s": 10.0}]
    assert not pause.is_over()

    later = time.monotonic() + 10.0
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert pause.is_over()


def test_what_nobody_expected_is_no_reason_for_a_pause() -> None:
    pause = Pause(structlog.get_logger(), "not_done", 10.0)
    with pytest.raises(ZeroDivisionError), pause.after(CorruptState):
        raise ZeroDivisionError
    assert pause.is_over()


def test_fold_that_fails_is_not_tried_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[None] = []

    def damaged() -> None:
        tried.append(None)
        raise CorruptState("expected a number in fence")

    monkeypatch.setattr(services, "_pause", Pause(structlog.get_logger(), "not_folded", 10.0))
    monkeypatch.setattr(services, "fold", damaged)
    with capture_logs() as told:
        for _ in range(3):
            services.fold_if_well()
    assert (len(tried), [line["event"] for line in told]) == (1, ["not_folded"])
