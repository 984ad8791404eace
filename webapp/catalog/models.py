"""What the site recommends."""

from django.core.validators import MaxLengthValidator
from django.db import models

from recsys.events import MAX_ID_LENGTH, ItemUpserted


class Item(models.Model):
    """An item of the catalogue. Saved through `webapp.catalog.services`, so that the engine learns of it too."""

    item_id = models.CharField("id", max_length=MAX_ID_LENGTH, primary_key=True)
    title = models.TextField(validators=[MaxLengthValidator(500)])
    categories = models.JSONField(default=list, blank=True, help_text="Few and broad: genres, departments.")
    tags = models.JSONField(default=list, blank=True, help_text="Many and narrow: people, keywords.")
    year = models.IntegerField(null=True, blank=True)
    #: Facts by name, as `ItemUpserted.numbers`: they come with data sets, and stay as they came.
    numbers = models.JSONField(default=dict, blank=True, editable=False)
    removed = models.BooleanField(default=False, help_text="Never recommended again; what was learned of it stays.")

    class Meta:
        ordering = ["title", "item_id"]

    def __str__(self) -> str:
        return self.title if self.year is None else f"{self.title} ({self.year})"

    @classmethod
    def from_event(cls, event: ItemUpserted) -> "Item":
        """Return the (unsaved) item that the event describes."""
        return cls(
            item_id=event.item,
            title=event.title,
            categories=list(event.categories),
            tags=list(event.tags),
            year=event.year,
            numbers=dict(event.numbers),
        )

    def upserted(self, event_time_ms: int) -> ItemUpserted:
        """Return the event that tells the engine about this item."""
        return ItemUpserted(
            event_time_ms=event_time_ms,
            item=self.item_id,
            title=self.title,
            categories=tuple(self.categories),
            tags=tuple(self.tags),
            year=self.year,
            numbers=dict(self.numbers),
        )
