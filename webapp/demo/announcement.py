"""The lines that tell the person at the terminal where the site is."""

import sys


def say(line: str) -> None:
    """Print one line."""
    sys.stdout.write(f"freshet: {line}\n")
    sys.stdout.flush()


class Announcement:
    """Says where the site is. A new password is shown once and kept nowhere.

    Parameters
    ----------
    site : str
        URL of the site, without a slash at its end.
    password : str or None
        Of the user ``staff``; None when an earlier start has shown it.
    """

    def __init__(self, site: str, password: str | None) -> None:
        self._site = site
        self._password = password

    def ready(self) -> None:
        """Say that the site is open."""
        say(f"ready: {self._site}/")
        if self._password is None:
            say(f"staff pages: {self._site}/staff/ (user staff; `manage.py changepassword staff` sets a new password)")
        self.login()
        say("Ctrl-C stops everything; the next start remembers it")

    def login(self) -> None:
        """Show a new password if it was not shown yet: also when the site did not open."""
        if self._password is not None:
            say(f"staff pages: {self._site}/staff/ (user staff, password {self._password}, shown only this once)")
            self._password = None
