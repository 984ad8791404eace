"""Changing the catalogue: the ORM and the log, both or neither."""

from django.db import transaction

from recsys.errors import LogFull
from recsys.events import ItemRemoved, ItemUpserted
from recsys.log.base import Log
from webapp import wiring
from webapp.catalog.models import Item


def save_item(item: Item, log: Log | None = None) -> None:
    """Save an item as it stands (also a removed one) and append the event that says so.

    Raises
    ------
    InvalidEvent, LogFull, LogUnavailable
        When the event is too large, or the log did not take it; then the item is not saved either.
    """
    now_ms = wiring.clock().now_ms()
    event: ItemUpserted | ItemRemoved = (
        ItemRemoved(event_time_ms=now_ms, item=item.item_id) if item.removed else item.upserted(now_ms)
    )
    with transaction.atomic():
        item.save()
        (receipt,) = (log or wiring.event_log()).append([event])
        if receipt.outcome == "full":
            raise LogFull("the log is at its bound; try again when the learner has caught up")


def set_removed(item: Item, removed: bool, log: Log | None = None) -> None:
    """Take an item out of every list, or bring it back. Raises as `save_item` does."""
    item.removed = removed
    save_item(item, log)
