"""Logging: structured lines on standard output, from our code and from the libraries alike."""

import logging.config
from typing import Any

import redis
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger


def _without_colors(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    """Drop the coloured copy of the message that uvicorn sends along."""
    event.pop("color_message", None)
    return event


def _foreseen_in_a_line(record: logging.LogRecord) -> bool:
    """Warn in one line of what is foreseen, where a library tells of an error.

    That is a request that Django refuses, as for another site's name; an answer that says what is away or taken (503,
    which only we give); and that the channel layer's receiver can't reach Redis, which it tries each second.
    """
    error = record.exc_info[1] if record.exc_info else None
    away = record.name.startswith("channels_redis.") and isinstance(error, (redis.RedisError, OSError))
    if away:
        record.msg, record.args = f"{record.getMessage()}: {error}", ()
    if away or record.name.startswith("django.security.") or getattr(record, "status_code", 0) == 503:
        record.levelno, record.levelname, record.exc_info = logging.WARNING, "WARNING", None
    return True


_SHARED: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.ExtraAdder(),
    _without_colors,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
)


def logging_settings(form: str, level: str) -> dict[str, Any]:
    """Return Django's `LOGGING` for one stream of lines.

    Parameters
    ----------
    form : str
        ``"json"`` for machines, ``"console"`` for people.
    level : str
        Lowest level shown.
    """
    # Tracebacks without the values of variables, which both would show: keys, cookies and what was typed are there.
    last: list[Processor] = (
        [
            structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(),
        ]
        if form == "json"
        else [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "lines": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": list(_SHARED),
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
            }
        },
        "handlers": {
            "stdout": {
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stdout",
                "formatter": "lines",
                "filters": [_foreseen_in_a_line],
            },
        },
        "root": {"handlers": ["stdout"], "level": level},
        # The server brings handlers of its own; without them its lines join ours. Requests are the proxy's to log.
        "loggers": {
            "uvicorn": {"handlers": [], "propagate": True},
            "uvicorn.access": {"handlers": [], "propagate": False},
            # Says three lines for each websocket.
            "uvicorn.error": {"level": "WARNING", "handlers": [], "propagate": True},
        },
    }


def configure(settings: dict[str, Any]) -> None:
    """Apply `logging_settings` and let structlog write through it (Django's ``LOGGING_CONFIG``)."""
    logging.config.dictConfig(settings)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
