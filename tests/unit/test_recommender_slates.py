"""Every slate that a page may ask for, on full, young and empty catalogues, and from the first request on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from recsys import ranking
from recsys.config import EngineConfig
from recsys.events import ItemRemoved
from recsys.retrieval.candidates import retrieve
from tests.unit.engine_samples import (
    CONFIG,
    FILMS_PER_GENRE,
    GENRES,
    Visit,
    empty_world,
    trained_world,
    two_horror_clicks,
)
from tests.unit.streams import world_bytes


@pytest.fixture
def visit() -> Visit:
    return Visit(trained_world())


def test_an_empty_catalogue_gives_empty_slates() -> None:
    visit = Visit(empty_world())
    assert visit.for_you().items == ()
    assert visit.recommender.trending(visit.session).items == ()
    assert visit.recommender.newest(visit.session).items == ()
    assert visit.recommender.category(visit.session, "Horror").items == ()
    assert visit.recommender.neighbours(visit.session, "film-1").items == ()


def test_a_catalogue_without_history_fills_the_slate() -> None:
    assert len(Visit(empty_world(40)).for_you().items) == CONFIG.slate_size


def test_who_opened_everything_still_gets_a_slate() -> None:
    visit = Visit(empty_world(3))
    for number in range(3):
        visit.click(f"film-{number}")
    assert len(visit.for_you().items) == 3


def test_a_removed_item_is_on_no_slate() -> None:
    world = empty_world(5)
    world.remove_item(ItemRemoved(event_time_ms=0, item="film-2"))
    visit = Visit(world)
    for slate in (visit.for_you(), visit.recommender.trending(visit.session), visit.recommender.newest(visit.session)):
        assert set(slate.items) == {"film-0", "film-1", "film-3", "film-4"}


def test_a_category_row_holds_that_category_alone(visit: Visit) -> None:
    slate = visit.recommender.category(visit.session, "Western", 20)
    assert visit.share("Western", slate) == 1.0
    assert slate.surface == "genre"
    assert len(slate.items) == 20
    assert visit.recommender.category(visit.session, "No such genre").items == ()


def test_categories_made_together_are_those_made_one_by_one() -> None:
    visit = Visit(trained_world())
    names = ["Western", "No such genre", "Horror", "Western"]
    together = visit.recommender.categories(visit.session, names, 7)
    assert [slate.items for slate in together] == [
        visit.recommender.category(visit.session, name, 7).items for name in names
    ]
    assert visit.recommender.categories(visit.session, []) == []


def test_neighbours_of_an_item_leave_it_out_and_fill_up_with_what_is_like_it(visit: Visit) -> None:
    slate = visit.recommender.neighbours(visit.session, "film-4")
    assert "film-4" not in slate.items
    assert len(set(slate.items)) == CONFIG.slate_size
    alone = Visit(empty_world(40))
    assert set(alone.recommender.neighbours(alone.session, "film-4", 3).items) <= {f"film-{n}" for n in range(40)}


def test_listed_keeps_the_order_given_and_leaves_out_what_is_not_known(visit: Visit) -> None:
    slate = visit.recommender.listed(visit.session, "search", ["film-9", "no such film", "film-3"])
    assert slate.items == ("film-9", "film-3")
    assert slate.propensities == (1.0, 1.0)
    assert slate.surface == "search"


def test_the_newest_come_first(visit: Visit) -> None:
    last = FILMS_PER_GENRE * len(GENRES) - 1
    assert visit.recommender.newest(visit.session, 3).items == (f"film-{last}", f"film-{last - 1}", f"film-{last - 2}")


def test_next_items_are_the_best_of_all_that_was_retrieved_opened_ones_included(visit: Visit) -> None:
    two_horror_clicks(visit)
    world, now_ms = visit.world, visit.clock.now_ms()
    found = retrieve(world, visit.session.known)
    scored = ranking.score(world, visit.session, found.rows, now_ms, found)
    best = sorted(range(len(found.rows)), key=lambda place: (-scored.scores[place], place))
    expected = found.rows[best[:20]].tolist()
    before = world_bytes(world)
    assert visit.recommender.next_items(visit.session, 20).tolist() == expected
    assert world_bytes(world) == before
    assert set(visit.session.context.opened) & set(visit.recommender.next_items(visit.session, 240).tolist())
    nowhere = Visit(empty_world())
    assert nowhere.recommender.next_items(nowhere.session, 3).tolist() == []


def test_a_control_arms_slates_know_nothing_of_what_it_did() -> None:
    control, fresh = Visit(trained_world(), adaptive=False), Visit(trained_world(), adaptive=False)
    for number in (4, 28):
        control.click(f"film-{number}")
    assert control.session.known.to_state() == fresh.session.known.to_state()
    fresh.clock.advance(control.clock.now_ms() - fresh.clock.now_ms())
    next_to_it, next_to_nothing = (each.recommender.next_items(each.session, 20).tolist() for each in (control, fresh))
    assert next_to_it == next_to_nothing


def test_any_river_classifier_serves_behind_the_same_session() -> None:
    visit = Visit(empty_world(60, EngineConfig(model="river-logistic")))
    for number in (4, 28):
        visit.click(f"film-{number}")
    assert visit.share("Horror") > 0.5


_NEW_SIGNATURES_WHILE_SERVING = """
import sys
import msgspec
from numba.core.dispatcher import Dispatcher
from recsys import copying
from recsys.config import EngineConfig
from recsys.copying import WorldMeta
from recsys.recommender import warm_up
from recsys.store import codec
from recsys.world import World
from tests.unit.engine_samples import Visit, empty_world

trained, payload = World(EngineConfig()), codec.decode(sys.stdin.buffer.read())
copying.restore(trained, msgspec.msgpack.decode(payload.blobs["meta"], type=WorldMeta), payload.arrays)

def loaded():
    modules = [module for name, module in sorted(sys.modules.items()) if name.startswith("recsys")]
    kernels = [value for module in modules for value in vars(module).values() if isinstance(value, Dispatcher)]
    return {(kernel.__name__, signature) for kernel in kernels for signature in kernel.signatures}

warm_up(EngineConfig())
before = loaded()
assert len(before) > 10
for world in (empty_world(), empty_world(40), trained):
    visit = Visit(world)
    served = visit.show(visit.for_you())
    for position, item in enumerate(served.items[:2]):
        visit.click(item, served.slate, position)
    visit.dismiss("film-9")
    visit.show(visit.for_you())
    visit.show(visit.recommender.category(visit.session, "Horror"))
    visit.show(visit.recommender.neighbours(visit.session, "film-4"))
    visit.show(visit.recommender.listed(visit.session, "search", ["film-4"]))
    visit.recommender.next_items(visit.session, 20)
print(sorted(name for name, _ in loaded() - before))
"""


def test_after_warming_up_nothing_is_left_to_compile() -> None:
    run = subprocess.run(
        [sys.executable, "-c", _NEW_SIGNATURES_WHILE_SERVING],
        input=world_bytes(trained_world()),  # a trained world that this process did not compile anything to train
        capture_output=True,
        check=True,
        cwd=Path(__file__).parents[2],
        env=dict(os.environ),
    )
    assert run.stdout.decode().strip() == "[]"
