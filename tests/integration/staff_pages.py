"""Who may see which of the staff's pages, and what these say to who reads them."""

from html import unescape
from typing import Any

import msgspec
import redis
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils.html import strip_tags

from webapp.analytics import samples
from webapp.analytics.samples import Sample


def member(client: Client, *codenames: str) -> User:
    """Sign a member of staff in who has these permissions, and no others."""
    user = User.objects.create_user("ada", password="countess", is_staff=True)
    allow(user, *codenames)
    client.force_login(user)
    return user


def allow(user: User, *codenames: str) -> None:
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))


def text(response: Any) -> str:
    """Return what a reader of the page sees, in single spaces."""
    return " ".join(unescape(strip_tags(response.content.decode())).split())


def remember(client: redis.Redis, *history: Sample) -> None:
    """Let the fold have been at work before."""
    client.lpush(samples.SAMPLES_KEY, *(msgspec.json.encode(sample) for sample in history))
