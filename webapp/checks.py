"""Startup checks: settings that would let the site run badly stop it, each with an id and a hint.

`manage.py` runs them before each command, `refuse_to_start_on_errors` where a server or worker starts.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.checks import CheckMessage, Error, register, run_checks
from django.core.checks import Warning as Caution

from recsys.errors import ConfigurationError
from webapp.environment import environment

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1", "[::1]"})
_SECRET_LENGTH: Final = 32
TAG: Final = "freshet"


@register(TAG)
def check_values(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """freshet.E001: a setting has a value that can't be used. freshet.W001: a name looks like a setting but is none."""
    return [
        *(Error(problem.message, hint=problem.hint, id="freshet.E001") for problem in environment.problems),
        *(
            Caution(f"{name} is set, but there is no such setting.", hint="See docs/settings.md.", id="freshet.W001")
            for name in environment.unknown()
        ),
    ]


@register(TAG)
def check_folder(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """freshet.E002: the folder of everything that is written can't be written."""
    folder = Path(settings.FRESHET_VAR)
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    if existing.is_dir() and os.access(existing, os.W_OK | os.X_OK):
        return []
    return [
        Error(
            f"FRESHET_VAR: expected a folder that can be written, received {folder}.",
            hint=f"Make {existing} writable for this user, or set FRESHET_VAR to another folder.",
            id="freshet.E002",
        )
    ]


@register(TAG)
def check_secret(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """freshet.E003: the secret key can be guessed."""
    if len(settings.SECRET_KEY) >= _SECRET_LENGTH:
        return []
    return [
        Error(
            f"FRESHET_SECRET_KEY: expected {_SECRET_LENGTH} or more characters, received {len(settings.SECRET_KEY)}.",
            hint='Make one: python -c "import secrets; print(secrets.token_urlsafe(48))"',
            id="freshet.E003",
        )
    ]


@register(TAG)
def check_exposure(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """freshet.E004: tracebacks would be shown to others. freshet.W002: cookies would travel in the clear."""
    open_hosts = [host for host in settings.ALLOWED_HOSTS if host not in _LOOPBACK]
    if settings.DEBUG and (open_hosts or settings.FRESHET_HOST not in _LOOPBACK):
        return [
            Error(
                "FRESHET_DEBUG shows tracebacks and settings to everybody who reaches this site.",
                hint="Unset FRESHET_DEBUG, or serve loopback only (FRESHET_HOST, FRESHET_ALLOWED_HOSTS).",
                id="freshet.E004",
            )
        ]
    if open_hosts and not settings.FRESHET_HTTPS:
        return [
            Caution(
                f"FRESHET_HTTPS is off while the site answers to {', '.join(open_hosts)}: cookies travel in the clear.",
                hint="Put a proxy with TLS before it and set FRESHET_HTTPS=1.",
                id="freshet.W002",
            )
        ]
    return []


@register(TAG)
def check_bounds(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """freshet.E005: the live log would be full before it may be trimmed."""
    if settings.FRESHET_LOG_KEEP_EVENTS * 2 <= settings.FRESHET_LOG_MAX_EVENTS:
        return []
    return [
        Error(
            f"FRESHET_LOG_KEEP_EVENTS ({settings.FRESHET_LOG_KEEP_EVENTS:_}) must be at most half of "
            f"FRESHET_LOG_MAX_EVENTS ({settings.FRESHET_LOG_MAX_EVENTS:_}).",
            hint="Lower the first or raise the second: what is kept leaves no room for new events.",
            id="freshet.E005",
        )
    ]


@register(TAG)
def check_lifetimes(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """freshet.E006: a session's own events would be gone before it ends."""
    needed = (
        ("FRESHET_SESSION_TTL_S", "FRESHET_SESSION_GAP_S"),
        ("FRESHET_RECOGNISED_SESSION_TTL_S", "FRESHET_SESSION_TTL_S"),
    )
    return [
        Error(
            f"{name} ({getattr(settings, name):_}) must not be less than {least} ({getattr(settings, least):_}).",
            hint=f"Raise {name} or lower {least}: another process could not take the session over.",
            id="freshet.E006",
        )
        for name, least in needed
        if getattr(settings, name) < getattr(settings, least)
    ]


@register(TAG)
def check_model(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """freshet.E007: River has no such click model."""
    if not settings.FRESHET_MODEL.startswith("river:"):
        return []
    # Beat checks its settings as well, and need not hold what makes models.
    from recsys.models.registry import make_model

    try:
        make_model(settings.FRESHET_MODEL, 1, forgetting_half_life_s=1.0)
    except ConfigurationError as error:
        return [Error(f"FRESHET_MODEL: {error}.", hint="See docs/settings.md.", id="freshet.E007")]
    return []


@register(TAG)
def check_static_files(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """freshet.E008: static files are to be served from a folder that has none."""
    folder = settings.FRESHET_STATIC_ROOT
    if folder is None or (folder / "staticfiles.json").is_file():
        return []
    return [
        Error(
            f"FRESHET_STATIC_ROOT: expected a folder with collected files, received {folder}, which has no "
            "staticfiles.json.",
            hint="Run manage.py collectstatic with this setting, or unset it.",
            id="freshet.E008",
        )
    ]


def refuse_to_start_on_errors() -> None:
    """End the process with every error and its hint, when there is one. For servers and workers."""
    errors: Sequence[CheckMessage] = [message for message in run_checks(tags=[TAG]) if message.is_serious()]
    if errors:
        raise SystemExit("\n".join(f"{error.id}: {error.msg}\n  {error.hint}" for error in errors))
