"""Writes docs/settings.md from the declarations in `webapp.declared`."""

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from django.core.management.base import BaseCommand

from webapp.environment import Setting, environment

_INTRODUCTION = """# Settings

Made by `manage.py settings_reference`; do not edit. Every setting is an environment variable. The unit stands in its
name: `_S` seconds, `_MS` milliseconds, `_MB` megabytes. A value that can't be used, or a name that is not in this
list, is reported by `manage.py check` and keeps the site from starting (misspelt names only warn).
"""


class Command(BaseCommand):
    """Print the reference of all settings as Markdown."""

    help = "Print docs/settings.md: every FRESHET_ setting with its default and meaning."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Print it."""
        self.stdout.write(reference(environment.declared.values()), ending="")


def reference(settings: Iterable[Setting]) -> str:
    """Return the Markdown text."""
    parts = [_INTRODUCTION]
    for section, declared in groupby(settings, key=lambda setting: setting.section):
        parts.append(f"\n## {section}\n\n| setting | expected | default | meaning |\n| --- | --- | --- | --- |\n")
        parts.extend(_row(setting) for setting in declared)
    return "".join(parts)


def _row(setting: Setting) -> str:
    # In a table a bar ends the cell, also within code.
    cells = (f"`{setting.name}`", setting.kind, setting.default, setting.meaning)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"
