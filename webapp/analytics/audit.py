"""Who did what on the staff pages: kept beside Django's own log entries, listed where it was done."""

import dataclasses
from typing import Final

from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model

from webapp.analytics.tables import CONTAINS, SINCE, UNTIL, Column, Kind

#: What is done lately that a page lists.
SHOWN: Final = 500
#: Of a table of deeds.
COLUMNS: Final = (
    Column("at_ms", "When", Kind.TIME, filters=(SINCE, UNTIL)),
    Column("who", "Who", filters=(CONTAINS,)),
    Column("what", "What"),
)


@dataclasses.dataclass(frozen=True, slots=True)
class Deed:
    """One thing that somebody did; `about` is the id of what it was done to, empty where there is only one."""

    at_ms: int
    who: str
    what: str
    about: str


def write_down(user: User, kind: type[Model], flag: int, what: str, name: str, about: str = "") -> int:
    """Remember what somebody did to a thing of a kind, with one of Django's flags; return the log entry's number."""
    entry = LogEntry.objects.create(
        user=user,
        content_type=ContentType.objects.get_for_model(kind),
        object_id=about,
        object_repr=name,
        action_flag=flag,
        change_message=what,
    )
    return int(entry.pk)


def write_again(entry: int, what: str) -> None:
    """Say in the end of what took long what became of it, where its beginning was written down."""
    LogEntry.objects.filter(pk=entry).update(change_message=what)


def deeds(kind: type[Model]) -> list[Deed]:
    """Return what was done lately to things of a kind, newest first."""
    entries = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(kind)).select_related("user")
    return [
        Deed(
            round(entry.action_time.timestamp() * 1_000),
            entry.user.get_username(),
            entry.change_message,
            entry.object_id or "",
        )
        for entry in entries[:SHOWN]
    ]
