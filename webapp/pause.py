"""Work that is asked for several times a second, and fails: said in one line, and left alone for a while."""

import contextlib
import time
from collections.abc import Iterator
from typing import Any


class Pause:
    """A while in which nothing is tried, after each failure.

    Parameters
    ----------
    logger : structlog's logger
        Of whoever does the work.
    event : str
        What a failure is called in the server's log.
    seconds : float
        How long a pause is.

    Examples
    --------
    >>> import structlog
    >>> pause = Pause(structlog.get_logger(), "not_done", 10.0)
    >>> pause.is_over()
    True
    """

    def __init__(self, logger: Any, event: str, seconds: float) -> None:
        self._logger = logger
        self._event = event
        self._seconds = seconds
        self._until_s = 0.0

    def is_over(self) -> bool:
        """Return whether to try."""
        return time.monotonic() >= self._until_s

    @contextlib.contextmanager
    def after(self, *failures: type[Exception]) -> Iterator[None]:
        """Say what fails in this block, and begin a pause."""
        try:
            yield
        except failures as error:
            self._until_s = time.monotonic() + self._seconds
            self._logger.error(self._event, error=str(error), again_in_s=self._seconds)
