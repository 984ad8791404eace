"""The catalogue in Django's admin."""

import re
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from recsys.datasets.base import ADDRESSABLE
from recsys.errors import InvalidEvent, LogFull, LogUnavailable
from recsys.events import distinct_words
from webapp.catalog import services
from webapp.catalog.models import Item

if TYPE_CHECKING:
    # Django's classes take no type arguments while running.
    _ItemForm = forms.ModelForm[Item]
    _ItemAdmin = admin.ModelAdmin[Item]
else:
    _ItemForm, _ItemAdmin = forms.ModelForm, admin.ModelAdmin


class WordsField(forms.CharField):
    """A list of words, one a line."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=forms.Textarea(attrs={"rows": 4}), required=False, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        """Return a list as lines; what was typed stays as it is."""
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:
        """Return the words, each once."""
        text: str = super().clean(value)
        return list(distinct_words(text.splitlines()))


class ItemForm(_ItemForm):
    """An item with its lists as lines."""

    categories = WordsField(help_text="One a line. Few and broad: genres, departments.")
    tags = WordsField(help_text="One a line. Many and narrow: people, keywords.")

    def clean_item_id(self) -> str:
        """Return the id, if pages can have it in their addresses: data sets may have no other either."""
        item: str = self.cleaned_data["item_id"]
        if not re.search(ADDRESSABLE, item):
            raise forms.ValidationError(
                "Pages have ids in their addresses: expected no line break, no unit separator, and no . or .. alone "
                "or between slashes."
            )
        return item

    class Meta:
        model = Item
        fields = ("item_id", "title", "year", "categories", "tags", "removed")


@admin.register(Item)
class ItemAdmin(_ItemAdmin):
    """Items are removed from lists, never deleted: the log still speaks of them."""

    form = ItemForm
    list_display = ("title", "year", "item_id", "listed_categories", "removed")
    list_filter = ("removed",)
    search_fields = ("title", "item_id")
    actions = ("remove_from_lists", "bring_back")
    list_per_page = 50

    @admin.display(description="categories")
    def listed_categories(self, item: Item) -> str:
        """Return the categories on one line."""
        return ", ".join(item.categories)

    def get_readonly_fields(self, request: HttpRequest, obj: Item | None = None) -> tuple[str, ...]:
        """Keep the id once it is in the log."""
        return () if obj is None else ("item_id",)

    def has_delete_permission(self, request: HttpRequest, obj: Item | None = None) -> bool:
        """Nobody deletes."""
        return False

    def save_model(self, request: HttpRequest, obj: Item, form: Any, change: bool) -> None:
        """Save through the service."""
        services.save_item(obj)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show or save an item; where the log did not take it, say so on the same page."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except (InvalidEvent, LogFull, LogUnavailable) as error:
            self.message_user(request, f"Nothing was saved: {error}", messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    @admin.action(description="Remove from all lists", permissions=["change"])
    def remove_from_lists(self, request: HttpRequest, items: QuerySet[Item]) -> None:
        """Take the chosen items out."""
        self._set_removed(request, items, True)

    @admin.action(description="Bring back into lists", permissions=["change"])
    def bring_back(self, request: HttpRequest, items: QuerySet[Item]) -> None:
        """Put the chosen items back."""
        self._set_removed(request, items, False)

    def _set_removed(self, request: HttpRequest, items: QuerySet[Item], removed: bool) -> None:
        done = 0
        try:
            for item in items.exclude(removed=removed):
                services.set_removed(item, removed)
                done += 1
        except (LogFull, LogUnavailable) as error:
            self.message_user(request, f"Stopped after {done}: {error}", messages.ERROR)
        else:
            self.message_user(request, f"{done} {'removed' if removed else 'brought back'}.", messages.SUCCESS)
