"""Runs that all processes show: one at a time, and known to have broken off when they fall silent."""

import msgspec
import pytest
import redis

from webapp.runs import SILENT_MS, Board, PlaceTaken, Run

PLACE = "freshet:digging:place"


class Digging(Run, frozen=True, kw_only=True):
    """A run with something to say."""

    depth: int = 0


@pytest.fixture
def board(wired: redis.Redis) -> Board[Digging]:
    return Board(wired, "digging", Digging)


def begun(board: Board[Digging], name: str) -> Digging:
    run = Digging(id=name, by="ada")
    assert board.claim(run)
    return run


def deeper(run: Digging, **changes: int | str) -> Digging:
    return msgspec.structs.replace(run, **{"state": "running", "depth": run.depth + 1, **changes})


def test_run_is_shown_as_of_its_last_word(board: Board[Digging]):
    assert board.latest() is None
    run = begun(board, "one")
    assert board.latest() == run
    board.post(deeper(run))
    assert board.latest() == deeper(run)


def test_second_run_is_refused_while_one_goes_on_and_may_begin_after_it(board: Board[Digging]):
    run = begun(board, "one")
    assert not board.claim(Digging(id="two", by="grace"))
    assert board.latest() == run
    board.post(deeper(run, state="ended"))
    assert board.latest() == deeper(run, state="ended")
    begun(board, "two")


def test_run_keeps_its_place_only_as_long_as_it_leaves_word(board: Board[Digging], wired: redis.Redis):
    run = begun(board, "one")
    board.post(deeper(run))
    left_ms = wired.pttl(PLACE)
    assert isinstance(left_ms, int) and 0 < left_ms <= SILENT_MS
    wired.delete(PLACE)  # as it expires
    assert board.latest() == deeper(run, state="broken off")
    begun(board, "two")


def test_run_that_was_silent_and_speaks_again_has_its_place_back(board: Board[Digging], wired: redis.Redis):
    run = begun(board, "one")
    wired.delete(PLACE)
    board.post(deeper(run))
    assert board.latest() == deeper(run)
    assert not board.claim(Digging(id="two", by="grace"))


@pytest.mark.parametrize("over", [False, True])
def test_run_that_was_silent_does_not_speak_over_one_that_began_since(
    board: Board[Digging], wired: redis.Redis, over: bool
):
    silent = begun(board, "one")
    wired.delete(PLACE)
    second = begun(board, "two")
    if over:
        second = deeper(second, state="ended")
        board.post(second)
    with pytest.raises(PlaceTaken):
        board.post(deeper(silent))
    assert board.latest() == second


def test_only_the_run_that_is_meant_is_asked_to_stop(board: Board[Digging]):
    board.ask_to_stop("one")
    assert board.is_asked_to_stop("one")
    assert not board.is_asked_to_stop("two")


def test_boards_of_two_names_do_not_see_each_other(board: Board[Digging], wired: redis.Redis):
    begun(board, "one")
    other = Board(wired, "filling", Digging)
    assert other.latest() is None
    begun(other, "one")
